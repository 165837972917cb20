/*
 * The engine in a world that throws dice: links that fail and recover, late
 * and stale answers, operators, reloads.  engine_sim.c checks after every
 * event that nobody's picture of it is wrong.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine_sim.h"

#define SEEDS		4000
#define HAPPENINGS		300

/* the parent: what it was last told to make of a tunnel, and says later */
static struct {
	enum link_state	 state;
	int		 healthy;	/* its targets answer */
} world[IDS];

static uint32_t
dice(uint32_t sides)
{
	return ((uint32_t)random() % sides);
}

/* mostly the truth about what was wanted, sometimes trouble */
static void
random_link(uint32_t id)
{
	static const enum link_state	 trouble[] = { LINK_WAIT_WAN,
					    LINK_WAIT_DNS, LINK_DOWN,
					    LINK_ERROR, LINK_ABSENT };
	struct imsg_link		 m;

	memset(&m, 0, sizeof(m));
	m.state = LINK_READY;
	if (known[id].has_want && known[id].want == WANT_ABSENT)
		m.state = LINK_ABSENT;
	if (dice(4) == 0)
		m.state = trouble[dice(5)];
	/* what was on its way when the engine changed its mind */
	if (dice(10) == 0)
		m.state = LINK_READY;
	m.want = dice(8) == 0 ? dice(3) : (uint32_t)known[id].want;
	m.ifindex = 100 + dice(2);
	m.mtu = m.mtu_max = dice(4) ? 1480 : 1280;
	m.mtu_fixed = dice(4) == 0;
	m.retry_s = dice(2) * 30;
	strlcpy(m.reason, dice(2) ? "one reason" : "another",
	    sizeof(m.reason));
	world[id].state = (enum link_state)m.state;
	deliver(PROC_PARENT, IMSG_LINK, id, &m, sizeof(m));
}

static void
random_probe(uint32_t id)
{
	struct imsg_probe_result	 m;

	if (dice(12) == 0)
		world[id].healthy = !world[id].healthy;
	memset(&m, 0, sizeof(m));
	m.target = dice(GW_TARGETS_MAX);
	if (known[id].probed && dice(8) != 0)
		m.target = dice(known[id].set.ntargets);
	m.outcome = world[id].healthy ? PROBE_REPLY : PROBE_TIMEOUT;
	if (dice(10) == 0)
		m.outcome = dice(PROBE_LATE + 1);
	m.error = m.outcome == PROBE_ERROR ? ENETUNREACH : 0;
	m.burst = dice(2);
	m.rtt_us = dice(1000000);
	m.sent = dice(200);
	m.lost = dice(m.sent / 4 + 1);
	m.avg_us = m.sent > 0 ? dice(600000) : WIRE_UNKNOWN;
	m.p95_us = m.avg_us;
	m.time = WALL + clock_ms / 1000;
	deliver(PROC_PROBER, IMSG_PROBE_RESULT, id, &m, sizeof(m));
}

/* what else the others have to say */
static void
random_news(uint32_t id)
{
	static uint64_t		 tx, rx;
	struct imsg_stats	 stats;
	struct imsg_probe_hint	 hint;
	struct imsg_pmtu_result	 pmtu;

	memset(&stats, 0, sizeof(stats));
	memset(&hint, 0, sizeof(hint));
	switch (dice(3)) {
	case 0:
		stats.tx_packets = stats.tx_bytes = tx += dice(20);
		stats.rx_packets = stats.rx_bytes = rx += dice(2) * dice(20);
		stats.handshake = dice(2) * (WALL + clock_ms / 1000 -
		    dice(200));
		deliver(PROC_PARENT, IMSG_STATS, id, &stats, sizeof(stats));
		break;
	case 1:
		deliver(PROC_PROBER, IMSG_PROBE_HINT, id, &hint,
		    sizeof(hint));
		break;
	case 2:
		pmtu.max = dice(2) ? 1480 : 1280 + dice(500);
		pmtu.mtu = dice(4) ? 1280 + dice(pmtu.max - 1279) : 0;
		pmtu.told = dice(2);
		deliver(PROC_PROBER, IMSG_PMTU_RESULT, id, &pmtu,
		    sizeof(pmtu));
		break;
	}
}

