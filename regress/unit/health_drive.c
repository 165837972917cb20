/*
 * A tunnel's health under test: see health_drive.h.
 */
#include <err.h>
#include <string.h>

#include "health_drive.h"

const struct health_conf	 defaults = {
	.interval_ms = 500, .standby_ms = 5000, .down_min_ms = 1000,
	.down_max_ms = 30000, .keepalive_ms = 25000, .window_ms = 60000,
	.quorum = 1, .ntargets = 2, .loss_degraded = 10,
	.latency_degraded_ms = 300, .hold_min_ms = 30000,
	.hold_max_ms = 900000
};

struct health	 h;
uint64_t	 now;
unsigned int	 bits;
uint32_t	 sent, lost, avg_us;

void
give(enum probe_outcome outcome, uint32_t target, int burst, uint32_t error)
{
	struct imsg_probe_result	 r = { 0 };

	r.outcome = outcome;
	r.target = target;
	r.burst = (uint32_t)burst;
	r.error = error;
	r.sent = sent;
	r.lost = lost;
	r.avg_us = avg_us;
	bits = health_result(&h, &r, now);
}

void
start(const struct health_conf *conf)
{
	now = 1000000;
	sent = lost = 0;
	avg_us = 40000;
	health_init(&h, conf, NULL, now);
}

void
start_up(const struct health_conf *conf)
{
	start(conf);
	give(PROBE_REPLY, 0, 0, 0);
}

void
fail_burst(void)
{
	uint32_t	 i, t;

	now += 200;
	for (i = 0; i < 3; i++)
		for (t = 0; t < h.conf.ntargets; t++)
			give(PROBE_TIMEOUT, t, 1, 0);
}

void
start_down(const struct health_conf *conf)
{
	start_up(conf);
	now += 500;
	give(PROBE_TIMEOUT, 0, 0, 0);
	fail_burst();
}

void
expect(enum tunnel_state state, const char *reason, const char *where)
{
	if (h.state != state || strstr(h.reason, reason) == NULL)
		errx(1, "%s: state %d, \"%s\"", where, h.state, h.reason);
}

void
expect_bits(unsigned int want, const char *where)
{
	if (bits != want)
		errx(1, "%s: asks %#x instead of %#x", where, bits, want);
}

void
hold_over(uint64_t ms, const char *what)
{
	now += ms;
	bits = health_tick(&h, now);
	expect(TS_RECOVERING, "held back", what);
	expect_bits(HEALTH_BURST, what);
	give(PROBE_REPLY, 0, 1, 0);
	expect(TS_UP, "answered", what);
}

void
expect_interval(uint32_t active, uint32_t standby, const char *where)
{
	if (health_interval(&h, ROLE_ACTIVE) != active ||
	    health_interval(&h, ROLE_STANDBY) != standby)
		errx(1, "%s: intervals %u and %u", where,
		    health_interval(&h, ROLE_ACTIVE),
		    health_interval(&h, ROLE_STANDBY));
}
