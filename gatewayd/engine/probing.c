/*
 * What the prober is told of a tunnel, and what its interface's counters say.
 * Runs in the engine.
 */
#include <string.h>

#include "child.h"
#include "engine.h"
#include "log.h"
#include "util.h"

#define BURST_PROBES	3	/* to each target */
#define BURST_GAP	50	/* ms */
#define URGENT_GAP	20	/* ms, where a cause is to be confirmed */
#define SAMPLE_MS	1000	/* counters at most once a second */
#define REFRESH_MS	30000
#define HANDSHAKE_S	135	/* an older one: the server may have moved */
#define PMTU_MS		(15 * 60 * 1000)
#define PMTU_MAX	UINT16_MAX

/* the configured targets, with the gateway's address in its place */
static void
probing_targets(const struct tunnel *t, struct imsg_probe_set *m)
{
	const struct in6_addr	*a;
	uint32_t		 i;

	m->ntargets = 0;
	for (i = 0; i < engine.conf.ntargets; i++) {
		a = &engine.conf.targets[i];
		if (IN6_IS_ADDR_UNSPECIFIED(a)) {
			if (!t->conf.has_gateway)
				continue;
			a = &t->conf.gateway;
		}
		m->targets[m->ntargets++] = *a;
	}
}

int
probing_possible(const struct tunnel *t)
{
	struct imsg_probe_set	 set;

	probing_targets(t, &set);
	return (set.ntargets != 0);
}

static void
health_params(const struct tunnel *t, struct health_conf *h)
{
	const struct imsg_conf	*c = &engine.conf;
	struct imsg_probe_set	 set;

	probing_targets(t, &set);
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
	h->server = t->link.remote;
}

void
probing_stop(struct tunnel *t)
{
	if (t->probing)
		peer_send0(child_peer(PROC_PROBER), IMSG_PROBE_DEL,
		    t->conf.id);
	t->probing = 0;
	t->sample_ms = ENGINE_NEVER;
}

void
probing_set(struct tunnel *t, int force)
{
	struct imsg_probe_set	 m;
	uint32_t		 interval;

	interval = health_interval(&t->health, select_role(t));
	if (!force && t->probing && interval == t->interval_ms)
		return;
	memset(&m, 0, sizeof(m));
	probing_targets(t, &m);
	m.interval_ms = t->interval_ms = interval;
	m.window_ms = engine.conf.window_ms;
	peer_send(child_peer(PROC_PROBER), IMSG_PROBE_SET, t->conf.id, -1, &m,
	    sizeof(m));
	t->probing = 1;
}

void
probing_burst(const struct tunnel *t, int urgent)
{
	struct imsg_probe_burst	 m = { BURST_PROBES, BURST_GAP };

	if (urgent)
		m.gap_ms = URGENT_GAP;
	peer_send(child_peer(PROC_PROBER), IMSG_PROBE_BURST, t->conf.id, -1,
	    &m, sizeof(m));
}

unsigned int
probing_start(struct tunnel *t)
{
	struct health_conf	 h;
	unsigned int		 bits = 0;
	uint64_t		 now = monotime_ms();

	health_params(t, &h);
	if (t->failed)
		bits = health_resume(&t->health, &h, now);
	else
		health_init(&t->health, &h, &t->memory, now);
	t->failed = 0;
	memset(&t->memory, 0, sizeof(t->memory));
	memset(&t->traffic, 0, sizeof(t->traffic));
	t->rtt_us = WIRE_UNKNOWN;
	t->pmtu_ms = now;
	probing_set(t, 1);
	return (bits);
}

void
probing_reconf(struct tunnel *t)
{
	struct health_conf	 h;

	health_params(t, &h);
	health_reconf(&t->health, &h);
	probing_set(t, 1);
}

void
probing_sample(struct tunnel *t)
{
	uint64_t	 now = monotime_ms();

	if (now < t->sample_ms && now - t->sampled_ms < SAMPLE_MS)
		return;
	t->sample_ms = ENGINE_NEVER;
	t->sampled_ms = now;
	peer_send0(child_peer(PROC_PARENT), IMSG_SAMPLE, t->conf.id);
}

