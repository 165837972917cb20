/*
 * limits.c under a fake clock.
 */
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "limits.h"

#define BOB	1000
#define EVE	1001

RB_PROTOTYPE(limit_users, limit_user, entry, user_cmp)

static void
forget(struct limits *l)
{
	struct limit_user	*u;

	while ((u = RB_ROOT(&l->users)) != NULL) {
		RB_REMOVE(limit_users, &l->users, u);
		free(u);
	}
}

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
	forget(&l);
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
	forget(&l);
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
	forget(&l);
	limits_init(&l, &conf);
	u = limits_user(&l, BOB, 0);
	for (now = 0; now < 10000; now++)
		sum += limits_bytes(&l, u, 65536, now);
	if (sum < 11990000 || sum > 12000000)
		errx(1, "%ju bytes in ten seconds", (uintmax_t)sum);
	forget(&l);
}

/* as many as can be shown are kept, whatever they have */
static void
test_sweep(void)
{
	struct limits		 l;
	struct limit_user	*u;
	uid_t			 uid;

	limits_init(&l, &limits_default);
	for (uid = 1; uid <= RELAY_UIDS + 2; uid++) {
		u = limits_user(&l, uid, 0);
		limits_take(&l, u, LIMIT_DNS, 0);
		u->tx_bytes = u->wins[RELAY_IPV6] = uid;
	}
	limits_take(&l, limits_user(&l, 1, 0), LIMIT_UDP, 0);
	limits_sweep(&l, 1);
	if (l.nusers != RELAY_UIDS + 2)
		errx(1, "too early");
	limits_sweep(&l, 5000);
	if (l.nusers != RELAY_UIDS ||
	    limits_user(&l, 1, 5000)->count[LIMIT_UDP] != 1)
		errx(1, "who has something is forgotten, or too many are");
	if (l.nforgotten != 2 || l.forgotten.tx_bytes != 2 + 3)
		errx(1, "what they had is forgotten as well");
	limits_sweep(&l, 10000);
	if (l.nusers != RELAY_UIDS)
		errx(1, "there was room for all of them");
	forget(&l);
}

static void
test_users(void)
{
	struct relay_uid	 list[4];
	struct limits		 l;
	struct limit_user	*u;
	uid_t			 uid;

	limits_init(&l, &limits_default);
	if (limits_users(&l, list, 4) != 0)
		errx(1, "users before there were any");
	for (uid = 1; uid <= 3; uid++) {
		u = limits_user(&l, uid, 0);
		u->wins[uid % RELAY_WAYS] = uid * 10;
		u->rx_bytes = uid;
	}
	u->open = 1;
	limits_take(&l, u, LIMIT_HALF_OPEN, 0);
	if (limits_users(&l, list, 4) != 3 || list[0].uid != 3 ||
	    list[1].uid != 2 || list[2].uid != 1)
		errx(1, "not the busiest first");
	if (list[0].sessions != 1 || list[0].half_open != 1 ||
	    list[0].wins[0] != 30 || list[0].rx_bytes != 3)
		errx(1, "not what the user has");
	if (limits_users(&l, list, 3) != 3 || list[2].uid != RELAY_OTHERS ||
	    list[2].rx_bytes != 1 || list[2].wins[1] != 10)
		errx(1, "not the sum of the others");
	if (limits_users(&l, list, 2) != 2 || list[1].rx_bytes != 1 + 2)
		errx(1, "not the sum of two others");
	forget(&l);
}

int
main(void)
{
	test_counts();
	test_rates();
	test_bytes();
	test_sweep();
	test_users();
	return (0);
}
