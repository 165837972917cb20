/*
 * The engine's decisions, one situation after the other; engine_sim.c checks
 * the whole picture after every event.
 */
#include <errno.h>
#include <string.h>

#include "engine_sim.h"

static enum tunnel_state
state(uint32_t id)
{
	return ((enum tunnel_state)known[id].status.state);
}

static void
test_start(void)
{
	fresh("start");
	CHECK(health.status == HEALTH_DOWN);	/* there is no tunnel at all */
	add_tunnel(0, 0);
	commit();
	CHECK(known[0].want == WANT_PRESENT && !known[0].probed);
	CHECK(state(0) == TS_CONFIGURING && health.status == HEALTH_STARTING);
	link_is(0, LINK_READY, "");
	CHECK(state(0) == TS_PROBING && health.status == HEALTH_STARTING);
	CHECK(known[0].set.ntargets == 2 && known[0].want == WANT_PRESENT);
	CHECK(known[0].set.targets[0].s6_addr[15] == 1);	/* gateway */
	probe_is(0, 1, PROBE_REPLY, 0);
	CHECK(state(0) == TS_UP && known[0].want == WANT_ACTIVE);
	CHECK(health.status == HEALTH_OK && health.latency_us == 20000);
	CHECK(health.active_tunnels == 1 && health.active == 0);
	CHECK(health.last_check == WALL + clock_ms / 1000);
	CHECK(known[0].status.transitions == 2 && known[0].nwants == 2);
}

/* what the kernel had when we came stays, until there is a verdict */
static void
test_adoption(void)
{
	unsigned int	 i;

	for (i = 0; i < 2; i++) {
		fresh("adoption");
		add_tunnel(0, 5)->was_active = 1;
		add_tunnel(1, 0);
		commit();
		CHECK(known[0].want == WANT_ACTIVE && known[0].nwants == 1);
		CHECK(known[1].want == WANT_PRESENT);
		link_is(0, LINK_READY, "");
		link_is(1, LINK_READY, "");
		/* better, and up: but the verdict on the other is open */
		probe_is(1, 0, PROBE_REPLY, 0);
		CHECK(state(1) == TS_UP && known[0].want == WANT_ACTIVE);
		CHECK(known[1].want == WANT_PRESENT);
		CHECK(health.status == HEALTH_STARTING);
		if (i == 0)
			advance(6000);		/* never answered */
		else
			probe_is(0, 0, PROBE_REPLY, 0);
		CHECK(state(0) == (i == 0 ? TS_DOWN : TS_UP));
		CHECK(known[0].want == WANT_PRESENT);
		CHECK(known[1].want == WANT_ACTIVE);
	}
	fresh("adoption, silent");
	add_tunnel(0, 0)->was_active = 1;
	add_tunnel(1, 1);
	commit();
	link_is(0, LINK_READY, "");
	link_is(1, LINK_READY, "");
	advance(2000);
	CHECK(known[0].want == WANT_ACTIVE);	/* there is no other */
	probe_is(1, 0, PROBE_REPLY, 0);
	CHECK(known[1].want == WANT_ACTIVE && state(0) == TS_PROBING);
	fresh("adoption, silent for less");
	add_tunnel(0, 0)->was_active = 1;
	add_tunnel(1, 1);
	commit();
	link_is(0, LINK_READY, "");
	link_is(1, LINK_READY, "");
	probe_is(1, 0, PROBE_REPLY, 0);
	advance(1400);
	CHECK(known[0].want == WANT_ACTIVE);
	advance(200);
	CHECK(known[1].want == WANT_ACTIVE);
	fresh("adoption, alone");
	add_tunnel(0, 0)->was_active = 1;
	commit();
	bring_up(0);
	CHECK(known[0].nwants == 1 && known[0].want == WANT_ACTIVE);
	fresh("adoption, disabled");
	add_tunnel(0, 0)->was_active = 1;
	tunnels[0].enabled = 0;
	commit();
	CHECK(known[0].want == WANT_ABSENT);
	fresh("adoption, two");
	add_tunnel(0, 1)->was_active = 1;
	add_tunnel(1, 1)->was_active = 1;
	commit();
	CHECK(known[0].want == WANT_ACTIVE && known[1].want == WANT_PRESENT);
}

