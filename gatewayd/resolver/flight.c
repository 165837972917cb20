/*
 * Questions that wait for one look-up: see flight.h.  Runs in the resolver
 * (_gwrelay, Landlock).
 */
#include <stdlib.h>

#include "flight.h"
#include "util.h"

struct flight_waiter {
	TAILQ_ENTRY(flight_waiter)	 entry;
	uint32_t			 id;
};

static int
flight_cmp(struct flight *a, struct flight *b)
{
	return (cache_key_cmp(&a->key, &b->key));
}

RB_PROTOTYPE(flight_tree, flight, node, flight_cmp)
RB_GENERATE(flight_tree, flight, node, flight_cmp)

void
flights_init(struct flights *fs)
{
	RB_INIT(&fs->tree);
	fs->nwaiters = 0;
}

struct flight *
flight_find(struct flights *fs, const struct cache_key *key)
{
	struct flight	 f;

	f.key = *key;
	return (RB_FIND(flight_tree, &fs->tree, &f));
}

void
flight_start(struct flights *fs, struct flight *f, const struct cache_key *key)
{
	f->key = *key;
	TAILQ_INIT(&f->waiters);
	RB_INSERT(flight_tree, &fs->tree, f);
}

int
flight_wait(struct flights *fs, struct flight *f, uint32_t id)
{
	struct flight_waiter	*w;

	if (fs->nwaiters >= FLIGHT_WAITERS)
		return (-1);
	w = xcalloc(1, sizeof(*w));
	w->id = id;
	TAILQ_INSERT_TAIL(&f->waiters, w, entry);
	fs->nwaiters++;
	return (0);
}

void
flight_end(struct flights *fs, struct flight *f,
    void (*tell)(uint32_t, void *), void *arg)
{
	struct flight_waiter	*w;

	RB_REMOVE(flight_tree, &fs->tree, f);
	while ((w = TAILQ_FIRST(&f->waiters)) != NULL) {
		TAILQ_REMOVE(&f->waiters, w, entry);
		fs->nwaiters--;
		tell(w->id, arg);
		free(w);
	}
}
