/*
 * Happy Eyeballs under answers, failures and times as they may come: what
 * RFC 8305 demands holds at each step.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "he.h"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static const uint8_t	*input;
static size_t		 left;
static struct he	 he;
static uint64_t		 now;

#define MUST(what)	do { if (!(what)) abort(); } while (0)

static uint8_t
byte(void)
{
	if (left == 0)
		return (0);
	left--;
	return (*input++);
}

static void
answer(enum he_family family)
{
	struct in6_addr	 v6[20];
	struct in_addr	 v4[20];
	uint32_t	 i, n = byte() % 21;

	memset(v6, 0, sizeof(v6));
	for (i = 0; i < n; i++) {
		v4[i].s_addr = byte();
		v6[i].s6_addr[0] = byte();
		v6[i].s6_addr[1] = byte();
		v6[i].s6_addr[15] = byte() % 4;
	}
	if (family == HE_V6)
		he_answer6(&he, v6, n, now);
	else
		he_answer4(&he, v4, n, now);
}

static uint32_t
count(enum he_try try)
{
	uint32_t	 i, n = 0;

	for (i = 0; i < he.n; i++)
		n += he.list[i].try == try;
	return (n);
}

/* the order names each once, and first those that were tried */
static void
check_order(void)
{
	uint32_t	 order[HE_MAX], i, seen = 0;

	MUST(he_order(&he, order) == he.n);
	for (i = 0; i < he.n; i++) {
		MUST(order[i] < he.n && (seen & 1U << order[i]) == 0);
		seen |= 1U << order[i];
		MUST(he.list[order[i]].turn == 0 ||
		    he.list[order[i]].turn == i + 1);
	}
}

/* an attempt begins: before it there were so many running, the last one at */
static void
check_attempt(uint32_t i, uint32_t running, uint32_t tried, uint64_t last)
{
	const struct he_policy	*p = &he.policy;
	uint32_t		 first = 1U << p->first;

	MUST(i < he.n && he.list[i].try == HE_RUNNING);
	MUST(p->families & 1U << he.list[i].family);
	MUST(he.list[i].turn == tried + 1);
	if (tried > 0)
		MUST(running == 0 || now - last >= p->attempt_delay_ms);
	else if ((he.positive & first) == 0 && p->families & first &&
	    (he.answered & first) == 0)
		MUST(now - he.answered_at[!p->first] >=
		    p->resolution_delay_ms);
	else if (he.positive & first)
		MUST(he.list[i].family == p->first);
}

static void
run(void)
{
	uint32_t	 i, running, tried;
	uint64_t	 last;

	for (;;) {
		running = he.running;
		tried = he.tried[HE_V6] + he.tried[HE_V4];
		last = he.last;
		switch (he_next(&he, now, &i)) {
		case HE_CONNECT:
			check_attempt(i, running, tried, last);
			continue;
		case HE_TIMEOUT:
			MUST(now - he.began >= he.policy.total_ms);
			return;
		case HE_EXHAUSTED:
			MUST(count(HE_RUNNING) == 0 && count(HE_WAITING) == 0);
			return;
		case HE_WAIT:
			MUST(he_due(&he) > now);
			return;
		}
	}
}

static void
step(void)
{
	uint8_t	 what = byte();

	switch (what % 4) {
	case 0:
		answer(HE_V6);
		break;
	case 1:
		answer(HE_V4);
		break;
	case 2:
		if (he.n > 0)
			he_failed(&he, byte() % he.n, 1 + byte(), now);
		break;
	case 3:
		now += what / 4 * 10;
		break;
	}
	run();
	MUST(he.n <= HE_MAX && count(HE_RUNNING) == he.running);
	MUST(he.running <= he.policy.in_flight);
	check_order();
	MUST(count(HE_FAILED) == 0 || he_error(&he) != 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct he_policy	 policy = he_default;

	input = data;
	left = len;
	now = 1000000;
	policy.families = byte() % 4;
	policy.first = byte() % 2 ? HE_V4 : HE_V6;
	policy.first_count = 1 + byte() % 4;
	policy.in_flight = 1 + byte() % 8;
	policy.attempt_delay_ms = 100 + byte() * 7;
	policy.source.s6_addr[0] = byte();
	he_init(&he, &policy, now);
	run();
	while (left > 0)
		step();
	return (0);
}
