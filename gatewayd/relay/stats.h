/*
 * What the relay counts, and when it is time to tell.  Runs in the relay
 * (_gwrelay, chroot).
 *
 * Counting is a few additions; whoever shows the numbers is told of changes
 * at most once a second, and of nothing while nothing changes.
 *
 * way: the tunnel that an IPv6 connection goes by, or NULL.  family: enum
 * relay_way, which has the numbers of enum he_family.
 */
#ifndef GW_STATS_H
#define GW_STATS_H

#include <event2/event.h>
#include <stdint.h>

#include "he.h"
#include "relaystat.h"

struct limit_user;
struct way;

/* report() is called from the loop when there is something to tell */
void	 stats_init(struct event_base *, void (*report)(void));
/* something that is told of has changed without being counted here; of that
 * tunnel, whose health may be another one now */
void	 stats_changed(void);
void	 stats_way_changed(struct way *);

/* attempts to connect, and what came of them; how long a won one took */
void	 stats_attempt(struct way *, uint32_t family);
void	 stats_won(struct way *, uint32_t family, uint64_t ms);
void	 stats_lost(struct way *, uint32_t family, enum loss);

/* a connection of that user begins and ends, and what it carries meanwhile:
 * from the target, and to it; NULL: a port's, which is nobody's */
void	 stats_open(struct way *, uint32_t family, struct limit_user *);
void	 stats_close(struct way *, uint32_t family, struct limit_user *);
void	 stats_bytes(struct way *, uint32_t family, struct limit_user *,
	    uint64_t rx, uint64_t tx);

/* what a name came to: an answer's error (0 or ARES_*) and its addresses */
void	 stats_answer(int error, uint32_t n);
/* it was decided without that answer */
void	 stats_answer_late(void);

/* a client, or what it asked for, was refused */
void	 stats_refused(enum refusal);

#endif
