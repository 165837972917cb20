/*
 * Names: asked of the resolver.  Runs in the relay (_gwrelay, chroot).
 *
 * Clients may ask and leave faster than the resolver reads: a long hosts(5)
 * costs it milliseconds a name.  So questions count until they are answered,
 * whether or not somebody still wants to know.
 */
#include <sys/tree.h>

#include <ares.h>
#include <stdlib.h>
#include <string.h>

#include "child.h"
#include "log.h"
#include "lookup.h"
#include "relay_int.h"
#include "util.h"
#include "wire_resolve.h"

#define LOOKUPS_MAX	4096	/* without an answer: as many as wait there */

struct question {
	RB_ENTRY(question)	 entry;
	uint32_t		 id;
	int			 asked;		/* of the resolver */
	enum he_family		 family;
	void			(*cb)(void *, const struct lookup_answer *);
						/* NULL: it was cancelled */
	void			*arg;
};
RB_HEAD(questions, question);

static struct questions	 questions = RB_INITIALIZER(&questions);
static unsigned int	 nasked;

static int
question_cmp(struct question *a, struct question *b)
{
	return (a->id < b->id ? -1 : a->id > b->id);
}

RB_PROTOTYPE(questions, question, entry, question_cmp)
RB_GENERATE(questions, question, entry, question_cmp)

static struct question *
question_find(uint32_t id)
{
	struct question	 key = { .id = id };

	return (RB_FIND(questions, &questions, &key));
}

/* the end of a question */
static void
question_answer(struct question *q, const struct lookup_answer *a)
{
	RB_REMOVE(questions, &questions, q);
	if (q->cb != NULL)
		q->cb(q->arg, a);
	free(q);
}

static void
question_refused(int fd, short what, void *arg)
{
	struct lookup_answer	 a = { .error = ARES_ECANCELLED };

	question_answer(arg, &a);
}

/* there are too many: it is answered when the caller has returned */
static void
question_refuse(struct question *q)
{
	static const struct timeval	 now;

	if (event_base_once(relay.base, -1, EV_TIMEOUT, question_refused, q,
	    &now) == -1)
		fatalx("event_base_once");
}

static void
question_ask(struct question *q, const char *name, uint16_t fresh)
{
	struct imsg_lookup	 m;

	memset(&m, 0, sizeof(m));
	m.family = q->family == HE_V6 ? AF_INET6 : AF_INET;
	m.fresh = fresh;
	strlcpy(m.name, name, sizeof(m.name));
	q->asked = 1;
	nasked++;
	peer_send(child_peer(PROC_RESOLVER), IMSG_LOOKUP, q->id, -1, &m,
	    sizeof(m));
}

static uint32_t
question_new(enum he_family family, const char *name, uint16_t fresh,
    void (*cb)(void *, const struct lookup_answer *), void *arg)
{
	static uint32_t		 last;
	struct question		*q = xcalloc(1, sizeof(*q));

	do
		q->id = ++last;
	while (q->id == 0 || RB_INSERT(questions, &questions, q) != NULL);
	q->family = family;
	q->cb = cb;
	q->arg = arg;
	if (nasked >= LOOKUPS_MAX)
		question_refuse(q);
	else
		question_ask(q, name, fresh);
	return (q->id);
}

uint32_t
relay_lookup(enum he_family family, const char *name,
    void (*cb)(void *, const struct lookup_answer *), void *arg)
{
	return (question_new(family, name, 0, cb, arg));
}

uint32_t
relay_lookup_fresh(enum he_family family, const char *name,
    void (*cb)(void *, const struct lookup_answer *), void *arg)
{
	return (question_new(family, name, 1, cb, arg));
}

void
relay_lookup_cancel(uint32_t id)
{
	question_find(id)->cb = NULL;
}

void
lookup_answered(struct imsg *imsg)
{
	struct imsg_looked_up	 m;
	struct lookup_answer	 a;
	struct question		*q;
	uint32_t		 i;

	if (imsg_get_data(imsg, &m, sizeof(m)) == -1 ||
	    m.naddrs > WIRE_ADDRS || (m.error == 0) != (m.naddrs > 0) ||
	    m.error > INT32_MAX)
		fatalx("LOOKED_UP: malformed");
	if ((q = question_find(imsg->hdr.id)) == NULL || !q->asked)
		return;		/* nobody has asked that */
	memset(&a, 0, sizeof(a));
	a.error = (int)m.error;
	a.ttl = m.ttl;
	a.n = m.naddrs;
	for (i = 0; i < a.n; i++) {
		if (q->family == HE_V6)
			a.v6[i] = m.addrs[i];
		else
			memcpy(&a.v4[i], &m.addrs[i], sizeof(a.v4[i]));
	}
	nasked--;
	question_answer(q, &a);
}
