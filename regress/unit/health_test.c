/*
 * health.c, step by step with a clock of our own, and then with random
 * results, of which each must leave it in a state that makes sense.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "health.h"
#include "unit.h"

static const struct health_conf	 defaults = {
	.interval_ms = 500, .standby_ms = 5000, .down_min_ms = 1000,
	.down_max_ms = 30000, .keepalive_ms = 25000, .window_ms = 60000,
	.quorum = 1, .ntargets = 2, .loss_degraded = 10,
	.latency_degraded_ms = 300, .hold_min_ms = 30000,
	.hold_max_ms = 900000
};

static struct health	 h;
static uint64_t		 now;
static unsigned int	 bits;		/* of the last step */
/* the window the prober would report */
static uint32_t		 sent, lost, avg_us;

static void
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

static void
start(const struct health_conf *conf)
{
	now = 1000000;
	sent = lost = 0;
	avg_us = 40000;
	health_init(&h, conf, NULL, now);
}

static void
start_up(const struct health_conf *conf)
{
	start(conf);
	give(PROBE_REPLY, 0, 0, 0);
}

static void
fail_burst(void)
{
	uint32_t	 i, t;

	now += 200;
	for (i = 0; i < 3; i++)
		for (t = 0; t < h.conf.ntargets; t++)
			give(PROBE_TIMEOUT, t, 1, 0);
}

static void
start_down(const struct health_conf *conf)
{
	start_up(conf);
	now += 500;
	give(PROBE_TIMEOUT, 0, 0, 0);
	fail_burst();
}

static void
expect(enum tunnel_state state, const char *reason, const char *where)
{
	if (h.state != state || strstr(h.reason, reason) == NULL)
		errx(1, "%s: state %d, \"%s\"", where, h.state, h.reason);
}

static void
expect_bits(unsigned int want, const char *where)
{
	if (bits != want)
		errx(1, "%s: asks %#x instead of %#x", where, bits, want);
}

/* the last so many milliseconds of hold-down: it is asked once more */
static void
hold_over(uint64_t ms, const char *what)
{
	now += ms;
	bits = health_tick(&h, now);
	expect(TS_RECOVERING, "held back", what);
	expect_bits(HEALTH_BURST, what);
	give(PROBE_REPLY, 0, 1, 0);
	expect(TS_UP, "answered", what);
}

static void
expect_interval(uint32_t active, uint32_t standby, const char *where)
{
	if (health_interval(&h, ROLE_ACTIVE) != active ||
	    health_interval(&h, ROLE_STANDBY) != standby)
		errx(1, "%s: intervals %u and %u", where,
		    health_interval(&h, ROLE_ACTIVE),
		    health_interval(&h, ROLE_STANDBY));
}

static void
test_probing(void)
{
	struct health_conf	 c = defaults;

	start(&c);
	expect(TS_PROBING, "waiting for the first answer of 2 targets", "new");
	expect_interval(100, 100, "probing");
	give(PROBE_TIMEOUT, 0, 0, 0);
	expect(TS_PROBING, "waiting", "one time-out");
	give(PROBE_ERROR, 0, 0, ENETUNREACH);
	give(PROBE_ERROR, 1, 0, ENETUNREACH);
	expect(TS_PROBING, "Network is unreachable", "refused");
	expect_bits(HEALTH_CHANGED, "refused");
	give(PROBE_REPLY, 1, 0, 0);
	expect(TS_UP, "answered", "first answer");
	expect_bits(HEALTH_CHANGED | HEALTH_INTERVAL, "first answer");
	expect_interval(500, 5000, "up");

	c.quorum = 2;
	start(&c);
	give(PROBE_REPLY, 0, 0, 0);
	give(PROBE_REPLY, 0, 0, 0);
	expect(TS_PROBING, "waiting", "one of two");
	give(PROBE_REPLY, 1, 0, 0);
	expect(TS_UP, "answered", "two of two");

	start(&defaults);
	now = health_deadline(&h);
	if (now != 1005000)
		errx(1, "silence is judged at %llu", (unsigned long long)now);
	health_tick(&h, now - 1);
	expect(TS_PROBING, "waiting", "too early");
	health_tick(&h, now);
	expect(TS_DOWN, "no answer from 2 of 2 targets for 5000 ms", "silent");
	give(PROBE_REPLY, 0, 0, 0);
	give(PROBE_REPLY, 0, 1, 0);
	health_set_alternative(&h, 1);
	give(PROBE_REPLY, 0, 1, 0);
	expect(TS_UP, "answered", "it never failed: no hold-down");

	c.ntargets = 0;
	start(&c);
	expect(TS_PROBING, "no target", "no target");
	if (health_deadline(&h) != UINT64_MAX)
		errx(1, "no target: a deadline");
}

