/*
 * health.c, step by step with a clock of our own: how a tunnel comes back, and
 * what degrades it.
 */
#include <err.h>

#include "health_drive.h"
#include "unit.h"

static void
test_down_backoff(void)
{
	static const uint32_t	 want[] = { 2000, 4000, 8000, 16000, 25000 };
	struct health_conf	 c = defaults;
	size_t			 i;

	start_down(&c);
	for (i = 0; i < 5; i++) {
		give(PROBE_TIMEOUT, 0, 0, 0);
		give(PROBE_TIMEOUT, 1, 0, 0);
		/* the last: keepalive is below down_max */
		expect_interval(want[i], want[i], "backoff");
		expect_bits(HEALTH_INTERVAL, "backoff");
	}
	c.keepalive_ms = 0;
	health_reconf(&h, &c);
	expect_interval(30000, 30000, "down_max");
	give(PROBE_REPLY, 0, 0, 0);
	expect_bits(HEALTH_INTERVAL | HEALTH_BURST, "an answer");
	expect_interval(1000, 1000, "an answer");
}

static void
test_recover(void)
{
	start_down(&defaults);
	health_set_alternative(&h, 0);
	give(PROBE_REPLY, 1, 0, 0);
	expect(TS_DOWN, "no answer", "one answer");
	give(PROBE_TIMEOUT, 1, 1, 0);
	give(PROBE_REPLY, 1, 1, 0);
	give(PROBE_REPLY, 1, 1, 0);
	expect(TS_DOWN, "no answer", "not in a row");
	give(PROBE_REPLY, 1, 1, 0);
	expect(TS_UP, "answered", "three in a row");

	start_down(&defaults);
	health_set_alternative(&h, 1);
	give(PROBE_REPLY, 0, 0, 0);
	give(PROBE_REPLY, 0, 1, 0);
	give(PROBE_REPLY, 0, 1, 0);
	expect(TS_RECOVERING, "held back for 30 s", "hold-down");
	if (health_deadline(&h) != now + 30000)
		errx(1, "hold-down: wrong deadline");
	now += 10000;
	give(PROBE_TIMEOUT, 0, 0, 0);
	expect(TS_RECOVERING, "held back", "a loss in hold-down");
	expect_bits(HEALTH_BURST, "a loss in hold-down");
	give(PROBE_REPLY, 0, 1, 0);
	hold_over(20000, "hold-down over");
}

static void
recover_and_fail(uint64_t healthy_ms, uint32_t hold_s)
{
	int	 i;

	health_set_alternative(&h, 1);
	for (i = 0; i < 3; i++)
		give(PROBE_REPLY, 0, i > 0, 0);
	if (h.state != TS_RECOVERING ||
	    health_deadline(&h) != now + hold_s * 1000)
		errx(1, "hold-down is not %u s: %s", hold_s, h.reason);
	health_set_alternative(&h, 0);
	if (health_deadline(&h) > now)
		errx(1, "the alternative is gone, and it waits");
	health_tick(&h, now);
	expect(TS_UP, "answered", "no alternative");
	now += healthy_ms;
	give(PROBE_TIMEOUT, 0, 0, 0);
	fail_burst();
	expect(TS_DOWN, "no answer", "flap");
}

static void
test_hold_down(void)
{
	start_down(&defaults);
	recover_and_fail(1000, 30);
	recover_and_fail(1000, 60);
	recover_and_fail(1000, 120);
	recover_and_fail(600000, 240);	/* half of it is forgiven, */
	recover_and_fail(3600000, 240);	/* all of it */
	recover_and_fail(1000, 30);
	recover_and_fail(1000, 60);
	recover_and_fail(1000, 120);
	recover_and_fail(1000, 240);
	recover_and_fail(1000, 480);
	recover_and_fail(1000, 900);
	recover_and_fail(1000, 900);
	/* down again before hold-down is over */
	health_set_alternative(&h, 1);
	give(PROBE_REPLY, 0, 0, 0);
	give(PROBE_REPLY, 0, 1, 0);
	give(PROBE_REPLY, 0, 1, 0);
	expect(TS_RECOVERING, "held back", "recovering");
	give(PROBE_TIMEOUT, 0, 0, 0);
	fail_burst();
	expect(TS_DOWN, "no answer", "recovering fails");
	/* and at its very end, since the last answer */
	give(PROBE_REPLY, 0, 0, 0);
	give(PROBE_REPLY, 0, 1, 0);
	give(PROBE_REPLY, 0, 1, 0);
	expect(TS_RECOVERING, "held back", "recovering again");
	now = health_deadline(&h);
	bits = health_tick(&h, now);
	expect_bits(HEALTH_BURST, "asked once more");
	fail_burst();
	expect(TS_DOWN, "no answer", "it died in hold-down");
}

