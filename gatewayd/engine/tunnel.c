/*
 * The state machine of one tunnel: what the configuration, the operator, the
 * kernel (LINK) and the probes (health.c) make of it.  Runs in the engine.
 *
 *	disabled	not enabled, or taken down by an operator
 *	wait_wan	no IPv4 route to the endpoint
 *	wait_dns	the endpoint's name has no address yet
 *	configuring	the parent is at work
 *	probing ...	everything is in place: the verdict of health.c
 *	down		an external interface is missing or down
 *	error		reason says what, retry_at when it is tried again
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "child.h"
#include "engine.h"
#include "log.h"
#include "util.h"

#define BURST_PROBES	3	/* to each target */
#define BURST_GAP	50	/* ms */
#define SAMPLE_MS	1000	/* counters at most once a second */

static const char *const state_names[] = {
	"disabled", "wait_wan", "wait_dns", "configuring", "probing", "up",
	"degraded", "suspect", "down", "recovering", "error"
};

static int
unspecified(const struct in6_addr *a)
{
	return (IN6_IS_ADDR_UNSPECIFIED(a));
}

/* the configured targets, with the gateway's address in its place */
static void
probe_targets(const struct tunnel *t, struct imsg_probe_set *m)
{
	const struct in6_addr	*a;
	uint32_t		 i;

	m->ntargets = 0;
	for (i = 0; i < engine.conf.ntargets; i++) {
		a = &engine.conf.targets[i];
		if (unspecified(a)) {
			if (!t->conf.has_gateway)
				continue;
			a = &t->conf.gateway;
		}
		m->targets[m->ntargets++] = *a;
	}
}

static void
health_params(const struct tunnel *t, struct health_conf *h)
{
	const struct imsg_conf	*c = &engine.conf;
	struct imsg_probe_set	 set;

	probe_targets(t, &set);
	memset(h, 0, sizeof(*h));
	h->interval_ms = c->interval_ms;
	h->standby_ms = c->standby_ms;
	h->down_min_ms = c->down_min_ms;
	h->down_max_ms = c->down_max_ms;
	h->keepalive_ms = t->conf.keepalive_ms;
	h->window_ms = c->window_ms;
	h->ntargets = set.ntargets;
	h->quorum = c->quorum < set.ntargets ? c->quorum : set.ntargets;
	h->loss_degraded = c->loss_degraded;
	h->latency_degraded_ms = c->latency_degraded_ms;
	h->hold_min_ms = c->hold_min_ms;
	h->hold_max_ms = c->hold_max_ms;
}

/* nonzero if the tunnel should have an interface */
static int
tunnel_enabled(const struct tunnel *t)
{
	return (t->conf.enabled && !t->admin_down);
}

/* why it cannot run whatever the kernel says, or NULL */
static const char *
tunnel_unfit(const struct tunnel *t)
{
	struct imsg_probe_set	 set;

	if (t->conf.type == GW_WIREGUARD)
		return ("this version does not run type wireguard; set "
		    "enabled = false, or use type external with an interface "
		    "that wg-quick makes");
	probe_targets(t, &set);
	if (set.ntargets == 0)
		return ("there is nothing to probe: [health] targets has "
		    "only gateway and this tunnel has none; set gateway_v6 "
		    "or add a target");
	return (NULL);
}

static void
set_reason(struct tunnel *t, const char *reason)
{
	strlcpy(t->reason, reason, sizeof(t->reason));
}

static enum tunnel_state
link_state(struct tunnel *t)
{
	switch ((enum link_state)t->link.state) {
	case LINK_WAIT_WAN:
		set_reason(t, t->link.reason);
		return (TS_WAIT_WAN);
	case LINK_WAIT_DNS:
		set_reason(t, t->link.reason);
		return (TS_WAIT_DNS);
	case LINK_DOWN:
		set_reason(t, t->link.reason);
		return (TS_DOWN);
	case LINK_ERROR:
		set_reason(t, t->link.reason);
		return (TS_ERROR);
	case LINK_READY:
		if (!t->probing)
			break;	/* said before our last WANT was read */
		set_reason(t, t->health.reason);
		return (t->health.state);
	case LINK_ABSENT:
		break;
	}
	set_reason(t, "the interface is being set up");
	return (TS_CONFIGURING);
}

