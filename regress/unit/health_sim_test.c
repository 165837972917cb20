/*
 * health.c with a simulated prober and network: how soon a black hole is
 * found, that random loss is never taken for one, how soon the tunnel is back.
 * The clock and the random numbers are our own: each run is the same.
 */
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "health.h"
#include "unit.h"
#include "window.h"

#define FLIGHTS		128
#define NEVER		UINT64_MAX
#define RTT_MS		40
#define RUNS		1000
#define HOUR_MS		3600000

struct sim_flight {
	int		 used;
	uint32_t	 target;
	int		 burst;
	uint64_t	 reply;		/* ms, NEVER: lost */
	uint64_t	 timeout;
};

static struct {
	struct health		 h;
	struct window		 window;
	struct rtt		 rtt[GW_TARGETS_MAX];
	uint32_t		 misses[GW_TARGETS_MAX];
	struct sim_flight	 flights[FLIGHTS];
	uint64_t		 now;
	uint64_t		 tick;
	uint64_t		 ticked;
	uint64_t		 burst;		/* next step, NEVER: none */
	int			 burst_left;
	uint32_t		 turn;
	uint32_t		 interval;
	/* the network */
	uint32_t		 loss_permille;
	uint32_t		 dead;		/* targets, as bits */
	uint64_t		 hole_from;	/* nothing comes back */
	uint64_t		 hole_to;
	uint32_t		 downs;
	uint32_t		 suspects;
} sim;

static void
sim_send(uint32_t target, int burst)
{
	struct sim_flight	*f;
	uint64_t		 reply = sim.now + RTT_MS;

	for (f = sim.flights; f < sim.flights + FLIGHTS; f++)
		if (!f->used)
			break;
	if (f == sim.flights + FLIGHTS)
		errx(1, "too many probes under way");
	f->used = 1;
	f->target = target;
	f->burst = burst;
	f->timeout = sim.now + (rtt_timeout_us(&sim.rtt[target]) + 999) / 1000;
	if (rnd(1000) < sim.loss_permille || sim.dead & 1U << target ||
	    (reply >= sim.hole_from && sim.now < sim.hole_to))
		reply = NEVER;
	f->reply = reply;
}

static void
sim_bits(unsigned int bits)
{
	if (bits & HEALTH_BURST) {
		if (sim.burst_left == 0)
			sim.burst = sim.now;
		sim.burst_left = 3;
	}
	if (bits & HEALTH_INTERVAL) {
		sim.interval = health_interval(&sim.h, ROLE_ACTIVE);
		sim.tick = sim.ticked + sim.interval;
		if (sim.tick < sim.now)
			sim.tick = sim.now;
	}
	if (bits & HEALTH_CHANGED) {
		sim.downs += sim.h.state == TS_DOWN;
		sim.suspects += sim.h.state == TS_SUSPECT;
	}
}

static void
sim_result(struct sim_flight *f, int answered)
{
	struct imsg_probe_result	 r = { 0 };
	struct window_stats		 st;

	f->used = 0;
	if (answered) {
		rtt_add(&sim.rtt[f->target], RTT_MS * 1000);
		sim.misses[f->target] = 0;
	} else
		sim.misses[f->target]++;
	if (!f->burst)
		window_add(&sim.window, sim.now, f->target,
		    answered ? RTT_MS * 1000 : WINDOW_LOST);
	window_get(&sim.window, sim.now, &st);
	r.outcome = answered ? PROBE_REPLY : PROBE_TIMEOUT;
	r.target = f->target;
	r.burst = (uint32_t)f->burst;
	r.sent = st.sent;
	r.lost = st.lost;
	r.avg_us = st.avg_us;
	sim_bits(health_result(&sim.h, &r, sim.now));
}

static void
sim_tick(void)
{
	uint32_t	 i, target;

	for (i = 0; i < sim.h.conf.ntargets; i++) {
		target = sim.turn;
		sim.turn = (sim.turn + 1) % sim.h.conf.ntargets;
		sim_send(target, 0);
		if (sim.misses[target] < 3)
			break;
	}
	sim.ticked = sim.now;
	sim.tick = sim.now + sim.interval * 9 / 10 +
	    rnd(sim.interval / 5 + 1);
}

static void
sim_burst(void)
{
	uint32_t	 i;

	for (i = 0; i < sim.h.conf.ntargets; i++)
		sim_send(i, 1);
	sim.burst = --sim.burst_left > 0 ? sim.now + 50 : NEVER;
}

static uint64_t
earlier(uint64_t a, uint64_t b)
{
	return (a < b ? a : b);
}

static uint64_t
sim_next(void)
{
	uint64_t		 next = earlier(sim.tick, sim.burst);
	struct sim_flight	*f;

	for (f = sim.flights; f < sim.flights + FLIGHTS; f++)
		if (f->used)
			next = earlier(next, earlier(f->reply, f->timeout));
	next = earlier(next, health_deadline(&sim.h));
	return (next > sim.now ? next : sim.now + 1);
}