static void
test_disabled(void)
{
	fresh("disabled");
	add_tunnel(0, 0)->enabled = 0;
	commit();
	CHECK(known[0].want == WANT_ABSENT && state(0) == TS_DISABLED);
	CHECK(health.status == HEALTH_DOWN);
	CHECK(admin(0, ADMIN_UP) == EINVAL);
	CHECK(admin(0, ADMIN_RESTART) == EINVAL);
	CHECK(admin(0, ADMIN_DOWN) == EALREADY);
	CHECK(admin(7, ADMIN_UP) == ENOENT);
	CHECK(known[0].nwants == 1);
	/* enabled by a reload, and taken away by another */
	tunnels[0].enabled = 1;
	commit();
	CHECK(known[0].want == WANT_PRESENT && state(0) == TS_CONFIGURING);
	bring_up(0);
	tunnels[0].enabled = 0;
	commit();
	CHECK(known[0].want == WANT_ABSENT && !known[0].probed);
	CHECK(health.status == HEALTH_DOWN);
}

static void
test_admin(void)
{
	fresh("admin");
	add_tunnel(0, 0);
	add_tunnel(1, 1);
	commit();
	bring_up(0);
	bring_up(1);
	CHECK(admin(0, ADMIN_UP) == EALREADY);
	CHECK(admin(0, ADMIN_DOWN) == 0);
	CHECK(state(0) == TS_DISABLED && known[0].want == WANT_ABSENT);
	CHECK(!known[0].probed && known[1].want == WANT_ACTIVE);
	CHECK(strstr(known[0].status.reason, "operator") != NULL);
	CHECK(admin(0, ADMIN_DOWN) == EALREADY);
	/* a reload does not undo what the operator did */
	commit();
	CHECK(state(0) == TS_DISABLED);
	CHECK(admin(0, ADMIN_UP) == 0);
	CHECK(known[0].want == WANT_PRESENT && state(0) == TS_CONFIGURING);
	bring_up(0);
	CHECK(known[0].want == WANT_ACTIVE && known[1].want == WANT_PRESENT);
}

static void
test_restart(void)
{
	fresh("restart");
	add_tunnel(0, 0);
	commit();
	bring_up(0);
	CHECK(admin(0, ADMIN_RESTART) == 0);
	CHECK(known[0].want == WANT_ABSENT && !known[0].probed);
	CHECK(state(0) == TS_CONFIGURING);
	/* an answer that was on its way before ours is not the end of it */
	link_is(0, LINK_READY, "");
	CHECK(!known[0].probed && state(0) == TS_CONFIGURING);
	link_is(0, LINK_ABSENT, "");
	CHECK(known[0].want == WANT_PRESENT);
	bring_up(0);
	CHECK(known[0].want == WANT_ACTIVE);
	/* from down it is up */
	CHECK(admin(0, ADMIN_DOWN) == 0);
	CHECK(admin(0, ADMIN_RESTART) == 0);
	CHECK(known[0].want == WANT_PRESENT);
}

static void
test_wan(void)
{
	fresh("wan");
	add_tunnel(0, 0);
	commit();
	link_is(0, LINK_WAIT_WAN, "no route to 198.51.100.1");
	CHECK(state(0) == TS_WAIT_WAN && health.status == HEALTH_STARTING);
	CHECK(strcmp(known[0].status.reason, "no route to 198.51.100.1") == 0);
	link_is(0, LINK_WAIT_DNS, "looking up");
	CHECK(state(0) == TS_WAIT_DNS && health.status == HEALTH_STARTING);
	bring_up(0);
	/* a new lease: the address goes, and another comes */
	link_is(0, LINK_WAIT_WAN, "no route");
	CHECK(state(0) == TS_SUSPECT && known[0].probed);
	CHECK(known[0].want == WANT_ACTIVE && health.status == HEALTH_OK);
	advance(100);
	link_is(0, LINK_READY, "");
	probe_is(0, 0, PROBE_REPLY, 1);
	CHECK(state(0) == TS_UP && known[0].nwants == 2);
	/* it stays away */
	link_is(0, LINK_WAIT_WAN, "no route");
	advance(300);
	CHECK(state(0) == TS_WAIT_WAN && !known[0].probed);
	CHECK(known[0].want == WANT_PRESENT && health.status == HEALTH_DOWN);
	CHECK(strcmp(failover.reason, "t0 is wait_wan: no route") == 0);
	CHECK(failover.cause == FAILOVER_FAILURE);
	bring_back(0);
	CHECK(state(0) == TS_UP);
	CHECK(known[0].want == WANT_ACTIVE && health.status == HEALTH_OK);
}