static void
test_suspect(void)
{
	start_up(&defaults);
	now += 500;
	give(PROBE_TIMEOUT, 1, 0, 0);
	expect(TS_SUSPECT, "not answered", "a loss");
	expect_bits(HEALTH_CHANGED | HEALTH_BURST, "a loss");
	give(PROBE_TIMEOUT, 0, 1, 0);
	expect(TS_SUSPECT, "not answered", "the burst's first");
	now += 40;
	give(PROBE_REPLY, 0, 1, 0);
	expect(TS_UP, "answered", "one answer to the burst");
	expect_bits(HEALTH_CHANGED, "one answer to the burst");
	if (h.since_ms != 1000000)
		errx(1, "a suspicion resets since");
	give(PROBE_TIMEOUT, 1, 1, 0);
	expect(TS_UP, "answered", "the rest of the burst");

	/* the late answer to the very probe that was missed counts */
	give(PROBE_TIMEOUT, 0, 0, 0);
	expect(TS_SUSPECT, "not answered", "a second loss");
	give(PROBE_LATE, 0, 0, 0);
	expect(TS_UP, "answered", "late");

	start_down(&defaults);
	expect(TS_DOWN, "no answer from 2 of 2 targets for 700 ms", "silence");
	expect_interval(1000, 1000, "down");
}

static void
test_quorum(void)
{
	struct health_conf	 c = defaults;
	int			 i;

	c.quorum = 2;
	c.ntargets = 3;
	start(&c);
	give(PROBE_REPLY, 0, 0, 0);
	give(PROBE_REPLY, 1, 0, 0);
	expect(TS_UP, "answered", "quorum");
	give(PROBE_TIMEOUT, 2, 0, 0);
	give(PROBE_REPLY, 0, 1, 0);
	give(PROBE_REPLY, 0, 1, 0);
	expect(TS_SUSPECT, "not answered", "one target twice");
	now += 300;
	for (i = 0; i < 7; i++)
		give(PROBE_TIMEOUT, 1 + i % 2, 1, 0);
	expect(TS_DOWN, "no answer from 2 of 3 targets", "no quorum");
	/* a reload lowers the quorum while the question is open */
	start_up(&defaults);
	give(PROBE_TIMEOUT, 1, 0, 0);
	c.quorum = 2;
	c.ntargets = 2;
	health_reconf(&h, &c);
	give(PROBE_REPLY, 0, 1, 0);
	expect(TS_SUSPECT, "not answered", "quorum 2 now");
	health_reconf(&h, &defaults);
	now = health_deadline(&h);
	health_tick(&h, now);
	expect(TS_UP, "answered", "quorum 1 again");
}

/* results that never come must not hold the verdict up for ever */
static void
test_lost_burst(void)
{
	start_up(&defaults);
	give(PROBE_TIMEOUT, 0, 0, 0);
	if (health_deadline(&h) != now + 1300)
		errx(1, "burst ends at +%llu",
		    (unsigned long long)(health_deadline(&h) - now));
	now += 1300;
	bits = health_tick(&h, now);
	expect(TS_DOWN, "no answer", "nothing came back");
	expect_bits(HEALTH_CHANGED | HEALTH_INTERVAL, "nothing came back");
	/* and results of an earlier burst must not end it at once */
	start_up(&defaults);
	give(PROBE_TIMEOUT, 0, 0, 0);
	now -= 150;
	fail_burst();
	expect(TS_SUSPECT, "not answered", "old results");
	if (health_deadline(&h) != now + 150)
		errx(1, "old results: wrong deadline");
	/* nor are they counted in the next one */
	give(PROBE_REPLY, 0, 1, 0);
	give(PROBE_TIMEOUT, 0, 0, 0);
	if (health_deadline(&h) != now + 1300)
		errx(1, "old results count again");
}