static void
random_conf(void)
{
	conf.preempt = dice(3) != 0;
	conf.mode = dice(2) ? GW_MODE_PRIORITY : dice(3);
	conf.margin_hold_ms = dice(2) * 5000;
	conf.ntargets = 1 + dice(3);
	memset(conf.targets, 0, sizeof(conf.targets));
	conf.targets[1].s6_addr[0] = conf.targets[2].s6_addr[0] = 0x20;
	if (dice(6) == 0)
		conf.targets[0].s6_addr[0] = 0x20;	/* no gateway */
	conf.quorum = 1 + dice(3);
	conf.interval_ms = 200 + dice(3) * 100;
}

/* tunnels leave, come, change, and stand in another order */
static void
random_reload(void)
{
	struct imsg_tunnel	 swap;
	uint32_t		 used = 0, i, j;

	random_conf();
	/* an id that is free again is free from the next reload on */
	for (i = 0; i < ntunnels; i++)
		used |= 1U << tunnels[i].id;
	for (i = 0; i < ntunnels; i++) {
		if (dice(5) == 0) {
			memmove(&tunnels[i], &tunnels[i + 1],
			    (ntunnels - i - 1) * sizeof(tunnels[0]));
			ntunnels--;
		}
	}
	for (i = 0; i < ntunnels; i++) {
		tunnels[i].was_active = 0;
		if (dice(4) == 0)
			tunnels[i].enabled = dice(3) != 0;
		if (dice(4) == 0)
			tunnels[i].priority = dice(3);
		if (dice(8) == 0)
			tunnels[i].has_gateway = !tunnels[i].has_gateway;
		j = dice(ntunnels);
		swap = tunnels[i];
		tunnels[i] = tunnels[j];
		tunnels[j] = swap;
	}
	for (i = 0; i < IDS && ntunnels < IDS; i++) {
		if (!(used & 1U << i) && dice(4) == 0) {
			memset(&known[i], 0, sizeof(known[i]));
			add_tunnel(i, dice(3));
		}
	}
	commit();
}

static void
random_event(void)
{
	uint32_t	 id;

	id = ntunnels > 0 ? tunnels[dice(ntunnels)].id : dice(IDS);
	switch (dice(20)) {
	case 0:
		random_reload();
		break;
	case 1:
		admin(dice(6) == 0 ? dice(IDS) : id,
		    (enum admin_verb)dice(ADMIN_UNPREFER + 1));
		break;
	case 2:
		send_conf();
		deliver(PROC_PARENT, IMSG_RECONF_ABORT, 0, NULL, 0);
		break;
	case 3:
		advance(dice(40000));
		break;
	case 4:
	case 5:
	case 6:
		random_link(id);
		break;
	case 7:
		random_news(dice(10) == 0 ? dice(IDS) : id);
		break;
	default:
		/* also for tunnels that are not probed, or are gone */
		random_probe(dice(10) == 0 ? dice(IDS) : id);
		break;
	}
	check_world();
}

static void
random_life(void)
{
	unsigned int	 adopted = dice(4), i;

	fresh("random");
	memset(world, 0, sizeof(world));
	random_conf();
	for (i = 0; i < 1 + dice(4); i++)
		add_tunnel(i, dice(3))->was_active = i + 1 == adopted;
	for (i = 0; i < IDS; i++)
		world[i].healthy = dice(4) != 0;
	commit();
	for (i = 0; i < HAPPENINGS; i++) {
		advance(dice(300));
		random_event();
	}
	if (dice(2) != 0)
		return;
	/* the end: whatever comes then, no WANT leaves */
	deliver(PROC_PARENT, IMSG_SETTLE, 0, NULL, 0);
	for (i = 0; i < 50; i++)
		random_event();
}

/* with a seed as argument: that one alone */
int
main(int argc, char *argv[])
{
	start_engine();
	for (seed = 1; seed <= SEEDS; seed++) {
		if (argc > 1)
			seed = (unsigned int)strtoul(argv[1], NULL, 10);
		srandom(seed);
		random_life();
		if (argc > 1)
			break;
	}
	fresh("end");
	return (0);
}
