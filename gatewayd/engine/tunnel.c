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

static const char *const state_names[] = {
	"disabled", "wait_wan", "wait_dns", "configuring", "probing", "up",
	"degraded", "suspect", "down", "recovering", "error"
};

const char *
tunnel_state_name(enum tunnel_state state)
{
	return (state_names[state]);
}

int
tunnel_enabled(const struct tunnel *t)
{
	return (t->conf.enabled && !t->admin_down);
}

/* why it cannot run whatever the kernel says, or NULL */
static const char *
tunnel_unfit(const struct tunnel *t)
{
	if (probing_possible(t))
		return (NULL);
	return ("there is nothing to probe: [health] targets has only gateway "
	    "and this tunnel has none; set gateway_v6 or add a target");
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
	case LINK_SETUP:
		set_reason(t, t->link.reason);
		return (TS_CONFIGURING);
	case LINK_WAIT_WAN:
		if (t->probing) {
			set_reason(t, t->health.reason);
			return (t->health.state);
		}
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
	/* a link that is back waits in TS_DOWN: that is no error */
	if (t->state == TS_ERROR || (t->state == TS_DOWN &&
	    old >= TS_PROBING && old <= TS_RECOVERING))
		strlcpy(t->last_error, t->reason, sizeof(t->last_error));
	if (t->state >= TS_UP)
		t->verdict = 1;
	if (health_usable(t->state))
		t->carried = 1;
	if (t->state == old)
		return (0);
	t->since = unix_time();
	t->transitions++;
	if (t->state != TS_CONFIGURING && t->state != TS_PROBING)
		t->adopting = 0;
	log_state(t, old);
	if (t->state != TS_SUSPECT && (old != TS_SUSPECT ||
	    t->state == TS_DOWN))
		persist_dirty();
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
	struct imsg_want	 m;

	memset(&m, 0, sizeof(m));
	m.want = tunnel_want(t);
	if (m.want == WANT_ABSENT)
		t->carried = 0;
	else {
		m.mtu = t->mtu;
		m.lost = (uint8_t)select_lost(t);
	}
	if (engine.settling ||
	    (t->want_known && memcmp(&t->wanted, &m, sizeof(m)) == 0))
		return;
	t->wanted = m;
	t->want_known = 1;
	peer_send(child_peer(PROC_PARENT), IMSG_WANT, t->conf.id, -1, &m,
	    sizeof(m));
}

void
tunnel_update(struct tunnel *t)
{
	send_want(t);
	status_way(t);
	if (t->probing)
		probing_set(t, 0);
}

struct tunnel *
tunnel_new(const struct imsg_tunnel *conf)
{
	struct tunnel	*t = xcalloc(1, sizeof(*t));

	t->conf = *conf;
	t->state = TS_CONFIGURING;
	t->since = unix_time();
	t->rtt_us = WIRE_UNKNOWN;
	t->last.avg_us = WIRE_UNKNOWN;
	t->sample_ms = ENGINE_NEVER;
	t->adopting = conf->was_active && conf->enabled;
	return (t);
}

void
tunnel_free(struct tunnel *t)
{
	probing_stop(t);
	if (engine.active == t)
		engine.active = NULL;
	status_way_gone(t);
	free(t);
}

void
tunnel_reconf(struct tunnel *t, const struct imsg_tunnel *conf)
{
	t->conf = *conf;
	if (!tunnel_enabled(t) || tunnel_unfit(t) != NULL)
		probing_stop(t);
	if (t->probing)
		probing_reconf(t);
	tunnel_derived(t);
}

/* who else hears of it */
static void
tunnel_tell(struct tunnel *t)
{
	tunnel_update(t);
	status_tunnel(t);
	status_health();
}

/* what follows from any news: state, selection, and who is told */
static void
tunnel_changed(struct tunnel *t)
{
	tunnel_derived(t);
	/* a selection that waits for more of the same news goes on waiting */
	if (engine.select_ms == ENGINE_NEVER)
		select_active();
	tunnel_tell(t);
}

/* what the verdict asks for, before anybody hears of it */
static void
tunnel_asks(struct tunnel *t, unsigned int bits)
{
	if (bits & HEALTH_BURST)
		probing_burst(t, (bits & HEALTH_URGENT) != 0);
	/* without a way or an interface there is nothing to probe; the
	 * verdict goes on when it is there again, and so does hold-down */
	if (t->probing && t->health.state == TS_DOWN &&
	    t->link.state != LINK_READY) {
		t->failed = t->health.hold_ms != 0;
		probing_stop(t);
	}
}

/* a link that is fit again, or has moved */
static unsigned int
link_ready(struct tunnel *t, int moved)
{
	unsigned int	 bits;
	uint64_t	 now = monotime_ms();

	if (!t->probing)
		return (probing_start(t));
	if (moved) {
		t->health.conf.server = t->link.remote;
		t->pmtu_ms = now;
	}
	bits = health_found(&t->health, now);
	if (moved)
		bits |= HEALTH_BURST;
	return (bits);
}

static unsigned int
link_unready(struct tunnel *t)
{
	const char	*why = t->link.reason;

	switch ((enum link_state)t->link.state) {
	case LINK_WAIT_WAN:
		return (health_lost(&t->health, why, monotime_ms()));
	case LINK_ABSENT:
		probing_stop(t);
		return (0);
	default:
		return (health_failed(&t->health, why, monotime_ms()));
	}
}

