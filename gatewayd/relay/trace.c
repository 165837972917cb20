/*
 * Traces: see trace.h.  Runs in the relay (_gwrelay, chroot).
 *
 * A finished dial knows most of what there is to tell; the answers and the
 * reasons of refusals are noted while it runs.
 */
#include <sys/socket.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dial.h"
#include "trace.h"
#include "upstream.h"
#include "util.h"

struct trace {
	uint32_t		 id;
	uint64_t		 began;		/* ms */
	struct dial		*dial;
	struct limit_user	*user;
	struct imsg_trace_query	 query[2];	/* by enum he_family */
	struct imsg_trace_end	 end;
	char			 why[HE_MAX][WIRE_REASON];	/* refused */
};

static unsigned int	 ntraces;

static uint8_t
family_number(enum he_family family)
{
	return (family == HE_V6 ? 6 : 4);
}

static void
trace_answered(void *arg, enum he_family family,
    const struct lookup_answer *a)
{
	struct trace		*t = arg;
	struct imsg_trace_query	*q = &t->query[family];
	uint32_t		 i;

	q->asked = TRACE_ANSWERED;
	q->ms = (uint32_t)(monotime_ms() - t->began);
	q->error = (uint32_t)a->error;
	q->ttl = a->ttl;
	for (i = 0; i < a->n && i < WIRE_RECORDS; i++) {
		if (family == HE_V6)
			q->records[i] = a->v6[i];
		else
			memcpy(&q->records[i], &a->v4[i], sizeof(a->v4[i]));
	}
	q->nrecords = (uint8_t)i;
}

static void
trace_denied(void *arg, uint32_t candidate, const char *why)
{
	struct trace	*t = arg;

	strlcpy(t->why[candidate], why, sizeof(t->why[candidate]));
}

static enum trace_state
attempt_state(const struct trace *t, uint32_t i)
{
	if (i == t->dial->winner)
		return (TRACE_CONNECTED);
	switch (t->dial->he.list[i].try) {
	case HE_WAITING:
		return (TRACE_WAITED);
	case HE_RUNNING:
		return (TRACE_OVERTAKEN);
	case HE_FAILED:
		break;
	}
	return (t->why[i][0] != '\0' ? TRACE_DENIED : TRACE_FAILED);
}

static void
tell_attempt(const struct trace *t, uint32_t i)
{
	const struct he_candidate	*c = &t->dial->he.list[i];
	struct imsg_trace_attempt	 m;

	memset(&m, 0, sizeof(m));
	m.state = (uint8_t)attempt_state(t, i);
	m.family = family_number(c->family);
	if (c->family == HE_V6)
		m.addr = c->v6;
	else
		memcpy(&m.addr, &c->v4, sizeof(c->v4));
	if (m.state != TRACE_WAITED) {
		m.start_ms = (uint32_t)c->started_ms;
		m.ms = (m.state == TRACE_OVERTAKEN ? t->end.ms :
		    (uint32_t)c->ended_ms) - m.start_ms;
	}
	if (m.state == TRACE_FAILED)
		m.error = (uint32_t)c->error;
	strlcpy(m.why, t->why[i], sizeof(m.why));
	relay_trace_attempt(t->id, &m);
}

static void
tell(const struct trace *t)
{
	uint32_t	 order[HE_MAX], i, n;

	if (t->dial->dest.family == AF_UNSPEC) {
		relay_trace_query(t->id, &t->query[HE_V6]);
		relay_trace_query(t->id, &t->query[HE_V4]);
	}
	n = he_order(&t->dial->he, order);
	for (i = 0; i < n; i++)
		tell_attempt(t, order[i]);
	relay_trace_end(t->id, &t->end);
}

static void
trace_source(struct trace *t, int fd)
{
	struct socks_dest	 bound;

	dial_bound(t->dial, fd, &bound);
	if (bound.family == AF_INET6)
		t->end.source = bound.v6;
	else
		memcpy(&t->end.source, &bound.v4, sizeof(bound.v4));
	t->end.source_port = bound.port;
}

/* why the upstream server has not connected, which says no more */
static const char *
failure_upstream(const struct dial *d, enum socks_code code)
{
	if (d->winner == UINT32_MAX)
		return (code == SOCKS_DENIED ? "the rules refuse the host" :
		    "the upstream server is not reached");
	switch (code) {
	case SOCKS_DENIED:
		return ("the upstream server does not allow it");
	case SOCKS_NET_UNREACHABLE:
	case SOCKS_HOST_UNREACHABLE:
		return ("the upstream server does not reach the host");
	case SOCKS_REFUSED:
		return ("the host refuses, says the upstream server");
	default:
		return ("the upstream server fails");
	}
}