static void
window(uint32_t s, uint32_t l, uint32_t avg)
{
	sent = s;
	lost = l;
	avg_us = avg;
	now += 500;
	give(PROBE_REPLY, 0, 0, 0);
}

static void
test_degraded(void)
{
	start_up(&defaults);
	sent = 20;
	lost = 10;
	give(PROBE_REPLY, 0, 0, 0);
	expect(TS_UP, "answered", "lost before it was up");
	now += 60000;
	window(3, 2, 40000);
	expect(TS_UP, "answered", "two of three lost at the start");
	window(12, 2, 40000);
	expect(TS_UP, "answered", "two of twelve");
	window(120, 12, 40000);
	expect(TS_UP, "answered", "just what is allowed");
	window(120, 15, 40000);
	expect(TS_DEGRADED, "loss 12 % over the last 60 s, 10 % allowed",
	    "loss");
	expect_bits(HEALTH_CHANGED, "loss");
	window(120, 16, 40000);
	expect(TS_DEGRADED, "loss 12 %", "no news");
	expect_bits(0, "no news");
	now += 10000;
	window(120, 18, 40000);
	expect(TS_DEGRADED, "loss 15 %", "new figures");
	give(PROBE_TIMEOUT, 0, 0, 0);
	expect(TS_SUSPECT, "not answered", "suspect");
	window(120, 19, 40000);
	expect(TS_DEGRADED, "loss", "back to degraded");
	window(120, 7, 40000);
	expect(TS_DEGRADED, "loss", "hysteresis");
	window(120, 6, 40000);
	expect(TS_UP, "answered", "half the loss");
	window(5, 0, 400000);
	expect(TS_UP, "answered", "too few samples");
	window(120, 0, 300999);
	expect(TS_DEGRADED, "delay 300 ms on average over the last 60 s, "
	    "300 ms allowed", "delay");
	window(120, 0, 241000);
	expect(TS_DEGRADED, "delay", "hysteresis of delay");
	window(120, 0, 240000);
	expect(TS_UP, "answered", "80 % of the delay");
	window(120, 120, WIRE_UNKNOWN);
	expect(TS_DEGRADED, "loss 100 %", "unknown delay");
}

/* what was lost in an outage does not degrade the tunnel after it */
static void
test_fresh(void)
{
	int	 i;

	start_down(&defaults);
	sent = 120;
	lost = 60;
	give(PROBE_REPLY, 0, 0, 0);
	give(PROBE_REPLY, 0, 1, 0);
	give(PROBE_REPLY, 0, 1, 0);
	for (i = 0; i < 8; i++) {
		give(PROBE_TIMEOUT, 0, 0, 0);
		window(120, 60, 40000);
	}
	expect(TS_UP, "answered", "too soon to judge");
	for (i = 0; i < 40; i++)
		window(120, 60, 40000);
	expect(TS_DEGRADED, "loss 16 % over the last 20 s", "lost since");
	for (i = 0; i < 120; i++)
		give(PROBE_REPLY, 0, 0, 0);
	expect(TS_UP, "answered", "few since");
	now += 60000;
	window(120, 60, 40000);
	expect(TS_DEGRADED, "loss 50 % over the last 60 s", "the window");
	window(120, 0, 40000);
	expect(TS_UP, "answered", "the window again");
	now += 60000;
	window(120, 0, 40000);
	expect(TS_UP, "answered", "the window again");
}

int
main(void)
{
	test_down_backoff();
	test_recover();
	test_hold_down();
	test_degraded();
	test_fresh();
	return (0);
}