static enum tunnel_state
tunnel_derive(struct tunnel *t)
{
	const char	*why;

	if (!t->conf.enabled) {
		set_reason(t, "enabled = false in the configuration");
		return (TS_DISABLED);
	}
	if (t->admin_down) {
		set_reason(t, "taken down by an operator");
		return (TS_DISABLED);
	}
	if ((why = tunnel_unfit(t)) != NULL) {
		set_reason(t, why);
		return (TS_ERROR);
	}
	return (link_state(t));
}

static int
state_bad(enum tunnel_state s)
{
	return (s == TS_DOWN || s == TS_ERROR || s == TS_DEGRADED);
}

static void
log_state(const struct tunnel *t, enum tunnel_state old)
{
	enum log_level	 level = state_bad(t->state) ? LL_WARN : LL_INFO;

	/* a suspicion that comes to nothing is no news */
	if (t->state == TS_SUSPECT || old == TS_SUSPECT)
		level = t->state == TS_DOWN ? LL_WARN : LL_DEBUG;
	log_record(level, t->conf.name, "%s -> %s: %s", state_names[old],
	    state_names[t->state], t->reason);
}

/* brings state and reason up to date; nonzero if the state changed */
static int
tunnel_derived(struct tunnel *t)
{
	enum tunnel_state	 old = t->state;

	t->state = tunnel_derive(t);
	t->retry_at = t->state == TS_ERROR && t->link.retry_s != 0 ?
	    unix_time() + t->link.retry_s : 0;
	if (t->state == TS_ERROR || t->state == TS_DOWN)
		strlcpy(t->last_error, t->reason, sizeof(t->last_error));
	if (t->state >= TS_UP)
		t->verdict = 1;
	if (t->state == old)
		return (0);
	t->since = unix_time();
	t->transitions++;
	if (t->state != TS_CONFIGURING && t->state != TS_PROBING)
		t->adopting = 0;
	log_state(t, old);
	return (1);
}

static enum want
tunnel_want(const struct tunnel *t)
{
	if (!tunnel_enabled(t) || t->restarting || tunnel_unfit(t) != NULL)
		return (WANT_ABSENT);
	return (t == engine.active ? WANT_ACTIVE : WANT_PRESENT);
}

static void
send_want(struct tunnel *t)
{
	struct imsg_want	 m = { .want = tunnel_want(t) };

	if (engine.settling || (t->want_known && t->wanted == m.want))
		return;
	t->wanted = (enum want)m.want;
	t->want_known = 1;
	peer_send(child_peer(PROC_PARENT), IMSG_WANT, t->conf.id, -1, &m,
	    sizeof(m));
}

static void
probe_stop(struct tunnel *t)
{
	if (t->probing)
		peer_send0(child_peer(PROC_PROBER), IMSG_PROBE_DEL,
		    t->conf.id);
	t->probing = 0;
}

/* targets and interval; force: although the interval is the same */
static void
probe_set(struct tunnel *t, int force)
{
	struct imsg_probe_set	 m;
	uint32_t		 interval;

	interval = health_interval(&t->health, select_role(t));
	if (!force && t->probing && interval == t->interval_ms)
		return;
	memset(&m, 0, sizeof(m));
	probe_targets(t, &m);
	m.interval_ms = t->interval_ms = interval;
	m.window_ms = engine.conf.window_ms;
	peer_send(child_peer(PROC_PROBER), IMSG_PROBE_SET, t->conf.id, -1, &m,
	    sizeof(m));
	t->probing = 1;
}

static void
probe_burst(const struct tunnel *t)
{
	static const struct imsg_probe_burst	 m = { BURST_PROBES, BURST_GAP };

	peer_send(child_peer(PROC_PROBER), IMSG_PROBE_BURST, t->conf.id, -1,
	    &m, sizeof(m));
}

static void
probe_start(struct tunnel *t)
{
	struct health_conf	 h;

	health_params(t, &h);
	health_init(&t->health, &h, NULL, monotime_ms());
	t->rtt_us = WIRE_UNKNOWN;
	probe_set(t, 1);
}

void
tunnel_update(struct tunnel *t)
{
	send_want(t);
	if (t->probing)
		probe_set(t, 0);
}

