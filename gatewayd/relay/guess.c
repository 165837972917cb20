/*
 * Guessing passwords: see guess.h.  Runs in the relay (_gwrelay, chroot).
 */
#include <stddef.h>

#include "guess.h"

static struct guess *
guess_find(struct guesses *g, uid_t who)
{
	uint32_t	 i;

	for (i = 0; i < g->n; i++)
		if (g->list[i].who == who)
			return (&g->list[i]);
	return (NULL);
}

/* one that is over, one behind the others, or the one nearest to its end */
static struct guess *
guess_place(struct guesses *g, uint64_t now)
{
	struct guess	*old = &g->list[0];
	uint32_t	 i;

	for (i = 0; i < g->n; i++) {
		if (g->list[i].until <= now)
			return (&g->list[i]);
		if (g->list[i].until < old->until)
			old = &g->list[i];
	}
	return (g->n < GUESS_CLIENTS ? &g->list[g->n++] : old);
}

int
guess_allowed(struct guesses *g, uid_t who, uint64_t now)
{
	const struct guess	*e = guess_find(g, who);

	return (e == NULL ||
	    e->until <= now + (GUESS_TRIES - 1) * GUESS_MS);
}

void
guess_wrong(struct guesses *g, uid_t who, uint64_t now)
{
	struct guess	*e = guess_find(g, who);

	if (e == NULL) {
		e = guess_place(g, now);
		e->who = who;
		e->until = now;
	}
	e->until = (e->until > now ? e->until : now) + GUESS_MS;
}
