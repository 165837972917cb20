/*
 * Questions that wait for one look-up: whoever asks for a name that is being
 * looked up gets that look-up's answer.  No I/O.  Runs in the resolver
 * (_gwrelay, Landlock).
 */
#ifndef GW_FLIGHT_H
#define GW_FLIGHT_H

#include <sys/queue.h>
#include <sys/tree.h>
#include <stdint.h>

#include "cache.h"

#define FLIGHT_WAITERS	4096	/* questions that wait, in all */

struct flight_waiter;

struct flight {
	RB_ENTRY(flight)		 node;
	struct cache_key		 key;
	TAILQ_HEAD(, flight_waiter)	 waiters;
};
RB_HEAD(flight_tree, flight);

struct flights {
	struct flight_tree	 tree;
	uint32_t		 nwaiters;
};

void		 flights_init(struct flights *);
/* the look-up that is under way, or NULL */
struct flight	*flight_find(struct flights *, const struct cache_key *);
/* a look-up begins; there is none for that key */
void		 flight_start(struct flights *, struct flight *,
		    const struct cache_key *);
/* question id waits for it.  0, or -1: too many do */
int		 flight_wait(struct flights *, struct flight *, uint32_t id);
/* the look-up has ended: tells who waited, in the order in which they came */
void		 flight_end(struct flights *, struct flight *,
		    void (*tell)(uint32_t id, void *arg), void *arg);

#endif
