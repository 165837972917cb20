/*
 * Which tunnel is the active one, and when another one becomes it.
 */
#include <errno.h>
#include <string.h>

#include "engine_sim.h"

static void
test_priority(void)
{
	fresh("priority");
	add_tunnel(0, 2);
	add_tunnel(1, 1);
	add_tunnel(2, 1);
	commit();
	bring_up(0);
	CHECK(known[0].want == WANT_ACTIVE);
	bring_up(2);
	CHECK(known[2].want == WANT_ACTIVE);
	bring_up(1);		/* as good, and first in the file */
	CHECK(known[1].want == WANT_ACTIVE);
	silence(1);
	CHECK(known[2].want == WANT_ACTIVE && known[1].nrefresh == 1);
	silence(2);
	CHECK(known[0].want == WANT_ACTIVE && health.active_tunnels == 1);
	silence(0);
	CHECK(engine.active == NULL && health.status == HEALTH_DOWN);
	CHECK(health.latency_us == WIRE_UNKNOWN);

	fresh("no preempt");
	conf.preempt = 0;
	add_tunnel(0, 2);
	add_tunnel(1, 1);
	commit();
	bring_up(0);
	bring_up(1);
	CHECK(known[0].want == WANT_ACTIVE);
	silence(0);
	CHECK(known[1].want == WANT_ACTIVE);
}

/* the active one dies: those that answer a moment before go first */
static void
test_failover(void)
{
	uint32_t	 i;

	fresh("failover");
	for (i = 0; i < 4; i++)
		add_tunnel(i, i);
	commit();
	for (i = 0; i < 4; i++)
		bring_up(i);
	CHECK(known[0].want == WANT_ACTIVE);
	advance(5000);
	probe_is(0, 0, PROBE_TIMEOUT, 0);
	/* the two best are asked at the same time */
	CHECK(known[0].nbursts == 1 && known[1].nbursts == 1);
	CHECK(known[2].nbursts == 1 && known[3].nbursts == 0);
	CHECK(known[0].burst.count == 3 && known[0].burst.gap_ms == 50);
	CHECK(known[1].burst.count == 3);
	CHECK(strstr(known[1].status.reason, "active tunnel is in doubt"));
	CHECK(health.active_tunnels == 4 && health.status == HEALTH_OK);
	/* the best is as dead, the second answers */
	advance(40);
	probe_is(2, 0, PROBE_REPLY, 1);
	CHECK(state(2) == TS_UP);
	advance(300);
	for (i = 0; i < 6; i++)
		probe_is(0, i % 2, PROBE_TIMEOUT, 1);
	CHECK(state(0) == TS_DOWN && state(1) == TS_SUSPECT);
	CHECK(known[2].want == WANT_ACTIVE && known[0].want == WANT_PRESENT);
	CHECK(failover.from == 0 && failover.to == 2);
	CHECK(strstr(failover.reason, "t0 is down: no answer from 2 of 2 "
	    "targets for ") == failover.reason);
	CHECK(failover.cause == FAILOVER_FAILURE);
	CHECK(known[2].status.switches == 1 && known[0].status.switches == 1);
	/* the outage ends with the default route, not with the verdict */
	CHECK(noutages == 0);
	advance(50);
	link_is(0, LINK_READY, "");
	CHECK(noutages == 0);
	link_is(2, LINK_READY, "");
	CHECK(noutages == 1 && outage.ms >= 5000 + 340 + 50 &&
	    outage.ms <= 5500);
	link_is(2, LINK_READY, "");
	CHECK(noutages == 1);
	/* its flows are to fail, as another one is there */
	CHECK(known[0].wanted.lost && !known[1].wanted.lost);
	CHECK(known[0].way.lost && !known[1].way.lost);
	/* the first standby answers after all: it goes first */
	probe_is(1, 0, PROBE_REPLY, 1);
	CHECK(known[1].want == WANT_ACTIVE);
	CHECK(strstr(failover.reason, "goes first") != NULL);
	CHECK(failover.cause == FAILOVER_PRIORITY);
	/* nothing was lost */
	link_is(1, LINK_READY, "");
	CHECK(noutages == 1);
	/* the flows of a tunnel that was left for a better one go on */
	CHECK(!known[2].wanted.lost);
	CHECK(known[2].status.role == ROLE_DRAINING);
	/* back, and held back */
	for (i = 0; i < 3; i++)
		probe_is(0, 0, PROBE_REPLY, 1);
	CHECK(state(0) == TS_RECOVERING && known[1].want == WANT_ACTIVE);
	CHECK(!known[0].wanted.lost && !known[0].way.lost);
	CHECK(known[0].status.hold_until == WALL + clock_ms / 1000 + 30);
	advance(29000);
	CHECK(known[1].want == WANT_ACTIVE);
	advance(1000);
	/* before it is used it is asked once more */
	CHECK(known[1].want == WANT_ACTIVE && state(0) == TS_RECOVERING);
	probe_is(0, 0, PROBE_REPLY, 1);
	CHECK(known[0].want == WANT_ACTIVE && state(0) == TS_UP);
	CHECK(known[1].status.role == ROLE_DRAINING);
	CHECK(known[0].status.hold_until == 0);
}