static void
test_refused(void)
{
	struct health_conf	 c = defaults;

	start_up(&defaults);
	give(PROBE_ERROR, 0, 0, ENETUNREACH);
	expect(TS_SUSPECT, "a probe was refused", "first refusal");
	expect_bits(HEALTH_CHANGED | HEALTH_BURST | HEALTH_URGENT,
	    "first refusal");
	now += 2;
	give(PROBE_ERROR, 0, 1, ENETUNREACH);
	give(PROBE_ERROR, 1, 1, ENETUNREACH);
	expect(TS_SUSPECT, "refused", "too soon");
	now += 20;
	give(PROBE_ERROR, 0, 1, ENETUNREACH);
	expect(TS_DOWN, "Network is unreachable: probes to 2 of 2 targets",
	    "second refusal");
	give(PROBE_ERROR, 0, 1, EHOSTUNREACH);
	expect(TS_DOWN, "No route to host", "another cause");
	expect_bits(HEALTH_CHANGED, "another cause");
	give(PROBE_TIMEOUT, 0, 0, 0);
	give(PROBE_TIMEOUT, 1, 0, 0);
	expect(TS_DOWN, "no answer from 2 of 2", "no more refusals");

	/* two refusals with an answer in between prove nothing */
	start_up(&defaults);
	give(PROBE_ERROR, 0, 0, ENETUNREACH);
	give(PROBE_REPLY, 0, 1, 0);
	now += 5000;
	give(PROBE_ERROR, 0, 0, ENETUNREACH);
	give(PROBE_ERROR, 1, 1, ENETUNREACH);
	expect(TS_SUSPECT, "a probe was refused", "refused again");

	/* a router refuses one target: the others decide */
	c.ntargets = 3;
	start_up(&c);
	give(PROBE_ERROR, 2, 0, EACCES);
	now += 30;
	give(PROBE_ERROR, 2, 1, EACCES);
	expect(TS_SUSPECT, "a probe was refused", "one target refused");
	give(PROBE_REPLY, 1, 1, 0);
	expect(TS_UP, "answered", "another answers");
}

/* an ICMPv4 error that quotes the probe: who said what */
static void
refuse(uint32_t target, int burst, const char *from, uint32_t error)
{
	struct imsg_probe_result	 r = { 0 };

	r.outcome = PROBE_ERROR;
	r.target = target;
	r.burst = (uint32_t)burst;
	r.error = error;
	if (inet_pton(AF_INET, from, &r.refuser) != 1)
		errx(1, "%s", from);
	r.avg_us = avg_us;
	bits = health_result(&h, &r, now);
}

static void
test_refuser(void)
{
	struct health_conf	 c = defaults;

	if (inet_pton(AF_INET, "198.51.100.1", &c.server) != 1)
		errx(1, "inet_pton");
	start_up(&c);
	refuse(0, 0, "198.51.100.1", ECONNREFUSED);
	expect_bits(HEALTH_CHANGED | HEALTH_BURST | HEALTH_URGENT, "refuser");
	now += 25;	/* one round trip */
	refuse(0, 1, "198.51.100.1", ECONNREFUSED);
	expect(TS_SUSPECT, "refused", "one target of two");
	refuse(1, 1, "198.51.100.1", ECONNREFUSED);
	expect(TS_DOWN, "tunnel server 198.51.100.1 refuses protocol 41",
	    "refuser");
	start_up(&c);
	refuse(0, 0, "203.0.113.9", EHOSTUNREACH);
	now += 25;
	refuse(0, 1, "203.0.113.9", EHOSTUNREACH);
	refuse(1, 1, "203.0.113.9", EHOSTUNREACH);
	expect(TS_DOWN, "No route to host, says 203.0.113.9 on the way to the "
	    "tunnel server", "a router");
	/* an answer takes it back */
	start_up(&c);
	refuse(0, 0, "198.51.100.1", ECONNREFUSED);
	now += 25;
	give(PROBE_REPLY, 1, 1, 0);
	expect(TS_UP, "answered", "refused and answered");
}