struct tunnel *
tunnel_new(const struct imsg_tunnel *conf)
{
	struct tunnel	*t = xcalloc(1, sizeof(*t));

	t->conf = *conf;
	t->state = TS_CONFIGURING;
	t->since = unix_time();
	t->rtt_us = WIRE_UNKNOWN;
	t->adopting = conf->was_active && conf->enabled;
	return (t);
}

void
tunnel_free(struct tunnel *t)
{
	probe_stop(t);
	if (engine.active == t)
		engine.active = NULL;
	free(t);
}

void
tunnel_reconf(struct tunnel *t, const struct imsg_tunnel *conf)
{
	struct health_conf	 h;

	t->conf = *conf;
	if (!tunnel_enabled(t) || tunnel_unfit(t) != NULL)
		probe_stop(t);
	if (t->probing) {
		health_params(t, &h);
		health_reconf(&t->health, &h);
		probe_set(t, 1);
	}
	tunnel_derived(t);
}

/* what follows from any news: state, selection, and who is told */
static void
tunnel_changed(struct tunnel *t)
{
	tunnel_derived(t);
	select_active();
	tunnel_update(t);
	status_tunnel(t);
	status_health();
}

void
tunnel_link(struct tunnel *t, const struct imsg_link *link)
{
	int	 moved;

	moved = link->ifindex != t->link.ifindex ||
	    link->local.s_addr != t->link.local.s_addr ||
	    link->remote.s_addr != t->link.remote.s_addr;
	t->link = *link;
	if (t->restarting && link->state == LINK_ABSENT &&
	    link->want == WANT_ABSENT)
		t->restarting = 0;
	if (link->state != LINK_READY || tunnel_unfit(t) != NULL ||
	    !tunnel_enabled(t) || t->restarting)
		probe_stop(t);
	else if (!t->probing)
		probe_start(t);
	else if (moved)
		probe_burst(t);
	tunnel_changed(t);
}

static void
tunnel_verdict(struct tunnel *t, unsigned int bits)
{
	enum tunnel_state	 old = t->state;

	if (bits & HEALTH_BURST)
		probe_burst(t);
	if (bits & HEALTH_CHANGED) {
		tunnel_changed(t);
		/* a server that moved is found by asking for its name again */
		if (t->state == TS_DOWN && old != TS_DOWN)
			peer_send0(child_peer(PROC_PARENT), IMSG_REFRESH,
			    t->conf.id);
	} else if (bits & HEALTH_INTERVAL)
		probe_set(t, 0);
}

void
tunnel_probed(struct tunnel *t, const struct imsg_probe_result *m)
{
	uint64_t	 now = monotime_ms();

	if (!t->probing || m->target >= t->health.conf.ntargets)
		return;		/* of the targets before a reload */
	t->last = *m;
	t->last_check = m->time;
	if (m->outcome == PROBE_REPLY)
		t->rtt_us = m->rtt_us;
	tunnel_verdict(t, health_result(&t->health, m, now));
	if (now - t->sampled_ms >= SAMPLE_MS) {
		t->sampled_ms = now;
		peer_send0(child_peer(PROC_PARENT), IMSG_SAMPLE, t->conf.id);
	}
}

void
tunnel_sampled(struct tunnel *t, const struct imsg_stats *m)
{
	t->stats = *m;
	status_tunnel(t);
	if (t == engine.active || engine.active == NULL)
		status_health();
}

void
tunnel_tick(struct tunnel *t)
{
	tunnel_verdict(t, health_tick(&t->health, monotime_ms()));
}

int
tunnel_admin(struct tunnel *t, enum admin_verb verb)
{
	if (!t->conf.enabled)
		return (verb == ADMIN_DOWN ? EALREADY : EINVAL);
	if (verb == ADMIN_UP && !t->admin_down)
		return (EALREADY);
	if (verb == ADMIN_DOWN && t->admin_down)
		return (EALREADY);
	log_record(LL_INFO, t->conf.name, "an operator asks for %s",
	    verb == ADMIN_UP ? "up" : verb == ADMIN_DOWN ? "down" : "restart");
	t->restarting = verb == ADMIN_RESTART && t->want_known &&
	    t->wanted != WANT_ABSENT;
	t->admin_down = verb == ADMIN_DOWN;
	t->verdict = t->adopting = 0;
	probe_stop(t);
	memset(&t->link, 0, sizeof(t->link));
	tunnel_changed(t);
	return (0);
}
