/*
 * Orders that come by POST: see rest_post.h.  Runs in the frontend (_gatewayd,
 * chroot).
 *
 * The parent or the engine answers an order at once.  With ?wait= the client
 * is answered when the tunnel has come to rest, which its events tell, or when
 * its time is over.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "child.h"
#include "events.h"
#include "json.h"
#include "json_value.h"
#include "log.h"
#include "order.h"
#include "rest_post.h"
#include "util.h"

#define WAIT_MAX	60		/* seconds */
#define TEXT_MAX	(64 * 1024)	/* of what is wrong with the file */

struct pending {
	struct order		 order;
	struct rest_wait	 client;
	uint64_t		 until;		/* monotime_ms(), 0: no wait */
	struct event		*timer;
	struct event_follower	 follower;	/* cb NULL: it does not */
	char			*text;		/* a reload's */
	size_t			 text_len;
};

const char *
check_wait(const char *value)
{
	char	*end;

	if (*value < '0' || *value > '9' || strlen(value) > 2 ||
	    strtoul(value, &end, 10) > WAIT_MAX || *end != '\0')
		return ("wait is a number of seconds from 0 to 60");
	return (NULL);
}

static void
pending_free(struct pending *p)
{
	order_cancel(&p->order);
	if (p->follower.cb != NULL)
		events_unfollow(&p->follower);
	if (p->timer != NULL)
		event_free(p->timer);
	free(p->text);
	free(p);
}

/* the client has left; what it ordered is carried out all the same */
static void
pending_gone(void *arg)
{
	pending_free(arg);
}

static void
pending_answer(struct pending *p, struct rest_answer *a)
{
	struct rest_later	*later = p->client.later;

	pending_free(p);
	later->answer(later, a);
}

static int
error_status(uint32_t error)
{
	switch (error) {
	case ENOENT:
		return (404);
	case EPERM:
		return (403);
	case EBUSY:
	case EINVAL:
		return (409);
	default:
		return (503);
	}
}

static void
pending_problem(struct pending *p, uint32_t error)
{
	struct rest_answer	 a;
	char			 words[WIRE_REASON];

	order_words(&p->order, error, words, sizeof(words));
	rest_fail_path(&a, error_status(error), p->client.path, words);
	pending_answer(p, &a);
}

/* the tunnel as it is now */
static void
pending_tunnel(struct pending *p, const struct fe_tunnel *t, int status)
{
	struct rest_answer	 a;

	memset(&a, 0, sizeof(a));
	rest_answer_text(&a, "application/json", json_tunnel(t));
	a.reply.status = status;
	pending_answer(p, &a);
}

/* nonzero if nothing more is on its way */
static int
settled(const struct fe_tunnel *t, enum admin_verb verb)
{
	if (verb == ADMIN_DOWN)
		return (t->known && t->st.state == TS_DISABLED);
	return (strcmp(tunnel_state(t), "starting") != 0);
}

/* answers, or sees to it that this is called again */
static void
pending_check(int fd, short what, void *arg)
{
	struct pending		*p = arg;
	const struct fe_tunnel	*t = fe_tunnel_name(p->order.name);
	uint64_t		 now = monotime_ms();
	struct timeval		 tv;

	if (t == NULL)
		pending_problem(p, ENOENT);
	else if (settled(t, p->order.verb))
		pending_tunnel(p, t, 200);
	else if (now >= p->until)
		pending_tunnel(p, t, 202);
	else {
		tv.tv_sec = (time_t)((p->until - now) / 1000);
		tv.tv_usec = (suseconds_t)((p->until - now) % 1000) * 1000;
		evtimer_add(p->timer, &tv);
	}
}

/* a new configuration's tunnels are there when its events are over */
static void
pending_event(void *arg, const struct fe_event *e)
{
	struct pending	*p = arg;

	event_active(p->timer, EV_TIMEOUT, 0);
}