/* the line dies every so often, is dead for a tenth of that, and answers */
static unsigned int
switches_of(uint64_t every_ms, unsigned int times)
{
	unsigned int	 i, j, before;
	uint64_t	 left;

	fresh("flapping");
	add_tunnel(0, 0);
	add_tunnel(1, 1);
	commit();
	bring_up(0);
	bring_up(1);
	before = nfailovers;
	for (i = 0; i < times; i++) {
		probe_is(0, 0, PROBE_TIMEOUT, 0);
		if (state(1) == TS_SUSPECT)
			probe_is(1, 0, PROBE_REPLY, 1);
		advance(250);
		for (j = 0; j < 6; j++)
			probe_is(0, j % 2, PROBE_TIMEOUT, 1);
		CHECK(state(0) == TS_DOWN && known[1].want == WANT_ACTIVE);
		advance(every_ms / 10);
		for (j = 0; j < 3; j++)
			probe_is(0, 0, PROBE_REPLY, 1);
		CHECK(state(0) == TS_RECOVERING);
		left = every_ms - every_ms / 10 - 250;
		for (; left > 1000; left -= 1000) {
			advance(1000);
			probe_is(0, 0, PROBE_REPLY, 0);
		}
		advance(left);
	}
	return (nfailovers - before);
}

static void
test_flapping(void)
{
	/* held for 30 s: it never comes back */
	CHECK(switches_of(20000, 180) == 1);
	/* it comes back once, after 30 s, and then is held for 60 s and more */
	CHECK(switches_of(45000, 80) == 3);
	/* 30, 60, 120, 240, 480 s: there and back, and then 15 minutes */
	CHECK(switches_of(600000, 6) == 11);
	/* ten minutes of health forgive a half: the same each time */
	CHECK(switches_of(1500000, 6) == 12);
}

/* none of the standbys could be asked first, and all news come at once */
static void
test_shared_cause(void)
{
	unsigned int	 n;
	uint32_t	 i;

	fresh("shared cause");
	for (i = 0; i < 6; i++)
		add_tunnel(i, i);
	commit();
	for (i = 0; i < 6; i++)
		bring_up(i);
	advance(1000);
	n = nfailovers;
	/* five share a way, and it is gone; one has its own */
	for (i = 0; i < 5; i++)
		link_is(i, LINK_WAIT_WAN, "no route");
	advance(3);
	CHECK(known[5].want == WANT_ACTIVE && nfailovers == n + 1);
	for (i = 0; i < 5; i++)
		CHECK(state(i) == TS_WAIT_WAN && known[i].wanted.lost);
	/* the way is back: every one of them is held back */
	for (i = 0; i < 5; i++) {
		bring_back(i);
		CHECK(state(i) == TS_RECOVERING);
	}
	CHECK(known[5].want == WANT_ACTIVE && nfailovers == n + 1);
	advance(30000);
	probe_is(0, 0, PROBE_REPLY, 1);
	CHECK(known[0].want == WANT_ACTIVE);
}

