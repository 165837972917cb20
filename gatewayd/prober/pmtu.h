/*
 * The search for the largest IPv6 packet that gets through a tunnel and back
 * (in the manner of RFC 8899).  No I/O, no clock: the caller sends the probes,
 * one at a time, and says what became of each.  Runs in the prober (_gatewayd,
 * chroot).
 *
 * 1280 goes first, to the targets in turn until one answers; then the largest;
 * between the two it is halved until PMTU_STEP is left.  A size is lost after
 * PMTU_TRIES probes without an answer.  What "packet too big" says is tried
 * next, so that it leaves no step.  Where nothing says so, the smallest size
 * that was lost is asked again at other targets before it counts: one target
 * may answer no large packets, and chance may have taken three in a row.
 */
#ifndef GW_PMTU_H
#define GW_PMTU_H

#include <stdint.h>

#define PMTU_MIN	1280	/* RFC 8200, section 5 */
#define PMTU_MAX	65535
#define PMTU_STEP	8	/* sizes differ by at most that in the end */
#define PMTU_TRIES	3	/* probes of one size */
#define PMTU_PROBES	64	/* of one search; then what is known counts */

/* zeroed: no search */
struct pmtu {
	uint32_t	 size;		/* on trial, bytes of IPv6 packet; 0:
					 * the search is over */
	uint32_t	 target;	/* whom to send it to */
	uint32_t	 max;		/* as asked */
	/* the rest is its own business */
	uint32_t	 good;		/* got through; 0: nothing yet */
	uint32_t	 bad;		/* did not; max + 1: nothing yet */
	uint32_t	 tries;		/* of size that were lost */
	uint32_t	 ntargets;
	uint32_t	 base;		/* the target that answers */
	uint32_t	 sent;
	uint8_t		 explained;	/* bad is more than somebody says */
	uint8_t		 sure;		/* bad was asked again */
	uint8_t		 asking;	/* just that is going on */
};

/* max: PMTU_MIN to PMTU_MAX; ntargets: 1 or more.  size says what is first */
void		 pmtu_start(struct pmtu *, uint32_t max, uint32_t ntargets);
/* a probe of size to target was sent; each needs one of the next three */
void		 pmtu_sent(struct pmtu *);
/* that target answered one of this size */
void		 pmtu_answered(struct pmtu *, uint32_t target);
/* the last one was not answered in time */
void		 pmtu_lost(struct pmtu *);
/*
 * Somebody said that packets of at most mtu bytes fit.  Nonzero if that can
 * be; else it is not believed, and the probe is still to be waited for.
 */
int		 pmtu_too_big(struct pmtu *, uint32_t mtu);

/* when it is over: the largest that got through, 0: none */
uint32_t	 pmtu_result(const struct pmtu *);
/* and nonzero if somebody said why it is not max */
int		 pmtu_told(const struct pmtu *);

#endif
