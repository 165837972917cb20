/*
 * Traces: see tracing.h.  Runs in the frontend (_gatewayd, chroot).
 *
 * The relay tells all of a trace at its end; it is asked under a number of
 * ours, never under one that a client chose.
 */
#include <arpa/inet.h>
#include <ares.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "child.h"
#include "json_value.h"
#include "log.h"
#include "name.h"
#include "tracing.h"

#define WAIT_SECONDS	20	/* the relay gives up after 15 */
#define ATTEMPTS_MAX	64

static TAILQ_HEAD(, tracing)	 tracings = TAILQ_HEAD_INITIALIZER(tracings);
static unsigned int		 ntracings;

/* enum gw_family */
static const char *const	 policies[] = {
	"auto", "ipv6", "ipv4", "prefer-ipv4"
};

/* enum trace_result */
static const char *const	 results[] = {
	"connected", "failed", "timeout"
};

/* enum trace_state */
static const char *const	 states[] = {
	"not_tried", "overtaken", "connected", "failed", "refused"
};

const char *
tracing_error(const char *host, uint32_t port)
{
	struct in6_addr	 addr;
	const char	*why;

	if (port == 0 || port > 65535)
		return ("the port is a number from 1 to 65535");
	if (inet_pton(AF_INET, host, &addr) == 1 ||
	    inet_pton(AF_INET6, host, &addr) == 1)
		return (NULL);
	if (*host == '\0')
		return ("the host is empty");
	if ((why = name_error(host)) != NULL)
		return (why);
	return (NULL);
}

static const char *
family_text(uint8_t family, const struct in6_addr *addr)
{
	struct in_addr	 v4;

	if (family == 6)
		return (addr6_text(addr));
	memcpy(&v4, addr, sizeof(v4));
	return (addr4_text(v4));
}

static const char *
family_word(uint8_t family)
{
	return (family == 6 ? "ipv6" : "ipv4");
}

static void
tracing_end(struct tracing *t)
{
	TAILQ_REMOVE(&tracings, t, entry);
	ntracings--;
	event_free(t->timer);
	json_decref(t->queries);
	json_decref(t->attempts);
	json_decref(t->winner);
	t->id = 0;
}

void
tracing_cancel(struct tracing *t)
{
	if (t->id != 0)
		tracing_end(t);
}

static void
tracing_late(int fd, short what, void *arg)
{
	struct tracing	*t = arg;

	log_warnx("trace of %s: the relay does not answer", t->m.host);
	tracing_end(t);
	t->done(t->arg, NULL, TRACE_RESULT_TIMEOUT);
}

int
tracing_start(struct tracing *t)
{
	struct timeval	 tv = { WAIT_SECONDS, 0 };
	static uint32_t	 last;

	if (ntracings >= TRACINGS_MAX)
		return (-1);
	if (++last == 0)
		last = 1;
	t->id = last;
	t->queries = json_array();
	t->attempts = json_array();
	t->winner = json_null();
	if ((t->timer = evtimer_new(child_base(), tracing_late, t)) == NULL ||
	    evtimer_add(t->timer, &tv) == -1)
		fatalx("evtimer_new");
	TAILQ_INSERT_TAIL(&tracings, t, entry);
	ntracings++;
	peer_send(child_peer(PROC_RELAY), IMSG_TRACE, t->id, -1, &t->m,
	    sizeof(t->m));
	return (0);
}

static const char *
lookup_words(uint32_t error)
{
	switch (error) {
	case ARES_ENODATA:
		return ("no such record");
	case ARES_ENOTFOUND:
		return ("no such name");
	case ARES_ESERVFAIL:
		return ("the name server failed");
	case ARES_EREFUSED:
		return ("the name server refuses");
	case ARES_ETIMEOUT:
	case ARES_ECONNREFUSED:
		return ("no name server answers");
	case ARES_ECANCELLED:
		return ("too many look-ups at once: try again");
	default:
		return ("the look-up failed");
	}
}

static json_t *
query_error(const struct imsg_trace_query *m)
{
	if (m->asked == TRACE_NOT_ASKED)
		return (json_string("not asked for"));
	if (m->asked == TRACE_UNANSWERED)
		return (json_string("no answer by the end"));
	return (m->error == 0 ? json_null() :
	    json_string(lookup_words(m->error)));
}

static void
trace_query(struct tracing *t, const struct imsg_trace_query *m)
{
	json_t		*records = json_array();
	unsigned int	 i;

	for (i = 0; i < m->nrecords; i++)
		json_array_append_new(records, json_pack("{s:s,s:I}",
		    "address", family_text(m->family, &m->records[i]),
		    "ttl", (json_int_t)m->ttl));
	json_array_append_new(t->queries, json_pack("{s:s,s:o,s:o,s:o}",
	    "type", m->family == 6 ? "AAAA" : "A",
	    "ms", m->asked == TRACE_ANSWERED ? json_integer(m->ms) :
	    json_null(),
	    "error", query_error(m), "records", records));
}