static void
test_link(void)
{
	struct imsg_link	 m;

	fresh("link");
	add_tunnel(0, 0)->type = GW_EXTERNAL;
	commit();
	link_is(0, LINK_DOWN, "there is no interface t0");
	CHECK(state(0) == TS_DOWN && health.status == HEALTH_DOWN);
	bring_up(0);
	/* another address: asked at once whether it still works */
	m = known[0].status.link;
	m.local.s_addr = 0x020200c0;
	CHECK(known[0].nbursts == 0);
	deliver(PROC_PARENT, IMSG_LINK, 0, &m, sizeof(m));
	check_world();
	CHECK(known[0].nbursts == 1 && state(0) == TS_UP);
	link_is(0, LINK_ERROR, "not ours");
	CHECK(state(0) == TS_ERROR && known[0].status.retry_at == 0);
	m = known[0].status.link;
	m.retry_s = 30;
	deliver(PROC_PARENT, IMSG_LINK, 0, &m, sizeof(m));
	check_world();
	CHECK(known[0].status.retry_at == WALL + clock_ms / 1000 + 30);
	bring_back(0);
	CHECK(state(0) == TS_UP);
	CHECK(strcmp(known[0].status.last_error, "not ours") == 0);
	/* of a tunnel that left: no answer, no end */
	deliver(PROC_PARENT, IMSG_LINK, 7, &m, sizeof(m));
	check_world();
}

static void
test_unfit(void)
{
	fresh("unfit");
	conf.ntargets = 1;	/* the gateway alone */
	add_tunnel(0, 0)->has_gateway = 0;
	commit();
	CHECK(state(0) == TS_ERROR && known[0].want == WANT_ABSENT);
	CHECK(strstr(known[0].status.reason, "gateway_v6") != NULL);
	CHECK(health.status == HEALTH_DOWN);
	conf.ntargets = 2;
	commit();
	CHECK(known[0].want == WANT_PRESENT && state(0) == TS_CONFIGURING);
	bring_up(0);
	CHECK(known[0].set.ntargets == 1);
	/* the last target goes while it runs */
	conf.ntargets = 1;
	commit();
	CHECK(state(0) == TS_ERROR && !known[0].probed);
	CHECK(known[0].want == WANT_ABSENT);
}

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

static void
test_reload(void)
{
	struct imsg_tunnel	 first;
	unsigned int		 nwants;

	fresh("reload");
	add_tunnel(0, 0);
	add_tunnel(1, 1);
	add_tunnel(2, 2);
	commit();
	bring_up(0);
	bring_up(1);
	nwants = known[0].nwants + known[1].nwants + known[2].nwants;
	/* nothing changed, an abort, a new order: no WANT */
	commit();
	send_conf();
	deliver(PROC_PARENT, IMSG_RECONF_ABORT, 0, NULL, 0);
	first = tunnels[0];
	tunnels[0] = tunnels[2];
	tunnels[2] = first;
	commit();
	CHECK(known[0].status.order == 2 && known[2].status.order == 0);
	CHECK(nwants ==
	    known[0].nwants + known[1].nwants + known[2].nwants);
	CHECK(state(0) == TS_UP && known[0].status.transitions == 2);
	/* the active one leaves, a better one comes */
	ntunnels = 2;
	add_tunnel(3, 0);
	commit();
	CHECK(known[1].want == WANT_ACTIVE && !known[0].probed);
	bring_up(3);
	CHECK(known[3].want == WANT_ACTIVE);
	/* priorities alone decide anew */
	tunnels[1].priority = 0;
	tunnels[2].priority = 9;
	commit();
	CHECK(known[1].want == WANT_ACTIVE);
	/* other intervals reach the prober */
	conf.interval_ms = 700;
	commit();
	CHECK(known[1].set.interval_ms == 700);
	/* results for targets that a reload has taken away */
	conf.ntargets = 1;
	commit();
	probe_is(1, 1, PROBE_TIMEOUT, 0);
	CHECK(state(1) == TS_UP);
}

