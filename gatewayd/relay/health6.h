/*
 * Whether IPv6 goes first by a tunnel: what its connections have come to
 * lately.  No I/O; the clock is an argument, in milliseconds.  Runs in the
 * relay (_gwrelay, chroot).
 *
 * A failure is an attempt that timed out, met an ICMPv6 error, or lost to IPv4
 * while it had waited for a second.  A refusal is the host's own word and says
 * that the way is good.  Three failures in a row, towards two different /48s
 * within a minute, put IPv4 first; IPv6 is still raced.  After a minute, then
 * two, four and so on up to ten, one connection tries IPv6 first again.
 */
#ifndef GW_HEALTH6_H
#define GW_HEALTH6_H

#include <netinet/in.h>
#include <stdint.h>

#define HEALTH6_FAILURES	3

enum health6_state {
	HEALTH6_GOOD,
	HEALTH6_BAD,		/* IPv4 goes first until retry_at */
	HEALTH6_TRYING		/* one connection finds out */
};

struct health6 {
	enum health6_state	 state;
	uint32_t		 failures;	/* in a row */
	uint32_t		 wait_ms;	/* of the present BAD */
	uint64_t		 retry_at;	/* HEALTH6_BAD, or when TRYING
						 * is given up */
	struct {
		uint64_t	 at;
		uint8_t		 site[6];	/* the /48 */
	} last[HEALTH6_FAILURES];
};

/* all zero is a good one; so is one whose routes have changed */
void	 health6_reset(struct health6 *);
/*
 * A connection begins: nonzero if it puts IPv6 first.  Where the answer ends a
 * time of IPv4, that connection is the one that finds out.
 */
int	 health6_first(struct health6 *, uint64_t now);
/* what came of attempts; nonzero if the state is another one now */
int	 health6_failed(struct health6 *, const struct in6_addr *,
	    uint64_t now);
int	 health6_worked(struct health6 *);
/* the one that was to find out has not tried: the next one does */
void	 health6_unused(struct health6 *);

#endif
