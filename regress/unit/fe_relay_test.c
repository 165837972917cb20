/*
 * What the frontend takes from the relay, and what it makes of it: shares,
 * percentiles, and the documents at their edges.  The whole documents are
 * checked in regress/http.
 */
#include <assert.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fe_relay.h"
#include "json.h"
#include "metrics.h"
#include "status.h"
#include "util.h"

static void
expect(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		errx(1, "no %s in %s", part, text);
}

static void
expect_json(const char *part)
{
	char *text = json_relay();

	expect(text, part);
	free(text);
}

static void
expect_metrics(const char *part)
{
	struct metrics_text x;
	char *text;

	text_init(&x, METRICS_TEXT);
	metrics_relay(&x);
	text = xmalloc(x.len + 1);
	memcpy(text, x.buf, x.len);
	text[x.len] = '\0';
	expect(text, part);
	free(text);
	free(x.buf);
}

static void
test_percentile(void)
{
	static const struct {
		uint64_t	 counts[HISTOGRAM_BOUNDS + 1];
		uint32_t	 p50;
		uint32_t	 p95;
	} cases[] = {
		{ { 0 }, HISTOGRAM_EMPTY, HISTOGRAM_EMPTY },
		{ { 1 }, 500, 950 },
		{ { 100 }, 500, 950 },
		{ { 50, 50 }, 1000, 4600 },
		{ { [5] = 20 }, 75000, 97500 },
		{ { [1] = 1, [3] = 1 }, 5000, 23500 },
		/* above the highest bound nothing more is known */
		{ { [HISTOGRAM_BOUNDS] = 3 }, 5000000, 5000000 },
		{ { [0] = UINT64_MAX / 4, [9] = UINT64_MAX / 4 }, 1000,
		    4600000 },
	};
	struct histogram h = { 0 };
	uint32_t p50, p95;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memcpy(h.counts, cases[i].counts, sizeof(h.counts));
		p50 = histogram_percentile(&h, histogram_connect, 50);
		p95 = histogram_percentile(&h, histogram_connect, 95);
		if (p50 != cases[i].p50 || p95 != cases[i].p95)
			errx(1, "case %zu: %u, %u", i, p50, p95);
	}
}

static void
test_share(void)
{
	struct imsg_relay_stats m;
	uint64_t generation = fe_status.generation;

	memset(&m, 0, sizeof(m));
	assert(fe_relay_share() == WIRE_UNKNOWN);
	expect_json("\"ipv6_share\":null");
	m.ways[RELAY_UPSTREAM].wins = 7;	/* no family */
	assert(fe_relay_stats(&m, sizeof(m)) == 0);
	assert(fe_status.generation == generation + 1);
	assert(fe_relay_share() == WIRE_UNKNOWN);
	m.ways[RELAY_IPV4].wins = 1;
	assert(fe_relay_stats(&m, sizeof(m)) == 0);
	expect_json("\"ipv6_share\":0.0");
	m.ways[RELAY_IPV6].wins = 5;
	assert(fe_relay_stats(&m, sizeof(m)) == 0);
	expect_json("\"ipv6_share\":0.8333");
	expect_metrics("\nv6gw_relay_ipv6_ratio 0.8333\n");
	m.ways[RELAY_IPV4].wins = 0;
	m.ways[RELAY_IPV6].wins = UINT64_MAX;
	assert(fe_relay_stats(&m, sizeof(m)) == 0);
	expect_json("\"ipv6_share\":1.0");
	assert(fe_relay_stats(&m, sizeof(m) - 1) == -1);
}

/* every class has its word */
static void
test_words(void)
{
	struct imsg_relay_stats m;
	char part[64];
	size_t i;

	memset(&m, 0, sizeof(m));
	for (i = 0; i < REFUSALS; i++)
		m.refused[i] = 100 + i;
	assert(fe_relay_stats(&m, sizeof(m)) == 0);
	for (i = 0; i < REFUSALS; i++) {
		assert(refusal_words[i] != NULL);
		snprintf(part, sizeof(part), "\"%s\":%zu", refusal_words[i],
		    100 + i);
		expect_json(part);
		snprintf(part, sizeof(part), "v6gw_relay_refused_total{class="
		    "\"%s\"} %zu\n", refusal_words[i], 100 + i);
		expect_metrics(part);
	}
}

