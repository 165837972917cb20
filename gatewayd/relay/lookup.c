/*
 * Names: asked of the resolver.  Runs in the relay (_gwrelay, chroot).
 */
#include <sys/tree.h>

#include <stdlib.h>
#include <string.h>

#include "child.h"
#include "log.h"
#include "lookup.h"
#include "relay_int.h"
#include "util.h"
#include "wire_resolve.h"

struct question {
	RB_ENTRY(question)	 entry;
	uint32_t		 id;
	enum he_family		 family;
	void			(*cb)(void *, const struct lookup_answer *);
	void			*arg;
};
RB_HEAD(questions, question);

static struct questions	 questions = RB_INITIALIZER(&questions);

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

static uint32_t
question_new(enum he_family family, const char *name, uint16_t fresh,
    void (*cb)(void *, const struct lookup_answer *), void *arg)
{
	static uint32_t		 last;
	struct imsg_lookup	 m;
	struct question		*q = xcalloc(1, sizeof(*q));

	do
		q->id = ++last;
	while (q->id == 0 || RB_INSERT(questions, &questions, q) != NULL);
	q->family = family;
	q->cb = cb;
	q->arg = arg;
	memset(&m, 0, sizeof(m));
	m.family = family == HE_V6 ? AF_INET6 : AF_INET;
	m.fresh = fresh;
	strlcpy(m.name, name, sizeof(m.name));
	peer_send(child_peer(PROC_RESOLVER), IMSG_LOOKUP, q->id, -1, &m,
	    sizeof(m));
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
	struct question	*q = question_find(id);

	RB_REMOVE(questions, &questions, q);
	free(q);
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
	if ((q = question_find(imsg->hdr.id)) == NULL)
		return;		/* it was cancelled */
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
	RB_REMOVE(questions, &questions, q);
	q->cb(q->arg, &a);
	free(q);
}
