/*
 * The states of tunnels and the orders of operators, one situation after the
 * other; engine_sim.c checks the whole picture after every event.
 */
#include <errno.h>
#include <string.h>

#include "engine_sim.h"

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
	test_reload();
	test_health();
	test_settle();
	test_auth();
	fresh("end");
	return (0);
}
