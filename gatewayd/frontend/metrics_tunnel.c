/*
 * The metrics of each tunnel.  Runs in the frontend (_gatewayd, chroot).
 *
 * What counts begins at 0 when the tunnel comes; what is measured and not
 * known has no sample.
 */
#include "conf.h"
#include "json_value.h"
#include "metrics.h"
#include "util.h"

#define US_DECIMALS	6
#define RATIO_DECIMALS	4
#define RATIO_ONE	10000

struct tunnel_metric {
	struct metric	 metric;
	void		(*samples)(struct metrics_text *,
			    const struct fe_tunnel *);
};

static void
begin(struct metrics_text *x, const struct fe_tunnel *t)
{
	text_begin(x);
	text_label(x, "tunnel", t->conf.name);
}

static void
one(struct metrics_text *x, const struct fe_tunnel *t, uint64_t value)
{
	begin(x, t);
	text_uint(x, value);
}

static void
labelled(struct metrics_text *x, const struct fe_tunnel *t,
    const char *label, const char *word, uint64_t value)
{
	begin(x, t);
	text_label(x, label, word);
	text_uint(x, value);
}

static void
info(struct metrics_text *x, const struct fe_tunnel *t)
{
	const char *prefix = tunnel_prefix(t);

	begin(x, t);
	text_label(x, "type", gw_type_name(t->conf.type));
	text_label(x, "iface", t->conf.iface);
	text_label(x, "prefix", prefix != NULL ? prefix : "");
	text_uint(x, 1);
}

static void
up(struct metrics_text *x, const struct fe_tunnel *t)
{
	one(x, t, (uint64_t)tunnel_reachable(t));
}

static void
state(struct metrics_text *x, const struct fe_tunnel *t)
{
	unsigned int i;

	for (i = 0; i < TUNNEL_STATES; i++)
		labelled(x, t, "state", tunnel_states[i], tunnel_is(t) == i);
}

static void
transitions(struct metrics_text *x, const struct fe_tunnel *t)
{
	unsigned int i;

	for (i = 0; i < TUNNEL_STATES; i++)
		labelled(x, t, "to", tunnel_states[i], t->counts.states[i]);
}

static void
last_change(struct metrics_text *x, const struct fe_tunnel *t)
{
	one(x, t, t->st.since);
}

static void
last_probe(struct metrics_text *x, const struct fe_tunnel *t)
{
	one(x, t, t->st.last_check);
}

static void
receive_bytes(struct metrics_text *x, const struct fe_tunnel *t)
{
	one(x, t, t->st.rx_bytes);
}

static void
transmit_bytes(struct metrics_text *x, const struct fe_tunnel *t)
{
	one(x, t, t->st.tx_bytes);
}

static void
receive_packets(struct metrics_text *x, const struct fe_tunnel *t)
{
	one(x, t, t->st.counters.rx_packets);
}

static void
transmit_packets(struct metrics_text *x, const struct fe_tunnel *t)
{
	one(x, t, t->st.counters.tx_packets);
}

static void
errors(struct metrics_text *x, const struct fe_tunnel *t)
{
	labelled(x, t, "direction", "receive", t->st.counters.rx_errors);
	labelled(x, t, "direction", "transmit", t->st.counters.tx_errors);
}

static void
mtu(struct metrics_text *x, const struct fe_tunnel *t)
{
	if (t->st.link.mtu != 0)
		one(x, t, t->st.link.mtu);
}

static void
probes(struct metrics_text *x, const struct fe_tunnel *t)
{
	const uint64_t *n = t->st.counters.probes;

	labelled(x, t, "result", "reply", n[PROBE_REPLY]);
	labelled(x, t, "result", "timeout", n[PROBE_TIMEOUT]);
	labelled(x, t, "result", "error", n[PROBE_ERROR]);
}

static void
late_replies(struct metrics_text *x, const struct fe_tunnel *t)
{
	one(x, t, t->st.counters.probes[PROBE_LATE]);
}

static void
probe_duration(struct metrics_text *x, const struct fe_tunnel *t)
{
	text_histogram(x, "tunnel", t->conf.name, &t->st.counters.rtt,
	    histogram_probe);
}

static void
seconds(struct metrics_text *x, const struct fe_tunnel *t, uint32_t us)
{
	if (!t->known || us == WIRE_UNKNOWN || t->st.sent <= t->st.lost)
		return;
	begin(x, t);
	text_decimal(x, us, US_DECIMALS);
}

