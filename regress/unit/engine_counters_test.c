/*
 * What the engine counts for /metrics: probes and their delays, packets, why
 * the default route moved and how long it was missed.
 */
#include <err.h>
#include <string.h>

#include "engine_sim.h"

/* what /metrics counts of a tunnel */
static void
test_counters(void)
{
	struct imsg_stats		 stats = { 1, 2, 3, 4, 5, 6, 0 };
	const struct imsg_counters	*c = &known[0].status.counters;

	fresh("counters");
	add_tunnel(0, 0);
	commit();
	bring_up(0);
	probe_is(0, 0, PROBE_REPLY, 0);
	probe_is(0, 1, PROBE_TIMEOUT, 0);
	probe_is(0, 1, PROBE_ERROR, 0);
	probe_is(0, 1, PROBE_LATE, 0);
	advance(1000);
	deliver(PROC_PARENT, IMSG_STATS, 0, &stats, sizeof(stats));
	CHECK(c->rx_packets == 3 && c->tx_packets == 4);
	CHECK(c->rx_errors == 5 && c->tx_errors == 6);
	CHECK(c->probes[PROBE_REPLY] == 2 && c->probes[PROBE_TIMEOUT] == 1);
	CHECK(c->probes[PROBE_ERROR] == 1 && c->probes[PROBE_LATE] == 1);
	/* 20 ms, twice, and one that was late by an unknown time */
	CHECK(c->rtt.counts[2] == 2 && c->rtt.counts[HISTOGRAM_BOUNDS] == 1);
	/* another interface begins to count anew */
	memset(&stats, 0, sizeof(stats));
	stats.rx_errors = 1;
	advance(1000);
	deliver(PROC_PARENT, IMSG_STATS, 0, &stats, sizeof(stats));
	CHECK(c->rx_packets == 3 && c->tx_packets == 4);
	CHECK(c->rx_errors == 6 && c->tx_errors == 6);
	CHECK(c->rtt.counts[2] == 2);
}

/* taken down by an operator: that is no failure, and no outage */
static void
test_taken_down(void)
{
	unsigned int	 before = noutages;

	fresh("taken down");
	add_tunnel(0, 0);
	add_tunnel(1, 1);
	commit();
	bring_up(0);
	bring_up(1);
	CHECK(admin(0, ADMIN_DOWN) == 0);
	CHECK(known[1].want == WANT_ACTIVE);
	CHECK(failover.cause == FAILOVER_OPERATOR);
	link_is(1, LINK_READY, "");
	CHECK(noutages == before);
	/* none is left, and one is back later: the outage was as long */
	silence(1);
	CHECK(failover.cause == FAILOVER_FAILURE);
	advance(60000);
	bring_back(1);
	link_is(1, LINK_READY, "");
	CHECK(failover.cause == FAILOVER_RECOVERY);
	CHECK(noutages == before + 1 && outage.ms >= 60000);
}

int
main(void)
{
	start_engine();
	test_counters();
	test_taken_down();
	return (0);
}
