/*
 * What the engine makes of traffic, path MTUs and counters, and what of it
 * outlives a restart.
 */
#include <string.h>

#include "engine_sim.h"

/* packets go out and none comes back */
static void
test_traffic(void)
{
	struct imsg_stats	 stats;
	unsigned int		 i;

	fresh("traffic");
	conf.interval_ms = 5000;
	add_tunnel(0, 0);
	commit();
	bring_up(0);
	memset(&stats, 0, sizeof(stats));
	deliver(PROC_PARENT, IMSG_STATS, 0, &stats, sizeof(stats));
	/* idle: no more samples than probes */
	i = known[0].nsamples;
	advance(4000);
	CHECK(known[0].nsamples == i);
	probe_is(0, 0, PROBE_REPLY, 0);
	CHECK(known[0].nsamples == i + 1);
	/* traffic both ways: sampled fast, no doubt */
	for (i = 0; i < 20; i++) {
		stats.tx_packets += 10;
		stats.rx_packets += 10;
		deliver(PROC_PARENT, IMSG_STATS, 0, &stats, sizeof(stats));
		CHECK(state(0) == TS_UP);
		advance(100);
	}
	CHECK(known[0].nsamples >= 15 && known[0].nbursts == 0);
	/* one way only: within 300 ms and a sample */
	for (i = 0; i < 4 && state(0) == TS_UP; i++) {
		stats.tx_packets += 3;
		deliver(PROC_PARENT, IMSG_STATS, 0, &stats, sizeof(stats));
		advance(100);
	}
	CHECK(state(0) == TS_SUSPECT && known[0].nbursts == 1);
	CHECK(strstr(known[0].status.reason, "none comes back") != NULL);
	/* a flow in one direction: the probes are answered, no second alarm */
	probe_is(0, 0, PROBE_REPLY, 1);
	for (i = 0; i < 40; i++) {
		stats.tx_packets += 3;
		deliver(PROC_PARENT, IMSG_STATS, 0, &stats, sizeof(stats));
		advance(100);
	}
	CHECK(known[0].nbursts == 1 && state(0) == TS_UP);
	/* quiet again */
	i = known[0].nsamples;
	deliver(PROC_PARENT, IMSG_STATS, 0, &stats, sizeof(stats));
	advance(1000);
	deliver(PROC_PARENT, IMSG_STATS, 0, &stats, sizeof(stats));
	i = known[0].nsamples;
	advance(10000);
	CHECK(known[0].nsamples == i);
}

static void
pmtu_is(uint32_t id, uint32_t mtu, uint32_t max, uint32_t told)
{
	struct imsg_pmtu_result	 m = { mtu, max, told };

	deliver(PROC_PROBER, IMSG_PMTU_RESULT, id, &m, sizeof(m));
	check_world();
}