static void
test_health(void)
{
	struct imsg_probe_result	 m;
	unsigned int			 i;

	fresh("health");
	add_tunnel(0, 0);
	commit();
	bring_up(0);
	advance(conf.window_ms);	/* before, it is too soon to judge */
	memset(&m, 0, sizeof(m));
	m.rtt_us = m.avg_us = m.p95_us = 400000;
	m.sent = 100;
	deliver(PROC_PROBER, IMSG_PROBE_RESULT, 0, &m, sizeof(m));
	check_world();
	CHECK(state(0) == TS_DEGRADED && health.status == HEALTH_DEGRADED);
	CHECK(health.active_tunnels == 0 && health.latency_us == 400000);
	CHECK(known[0].want == WANT_ACTIVE);
	probe_is(0, 0, PROBE_REPLY, 0);
	CHECK(state(0) == TS_UP && health.status == HEALTH_OK);
	silence(0);
	CHECK(health.status == HEALTH_DOWN);
	/* another reason is no other fall: the name is not asked for again */
	probe_is(0, 0, PROBE_ERROR, 1);
	probe_is(0, 1, PROBE_ERROR, 1);
	CHECK(strstr(known[0].status.reason, "refused") != NULL);
	CHECK(known[0].nrefresh == 1);
	/* down is probed ever more rarely, and found again at once */
	for (i = 0; i < 4; i++)
		probe_is(0, i % 2, PROBE_TIMEOUT, 0);
	CHECK(known[0].set.interval_ms == 4000);
	for (i = 0; i < 3; i++)
		probe_is(0, 0, PROBE_REPLY, 1);
	CHECK(state(0) == TS_UP && health.status == HEALTH_OK);
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

static void
test_settle(void)
{
	fresh("settle");
	add_tunnel(0, 0);
	add_tunnel(1, 1);
	commit();
	bring_up(0);
	bring_up(1);
	nsettled = 0;
	deliver(PROC_PARENT, IMSG_SETTLE, 0, NULL, 0);
	CHECK(nsettled == 1);
	/* what the parent takes down is no failure */
	probe_is(0, 0, PROBE_TIMEOUT, 0);
	link_is(0, LINK_ABSENT, "");
	advance(2000);
	CHECK(known[0].status.state == TS_UP && engine.active != NULL);
	CHECK(known[0].want == WANT_ACTIVE && known[1].want == WANT_PRESENT);
}

static int
auth(const char *text)
{
	struct imsg_auth	 m;
	unsigned int		 before = nauth;

	memset(&m, 0, sizeof(m));
	strlcpy(m.token, text, sizeof(m.token));
	deliver(PROC_FRONTEND, IMSG_AUTH, 3, &m, sizeof(m));
	CHECK(nauth == before + 1);
	return (result.error == 0);
}

static void
test_auth(void)
{
	struct imsg_token	 token;

	fresh("auth");
	CHECK(!auth("") && !auth("secret"));
	memset(&token, 7, sizeof(token));
	salted_make(&token.token, "secret", 6);
	new_token = &token;
	commit();
	CHECK(auth("secret"));
	CHECK(!auth("") && !auth("secre") && !auth("secret "));
	new_token = NULL;
	commit();
	CHECK(!auth("secret"));
}

int
main(void)
{
	start_engine();
	test_start();
	test_adoption();
	test_disabled();
	test_admin();
	test_restart();
	test_wan();
	test_link();
	test_unfit();
	test_priority();
	test_reload();
	test_health();
	test_failover();
	test_flapping();
	test_shared_cause();
	test_refused();
	test_hint();
	test_prefer();
	test_manual();
	test_latency();
	test_traffic();
	test_pmtu();
	test_persist();
	test_handshake();
	test_samples();
	test_settle();
	test_auth();
	fresh("end");
	return (0);
}
