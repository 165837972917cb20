/*
 * A relay that traces hosts made up here, by the first label of their name:
 *
 *	good	IPv6 connects at once
 *	dead6	IPv6 is silent, IPv4 connects
 *	rules	IPv6 is refused by the rules, IPv4 connects
 *	refuses	both refuse the connection
 *	none	there is no such name
 *	slow	nothing answers: a time-out
 *	never	the relay never tells
 *	later	as good, after the next trace
 *
 * An IPv6 address connects.  One family alone leaves the other one out.
 *
 * Its port mappings are fakeports.c.
 */
#include <arpa/inet.h>
#include <ares.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fakepipe.h"
#include "fakeports.h"
#include "fakerelay.h"
#include "tracing.h"
#include "wire_trace.h"

#define TTL	60

enum fate {
	NO_NAME,
	SILENT,
	REFUSES,
	DENIED,
	CONNECTS
};

static const struct host {
	const char	*label;
	enum fate	 v6;
	enum fate	 v4;
} hosts[] = {
	{ "good", CONNECTS, CONNECTS },
	{ "later", CONNECTS, CONNECTS },
	{ "dead6", SILENT, CONNECTS },
	{ "rules", DENIED, CONNECTS },
	{ "refuses", REFUSES, REFUSES },
	{ "slow", SILENT, SILENT },
	{ "none", NO_NAME, NO_NAME },
};

/* a trace on its way to its end */
struct story {
	struct peer		*to;
	uint32_t		 id;
	struct imsg_trace	 asked;
	int			 is_name;
	struct imsg_trace_end	 end;
};

static struct story	 later;		/* id 0: there is none */

static void
set_addr(uint8_t family, struct in6_addr *addr, const char *v6,
    const char *v4)
{
	if (inet_pton(family == 6 ? AF_INET6 : AF_INET, family == 6 ? v6 : v4,
	    addr) != 1)
		errx(1, "no address");
}

static int
asked_for(const struct story *s, uint8_t family)
{
	return (s->asked.families == TRACE_POLICY ||
	    s->asked.families == (family == 6 ? TRACE_IPV6 : TRACE_IPV4));
}

static void
tell_query(const struct story *s, uint8_t family, enum fate fate)
{
	struct imsg_trace_query	 m;

	memset(&m, 0, sizeof(m));
	m.family = family;
	m.asked = TRACE_NOT_ASKED;
	if (asked_for(s, family)) {
		m.asked = TRACE_ANSWERED;
		m.ms = family == 6 ? 3 : 2;
		m.error = fate == NO_NAME ? ARES_ENOTFOUND : 0;
		m.ttl = TTL;
		m.nrecords = fate != NO_NAME;
		set_addr(family, &m.records[0], "2001:db8::80", "192.0.2.80");
	}
	peer_send(s->to, IMSG_TRACE_QUERY, s->id, -1, &m, sizeof(m));
}

/* what comes behind one that has connected is not tried */
static void
tell_attempt(struct story *s, uint8_t family, enum fate fate)
{
	int				 over, silent = fate == SILENT;
	struct imsg_trace_attempt	 m;

	over = s->end.result == TRACE_RESULT_CONNECTED;
	if (fate == NO_NAME || !asked_for(s, family))
		return;
	memset(&m, 0, sizeof(m));
	m.family = family;
	set_addr(family, &m.addr, "2001:db8::80", "192.0.2.80");
	m.start_ms = s->end.ms;
	m.state = over ? TRACE_WAITED : fate == CONNECTS ? TRACE_CONNECTED :
	    fate == DENIED ? TRACE_DENIED : fate == REFUSES ? TRACE_FAILED :
	    TRACE_OVERTAKEN;
	if (fate == DENIED)
		strlcpy(m.why, "deny = 2001:db8::/32", sizeof(m.why));
	if (m.state == TRACE_FAILED)
		m.error = ECONNREFUSED;
	m.ms = silent ? 251 : 1;
	if (m.state == TRACE_CONNECTED) {
		s->end.result = TRACE_RESULT_CONNECTED;
		s->end.source_port = 40000;
		set_addr(family, &s->end.source, "2001:db8::2", "192.0.2.2");
		s->end.ms++;
	} else if (!over)
		s->end.ms += silent ? 250 : 1;
	peer_send(s->to, IMSG_TRACE_ATTEMPT, s->id, -1, &m, sizeof(m));
}

static void
tell(struct story *s, const struct host *h)
{
	s->end.result = TRACE_RESULT_FAILED;
	s->end.first = 6;
	s->end.ms = 3;
	s->end.policy = s->asked.families == TRACE_IPV6 ? GW_FAMILY_IPV6 :
	    s->asked.families == TRACE_IPV4 ? GW_FAMILY_IPV4 : GW_FAMILY_AUTO;
	strlcpy(s->end.tunnel, "he", sizeof(s->end.tunnel));
	if (h->v6 == DENIED)
		strlcpy(s->end.rule, "*.example.org auto via he",
		    sizeof(s->end.rule));
	if (s->is_name) {
		tell_query(s, 6, h->v6);
		tell_query(s, 4, h->v4);
	}
	tell_attempt(s, 6, h->v6);
	if (s->is_name)
		tell_attempt(s, 4, h->v4);
	if (s->end.result != TRACE_RESULT_CONNECTED)
		strlcpy(s->end.reason, h->v6 == NO_NAME ?
		    "no address to try" : "no address could be connected to",
		    sizeof(s->end.reason));
	if (h->v6 == SILENT && s->end.result == TRACE_RESULT_FAILED) {
		s->end.result = TRACE_RESULT_TIMEOUT;
		s->end.ms = 15000;
	}
	peer_send(s->to, IMSG_TRACE_END, s->id, -1, &s->end, sizeof(s->end));
}

static const struct host *
host_find(const char *name)
{
	size_t	 i, len = strcspn(name, ".");

	for (i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
		if (strlen(hosts[i].label) == len &&
		    strncmp(hosts[i].label, name, len) == 0)
			return (&hosts[i]);
	return (NULL);
}

static void
relay_dispatch(struct peer *p, struct imsg *imsg)
{
	struct story		 s = { .to = p, .id = imsg->hdr.id };
	const struct host	*h;

	if (imsg->hdr.type != IMSG_TRACE) {
		fakeports_request(imsg);
		return;
	}
	if (imsg_get_data(imsg, &s.asked, sizeof(s.asked)) == -1)
		errx(1, "TRACE");
	h = host_find(s.asked.host);
	s.is_name = h != NULL;
	if (h == &hosts[1]) {
		later = s;
		return;
	}
	if (h != NULL || strchr(s.asked.host, ':') != NULL)
		tell(&s, h != NULL ? h : &hosts[0]);
	if (later.id != 0)
		tell(&later, &hosts[1]);
	later.id = 0;
}

static void
frontend_dispatch(struct peer *p, struct imsg *imsg)
{
	if (!fakeports_message(imsg))
		tracing_message(imsg);
}

struct peer *
fakerelay_start(struct event_base *base)
{
	struct peer	*relay, *to_relay;

	to_relay = fakepipe(base, PROC_RELAY, frontend_dispatch,
	    relay_dispatch, &relay);
	fakeports_start(relay);
	return (to_relay);
}