void
tunnel_link(struct tunnel *t, const struct imsg_link *link)
{
	unsigned int	 bits = 0;
	int		 moved;

	moved = link->ifindex != t->link.ifindex ||
	    link->local.s_addr != t->link.local.s_addr ||
	    link->remote.s_addr != t->link.remote.s_addr;
	t->link = *link;
	if (t == engine.active && link->state == LINK_READY &&
	    link->want == WANT_ACTIVE)
		select_switched();
	if (t->restarting && link->state == LINK_ABSENT &&
	    link->want == WANT_ABSENT)
		t->restarting = 0;
	if (tunnel_unfit(t) != NULL || !tunnel_enabled(t) || t->restarting)
		probing_stop(t);
	else if (link->state == LINK_READY)
		bits = link_ready(t, moved);
	else if (t->probing)
		bits = link_unready(t);
	tunnel_asks(t, bits);
	/* a cause that others may share: their news follow at once */
	if (link->state == LINK_WAIT_WAN && t == engine.active) {
		tunnel_derived(t);
		select_soon();
		select_doubt();
		tunnel_tell(t);
	} else
		tunnel_changed(t);
}

static void
tunnel_verdict(struct tunnel *t, unsigned int bits)
{
	enum tunnel_state	 old = t->state;

	tunnel_asks(t, bits);
	if (!(bits & HEALTH_CHANGED)) {
		if (bits & HEALTH_INTERVAL)
			probing_set(t, 0);
		return;
	}
	tunnel_changed(t);
	if (t->state == TS_SUSPECT && old != TS_SUSPECT && t == engine.active)
		select_doubt();
	/* a server that moved is found by asking for its name again */
	if (t->state == TS_DOWN && old != TS_DOWN)
		peer_send0(child_peer(PROC_PARENT), IMSG_REFRESH, t->conf.id);
}

void
tunnel_probed(struct tunnel *t, const struct imsg_probe_result *m)
{
	if (!t->probing || m->target >= t->health.conf.ntargets)
		return;		/* of the targets before a reload */
	t->last = *m;
	t->last_check = m->time;
	t->probes++;
	t->outcomes[m->outcome]++;
	if (m->outcome == PROBE_REPLY)
		t->rtt_us = m->rtt_us;
	if (m->outcome == PROBE_REPLY || m->outcome == PROBE_LATE)
		histogram_add(&t->rtt, histogram_probe, m->rtt_us);
	tunnel_verdict(t, health_result(&t->health, m, monotime_ms()));
	if (!t->probing)
		return;
	probing_sample(t);
	probing_pmtu(t);
	persist_counters();
	if (engine.conf.mode == GW_MODE_LATENCY)
		select_active();
}

void
tunnel_hint(struct tunnel *t, const struct imsg_probe_hint *m)
{
	if (t->probing)
		tunnel_verdict(t, health_hint(&t->health, m->from,
		    monotime_ms()));
}

void
tunnel_doubt(struct tunnel *t, const char *why)
{
	tunnel_verdict(t, health_doubt(&t->health, why, monotime_ms()));
}

void
tunnel_tick(struct tunnel *t)
{
	if (!t->probing)
		return;
	if (health_deadline(&t->health) <= monotime_ms())
		tunnel_verdict(t, health_tick(&t->health, monotime_ms()));
	if (t->sample_ms <= monotime_ms())
		probing_sample(t);
}

uint64_t
tunnel_deadline(const struct tunnel *t)
{
	uint64_t	 deadline;

	if (!t->probing)
		return (ENGINE_NEVER);
	deadline = health_deadline(&t->health);
	return (t->sample_ms < deadline ? t->sample_ms : deadline);
}

static int
admin_prefer(struct tunnel *t, int prefer)
{
	if (t->preferred == prefer)
		return (EALREADY);
	log_record(LL_INFO, t->conf.name, "an operator %s it",
	    prefer ? "prefers" : "no longer prefers");
	select_prefer(prefer ? t : NULL);
	tunnel_changed(t);
	return (0);
}

int
tunnel_admin(struct tunnel *t, enum admin_verb verb)
{
	if (verb == ADMIN_UNPREFER)
		return (admin_prefer(t, 0));
	if (!t->conf.enabled)
		return (verb == ADMIN_DOWN ? EALREADY : EINVAL);
	if (verb == ADMIN_PREFER)
		return (admin_prefer(t, 1));
	if (t->admin_down ? verb == ADMIN_DOWN : verb == ADMIN_UP)
		return (EALREADY);
	log_record(LL_INFO, t->conf.name, "an operator asks for %s",
	    verb == ADMIN_UP ? "up" : verb == ADMIN_DOWN ? "down" : "restart");
	t->restarting = verb == ADMIN_RESTART && t->want_known &&
	    t->wanted.want != WANT_ABSENT;
	t->admin_down = verb == ADMIN_DOWN;
	t->verdict = t->adopting = t->failed = 0;
	probing_stop(t);
	memset(&t->link, 0, sizeof(t->link));
	tunnel_changed(t);
	return (0);
}