static struct fe_tunnel *
add_tunnel(uint32_t id, const char *name)
{
	struct fe_tunnel *t = xcalloc(1, sizeof(*t));

	t->conf.id = id;
	strlcpy(t->conf.name, name, sizeof(t->conf.name));
	assert(fe_tunnels_add(&fe_status.tunnels, t) == 0);
	return (t);
}

static void
test_tunnels(void)
{
	struct imsg_relay_way_stats m;
	struct fe_tunnel *he = add_tunnel(1, "he");

	(void)add_tunnel(2, "wg");	/* the relay does not speak of it */
	expect_json("\"tunnels\":[],");
	memset(&m, 0, sizeof(m));
	m.health = RELAY_HEALTHS;
	assert(fe_relay_way(he, &m, sizeof(m)) == -1 && !he->relayed);
	m.health = RELAY_BAD;
	m.retry_at = 1699564294;
	m.counts.losses[LOSS_TIMEOUT] = 3;
	assert(fe_relay_way(NULL, &m, sizeof(m)) == 0);
	assert(fe_relay_way(he, &m, sizeof(m) + 1) == -1);
	assert(fe_relay_way(he, &m, sizeof(m)) == 0);
	expect_json("\"tunnels\":[{\"name\":\"he\",\"health\":\"bad\","
	    "\"retry_at\":1699564294,\"ipv6\":{\"sessions\":0,");
	expect_metrics("v6gw_relay_tunnel_health{tunnel=\"he\",state=\"good\"}"
	    " 0\nv6gw_relay_tunnel_health{tunnel=\"he\",state=\"bad\"} 1\n"
	    "v6gw_relay_tunnel_health{tunnel=\"he\",state=\"trying\"} 0\n#");
	expect_metrics("v6gw_relay_tunnel_losses_total{tunnel=\"he\","
	    "class=\"timeout\"} 3\n");
}

static void
test_uids(void)
{
	static struct relay_uid u[RELAY_UIDS + 2];

	u[0].uid = RELAY_OTHERS - 1;
	u[0].limited[LIMIT_NEW] = 4;
	u[1].uid = RELAY_OTHERS;
	u[1].tx_bytes = 9;
	assert(fe_relay_uids(u, sizeof(u)) == -1);
	assert(fe_relay_uids(u, sizeof(u[0]) + 1) == -1);
	assert(fe_relay_uids(u, 2 * sizeof(u[0])) == 0);
	expect_json("\"uids\":[{\"uid\":4294967294,\"sessions\":0,");
	expect_json(",{\"uid\":null,\"sessions\":0,");
	expect_metrics("v6gw_relay_user_limited_total{uid=\"4294967294\","
	    "limit=\"new\"} 4\n");
	/* a sum that may fall is no counter */
	expect_metrics("v6gw_relay_user_transmit_bytes_total{uid="
	    "\"4294967294\"} 0\n#");
	assert(fe_relay_uids(u, 0) == 0);
	expect_json("\"uids\":[],");
}

int
main(void)
{
	fe_tunnels_init(&fe_status.tunnels);
	fe_status.conf.exposure = GW_EXPOSE_PROXY | GW_EXPOSE_SOCKS5;
	strlcpy(fe_status.conf.socks_bind, "127.0.0.1:1080",
	    sizeof(fe_status.conf.socks_bind));
	expect_json("{\"modes\":[\"proxy\",\"socks5\"],"
	    "\"listen\":[\"127.0.0.1:1080\"],\"sessions\":0,");
	fe_status.conf.exposure = GW_EXPOSE_KERNEL;
	expect_json("{\"modes\":[\"kernel\"],\"listen\":[],");
	test_percentile();
	test_share();
	test_words();
	test_tunnels();
	test_uids();
	return (0);
}