/* anybody can send hints: they only ask, and more and more rarely */
static void
test_hint(void)
{
	struct in_addr	 from;
	uint64_t	 end;
	int		 n = 0;

	if (inet_pton(AF_INET, "203.0.113.66", &from) != 1)
		errx(1, "inet_pton");
	start_up(&defaults);
	end = now + 120000;
	for (; now < end; now += 10) {
		bits = health_hint(&h, from, now);
		if (bits == 0)
			continue;
		n++;
		expect(TS_SUSPECT, "an ICMPv4 error from 203.0.113.66, asking "
		    "all 2 targets", "a hint");
		expect_bits(HEALTH_CHANGED | HEALTH_BURST | HEALTH_URGENT,
		    "a hint");
		give(PROBE_REPLY, 0, 1, 0);
		expect(TS_UP, "answered", "after a hint");
	}
	if (n < 6 || n > 9)
		errx(1, "%d bursts for a flood of hints", n);
	/* what is true is found by the burst */
	now += 60000;
	health_hint(&h, from, now);
	fail_burst();
	expect(TS_DOWN, "no answer", "a true hint");
	if (health_hint(&h, from, now + 60000) != 0)
		errx(1, "a hint while down");
}

static void
test_doubt(void)
{
	start(&defaults);
	if (health_doubt(&h, "a doubt", now) != 0)
		errx(1, "a doubt while probing");
	give(PROBE_REPLY, 0, 0, 0);
	bits = health_doubt(&h, "a doubt", now);
	expect(TS_SUSPECT, "a doubt, asking all 2 targets", "doubt");
	expect_bits(HEALTH_CHANGED | HEALTH_BURST, "doubt");
	if (!h.asked || health_doubt(&h, "another", now) != 0)
		errx(1, "asked twice");
	give(PROBE_REPLY, 1, 1, 0);
	expect(TS_UP, "answered", "doubt");
	if (h.replied_ms != now)
		errx(1, "the answer was not noted");
	give(PROBE_TIMEOUT, 1, 0, 0);
	if (h.state != TS_SUSPECT || h.asked)
		errx(1, "a miss is no question");
}

/* the way to the endpoint is gone: at once, or after a moment */
static void
test_lost(void)
{
	start_up(&defaults);
	bits = health_lost(&h, "no route", now);
	expect(TS_SUSPECT, "no route", "lost, alone");
	expect_bits(HEALTH_CHANGED, "lost, alone");
	if (health_deadline(&h) != now + 300)
		errx(1, "a moment of %llu ms", (unsigned long long)
		    (health_deadline(&h) - now));
	/* what probes say meanwhile is known */
	give(PROBE_ERROR, 0, 0, ENETUNREACH);
	give(PROBE_ERROR, 1, 0, ENETUNREACH);
	expect(TS_SUSPECT, "no route", "refused while lost");
	now += 200;
	bits = health_found(&h, now);
	expect(TS_SUSPECT, "there is a way again", "found");
	expect_bits(HEALTH_CHANGED | HEALTH_BURST, "found");
	give(PROBE_REPLY, 0, 1, 0);
	expect(TS_UP, "answered", "found");
	if (health_found(&h, now) != 0)
		errx(1, "found what was not lost");

	health_lost(&h, "no route", now);
	now += 300;
	bits = health_tick(&h, now);
	expect(TS_DOWN, "no route", "lost for good");
	expect_bits(HEALTH_CHANGED | HEALTH_INTERVAL, "lost for good");

	/* another can carry the traffic: it need not wait */
	start_up(&defaults);
	health_set_alternative(&h, 1);
	bits = health_lost(&h, "no route", now);
	expect(TS_DOWN, "no route", "lost, not alone");
	start_up(&defaults);
	health_lost(&h, "no route", now);
	health_set_alternative(&h, 1);
	if (health_deadline(&h) > now)
		errx(1, "an alternative came, and it waits");
	health_tick(&h, now);
	expect(TS_DOWN, "no route", "an alternative came");

	/* back again: hold-down as after any failure */
	bits = health_resume(&h, &defaults, now);
	expect_bits(HEALTH_CHANGED | HEALTH_BURST, "resumed");
	expect(TS_DOWN, "waiting for answers", "resumed");
	give(PROBE_REPLY, 0, 1, 0);
	give(PROBE_REPLY, 0, 1, 0);
	give(PROBE_REPLY, 0, 1, 0);
	expect(TS_RECOVERING, "held back for 30 s", "resumed");
	health_failed(&h, "the interface is gone", now);
	expect(TS_DOWN, "the interface is gone", "failed");
	/* what never was up has not failed */
	start(&defaults);
	health_failed(&h, "the interface is gone", now);
	if (h.hold_ms != 0)
		errx(1, "hold-down of a tunnel that never was up");
}