static void
test_pmtu(void)
{
	struct imsg_link	 m;

	fresh("pmtu");
	add_tunnel(0, 0);
	commit();
	bring_up(0);
	CHECK(known[0].npmtu == 1 && known[0].pmtu_max == 1480);
	pmtu_is(0, 1480, 1480, 0);
	CHECK(known[0].wanted.mtu == 0 && known[0].status.pmtu == 1480);
	probe_is(0, 0, PROBE_REPLY, 0);
	CHECK(known[0].npmtu == 1);
	/* every 15 minutes */
	advance(15 * 60 * 1000);
	probe_is(0, 0, PROBE_REPLY, 0);
	CHECK(known[0].npmtu == 2);
	pmtu_is(0, 1376, 1480, 0);
	CHECK(known[0].wanted.mtu == 1376 && known[0].want == WANT_ACTIVE);
	CHECK(known[0].status.black_hole && known[0].status.pmtu == 1376);
	/* nothing went through: that is for the verdict */
	pmtu_is(0, 0, 1480, 0);
	CHECK(known[0].wanted.mtu == 1376);
	/* an answer to an old question */
	pmtu_is(0, 1400, 1400, 0);
	CHECK(known[0].wanted.mtu == 1376);
	/* another way: asked again, and it is wide */
	m = known[0].status.link;
	m.local.s_addr = 0x020200c0;
	deliver(PROC_PARENT, IMSG_LINK, 0, &m, sizeof(m));
	probe_is(0, 0, PROBE_REPLY, 1);
	CHECK(known[0].npmtu == 3);
	pmtu_is(0, 1480, 1480, 0);
	CHECK(known[0].wanted.mtu == 0 && !known[0].status.black_hole);
	/* the configuration says how much: reported, not changed */
	m.mtu_fixed = 1;
	m.local.s_addr = 0x030200c0;
	deliver(PROC_PARENT, IMSG_LINK, 0, &m, sizeof(m));
	probe_is(0, 0, PROBE_REPLY, 1);
	pmtu_is(0, 1300, 1480, 0);
	CHECK(known[0].wanted.mtu == 0 && known[0].status.black_hole);
	/* again after every failure */
	m.mtu_fixed = 0;
	deliver(PROC_PARENT, IMSG_LINK, 0, &m, sizeof(m));
	silence(0);
	advance(15 * 60 * 1000);
	probe_is(0, 0, PROBE_REPLY, 0);
	CHECK(known[0].npmtu == 4);
	probe_is(0, 0, PROBE_REPLY, 1);
	probe_is(0, 0, PROBE_REPLY, 1);
	CHECK(state(0) == TS_UP && known[0].npmtu == 5);
}

/* what the last run left: text is all of it */
static void
load(const char *text)
{
	deliver(PROC_PARENT, IMSG_STATE_LOAD, 0, text, strlen(text));
	deliver(PROC_PARENT, IMSG_STATE_LOAD, 0, NULL, 0);
}

static void
test_persist(void)
{
	static const char *const	 bad[] = {
		"[tunnel.t0]\nhold_ms = -1\n", "[core]\n", "hold_ms = 1\n",
		"[tunnel.t0]\nhold = 1\n", "[tunnel.t0]\nhold_ms\n",
		"[tunnel.t0]\nhold_ms = 99999999999999999999999\n",
		"[tunnel.t0]\nhold_ms = \n", "\x01\x02", "[tunnel.t0\n",
		"[tunnel.0123456789012345678901234567890123456789]\n"
	};
	struct imsg_stats		 stats = { .rx_bytes = 1000,
					    .tx_bytes = 2000 };
	char				 text[sizeof(state_text)];
	unsigned int			 i;

	fresh("persist");
	add_tunnel(0, 0);
	add_tunnel(1, 1);
	commit();
	bring_up(0);
	bring_up(1);
	CHECK(admin(1, ADMIN_PREFER) == 0);
	deliver(PROC_PARENT, IMSG_STATS, 0, &stats, sizeof(stats));
	advance(2000);
	i = nsaves;
	silence(0);
	advance(1000);
	CHECK(nsaves == i + 1);		/* in a moment, and once */
	advance(60000);
	CHECK(nsaves == i + 1);
	for (i = 0; i < 3; i++)
		probe_is(0, 0, PROBE_REPLY, 1);
	CHECK(state(0) == TS_RECOVERING);
	i = nsaves;
	deliver(PROC_PARENT, IMSG_SETTLE, 0, NULL, 0);
	CHECK(nsaves == i + 1 && state_len > 0);
	memcpy(text, state_text, sizeof(text));

	/* the next run, 10 s later; its interface was made anew */
	clock_ms += 10000;
	fresh("persist, again");
	load(text);
	add_tunnel(0, 0);
	add_tunnel(1, 1);
	add_tunnel(2, 2);
	commit();
	CHECK(known[1].status.preferred && !known[0].status.preferred);
	CHECK(known[0].status.rx_bytes == 1000);
	bring_up(1);
	link_is(0, LINK_READY, "");
	for (i = 0; i < 3; i++)
		probe_is(0, 0, PROBE_REPLY, 1);
	CHECK(state(0) == TS_RECOVERING && known[1].want == WANT_ACTIVE);
	CHECK(known[0].status.hold_until <= WALL + clock_ms / 1000 + 20);
	CHECK(known[0].status.switches == 1 &&
	    known[0].status.transitions > 3);
	advance(1000);
	stats.rx_bytes = 10;
	stats.tx_bytes = 20;
	deliver(PROC_PARENT, IMSG_STATS, 0, &stats, sizeof(stats));
	CHECK(known[0].status.rx_bytes == 1010);
	CHECK(known[0].status.tx_bytes == 2020);

	/* it was taken over, and counts on */
	fresh("persist, adopted");
	load("[tunnel.t0]\nrx_before = 5\nrx_bytes = 100\ntx_bytes = 7\n"
	    "[tunnel.gone]\nhold_ms = 1\n");
	add_tunnel(0, 0);
	commit();
	stats.rx_bytes = 150;
	advance(1000);
	deliver(PROC_PARENT, IMSG_STATS, 0, &stats, sizeof(stats));
	CHECK(known[0].status.rx_bytes == 155 && nbad == 0);
	/* a hold-down that ended while nobody ran is over */
	fresh("persist, ended");
	load("[tunnel.t0]\nfailed = 1\nhold_ms = 60000\nhold_until = 5\n");
	add_tunnel(0, 0);
	commit();
	bring_up(0);

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fresh("persist, bad");
		load(bad[i]);
		CHECK(nbad == i + 1);
		add_tunnel(0, 0);
		commit();
		bring_up(0);
	}
}