/* what proves itself at once is confirmed in quick succession */
static void
test_refused(void)
{
	fresh("refused");
	add_tunnel(0, 0);
	add_tunnel(1, 1);
	commit();
	bring_up(0);
	bring_up(1);
	advance(5000);
	probe_is(0, 0, PROBE_ERROR, 0);
	CHECK(known[0].burst.gap_ms == 20 && known[1].nbursts == 1);
	probe_is(0, 0, PROBE_ERROR, 1);
	probe_is(0, 1, PROBE_ERROR, 1);
	probe_is(1, 1, PROBE_REPLY, 1);
	advance(20);
	CHECK(known[1].want == WANT_PRESENT);
	probe_is(0, 0, PROBE_ERROR, 1);
	CHECK(state(0) == TS_DOWN && known[1].want == WANT_ACTIVE);
}

static void
test_hint(void)
{
	struct imsg_probe_hint	 m;

	fresh("hint");
	add_tunnel(0, 0);
	commit();
	bring_up(0);
	advance(5000);
	memset(&m, 0, sizeof(m));
	m.type = 3;
	deliver(PROC_PROBER, IMSG_PROBE_HINT, 0, &m, sizeof(m));
	check_world();
	CHECK(known[0].nbursts == 1 && state(0) == TS_SUSPECT);
	probe_is(0, 0, PROBE_REPLY, 1);
	CHECK(state(0) == TS_UP);
	deliver(PROC_PROBER, IMSG_PROBE_HINT, 0, &m, sizeof(m));
	CHECK(known[0].nbursts == 1);
}

/* the operator's choice goes first, whatever the priorities say */
static void
test_prefer(void)
{
	fresh("prefer");
	add_tunnel(0, 0);
	add_tunnel(1, 1);
	add_tunnel(2, 2)->enabled = 0;
	commit();
	CHECK(admin(1, ADMIN_PREFER) == 0);
	CHECK(known[1].status.preferred);
	CHECK(admin(1, ADMIN_PREFER) == EALREADY);
	CHECK(admin(0, ADMIN_UNPREFER) == EALREADY);
	CHECK(admin(2, ADMIN_PREFER) == EINVAL);
	bring_up(0);
	CHECK(known[0].want == WANT_ACTIVE);
	bring_up(1);
	CHECK(known[1].want == WANT_ACTIVE);
	CHECK(strcmp(failover.reason, "t1 is preferred by an operator") == 0);
	CHECK(failover.cause == FAILOVER_OPERATOR);
	CHECK(admin(0, ADMIN_PREFER) == 0);
	CHECK(known[0].want == WANT_ACTIVE && !known[1].status.preferred);
	/* it fails like any other, and is back when it may */
	silence(0);
	CHECK(known[1].want == WANT_ACTIVE);
	probe_is(1, 0, PROBE_REPLY, 1);
	CHECK(admin(0, ADMIN_UNPREFER) == 0);
	CHECK(known[1].want == WANT_ACTIVE);

	fresh("prefer, no preempt");
	conf.preempt = 0;
	add_tunnel(0, 0);
	add_tunnel(1, 1);
	commit();
	bring_up(1);
	bring_up(0);
	CHECK(known[1].want == WANT_ACTIVE);
	CHECK(admin(0, ADMIN_PREFER) == 0);
	CHECK(known[0].want == WANT_ACTIVE);
}

