/*
 * reject.c: every kind is counted, and told once a minute.
 */
#include <err.h>
#include <stdio.h>
#include <string.h>

#include "reject.h"

#define S	1000000ULL

static void
expect(struct rejects *r, uint64_t now, enum log_level level,
    const char *text)
{
	char		 got[256];
	enum log_level	 at;

	if (reject_due_us(r) > now)
		errx(1, "nothing to tell at %llu", (unsigned long long)now);
	at = reject_report(r, now, got, sizeof(got));
	if (at != level || strcmp(got, text) != 0)
		errx(1, "level %d: %s", at, got);
	if (reject_due_us(r) != UINT64_MAX)
		errx(1, "it is told again");
}

static void
test_rate(void)
{
	struct rejects	 r;
	uint64_t	 now;
	int		 reports = 0;

	memset(&r, 0, sizeof(r));
	if (reject_due_us(&r) != UINT64_MAX)
		errx(1, "there is something to tell of nothing");
	/* a flood of ten minutes */
	for (now = 100 * S; now < 700 * S; now += S / 100) {
		reject_add(&r, REJECT_ICMP4, now);
		if (reject_due_us(&r) > now)
			continue;
		if (reports++ == 0)
			expect(&r, now, LL_INFO,
			    "101 ICMPv4 errors that prove nothing");
		else
			expect(&r, now, LL_INFO,
			    "6000 ICMPv4 errors that prove nothing");
	}
	if (reports != 10)
		errx(1, "%d reports in ten minutes", reports);
}

static void
test_kinds(void)
{
	struct rejects	 r;

	memset(&r, 0, sizeof(r));
	reject_add(&r, REJECT_FOREIGN, S);
	expect(&r, 2 * S, LL_DEBUG, "1 answers to no probe");
	reject_add(&r, REJECT_FOREIGN, 3 * S);
	reject_add(&r, REJECT_LATE, 3 * S);
	expect(&r, 62 * S, LL_INFO,
	    "1 answers that came too late, 1 answers to no probe");
	reject_add(&r, REJECT_REPLAY, 70 * S);
	reject_add(&r, REJECT_HASH, 70 * S);
	reject_add(&r, REJECT_SOURCE, 70 * S);
	reject_add(&r, REJECT_TUNNEL, 70 * S);
	reject_add(&r, REJECT_TUNNEL, 70 * S);
	expect(&r, 122 * S, LL_WARN, "1 answers with a wrong hash, "
	    "1 answers from a wrong source, "
	    "2 answers to probes of another tunnel, "
	    "1 answers that came before");
}

int
main(void)
{
	log_init(LL_INFO, LF_TEXT, LT_STDERR, "reject_test");
	test_rate();
	test_kinds();
	return (0);
}
