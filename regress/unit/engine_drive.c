/*
 * What happens to an engine under test: see engine_sim.h.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine_sim.h"

enum tunnel_state
state(uint32_t id)
{
	return ((enum tunnel_state)known[id].status.state);
}

struct imsg_tunnel *
add_tunnel(uint32_t id, uint32_t priority)
{
	struct imsg_tunnel	*t = &tunnels[ntunnels++];

	memset(t, 0, sizeof(*t));
	t->id = id;
	t->type = GW_HE_6IN4;
	t->priority = priority;
	t->enabled = t->changed = t->has_address = t->has_gateway = 1;
	t->prefix_len = 64;
	t->gateway.s6_addr[0] = 0x20;
	t->gateway.s6_addr[15] = (uint8_t)(id + 1);
	snprintf(t->name, sizeof(t->name), "t%u", id);
	snprintf(t->iface, sizeof(t->iface), "t%u", id);
	return (t);
}

void
fresh(const char *name)
{
	test = name;
	engine.settling = 0;
	ntunnels = 0;
	new_token = NULL;
	memset(&conf, 0, sizeof(conf));
	conf.interval_ms = 500;
	conf.standby_ms = 5000;
	conf.down_min_ms = 1000;
	conf.down_max_ms = 30000;
	conf.window_ms = 60000;
	conf.quorum = 1;
	conf.loss_degraded = 10;
	conf.latency_degraded_ms = 300;
	conf.hold_min_ms = 30000;
	conf.hold_max_ms = 900000;
	conf.mode = GW_MODE_PRIORITY;
	conf.preempt = 1;
	conf.margin_percent = 30;
	conf.margin_ms = 10;
	conf.margin_hold_ms = 60000;
	conf.ntargets = 2;
	conf.targets[1].s6_addr[0] = 0x20;	/* and the gateway */
	conf.control_gid = UINT32_MAX;
	commit();
	CHECK(engine.active == NULL && TAILQ_EMPTY(&engine.tunnels));
	memset(known, 0, sizeof(known));
}

void
link_is(uint32_t id, enum link_state state, const char *reason)
{
	struct imsg_link	 m;

	memset(&m, 0, sizeof(m));
	m.state = state;
	m.want = known[id].want;
	m.ifindex = 100 + id;
	m.mtu = m.mtu_max = 1480;
	m.driver = GW_DRIVER_KERNEL;
	strlcpy(m.reason, reason, sizeof(m.reason));
	deliver(PROC_PARENT, IMSG_LINK, id, &m, sizeof(m));
	check_world();
}

void
probe_is(uint32_t id, uint32_t target, enum probe_outcome outcome, int burst)
{
	struct imsg_probe_result	 m;

	memset(&m, 0, sizeof(m));
	m.outcome = outcome;
	m.target = target;
	m.error = outcome == PROBE_ERROR ? ECONNREFUSED : 0;
	m.burst = (uint32_t)burst;
	m.rtt_us = outcome == PROBE_REPLY ? 20000 : WIRE_UNKNOWN;
	m.sent = 100;
	m.avg_us = 20000;
	m.p95_us = 30000;
	m.jitter_us = 100;
	m.time = WALL + clock_ms / 1000;
	deliver(PROC_PROBER, IMSG_PROBE_RESULT, id, &m, sizeof(m));
	check_world();
}

void
bring_up(uint32_t id)
{
	link_is(id, LINK_READY, "");
	CHECK(known[id].status.state == TS_PROBING && known[id].probed);
	advance(20);
	probe_is(id, 0, PROBE_REPLY, 0);
	CHECK(known[id].status.state == TS_UP);
}

void
bring_back(uint32_t id)
{
	int	 i;

	link_is(id, LINK_READY, "");
	CHECK(known[id].status.state == TS_DOWN && known[id].probed);
	advance(20);
	for (i = 0; i < 3; i++)
		probe_is(id, 0, PROBE_REPLY, 1);
}

void
silence(uint32_t id)
{
	uint32_t	 i;

	probe_is(id, 0, PROBE_TIMEOUT, 0);
	CHECK(known[id].status.state == TS_SUSPECT);
	/* the others, if they were asked, answer */
	for (i = 0; i < IDS; i++)
		if (i != id && known[i].in_conf &&
		    known[i].status.state == TS_SUSPECT)
			probe_is(i, 0, PROBE_REPLY, 1);
	advance(100);
	for (i = 0; i < 6; i++)
		probe_is(id, i % 2, PROBE_TIMEOUT, 1);
	advance(1500);
	CHECK(known[id].status.state == TS_DOWN);
}

int
admin(uint32_t id, enum admin_verb verb)
{
	struct imsg_admin	 m = { id, verb };
	unsigned int		 before = nadmin;

	deliver(PROC_PARENT, IMSG_ADMIN_DO, 77, &m, sizeof(m));
	CHECK(nadmin == before + 1);
	check_world();
	return ((int)result.error);
}