static void
test_manual(void)
{
	fresh("manual");
	conf.mode = GW_MODE_MANUAL;
	add_tunnel(0, 0);
	add_tunnel(1, 1);
	commit();
	bring_up(1);
	CHECK(known[1].want == WANT_ACTIVE);
	bring_up(0);
	CHECK(known[1].want == WANT_ACTIVE);
	CHECK(admin(0, ADMIN_PREFER) == 0);
	CHECK(known[0].want == WANT_ACTIVE);
	/* nobody else has been chosen */
	silence(0);
	CHECK(engine.active == NULL && health.status == HEALTH_DOWN);
	CHECK(failover.from == 0 && failover.to == WIRE_UNKNOWN);
	CHECK(failover.cause == FAILOVER_FAILURE);
	CHECK(admin(1, ADMIN_PREFER) == 0);
	CHECK(known[1].want == WANT_ACTIVE);
	CHECK(failover.cause == FAILOVER_RECOVERY);
}

static void
delay_is(uint32_t id, uint32_t avg_us, uint32_t lost)
{
	struct imsg_probe_result	 m;

	memset(&m, 0, sizeof(m));
	m.rtt_us = m.avg_us = m.p95_us = avg_us;
	m.sent = 100;
	m.lost = lost;
	m.time = WALL + clock_ms / 1000;
	deliver(PROC_PROBER, IMSG_PROBE_RESULT, id, &m, sizeof(m));
	check_world();
}

/* for so long, both are probed twice a second */
static void
delays_are(uint32_t zero_us, uint32_t one_us, uint64_t ms)
{
	uint64_t	 end = clock_ms + ms;

	while (clock_ms < end) {
		delay_is(0, zero_us, 0);
		delay_is(1, one_us, 0);
		advance(500);
	}
}

static void
test_latency(void)
{
	fresh("latency");
	conf.mode = GW_MODE_LATENCY;
	add_tunnel(0, 0);
	add_tunnel(1, 1);
	commit();
	bring_up(0);
	bring_up(1);
	delays_are(40000, 38000, 200000);
	CHECK(known[0].want == WANT_ACTIVE);	/* not by the margin */
	delays_are(40000, 29000, 200000);
	CHECK(known[0].want == WANT_ACTIVE);	/* 10 ms, not 30 % */
	delays_are(40000, 27000, 59000);
	CHECK(known[0].want == WANT_ACTIVE);	/* not long enough */
	delays_are(40000, 39000, 1000);
	delays_are(40000, 27000, 59000);
	delays_are(25000, 27000, 1000);
	delays_are(40000, 27000, 59000);
	CHECK(known[0].want == WANT_ACTIVE);	/* not in one piece */
	delays_are(40000, 27000, 2000);
	CHECK(known[1].want == WANT_ACTIVE);
	CHECK(strstr(failover.reason, "t1 has been faster by the margin for "
	    "60 s") != NULL);
	CHECK(failover.cause == FAILOVER_LATENCY);
	delays_are(10000, 27000, 59000);
	CHECK(known[1].want == WANT_ACTIVE);
	delays_are(10000, 27000, 2000);
	CHECK(known[0].want == WANT_ACTIVE);
	delays_are(5000, 1000, 200000);
	CHECK(known[0].want == WANT_ACTIVE);	/* 30 %, not 10 ms */
	/* loss costs, too */
	delay_is(0, 5000, 9);
	advance(1000);
	delay_is(1, 20000, 0);
	advance(60000);
	delay_is(0, 5000, 9);
	delay_is(1, 20000, 0);
	CHECK(known[1].want == WANT_ACTIVE);
	/* of several that answer, a failure takes the fastest */
	fresh("latency, failure");
	conf.mode = GW_MODE_LATENCY;
	add_tunnel(0, 0);
	add_tunnel(1, 0);
	add_tunnel(2, 0);
	commit();
	bring_up(0);
	bring_up(1);
	bring_up(2);
	delay_is(1, 30000, 0);
	delay_is(2, 10000, 0);
	silence(0);
	CHECK(known[2].want == WANT_ACTIVE || known[1].want == WANT_ACTIVE);
}

int
main(void)
{
	start_engine();
	test_priority();
	test_failover();
	test_flapping();
	test_shared_cause();
	test_refused();
	test_hint();
	test_prefer();
	test_manual();
	test_latency();
	fresh("end");
	return (0);
}
