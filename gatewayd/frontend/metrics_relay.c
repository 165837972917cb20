/*
 * The metrics of the relay.  Runs in the frontend (_gatewayd, chroot).
 *
 * What counts begins at 0 with the daemon.  Tunnels that the relay has not
 * spoken of have no samples.  Users have theirs as long as they are told apart,
 * so that there are never more than RELAY_UIDS; the others have none, since
 * their sum falls when one of them is told apart.
 */
#include <inttypes.h>
#include <stdio.h>

#include "metrics.h"
#include "status.h"

#define SHARE_DECIMALS	4	/* of SHARE_ONE */

struct relay_metric {
	struct metric	 metric;
	void		(*samples)(struct metrics_text *);
};

/* one of those who have samples: label="word" */
struct owner {
	const char	*label;
	const char	*word;
};

static void
begin(struct metrics_text *x, const struct owner *o)
{
	text_begin(x);
	text_label(x, o->label, o->word);
}

static void
one(struct metrics_text *x, const struct owner *o, uint64_t value)
{
	begin(x, o);
	text_uint(x, value);
}

/* a sample for each of the words */
static void
each(struct metrics_text *x, const struct owner *o, const char *label,
    const char *const *words, const uint64_t *values, size_t n)
{
	size_t	 i;

	for (i = 0; i < n; i++) {
		if (o != NULL)
			begin(x, o);
		else
			text_begin(x);
		text_label(x, label, words[i]);
		text_uint(x, values[i]);
	}
}

typedef void	 counts_fn(struct metrics_text *, const struct owner *,
		    const struct relay_counts *);

static void
sessions(struct metrics_text *x, const struct owner *o,
    const struct relay_counts *c)
{
	one(x, o, c->sessions);
}

static void
attempts(struct metrics_text *x, const struct owner *o,
    const struct relay_counts *c)
{
	one(x, o, c->attempts);
}

static void
wins(struct metrics_text *x, const struct owner *o,
    const struct relay_counts *c)
{
	one(x, o, c->wins);
}

static void
losses(struct metrics_text *x, const struct owner *o,
    const struct relay_counts *c)
{
	each(x, o, "class", loss_words, c->losses, LOSSES);
}

static void
receive_bytes(struct metrics_text *x, const struct owner *o,
    const struct relay_counts *c)
{
	one(x, o, c->rx_bytes);
}

static void
transmit_bytes(struct metrics_text *x, const struct owner *o,
    const struct relay_counts *c)
{
	one(x, o, c->tx_bytes);
}

static void
connect_duration(struct metrics_text *x, const struct owner *o,
    const struct relay_counts *c)
{
	text_histogram(x, o->label, o->word, &c->connect, histogram_connect);
}

/* the same of each family, and of IPv6 by each tunnel */
#define TUNNEL_OF	"IPv6 by the tunnel: "

static const struct {
	struct metric	 family;
	struct metric	 tunnel;
	counts_fn	*samples;
} counted[] = {
	{ { "v6gw_relay_sessions", METRIC_GAUGE, NULL,
	    "Connections that are open." },
	    { "v6gw_relay_tunnel_sessions", METRIC_GAUGE, NULL,
	    TUNNEL_OF "connections that are open." }, sessions },
	{ { "v6gw_relay_attempts", METRIC_COUNTER, NULL,
	    "Attempts to connect to an address." },
	    { "v6gw_relay_tunnel_attempts", METRIC_COUNTER, NULL,
	    TUNNEL_OF "attempts to connect to an address." }, attempts },
	{ { "v6gw_relay_connections", METRIC_COUNTER, NULL,
	    "Attempts that connected and were used." },
	    { "v6gw_relay_tunnel_connections", METRIC_COUNTER, NULL,
	    TUNNEL_OF "attempts that connected and were used." }, wins },
	{ { "v6gw_relay_losses", METRIC_COUNTER, NULL,
	    "Attempts that were not used, by class." },
	    { "v6gw_relay_tunnel_losses", METRIC_COUNTER, NULL,
	    TUNNEL_OF "attempts that were not used, by class." }, losses },
	{ { "v6gw_relay_receive_bytes", METRIC_COUNTER, "bytes",
	    "Bytes that came from destinations." },
	    { "v6gw_relay_tunnel_receive_bytes", METRIC_COUNTER, "bytes",
	    TUNNEL_OF "bytes that came from destinations." },
	    receive_bytes },
	{ { "v6gw_relay_transmit_bytes", METRIC_COUNTER, "bytes",
	    "Bytes that went to destinations." },
	    { "v6gw_relay_tunnel_transmit_bytes", METRIC_COUNTER, "bytes",
	    TUNNEL_OF "bytes that went to destinations." },
	    transmit_bytes },
	{ { "v6gw_relay_connect_duration_seconds", METRIC_HISTOGRAM,
	    "seconds", "How long the attempts took that were used." },
	    { "v6gw_relay_tunnel_connect_duration_seconds",
	    METRIC_HISTOGRAM, "seconds",
	    TUNNEL_OF "how long the attempts took that were used." },
	    connect_duration },
};
#define NCOUNTED	(sizeof(counted) / sizeof(counted[0]))

static void
families(struct metrics_text *x, counts_fn *samples)
{
	struct owner	 o = { "family", NULL };
	int		 i;

	for (i = 0; i < RELAY_WAYS; i++) {
		o.word = way_words[i];
		samples(x, &o, &fe_status.relay.st.ways[i]);
	}
}

static void
tunnels(struct metrics_text *x, counts_fn *samples)
{
	struct owner		 o = { "tunnel", NULL };
	const struct fe_tunnel	*t;

	TAILQ_FOREACH(t, &fe_status.tunnels.list, entry) {
		if (!t->relayed)
			continue;
		o.word = t->conf.name;
		samples(x, &o, &t->relay.counts);
	}
}