static void
tunnel_done(void *arg, uint32_t error)
{
	struct pending	*p = arg;

	if (error != 0 && error != EALREADY) {
		pending_problem(p, error);
		return;
	}
	p->timer = evtimer_new(child_base(), pending_check, p);
	if (p->timer == NULL)
		fatalx("evtimer_new");
	p->follower.kinds = EVENTS(EVENT_TUNNEL);
	p->follower.cb = pending_event;
	p->follower.arg = p;
	events_follow(&p->follower);
	pending_check(-1, 0, p);
}

/* clients may not be able to send nothing */
int
rest_no_content(const struct rest_query *q, struct rest_answer *a)
{
	static const char	 object[] = "{}";
	size_t			 i, n = 0;

	for (i = 0; i < q->body_len; i++) {
		if (strchr(" \t\r\n", q->body[i]) != NULL &&
		    q->body[i] != '\0')
			continue;
		if (n == 2 || q->body[i] != object[n++])
			break;
	}
	if (i == q->body_len && (n == 0 || n == 2))
		return (1);
	rest_fail(q, a, 400, "send no content: there is nothing to say");
	return (0);
}

static struct pending *
pending_new(const struct rest_query *q, struct rest_answer *a,
    void (*done)(void *, uint32_t))
{
	struct pending	*p = xcalloc(1, sizeof(*p));

	p->order.done = done;
	p->order.arg = p;
	rest_wait(&p->client, q, a, pending_gone, p);
	return (p);
}

void
post_tunnel(const struct rest_query *q, struct rest_answer *a)
{
	const char	*wait = rest_value(q, 0);
	const char	*verb = strrchr(q->path, '/') + 1;
	struct pending	*p;
	uint32_t	 i = 0;

	if (!rest_no_content(q, a))
		return;
	while (strcmp(order_verb(i), verb) != 0)
		i++;	/* the table of resources has no others */
	p = pending_new(q, a, tunnel_done);
	p->until = monotime_ms() +
	    1000 * (wait != NULL ? strtoul(wait, NULL, 10) : 0);
	order_tunnel(&p->order, fe_tunnel_name(q->name), i, q->who);
}

/* a piece of the parent's lines about the file */
static void
reload_text(void *arg, const char *text, size_t len)
{
	struct pending	*p = arg;

	if (p->text_len + len <= TEXT_MAX)
		xappend(&p->text, &p->text_len, text, len);
}

static json_t *
lines(char *text)
{
	json_t	*list = json_array();
	char	*line;

	while (text != NULL && (line = strsep(&text, "\n")) != NULL)
		if (*line != '\0')
			json_array_append_new(list, value_text(line));
	return (list);
}

static char *
reload_document(struct pending *p)
{
	return (value_line(json_pack("{s:o,s:o,s:o}",
	    "source", value_text(fe_status.conf.source),
	    "loaded_at", value_number(fe_status.conf.loaded_at),
	    "messages", lines(p->text))));
}

static void
reload_done(void *arg, uint32_t error)
{
	struct rest_answer	 a;
	struct pending		*p = arg;
	char			 words[WIRE_REASON];

	if (error != 0 && error != EINVAL) {
		pending_problem(p, error);
		return;
	}
	memset(&a, 0, sizeof(a));
	if (error == 0)
		rest_answer_text(&a, "application/json", reload_document(p));
	else {
		order_words(&p->order, error, words, sizeof(words));
		rest_answer_text(&a, "application/problem+json",
		    json_problem(400, http_phrase(400), words,
		    p->client.path, lines(p->text)));
		a.reply.status = 400;
	}
	pending_answer(p, &a);
}

void
post_reload(const struct rest_query *q, struct rest_answer *a)
{
	struct pending	*p;

	if (!rest_no_content(q, a))
		return;
	p = pending_new(q, a, reload_done);
	p->order.text = reload_text;
	order_reload(&p->order, q->who);
}