/* why a dial has come to nothing */
static const char *
failure(const struct dial *d, enum socks_code code)
{
	if (d->upstream != NULL)
		return (failure_upstream(d, code));
	if (d->timed_out)
		return (d->he.n == 0 ? "the names are not resolved in time" :
		    "nothing answered in time");
	if (d->he.n > 0 && d->denied == d->he.n)
		return ("the rules refuse all addresses");
	if (d->he.n > 0)
		return ("no address could be connected to");
	if (d->way == NULL && (d->dest.family == AF_INET6 ||
	    d->he.policy.families == 0))
		return ("IPv6 has no tunnel");
	return (d->dest.family == AF_UNSPEC ? "no address to try" :
	    "the policy does not allow the address's family");
}

static void
trace_free(struct trace *t)
{
	limits_give(t->user, LIMIT_HALF_OPEN);
	dial_free(t->dial);
	free(t);
	ntraces--;
}

static void
trace_done(void *arg, struct dial *d, int fd, enum socks_code code)
{
	struct trace	*t = arg;

	t->end.ms = (uint32_t)(monotime_ms() - t->began);
	if (fd != -1) {
		trace_source(t, fd);
		close(fd);
	} else {
		t->end.result = d->timed_out ? TRACE_RESULT_TIMEOUT :
		    TRACE_RESULT_FAILED;
		strlcpy(t->end.reason, failure(d, code), sizeof(t->end.reason));
	}
	tell(t);
	trace_free(t);
}

/* a trace that begins with its end */
static void
trace_refuse(uint32_t id, const char *why)
{
	struct imsg_trace_end	 end;

	memset(&end, 0, sizeof(end));
	end.result = TRACE_RESULT_FAILED;
	end.policy = (uint8_t)relay.family;
	end.first = 6;
	strlcpy(end.reason, why, sizeof(end.reason));
	relay_trace_end(id, &end);
}

/* NULL, or why the user may not now; what it takes is given back at the end */
static const char *
trace_limits(struct limit_user *user, int is_name, uint64_t now)
{
	if (ntraces >= TRACES_MAX)
		return ("as many traces as there may be are under way");
	if (!limits_take(&relay.limits, user, LIMIT_NEW, now) ||
	    (is_name && !limits_take(&relay.limits, user, LIMIT_DNS, now)) ||
	    !limits_take(&relay.limits, user, LIMIT_HALF_OPEN, now)) {
		stats_refused(REFUSED_LIMIT);
		return ("you have as many connections as you may have");
	}
	return (NULL);
}

static void
trace_dial(struct trace *t, const struct socks_dest *dest, uint32_t families)
{
	static const struct dial_trace	 ops = { trace_answered,
					    trace_denied };
	const struct acl_rule		*rule = acl_find(&relay.acl, dest);
	enum gw_family			 family;
	struct way			*way = way_for(rule, &family);
	int				 i;

	if (families != TRACE_POLICY)
		family = families == TRACE_IPV6 ? GW_FAMILY_IPV6 :
		    GW_FAMILY_IPV4;
	if (rule != NULL && rule->way == ACL_UPSTREAM) {
		family = GW_FAMILY_AUTO;
		t->end.upstream = 1;
		t->dial = upstream_dial(dest, t->user->uid, trace_done, t);
	} else
		t->dial = dial_new(dest, family, way, trace_done, t);
	t->dial->trace = &ops;
	/* who asks for one family alone looks at hosts known to be bad */
	if (families != TRACE_POLICY)
		t->dial->aside = 1;
	t->end.policy = (uint8_t)family;
	t->end.first = family_number(t->dial->he.policy.first);
	if (way != NULL)
		strlcpy(t->end.tunnel, way->name, sizeof(t->end.tunnel));
	if (rule != NULL)
		acl_rule_text(rule, t->end.rule, sizeof(t->end.rule));
	for (i = HE_V6; i <= HE_V4; i++) {
		t->query[i].family = family_number((enum he_family)i);
		if (t->dial->he.policy.families & 1U << i)
			t->query[i].asked = TRACE_UNANSWERED;
	}
}

void
trace_start(uint32_t id, const struct imsg_trace *m)
{
	uint64_t		 now = monotime_ms();
	struct limit_user	*user;
	struct socks_dest	 dest;
	struct trace		*t;
	const char		*why;

	if ((why = socks_dest_text(&dest, m->host)) != NULL) {
		trace_refuse(id, why);
		return;
	}
	dest.port = m->port;
	user = limits_user(&relay.limits, m->uid, now);
	if ((why = trace_limits(user, dest.family == AF_UNSPEC, now)) !=
	    NULL) {
		trace_refuse(id, why);
		return;
	}
	t = xcalloc(1, sizeof(*t));
	t->id = id;
	t->began = now;
	t->user = user;
	ntraces++;
	trace_dial(t, &dest, m->families);
}