static json_t *
attempt_error(const struct imsg_trace_attempt *m)
{
	if (m->state == TRACE_DENIED)
		return (value_text(m->why));
	if (m->state == TRACE_FAILED)
		return (value_text(strerror((int)m->error)));
	return (json_null());
}

static void
trace_attempt(struct tracing *t, const struct imsg_trace_attempt *m)
{
	const char	*addr = family_text(m->family, &m->addr);
	int		 tried = m->state != TRACE_WAITED;

	json_array_append_new(t->attempts,
	    json_pack("{s:s,s:s,s:o,s:o,s:s,s:o}",
	    "address", addr, "family", family_word(m->family),
	    "start_ms", tried ? json_integer(m->start_ms) : json_null(),
	    "ms", tried ? json_integer(m->ms) : json_null(),
	    "result", states[m->state], "error", attempt_error(m)));
	if (m->state == TRACE_CONNECTED)
		t->winner = json_pack("{s:s,s:s}", "address", addr,
		    "family", family_word(m->family));
}

/* from where the winner's connection comes, and by which tunnel */
static json_t *
winner(const struct tracing *t, const struct imsg_trace_end *m)
{
	const char	*family;
	int		 six;

	if (m->result != TRACE_RESULT_CONNECTED || !json_is_object(t->winner))
		return (json_null());
	family = json_string_value(json_object_get(t->winner, "family"));
	six = strcmp(family, "ipv6") == 0;
	json_object_set_new(t->winner, "source",
	    json_string(family_text(six ? 6 : 4, &m->source)));
	json_object_set_new(t->winner, "source_port",
	    json_integer(m->source_port));
	json_object_set_new(t->winner, "tunnel",
	    six ? value_text(m->tunnel) : json_null());
	return (json_incref(t->winner));
}

static char *
document(const struct tracing *t, const struct imsg_trace_end *m)
{
	return (value_line(json_pack(
	    "{s:s,s:i,s:s,s:o,s:o,s:b,s:s,s:s,s:o,s:I,s:o,s:O,s:O}",
	    "host", t->m.host, "port", (int)t->m.port,
	    "family", policies[m->policy],
	    "rule", value_text(m->rule), "tunnel", value_text(m->tunnel),
	    "upstream", m->upstream,
	    "first", family_word(m->first),
	    "result", results[m->result], "reason", value_text(m->reason),
	    "ms", (json_int_t)m->ms, "winner", winner(t, m),
	    "queries", t->queries, "attempts", t->attempts)));
}

static struct tracing *
tracing_find(uint32_t id)
{
	struct tracing	*t;

	TAILQ_FOREACH(t, &tracings, entry)
		if (t->id == id)
			return (t);
	return (NULL);	/* it was cancelled */
}

static void
take_query(struct imsg *imsg, struct tracing *t)
{
	struct imsg_trace_query	 m;

	if (imsg_get_data(imsg, &m, sizeof(m)) == -1 ||
	    m.asked > TRACE_ANSWERED || m.nrecords > WIRE_RECORDS ||
	    (m.family != 4 && m.family != 6))
		fatalx("TRACE_QUERY: malformed");
	if (t != NULL && json_array_size(t->queries) < 2)
		trace_query(t, &m);
}

static void
take_attempt(struct imsg *imsg, struct tracing *t)
{
	struct imsg_trace_attempt	 m;

	if (imsg_get_data(imsg, &m, sizeof(m)) == -1 ||
	    m.state > TRACE_DENIED || !wire_string(m.why) ||
	    (m.family != 4 && m.family != 6))
		fatalx("TRACE_ATTEMPT: malformed");
	if (t != NULL && json_array_size(t->attempts) < ATTEMPTS_MAX &&
	    (m.state != TRACE_CONNECTED || json_is_null(t->winner)))
		trace_attempt(t, &m);
}

static void
take_end(struct imsg *imsg, struct tracing *t)
{
	struct imsg_trace_end	 m;
	char			*text;

	if (imsg_get_data(imsg, &m, sizeof(m)) == -1 ||
	    m.result > TRACE_RESULT_TIMEOUT ||
	    m.policy > GW_FAMILY_PREFER_IPV4 || m.upstream > 1 ||
	    (m.first != 4 && m.first != 6) || !wire_string(m.tunnel) ||
	    !wire_string(m.rule) || !wire_string(m.reason))
		fatalx("TRACE_END: malformed");
	if (t == NULL)
		return;
	text = document(t, &m);
	tracing_end(t);
	t->done(t->arg, text, (enum trace_result)m.result);
}

void
tracing_message(struct imsg *imsg)
{
	struct tracing	*t = tracing_find(imsg->hdr.id);

	switch (imsg->hdr.type) {
	case IMSG_TRACE_QUERY:
		take_query(imsg, t);
		break;
	case IMSG_TRACE_ATTEMPT:
		take_attempt(imsg, t);
		break;
	default:
		take_end(imsg, t);
	}
}
