/*
 * health.c, step by step with a clock of our own: how it finds out that a
 * tunnel carries nothing.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>

#include "health_drive.h"
#include "unit.h"

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
	return (0);
}