static void
half_open(struct metrics_text *x)
{
	text_begin(x);
	text_uint(x, fe_status.relay.st.half_open);
}

static void
udp_associations(struct metrics_text *x)
{
	text_begin(x);
	text_uint(x, fe_status.relay.st.udp);
}

static void
ipv6_ratio(struct metrics_text *x)
{
	uint32_t	 n = fe_relay_share();

	if (n == WIRE_UNKNOWN)
		return;
	text_begin(x);
	text_decimal(x, n, SHARE_DECIMALS);
}

static void
dns_answers(struct metrics_text *x)
{
	each(x, NULL, "result", answer_words, fe_status.relay.st.answers,
	    ANSWERS);
}

static void
refused(struct metrics_text *x)
{
	each(x, NULL, "class", refusal_words, fe_status.relay.st.refused,
	    REFUSALS);
}

static void
tunnel_health(struct metrics_text *x)
{
	uint64_t		 is[RELAY_HEALTHS];
	struct owner		 o = { "tunnel", NULL };
	const struct fe_tunnel	*t;
	unsigned int		 i;

	TAILQ_FOREACH(t, &fe_status.tunnels.list, entry) {
		if (!t->relayed)
			continue;
		for (i = 0; i < RELAY_HEALTHS; i++)
			is[i] = t->relay.health == i;
		o.word = t->conf.name;
		each(x, &o, "state", relay_health_words, is, RELAY_HEALTHS);
	}
}

/* each user, and what samples() says of him */
static void
users(struct metrics_text *x, void (*samples)(struct metrics_text *,
    const struct owner *, const struct relay_uid *))
{
	const struct fe_relay	*r = &fe_status.relay;
	char			 uid[12];
	struct owner		 o = { "uid", uid };
	uint32_t		 i;

	for (i = 0; i < r->nuids; i++) {
		if (r->uids[i].uid == RELAY_OTHERS)
			continue;
		snprintf(uid, sizeof(uid), "%" PRIu32, r->uids[i].uid);
		samples(x, &o, &r->uids[i]);
	}
}

static void
one_user_sessions(struct metrics_text *x, const struct owner *o,
    const struct relay_uid *u)
{
	one(x, o, u->sessions);
}

static void
user_sessions(struct metrics_text *x)
{
	users(x, one_user_sessions);
}

static void
one_user_connections(struct metrics_text *x, const struct owner *o,
    const struct relay_uid *u)
{
	each(x, o, "family", way_words, u->wins, RELAY_WAYS);
}

static void
user_connections(struct metrics_text *x)
{
	users(x, one_user_connections);
}

static void
one_user_receive(struct metrics_text *x, const struct owner *o,
    const struct relay_uid *u)
{
	one(x, o, u->rx_bytes);
}

static void
user_receive(struct metrics_text *x)
{
	users(x, one_user_receive);
}

static void
one_user_transmit(struct metrics_text *x, const struct owner *o,
    const struct relay_uid *u)
{
	one(x, o, u->tx_bytes);
}

static void
user_transmit(struct metrics_text *x)
{
	users(x, one_user_transmit);
}

static void
one_user_limited(struct metrics_text *x, const struct owner *o,
    const struct relay_uid *u)
{
	each(x, o, "limit", limit_words, u->limited, LIMIT_KINDS);
}

static void
user_limited(struct metrics_text *x)
{
	users(x, one_user_limited);
}

static const struct relay_metric	 table[] = {
	{ { "v6gw_relay_half_open_sessions", METRIC_GAUGE, NULL,
	    "Clients that are not connected to anything yet." }, half_open },
	{ { "v6gw_relay_udp_associations", METRIC_GAUGE, NULL,
	    "UDP associations that are open." }, udp_associations },
	{ { "v6gw_relay_ipv6_ratio", METRIC_GAUGE, "ratio",
	    "IPv6 among all connections so far whose family is known." },
	    ipv6_ratio },
	{ { "v6gw_relay_dns_answers", METRIC_COUNTER, NULL,
	    "What names came to, for each family." }, dns_answers },
	{ { "v6gw_relay_refused", METRIC_COUNTER, NULL,
	    "What the relay did not do for its clients, by class." },
	    refused },
	{ { "v6gw_relay_tunnel_health", METRIC_GAUGE, NULL,
	    "Whether IPv6 goes first by the tunnel: 1 for what it is." },
	    tunnel_health },
	{ { "v6gw_relay_user_sessions", METRIC_GAUGE, NULL,
	    "Connections of the user that are open." }, user_sessions },
	{ { "v6gw_relay_user_connections", METRIC_COUNTER, NULL,
	    "Connections of the user, by family." }, user_connections },
	{ { "v6gw_relay_user_receive_bytes", METRIC_COUNTER, "bytes",
	    "Bytes that came from destinations to the user." },
	    user_receive },
	{ { "v6gw_relay_user_transmit_bytes", METRIC_COUNTER, "bytes",
	    "Bytes that went from the user to destinations." },
	    user_transmit },
	{ { "v6gw_relay_user_limited", METRIC_COUNTER, NULL,
	    "What was refused because the user had enough of it." },
	    user_limited },
};

void
metrics_relay(struct metrics_text *x)
{
	size_t	 i;

	for (i = 0; i < NCOUNTED; i++) {
		text_family(x, &counted[i].family);
		families(x, counted[i].samples);
	}
	for (i = 0; i < NCOUNTED; i++) {
		text_family(x, &counted[i].tunnel);
		tunnels(x, counted[i].samples);
	}
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		text_family(x, &table[i].metric);
		table[i].samples(x);
	}
}
