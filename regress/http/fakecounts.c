/*
 * What a relay says, with a number of its own in every field.
 */
#include <err.h>
#include <string.h>

#include "fakecounts.h"
#include "status.h"

static void
fill_ipv6(struct relay_counts *c)
{
	c->sessions = 2;
	c->attempts = 37;
	c->wins = 25;
	c->losses[LOSS_REFUSED] = 1;
	c->losses[LOSS_UNREACHABLE] = 2;
	c->losses[LOSS_TIMEOUT] = 3;
	c->losses[LOSS_RACE] = 4;
	c->rx_bytes = 5000000;
	c->tx_bytes = 100000;
	c->connect.counts[3] = 25;	/* 10 to 25 ms */
	c->connect.sum_us = 500000;
}

static void
fill_ipv4(struct relay_counts *c)
{
	c->sessions = 1;
	c->attempts = 10;
	c->wins = 5;
	c->losses[LOSS_DENIED] = 5;
	c->rx_bytes = 4096;
	c->tx_bytes = 512;
	c->connect.counts[1] = 5;	/* 1 to 5 ms */
	c->connect.sum_us = 15000;
}

static void
say_totals(void)
{
	struct imsg_relay_stats	 m;
	struct relay_counts	*upstream = &m.ways[RELAY_UPSTREAM];

	memset(&m, 0, sizeof(m));
	m.half_open = 1;
	m.udp = 6;
	fill_ipv6(&m.ways[RELAY_IPV6]);
	fill_ipv4(&m.ways[RELAY_IPV4]);
	upstream->attempts = upstream->wins = 1;
	upstream->connect.counts[HISTOGRAM_BOUNDS] = 1;
	upstream->connect.sum_us = 7000000;
	m.answers[ANSWER_POSITIVE] = 40;
	m.answers[ANSWER_NEGATIVE] = 11;
	m.answers[ANSWER_FAILED] = 9;
	m.answers[ANSWER_LATE] = 8;
	m.refused[REFUSED_LIMIT] = 7;
	m.refused[REFUSED_MALFORMED] = 12;
	if (fe_relay_stats(&m, sizeof(m)) == -1)
		errx(1, "RELAY_STATS");
}

static void
say_way(const char *name, enum relay_health health, uint64_t retry_at)
{
	struct imsg_relay_way_stats	 m;

	memset(&m, 0, sizeof(m));
	m.health = health;
	m.retry_at = retry_at;
	if (health == RELAY_GOOD)
		fill_ipv6(&m.counts);
	if (fe_relay_way(fe_tunnel_name(name), &m, sizeof(m)) == -1)
		errx(1, "RELAY_WAY_STATS");
}

static void
say_users(void)
{
	struct relay_uid	 u[2];

	memset(u, 0, sizeof(u));
	u[0].uid = 1000;
	u[0].sessions = 3;
	u[0].half_open = 1;
	u[0].udp = 6;
	u[0].wins[RELAY_IPV6] = 20;
	u[0].wins[RELAY_IPV4] = 4;
	u[0].wins[RELAY_UPSTREAM] = 1;
	u[0].rx_bytes = 2097152;
	u[0].tx_bytes = 2048;
	u[0].limited[LIMIT_NEW] = 2;
	u[0].limited[LIMIT_DNS] = 5;
	u[1].uid = RELAY_OTHERS;
	u[1].wins[RELAY_IPV6] = 5;
	if (fe_relay_uids(u, sizeof(u)) == -1)
		errx(1, "RELAY_UID_STATS");
}

void
fakecounts_speak(const char *good, const char *bad, uint64_t retry_at)
{
	fe_status.conf.exposure = GW_EXPOSE_PROXY | GW_EXPOSE_SOCKS5;
	strlcpy(fe_status.conf.socks_bind, "127.0.0.1:1080",
	    sizeof(fe_status.conf.socks_bind));
	say_totals();
	say_way(good, RELAY_GOOD, 0);
	say_way(bad, RELAY_BAD, retry_at);
	say_users();
}