/* a server that no longer answers handshakes may have another address now */
static void
handshake_check(struct tunnel *t)
{
	uint64_t	 now = monotime_ms();

	if (t->stats.handshake == 0 || t->stats.handshake + HANDSHAKE_S >
	    unix_time() || (t->refreshed_ms != 0 &&
	    now - t->refreshed_ms < REFRESH_MS))
		return;
	t->refreshed_ms = now;
	peer_send0(child_peer(PROC_PARENT), IMSG_REFRESH, t->conf.id);
}

/* totals go on where another interface begins to count anew */
static void
count_traffic(struct tunnel *t, const struct imsg_stats *m)
{
	struct imsg_stats	*before = &t->before;

	if (m->rx_bytes < t->stats.rx_bytes ||
	    m->tx_bytes < t->stats.tx_bytes) {
		before->rx_bytes += t->stats.rx_bytes;
		before->tx_bytes += t->stats.tx_bytes;
		before->rx_packets += t->stats.rx_packets;
		before->tx_packets += t->stats.tx_packets;
		before->rx_errors += t->stats.rx_errors;
		before->tx_errors += t->stats.tx_errors;
	}
	t->stats = *m;
}

void
tunnel_sampled(struct tunnel *t, const struct imsg_stats *m)
{
	unsigned int	 found;
	uint64_t	 now = monotime_ms();

	count_traffic(t, m);
	found = traffic_sample(&t->traffic, m->rx_packets, m->tx_packets,
	    t->probes, now);
	t->probes = 0;
	t->sample_ms = t == engine.active && t->probing &&
	    (found & TRAFFIC_FAST) ? now + TRAFFIC_FAST_MS : ENGINE_NEVER;
	if (t == engine.active && (found & TRAFFIC_STALLED))
		tunnel_doubt(t, "packets go out and none comes back");
	handshake_check(t);
	if (now - t->shown_ms < SAMPLE_MS)
		return;
	t->shown_ms = now;
	status_tunnel(t);
	if (t == engine.active || engine.active == NULL)
		status_health();
}

void
probing_pmtu(struct tunnel *t)
{
	struct imsg_pmtu_start	 m = { t->link.mtu_max };
	uint64_t		 now = monotime_ms();

	if (m.max > PMTU_MAX)
		m.max = PMTU_MAX;
	if (!health_usable(t->state) || t->state == TS_SUSPECT ||
	    now < t->pmtu_ms)
		return;
	t->pmtu_ms = now + PMTU_MS;
	t->pmtu_asked = m.max;
	if (m.max > IPV6_MTU_MIN)
		peer_send(child_peer(PROC_PROBER), IMSG_PMTU_START,
		    t->conf.id, -1, &m, sizeof(m));
}

static void
log_pmtu(const struct tunnel *t, const struct imsg_pmtu_result *m)
{
	if (m->mtu >= m->max) {
		log_record(LL_INFO, t->conf.name, "packets of %u bytes get "
		    "through again", m->max);
		return;
	}
	log_record(LL_WARN, t->conf.name, "packets above %u bytes %s; %s",
	    m->mtu, m->told ? "are too big for the way to the tunnel server" :
	    "vanish on the way, and nothing says so", t->link.mtu_fixed ?
	    "set mtu to that, here and at the broker" :
	    "the MTU follows");
}

void
tunnel_pmtu(struct tunnel *t, const struct imsg_pmtu_result *m)
{
	uint32_t	 before = t->pmtu;
	int		 limited = t->mtu != 0 || t->black_hole;

	/* silence at 1280 is for the verdict, and an old search for nobody */
	if (!t->probing || m->mtu == 0 || m->max != t->pmtu_asked)
		return;
	t->pmtu = m->mtu;
	t->black_hole = m->mtu < m->max && !m->told;
	t->mtu = m->mtu < m->max && !t->link.mtu_fixed ? m->mtu : 0;
	if (t->pmtu != before && (m->mtu < m->max || limited))
		log_pmtu(t, m);
	tunnel_update(t);
	status_tunnel(t);
}
