/*
 * health.c with random results, of which each must leave it in a state that
 * makes sense.
 */
#include <err.h>
#include <errno.h>

#include "health_drive.h"
#include "unit.h"

static struct health_conf
random_conf(void)
{
	struct health_conf	 c = defaults;

	c.interval_ms = 100 + rnd(2000);
	c.standby_ms = 100 + rnd(10000);
	c.ntargets = 1 + rnd(GW_TARGETS_MAX);
	c.quorum = 1 + rnd(c.ntargets);
	c.loss_degraded = rnd(101);
	c.hold_min_ms = rnd(60000);
	c.hold_max_ms = c.hold_min_ms + rnd(600000);
	c.keepalive_ms = rnd(2) ? 0 : 1000 + rnd(30000);
	return (c);
}

static void
check_step(enum tunnel_state old, int burst, uint32_t answers, int gone)
{
	enum tunnel_state	 s = h.state;
	uint32_t		 ms = health_interval(&h, ROLE_ACTIVE);

	if (s < TS_PROBING || s > TS_RECOVERING)
		errx(1, "state %d", s);
	if (h.reason[0] == '\0' || !wire_string(h.reason))
		errx(1, "no reason in state %d", s);
	if (s == TS_DOWN && (old == TS_UP || old == TS_DEGRADED) && !gone)
		errx(1, "down without a burst");
	if (s == TS_DOWN && old != TS_DOWN && old != TS_PROBING && !gone &&
	    answers >= h.conf.quorum)
		errx(1, "down although %u targets answered", answers);
	if (s == TS_SUSPECT && old != TS_SUSPECT && !burst && !h.lost)
		errx(1, "suspect without a burst");
	if (s == TS_SUSPECT && old != TS_SUSPECT && !health_usable(old))
		errx(1, "suspect from state %d", old);
	if (s != old && !(bits & HEALTH_CHANGED))
		errx(1, "changed from %d to %d in silence", old, s);
	if (ms == 0 || (h.conf.keepalive_ms != 0 &&
	    ms > h.conf.keepalive_ms))
		errx(1, "interval %u", ms);
}

/* the kernel and strangers have their say; nonzero if the way or the interface
 * was said to be gone */
static int
random_news(void)
{
	struct in_addr	 from = { 0x010200c0 };

	bits = 0;
	switch (rnd(5)) {
	case 0:
		bits = health_lost(&h, "the way is gone", now);
		return (1);
	case 1:
		bits = health_found(&h, now);
		break;
	case 2:
		bits = health_failed(&h, "the interface is gone", now);
		return (1);
	case 3:
		bits = health_hint(&h, from, now);
		break;
	case 4:
		bits = health_doubt(&h, "a doubt", now);
		break;
	}
	return (0);
}

static void
random_step(void)
{
	static uint32_t		 since;		/* targets, since the burst */
	int			 gone = h.lost;
	enum tunnel_state	 old = h.state;
	uint32_t		 target = rnd(h.conf.ntargets);
	enum probe_outcome	 outcome;

	sent = 1 + rnd(120);
	lost = rnd(4) ? 0 : rnd(sent);
	avg_us = rnd(8) ? rnd(400000) : WIRE_UNKNOWN;
	switch (rnd(50)) {
	case 0:
		health_set_alternative(&h, (int)rnd(2));
		break;
	case 1:
		now += rnd(600000);
		break;
	}
	if (rnd(20) == 0)
		gone |= random_news();
	else if (rnd(3) == 0) {
		bits = health_tick(&h, now);
		if (health_deadline(&h) <= now)
			errx(1, "state %d: the deadline is not after now",
			    h.state);
	} else {
		outcome = (enum probe_outcome)rnd(4);
		if (outcome == PROBE_REPLY || outcome == PROBE_LATE)
			since |= 1U << target;
		give(outcome, target, (int)rnd(2),
		    outcome == PROBE_ERROR ? EHOSTUNREACH : 0);
	}
	check_step(old, (bits & HEALTH_BURST) != 0,
	    (uint32_t)__builtin_popcount(since), gone);
	if (bits & HEALTH_BURST)
		since = 0;
	now += rnd(4) ? rnd(60) : rnd(1500);
}

static void
test_random(void)
{
	struct health_conf	 c;
	int			 i, j, seen[TS_ERROR + 1] = { 0 };

	for (i = 1; i <= 300; i++) {
		rnd_seed = 0x9e3779b97f4a7c15 * (uint64_t)i;
		c = random_conf();
		start(&c);
		for (j = 0; j < 2000; j++) {
			random_step();
			seen[h.state]++;
		}
	}
	for (i = TS_PROBING; i <= TS_RECOVERING; i++)
		if (seen[i] == 0)
			errx(1, "state %d was never reached", i);
}

int
main(void)
{
	test_random();
	return (0);
}
