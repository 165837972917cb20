/*
 * What the frontend is told: one message for each tunnel that changed, and
 * the health of the whole; and the relay, which tunnels it may use.  Runs in
 * the engine.
 */
#include <string.h>

#include "child.h"
#include "engine.h"
#include "util.h"

static uint32_t
order_of(const struct tunnel *t)
{
	const struct tunnel	*other;
	uint32_t		 n = 0;

	TAILQ_FOREACH(other, &engine.tunnels, entry) {
		if (other == t)
			break;
		n++;
	}
	return (n);
}

/* Unix seconds, 0 if it is not held */
static uint64_t
hold_until(const struct tunnel *t)
{
	uint64_t	 now = monotime_ms();

	if (t->state != TS_RECOVERING || t->health.hold_until_ms <= now)
		return (0);
	return (unix_time() + (t->health.hold_until_ms - now + 999) / 1000);
}

static void
fill_counters(const struct tunnel *t, struct imsg_counters *m)
{
	m->rx_packets = t->before.rx_packets + t->stats.rx_packets;
	m->tx_packets = t->before.tx_packets + t->stats.tx_packets;
	m->rx_errors = t->before.rx_errors + t->stats.rx_errors;
	m->tx_errors = t->before.tx_errors + t->stats.tx_errors;
	memcpy(m->probes, t->outcomes, sizeof(m->probes));
	m->rtt = t->rtt;
}

void
status_tunnel(const struct tunnel *t)
{
	struct imsg_status	 m;

	memset(&m, 0, sizeof(m));
	m.order = order_of(t);
	m.state = t->state;
	m.role = select_role(t);
	m.transitions = t->transitions;
	m.rtt_us = health_usable(t->state) ? t->rtt_us : WIRE_UNKNOWN;
	m.avg_us = t->last.avg_us;
	m.p95_us = t->last.p95_us;
	m.jitter_us = t->last.jitter_us;
	m.sent = t->last.sent;
	m.lost = t->last.lost;
	m.switches = t->switches;
	m.pmtu = t->pmtu;
	m.preferred = (uint8_t)t->preferred;
	m.black_hole = (uint8_t)t->black_hole;
	m.since = t->since;
	m.last_check = t->last_check;
	m.rx_bytes = t->before.rx_bytes + t->stats.rx_bytes;
	m.tx_bytes = t->before.tx_bytes + t->stats.tx_bytes;
	m.retry_at = t->retry_at;
	m.hold_until = hold_until(t);
	m.handshake = t->stats.handshake;
	fill_counters(t, &m.counters);
	m.link = t->link;
	memcpy(m.reason, t->reason, sizeof(m.reason));
	memcpy(m.last_error, t->last_error, sizeof(m.last_error));
	peer_send(child_peer(PROC_FRONTEND), IMSG_TUNNEL_STATUS, t->conf.id,
	    -1, &m, sizeof(m));
}

void
status_way(struct tunnel *t)
{
	struct imsg_relay_way	 m;

	memset(&m, 0, sizeof(m));
	strlcpy(m.name, t->conf.name, sizeof(m.name));
	m.usable = (uint8_t)health_usable(t->state);
	m.active = t == engine.active;
	m.lost = (uint8_t)select_lost(t);
	/* that of an external tunnel may be found on its interface */
	if (t->link.has_address)
		m.source = t->link.address;
	else
		m.source = t->conf.address;
	m.ifindex = t->link.ifindex;
	m.local = t->link.local;
	m.remote = t->link.remote;
	if (memcmp(&t->way, &m, sizeof(m)) == 0)
		return;
	t->way = m;
	peer_send(child_peer(PROC_RELAY), IMSG_RELAY_WAY, t->conf.id, -1, &m,
	    sizeof(m));
}

void
status_way_gone(const struct tunnel *t)
{
	peer_send0(child_peer(PROC_RELAY), IMSG_RELAY_WAY_GONE, t->conf.id);
}

static int
starting(const struct tunnel *t)
{
	return (!t->verdict && t->state > TS_DISABLED &&
	    t->state <= TS_PROBING);
}

/* without a usable tunnel: is a first verdict still to come? */
static enum health_status
status_without(void)
{
	const struct tunnel	*t;

	TAILQ_FOREACH(t, &engine.tunnels, entry)
		if (starting(t))
			return (HEALTH_STARTING);
	return (HEALTH_DOWN);
}

static enum health_status
health_of(const struct tunnel *t)
{
	if (t == NULL || !health_usable(t->state))
		return (status_without());
	return (t->state == TS_DEGRADED ? HEALTH_DEGRADED : HEALTH_OK);
}

void
status_health(void)
{
	const struct tunnel	*t, *active = engine.active;
	struct imsg_health	 m;

	memset(&m, 0, sizeof(m));
	m.status = health_of(active);
	m.latency_us = WIRE_UNKNOWN;
	m.active = WIRE_UNKNOWN;
	if (active != NULL && health_usable(active->state)) {
		m.latency_us = active->last.avg_us;
		m.active = active->conf.id;
	}
	TAILQ_FOREACH(t, &engine.tunnels, entry) {
		m.active_tunnels += t->state == TS_UP ||
		    t->state == TS_SUSPECT;
		if (t->last_check > m.last_check)
			m.last_check = t->last_check;
	}
	peer_send(child_peer(PROC_FRONTEND), IMSG_HEALTH_STATUS, 0, -1, &m,
	    sizeof(m));
}

void
status_failover(const struct tunnel *from, const struct tunnel *to,
    enum failover_cause cause, const char *reason)
{
	struct imsg_failover	 m;

	memset(&m, 0, sizeof(m));
	m.from = from != NULL ? from->conf.id : WIRE_UNKNOWN;
	m.to = to != NULL ? to->conf.id : WIRE_UNKNOWN;
	m.cause = cause;
	m.time = unix_time();
	strlcpy(m.reason, reason, sizeof(m.reason));
	peer_send(child_peer(PROC_FRONTEND), IMSG_FAILOVER, 0, -1, &m,
	    sizeof(m));
}

void
status_outage(uint64_t ms)
{
	struct imsg_outage	 m;

	m.ms = ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
	peer_send(child_peer(PROC_FRONTEND), IMSG_OUTAGE, 0, -1, &m,
	    sizeof(m));
}
