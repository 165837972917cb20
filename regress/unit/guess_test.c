/*
 * guess.c under a fake clock.
 */
#include <err.h>
#include <string.h>

#include "guess.h"

#define EVE	1001
#define BOB	1002
#define S	1000ULL

static struct guesses	 g;

static void
test_tries(void)
{
	uint64_t	 now = 5;
	int		 i;

	for (i = 0; i < GUESS_TRIES; i++) {
		if (!guess_allowed(&g, EVE, now))
			errx(1, "try %d", i);
		guess_wrong(&g, EVE, now);
	}
	if (guess_allowed(&g, EVE, now) || guess_allowed(&g, EVE, now + 9999))
		errx(1, "one more");
	if (!guess_allowed(&g, BOB, now))
		errx(1, "somebody else");
	now += GUESS_MS;
	if (!guess_allowed(&g, EVE, now))
		errx(1, "one after a while");
	guess_wrong(&g, EVE, now);
	if (guess_allowed(&g, EVE, now) || guess_allowed(&g, EVE, now + 9999))
		errx(1, "only one after a while");
	now += 3600 * S;
	for (i = 0; i < GUESS_TRIES; i++) {
		if (!guess_allowed(&g, EVE, now))
			errx(1, "it is long ago");
		guess_wrong(&g, EVE, now);
	}
	if (guess_allowed(&g, EVE, now))
		errx(1, "they do not add up");
}

/* the table is bounded; whose time is nearly over makes room */
static void
test_many(void)
{
	uint64_t	 now = 7200 * S;
	uint32_t	 i;

	memset(&g, 0, sizeof(g));
	for (i = 0; i < GUESS_TRIES; i++)
		guess_wrong(&g, EVE, now);
	for (i = 0; i < 4 * GUESS_CLIENTS; i++)
		guess_wrong(&g, 100000 + i, now + i);
	if (g.n != GUESS_CLIENTS)
		errx(1, "%u clients", g.n);
	if (guess_allowed(&g, EVE, now))
		errx(1, "it was forgotten");
	/* their times are over: places are used again */
	now += 3600 * S;
	guess_wrong(&g, BOB, now);
	if (g.n != GUESS_CLIENTS || g.list[0].who != BOB)
		errx(1, "places");
}

int
main(void)
{
	test_tries();
	test_many();
	return (0);
}
