/*
 * Messages that came for a tunnel and were not believed: counted by kind, and
 * told in one log line a minute, however many there are.  Runs in the prober
 * (_gatewayd, chroot).
 *
 * Times are monotonic microseconds.
 */
#ifndef GW_REJECT_H
#define GW_REJECT_H

#include <stddef.h>
#include <stdint.h>

#include "log.h"

enum reject {
	/* somebody must have forged it */
	REJECT_HASH,		/* an answer with a wrong tag */
	REJECT_SOURCE,		/* the right one, from another address */
	REJECT_TUNNEL,		/* one to a probe of another tunnel */
	/* perhaps */
	REJECT_REPLAY,		/* one that was here already */
	REJECT_LATE,		/* one that nobody waits for any more */
	REJECT_ICMP4,		/* an ICMPv4 error that proves nothing */
	/* other programs ping, too */
	REJECT_FOREIGN,		/* an answer to no probe of ours */
	REJECT_KINDS
};

/* zeroed: nothing was rejected yet */
struct rejects {
	uint64_t	 reported_us;	/* 0: never */
	uint64_t	 due_us;	/* of the report; 0: nothing to tell */
	uint32_t	 counts[REJECT_KINDS];	/* since the last one */
};

/* one was refused for that */
void	 reject_add(struct rejects *, enum reject, uint64_t now_us);
/* when there is something to tell, UINT64_MAX: never */
uint64_t reject_due_us(const struct rejects *);
/* what was counted, as text for the log, and at which level; counts anew */
enum log_level reject_report(struct rejects *, uint64_t now_us, char *,
	    size_t);

#endif