/* WireGuard: the name is asked for again when handshakes stop */
static void
test_handshake(void)
{
	struct imsg_stats	 stats;

	fresh("handshake");
	add_tunnel(0, 0)->type = GW_WIREGUARD;
	commit();
	bring_up(0);
	memset(&stats, 0, sizeof(stats));
	advance(1000);
	stats.handshake = WALL + clock_ms / 1000 - 100;
	deliver(PROC_PARENT, IMSG_STATS, 0, &stats, sizeof(stats));
	CHECK(known[0].status.handshake == stats.handshake);
	CHECK(known[0].nrefresh == 0);
	advance(36000);
	deliver(PROC_PARENT, IMSG_STATS, 0, &stats, sizeof(stats));
	CHECK(known[0].nrefresh == 1);
	advance(1000);
	deliver(PROC_PARENT, IMSG_STATS, 0, &stats, sizeof(stats));
	CHECK(known[0].nrefresh == 1);
	advance(30000);
	deliver(PROC_PARENT, IMSG_STATS, 0, &stats, sizeof(stats));
	CHECK(known[0].nrefresh == 2);
}

/* counters: a sample a second, and each sample is told */
static void
test_samples(void)
{
	struct imsg_stats	 stats = { 1, 2, 3, 4, 5, 6, 0 };
	unsigned int		 i, before;

	fresh("samples");
	add_tunnel(0, 0);
	commit();
	bring_up(0);
	before = known[0].nstatus;
	for (i = 0; i < 50; i++) {
		advance(100);
		probe_is(0, 0, PROBE_REPLY, 0);
	}
	CHECK(known[0].nsamples >= 5 && known[0].nsamples <= 7);
	CHECK(known[0].nstatus == before);
	deliver(PROC_PARENT, IMSG_STATS, 0, &stats, sizeof(stats));
	CHECK(known[0].nstatus == before + 1);
	CHECK(known[0].status.rx_bytes == 1 && known[0].status.tx_bytes == 2);
	CHECK(known[0].status.last_check == WALL + clock_ms / 1000);
	CHECK(health.last_check == known[0].status.last_check);
	deliver(PROC_PARENT, IMSG_STATS, 7, &stats, sizeof(stats));
}

int
main(void)
{
	start_engine();
	test_traffic();
	test_pmtu();
	test_persist();
	test_handshake();
	test_samples();
	fresh("end");
	return (0);
}
