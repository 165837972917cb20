/*
 * POST /trace: the relay connects, which takes up to 15 seconds; the answer is
 * deferred until then.  Runs in the frontend (_gatewayd, chroot).
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "access.h"
#include "rest_trace.h"
#include "tracing.h"
#include "util.h"

struct waiter {
	struct tracing		 tracing;
	struct rest_wait	 client;
};

static void
waiter_gone(void *arg)
{
	struct waiter	*w = arg;

	tracing_cancel(&w->tracing);
	free(w);
}

static void
waiter_done(void *arg, char *text, enum trace_result result)
{
	struct waiter		*w = arg;
	struct rest_later	*later = w->client.later;
	struct rest_answer	 a;

	memset(&a, 0, sizeof(a));
	if (text != NULL)
		rest_answer_text(&a, "application/json", text);
	else
		rest_fail_path(&a, 503, w->client.path, "the relay does not "
		    "answer: see the log");
	free(w);
	later->answer(later, &a);
}

/* one member of the body: NULL, or what is wrong with it */
static const char *
take_member(struct imsg_trace *m, const char *key, const json_t *value)
{
	static const char	*words[] = { "policy", "ipv6", "ipv4" };
	const char		*text = json_string_value(value);
	json_int_t		 port = json_integer_value(value);
	uint8_t			 i;

	if (strcmp(key, "host") == 0) {
		if (text == NULL)
			return ("host is a string");
		if (strlcpy(m->host, text, sizeof(m->host)) >=
		    sizeof(m->host))
			return ("host is longer than 253 characters");
		return (NULL);
	}
	if (strcmp(key, "port") == 0) {
		if (port < 1 || port > 65535)
			return ("port is an integer from 1 to 65535");
		m->port = (uint16_t)port;
		return (NULL);
	}
	if (strcmp(key, "family") != 0)
		return ("the members are host, port and family");
	for (i = 0; text != NULL && i < 3; i++)
		if (strcmp(text, words[i]) == 0) {
			m->families = i;
			return (NULL);
		}
	return ("family is policy, ipv6 or ipv4");
}

/* what the body asks for: NULL, or what is wrong with it */
static const char *
take_body(const struct rest_query *q, struct imsg_trace *m)
{
	const char	*key, *why = NULL;
	json_t		*body, *value;

	memset(m, 0, sizeof(*m));
	m->uid = ACCESS_NOBODY;		/* they share one user's limits */
	m->port = 443;
	body = json_loadb(q->body != NULL ? q->body : "", q->body_len,
	    JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(body))
		why = "send a JSON object, such as {\"host\":\"example.org\","
		    "\"port\":443}";
	json_object_foreach(body, key, value)
		if (why == NULL)
			why = take_member(m, key, value);
	json_decref(body);
	return (why != NULL ? why : tracing_error(m->host, m->port));
}

void
post_trace(const struct rest_query *q, struct rest_answer *a)
{
	struct waiter	*w = xcalloc(1, sizeof(*w));
	const char	*why;

	if ((why = take_body(q, &w->tracing.m)) != NULL) {
		rest_fail(q, a, 400, "%s", why);
		free(w);
		return;
	}
	w->tracing.done = waiter_done;
	w->tracing.arg = w;
	if (tracing_start(&w->tracing) == -1) {
		rest_fail(q, a, 503, "%u traces are under way: try again",
		    TRACINGS_MAX);
		free(w);
		return;
	}
	rest_wait(&w->client, q, a, waiter_gone, w);
}