/* until that time, or until the verdict is state */
static void
sim_run(uint64_t until, enum tunnel_state state)
{
	struct sim_flight	*f;

	while (sim.now < until && sim.h.state != state) {
		sim.now = earlier(sim_next(), until);
		for (f = sim.flights; f < sim.flights + FLIGHTS; f++)
			if (f->used && (f->reply <= sim.now ||
			    f->timeout <= sim.now))
				sim_result(f, f->reply <= sim.now);
		sim_bits(health_tick(&sim.h, sim.now));
		if (sim.burst <= sim.now)
			sim_burst();
		if (sim.tick <= sim.now)
			sim_tick();
	}
}

static void
sim_start(uint64_t run, uint32_t ntargets, uint32_t quorum)
{
	struct health_conf	 c = {
		.interval_ms = 500, .standby_ms = 5000, .down_min_ms = 1000,
		.down_max_ms = 30000, .keepalive_ms = 25000,
		.window_ms = 60000, .quorum = quorum, .ntargets = ntargets,
		.loss_degraded = 10, .latency_degraded_ms = 300,
		.hold_min_ms = 30000, .hold_max_ms = 900000
	};
	uint32_t		 i;

	rnd_seed = 0x9e3779b97f4a7c15 * (run + 1);
	window_free(&sim.window);
	memset(&sim, 0, sizeof(sim));
	sim.now = 1000000;
	sim.burst = sim.hole_from = NEVER;
	sim.interval = c.interval_ms;
	window_set(&sim.window, c.window_ms, c.interval_ms);
	health_init(&sim.h, &c, NULL, sim.now);
	for (i = 0; i < ntargets; i++)
		sim_send(i, 0);
	sim.ticked = sim.now;
	sim.tick = sim.now + sim.interval;
}

static void
test_start(void)
{
	sim_start(0, 3, 1);
	sim_run(sim.now + 5000, TS_UP);
	if (sim.now != 1000000 + RTT_MS)
		errx(1, "up %llu ms after the first probe",
		    (unsigned long long)sim.now - 1000000);
}

static int
compare(const void *a, const void *b)
{
	uint64_t	 x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x < y ? -1 : x > y);
}

/* from the first packet that is not answered to TS_DOWN */
static void
test_black_hole(uint32_t ntargets, uint32_t quorum, uint32_t dead)
{
	static uint64_t	 took[RUNS];
	uint64_t	 i;

	for (i = 0; i < RUNS; i++) {
		sim_start(i, ntargets, quorum);
		sim.dead = dead;
		sim.hole_from = sim.now + 20000 + rnd(10000);
		sim.hole_to = NEVER;
		sim_run(sim.hole_from, TS_DOWN);
		if (sim.h.state != TS_UP && sim.h.state != TS_DEGRADED)
			errx(1, "state %d before the hole", sim.h.state);
		sim_run(sim.hole_from + 5000, TS_DOWN);
		took[i] = sim.now - sim.hole_from;
	}
	qsort(took, RUNS, sizeof(took[0]), compare);
	if (took[RUNS / 2] > 650 || took[RUNS - 1] > 900)
		errx(1, "%u targets, %u dead: found after %llu ms, "
		    "at most %llu", ntargets, dead,
		    (unsigned long long)took[RUNS / 2],
		    (unsigned long long)took[RUNS - 1]);
}

static void
test_loss(uint32_t ntargets, uint32_t quorum)
{
	uint64_t	 run;

	for (run = 0; run < 10; run++) {
		sim_start(run, ntargets, quorum);
		sim.loss_permille = 50;
		sim_run(sim.now + HOUR_MS, TS_ERROR);
		if (sim.downs != 0)
			errx(1, "%u targets, run %llu: down %u times in an "
			    "hour with 5 %% loss", ntargets,
			    (unsigned long long)run, sim.downs);
		if (sim.suspects < 200)
			errx(1, "only %u losses seen", sim.suspects);
	}
}

/* one dead target of two: known once, not suspected at its every turn */
static void
test_dead_target(void)
{
	sim_start(0, 2, 1);
	sim.dead = 2;
	sim_run(sim.now + HOUR_MS, TS_DOWN);
	if (sim.suspects > 3)
		errx(1, "a dead target: %u suspicions", sim.suspects);
}

static void
test_back(void)
{
	uint64_t	 run, took;

	for (run = 0; run < RUNS; run++) {
		sim_start(run, 3, 1);
		sim.hole_from = sim.now + 20000;
		sim.hole_to = sim.hole_from + 2000 + rnd(60000);
		sim_run(sim.hole_from + 1000, TS_DOWN);
		sim_run(sim.hole_to + 60000, TS_UP);
		/* one interval, then the burst's second and third answer */
		took = sim.now - sim.hole_to;
		if (sim.h.state != TS_UP || took > sim.hole_to -
		    sim.hole_from + 3000 || took > 27500 + RTT_MS + 150)
			errx(1, "back after %llu ms",
			    (unsigned long long)took);
	}
}

int
main(void)
{
	test_start();
	test_black_hole(1, 1, 0);
	test_black_hole(2, 1, 0);
	test_black_hole(3, 1, 0);
	test_black_hole(3, 2, 0);
	test_black_hole(3, 1, 1);
	test_black_hole(3, 1, 5);
	test_loss(2, 1);
	test_loss(3, 1);
	test_loss(3, 2);
	test_dead_target();
	test_back();
	window_free(&sim.window);
	return (0);
}
