/*
 * limits.c under a fake clock.
 */
#include <err.h>
#include <string.h>

#include "limits.h"

#define BOB	1000
#define EVE	1001

static void
test_counts(void)
{
	struct limits		 l;
	struct limit_user	*bob, *eve;
	int			 i;

	limits_init(&l, &limits_default);
	bob = limits_user(&l, BOB, 0);
	limits_take(&l, bob, LIMIT_UDP, 0);
	eve = limits_user(&l, EVE, 0);
	if (bob == eve || limits_user(&l, BOB, 5) != bob)
		errx(1, "users");
	for (i = 0; i < 512; i++)
		if (!limits_take(&l, eve, LIMIT_SESSIONS, 0))
			errx(1, "session %d", i);
	if (limits_take(&l, eve, LIMIT_SESSIONS, 1000000) ||
	    eve->refused[LIMIT_SESSIONS] != 1)
		errx(1, "one too many");
	if (!limits_take(&l, bob, LIMIT_SESSIONS, 0))
		errx(1, "another user's limit");
	limits_give(eve, LIMIT_SESSIONS);
	if (!limits_take(&l, eve, LIMIT_SESSIONS, 0) ||
	    limits_take(&l, eve, LIMIT_SESSIONS, 0))
		errx(1, "one was given back");
}

static void
test_rates(void)
{
	struct limits		 l;
	struct limit_user	*u;
	uint64_t		 now;
	int			 n = 0;

	limits_init(&l, &limits_default);
	u = limits_user(&l, EVE, 5000);
	while (limits_take(&l, u, LIMIT_NEW, 5000))
		n++;
	if (n != 200)
		errx(1, "a burst of %d", n);
	/* ten seconds of trying all the time */
	for (n = 0, now = 5000; now < 15000; now++)
		n += limits_take(&l, u, LIMIT_NEW, now);
	if (n < 999 || n > 1001)
		errx(1, "%d in ten seconds", n);
	/* an hour of silence is no store */
	for (n = 0, now += 3600000; limits_take(&l, u, LIMIT_NEW, now); n++)
		;
	if (n != 200)
		errx(1, "%d after an hour", n);
}

static void
test_bytes(void)
{
	struct limits_conf	 conf = limits_default;
	struct limits		 l;
	struct limit_user	*u;
	uint64_t		 now, sum = 0;

	limits_init(&l, &conf);
	u = limits_user(&l, BOB, 0);
	if (limits_bytes(&l, u, UINT32_MAX, 0) != UINT32_MAX)
		errx(1, "no limit");
	conf.max[LIMIT_BYTES] = 1000000;
	limits_init(&l, &conf);
	u = limits_user(&l, BOB, 0);
	for (now = 0; now < 10000; now++)
		sum += limits_bytes(&l, u, 65536, now);
	if (sum < 11990000 || sum > 12000000)
		errx(1, "%ju bytes in ten seconds", (uintmax_t)sum);
}

static void
test_sweep(void)
{
	struct limits		 l;
	struct limit_user	*u;

	limits_init(&l, &limits_default);
	u = limits_user(&l, BOB, 0);
	limits_take(&l, u, LIMIT_UDP, 0);
	limits_take(&l, limits_user(&l, EVE, 0), LIMIT_DNS, 0);
	limits_sweep(&l, 1);
	if (RB_EMPTY(&l.users) || RB_ROOT(&l.users)->uid == 0)
		errx(1, "too early");
	limits_sweep(&l, 5000);
	if (limits_user(&l, BOB, 0) != u || RB_ROOT(&l.users) != u)
		errx(1, "who has something is forgotten, or who has not stays");
	limits_give(u, LIMIT_UDP);
	limits_sweep(&l, 5000);
	if (!RB_EMPTY(&l.users))
		errx(1, "somebody stays");
}

int
main(void)
{
	test_counts();
	test_rates();
	test_bytes();
	test_sweep();
	return (0);
}