static void
rtt(struct metrics_text *x, const struct fe_tunnel *t)
{
	seconds(x, t, t->st.rtt_us);
}

static void
jitter(struct metrics_text *x, const struct fe_tunnel *t)
{
	seconds(x, t, t->st.jitter_us);
}

static void
loss(struct metrics_text *x, const struct fe_tunnel *t)
{
	if (t->st.sent == 0)
		return;
	begin(x, t);
	text_decimal(x, (uint64_t)t->st.lost * RATIO_ONE / t->st.sent,
	    RATIO_DECIMALS);
}

/* seconds that are left */
static void
hold(struct metrics_text *x, const struct fe_tunnel *t)
{
	uint64_t now = unix_time();

	one(x, t, t->st.hold_until > now ? t->st.hold_until - now : 0);
}

static void
selected(struct metrics_text *x, const struct fe_tunnel *t)
{
	labelled(x, t, "direction", "from", t->counts.left);
	labelled(x, t, "direction", "to", t->counts.taken);
}

static const struct tunnel_metric	 table[] = {
	{ { "v6gw_tunnel", METRIC_INFO, NULL,
	    "The configured tunnels." }, info },
	{ { "v6gw_tunnel_up", METRIC_GAUGE, NULL,
	    "Whether the tunnel can carry traffic: it is up or degraded." },
	    up },
	{ { "v6gw_tunnel_state", METRIC_GAUGE, NULL,
	    "The state of the tunnel: 1 for the one it is in." }, state },
	{ { "v6gw_tunnel_state_transitions", METRIC_COUNTER, NULL,
	    "Changes of the state, by the new one." }, transitions },
	{ { "v6gw_tunnel_last_change_timestamp_seconds", METRIC_GAUGE,
	    "seconds", "When the state changed last, in Unix time." },
	    last_change },
	{ { "v6gw_tunnel_last_probe_timestamp_seconds", METRIC_GAUGE,
	    "seconds", "When the last probe ended, in Unix time; 0 for "
	    "never." }, last_probe },
	{ { "v6gw_tunnel_receive_bytes", METRIC_COUNTER, "bytes",
	    "Bytes that came in through the tunnel." }, receive_bytes },
	{ { "v6gw_tunnel_transmit_bytes", METRIC_COUNTER, "bytes",
	    "Bytes that went out through the tunnel." }, transmit_bytes },
	{ { "v6gw_tunnel_receive_packets", METRIC_COUNTER, NULL,
	    "Packets that came in through the tunnel." }, receive_packets },
	{ { "v6gw_tunnel_transmit_packets", METRIC_COUNTER, NULL,
	    "Packets that went out through the tunnel." },
	    transmit_packets },
	{ { "v6gw_tunnel_errors", METRIC_COUNTER, NULL,
	    "Errors that the kernel counts for the interface." }, errors },
	{ { "v6gw_tunnel_mtu_bytes", METRIC_GAUGE, "bytes",
	    "The longest IPv6 packet that is sent." }, mtu },
	{ { "v6gw_tunnel_failovers", METRIC_COUNTER, NULL,
	    "Changes of the active tunnel, from and to this one." },
	    selected },
	{ { "v6gw_failover_hold_seconds", METRIC_GAUGE, "seconds",
	    "How much longer the tunnel is held back after a failure." },
	    hold },
	{ { "v6gw_probes", METRIC_COUNTER, NULL,
	    "Probes by what became of them." }, probes },
	{ { "v6gw_probe_late_replies", METRIC_COUNTER, NULL,
	    "Answers to probes that had timed out before." },
	    late_replies },
	{ { "v6gw_probe_duration_seconds", METRIC_HISTOGRAM, "seconds",
	    "From a probe to its answer, late ones included." },
	    probe_duration },
	{ { "v6gw_probe_rtt_seconds", METRIC_GAUGE, "seconds",
	    "From the last probe that was answered to its answer." }, rtt },
	{ { "v6gw_probe_loss_ratio", METRIC_GAUGE, "ratio",
	    "Probes of the window that were not answered, from 0 to 1." },
	    loss },
	{ { "v6gw_probe_jitter_seconds", METRIC_GAUGE, "seconds",
	    "The mean difference between successive probes of the window." },
	    jitter },
};

void
metrics_tunnels(struct metrics_text *x)
{
	const struct fe_tunnel *t;
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		text_family(x, &table[i].metric);
		TAILQ_FOREACH(t, &fe_status.tunnels.list, entry)
			table[i].samples(x, t);
	}
}
