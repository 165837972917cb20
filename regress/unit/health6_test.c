/*
 * health6.c under a fake clock.
 */
#include <arpa/inet.h>
#include <err.h>
#include <string.h>

#include "health6.h"
#include "unit.h"

#define S	1000ULL

static int
fail(struct health6 *h, const char *text, uint64_t now)
{
	struct in6_addr	 addr = addr6(text);

	return (health6_failed(h, &addr, now));
}

static void
test_opens(void)
{
	struct health6	 h;

	memset(&h, 0, sizeof(h));
	/* one site alone may be down */
	if (fail(&h, "2001:db8:1::1", 1 * S) || fail(&h, "2001:db8:1::2",
	    2 * S) || fail(&h, "2001:db8:1:9::1", 3 * S) ||
	    !health6_first(&h, 3 * S))
		errx(1, "one site");
	if (!fail(&h, "2001:db8:2::1", 4 * S) || health6_first(&h, 4 * S))
		errx(1, "two sites");
	health6_reset(&h);
	if (!health6_first(&h, 4 * S))
		errx(1, "the routes have changed");
}

static void
test_not_in_a_row(void)
{
	struct health6	 h;
	int		 i;

	memset(&h, 0, sizeof(h));
	for (i = 0; i < 100; i++) {
		if (fail(&h, "2001:db8:1::1", S * i) ||
		    fail(&h, "2001:db8:2::1", S * i) || health6_worked(&h))
			errx(1, "a success in between");
	}
	/* and not within a minute */
	for (i = 0; i < 100; i++)
		if (fail(&h, i % 2 ? "2001:db8:1::1" : "2001:db8:2::1",
		    31 * S * i))
			errx(1, "half a minute apart");
}

static void
open_at(struct health6 *h, uint64_t now)
{
	health6_reset(h);
	fail(h, "2001:db8:1::1", now);
	fail(h, "2001:db8:2::1", now);
	if (!fail(h, "2001:db8:3::1", now))
		errx(1, "it does not open");
}

static void
test_retries(void)
{
	static const uint64_t	 waits[] = { 60, 120, 240, 480, 600, 600 };
	struct health6		 h;
	uint64_t		 now = 5 * S;
	unsigned int		 i;

	open_at(&h, now);
	for (i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		/* what is raced behind IPv4 changes nothing */
		if (fail(&h, "2001:db8:4::1", now))
			errx(1, "a race counts");
		now += waits[i] * S - 1;
		if (health6_first(&h, now))
			errx(1, "before %u s", (unsigned int)waits[i]);
		if (!health6_first(&h, ++now) || health6_first(&h, now + 1))
			errx(1, "not one alone after %u s",
			    (unsigned int)waits[i]);
		if (!fail(&h, "2001:db8:1::1", now))
			errx(1, "it has found out");
	}
	/* one that never tells holds nobody up for long */
	now += 600 * S;
	if (!health6_first(&h, now) || health6_first(&h, now + 19 * S) ||
	    !health6_first(&h, now + 20 * S))
		errx(1, "who finds out is gone");
	/* nor does one that had nothing to try: the next one does */
	health6_unused(&h);
	if (!health6_first(&h, now + 21 * S) || health6_first(&h,
	    now + 21 * S))
		errx(1, "who was to find out did not try");
	if (!health6_worked(&h) || !health6_first(&h, now))
		errx(1, "it works again");
	health6_unused(&h);
	if (!health6_first(&h, now))
		errx(1, "a good one turns bad");
	open_at(&h, now);
	if (!health6_first(&h, now + 60 * S))
		errx(1, "it begins with a minute again");
}

int
main(void)
{
	test_opens();
	test_not_in_a_row();
	test_retries();
	return (0);
}