static void
test_memory(void)
{
	struct health_memory	 m;

	start_down(&defaults);
	health_set_alternative(&h, 1);
	health_remember(&h, &m, now);
	if (!m.failed || m.hold_ms != 30000 || m.hold_left_ms != 0)
		errx(1, "down is not remembered");
	give(PROBE_REPLY, 0, 0, 0);
	give(PROBE_REPLY, 0, 1, 0);
	give(PROBE_REPLY, 0, 1, 0);
	now += 10000;
	health_remember(&h, &m, now);
	if (!m.failed || m.hold_ms != 30000 || m.hold_left_ms != 20000)
		errx(1, "hold-down is not remembered");
	/* another run of the daemon goes on with it */
	health_init(&h, &defaults, &m, now);
	health_set_alternative(&h, 1);
	expect(TS_DOWN, "waiting for the first answer", "remembered");
	health_remember(&h, &m, now);
	if (m.hold_left_ms != 20000)
		errx(1, "two restarts forget");
	give(PROBE_REPLY, 0, 0, 0);
	give(PROBE_REPLY, 0, 1, 0);
	give(PROBE_REPLY, 0, 1, 0);
	expect(TS_RECOVERING, "held back for 20 s", "remembered");
	hold_over(20000, "remembered");
	health_remember(&h, &m, now);
	if (m.failed || m.hold_ms != 30000)
		errx(1, "up is not remembered");
	/* nonsense is bounded */
	m.failed = 1;
	m.hold_ms = m.hold_left_ms = UINT32_MAX;
	health_init(&h, &defaults, &m, now);
	if (h.hold_ms != 900000 || h.hold_left_ms != 900000)
		errx(1, "hold-down of %u ms", h.hold_ms);
}

/* a target that is long dead while others answer raises no more alarms */
static void
test_dead_target(void)
{
	int	 i;

	start_up(&defaults);
	give(PROBE_TIMEOUT, 1, 0, 0);
	give(PROBE_REPLY, 0, 1, 0);
	for (i = 0; i < 3; i++)
		give(PROBE_TIMEOUT, 1, 1, 0);
	for (i = 0; i < 10; i++) {
		give(PROBE_TIMEOUT, 1, 0, 0);
		expect_bits(0, "dead target");
	}
	expect(TS_UP, "answered", "dead target");
	give(PROBE_TIMEOUT, 0, 0, 0);
	expect(TS_SUSPECT, "not answered", "the one that answered");
	fail_burst();
	expect(TS_DOWN, "2 of 2 targets", "the one that answered");
}

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

/* random */

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
	test_probing();
	test_suspect();
	test_quorum();
	test_lost_burst();
	test_refused();
	test_refuser();
	test_hint();
	test_doubt();
	test_lost();
	test_memory();
	test_dead_target();
	test_down_backoff();
	test_recover();
	test_hold_down();
	test_degraded();
	test_fresh();
	test_random();
	return (0);
}
