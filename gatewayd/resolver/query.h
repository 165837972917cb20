/*
 * One question for hosts(5) and the name servers of resolv.conf(5), by c-ares.
 * Runs in the resolver (_gwrelay, Landlock).
 */
#ifndef GW_QUERY_H
#define GW_QUERY_H

#include <event2/event.h>
#include <stdint.h>

#include "cache.h"

#define QUERY_MAX_MS	5000

/* how many queries of one asker are and may be under way, with those that
 * were answered by a time-out and have not ended by themselves yet */
struct query_pool {
	uint32_t	 n;
	uint32_t	 max;
};

typedef void query_done(void *arg, const struct cache_answer *);
/* an answer that came after its time-out: somebody may ask again */
typedef void query_late(const struct cache_key *, struct cache_answer *);

void	 query_init(struct event_base *, query_late *);
/*
 * Follows resolv.conf and hosts: before a query.  Nonzero if one of them has
 * changed, so that what was learnt may be wrong; what is under way is asked
 * again.
 */
int	 query_refresh(void);
/*
 * done() is called once, within QUERY_MAX_MS, maybe before this returns.  0, or
 * -1: the pool is empty, and done() is not called.
 */
int	 query_start(struct query_pool *, const struct cache_key *,
	    query_done *, void *arg);

#endif
