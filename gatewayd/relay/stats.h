/*
 * What the relay counts.  Runs in the relay (_gwrelay, chroot).
 */
#ifndef GW_STATS_H
#define GW_STATS_H

#include <stdint.h>

#include "he.h"

struct way;

/* why an attempt did not win */
enum loss {
	LOSS_REFUSED,
	LOSS_UNREACHABLE,	/* an ICMP error, or no route */
	LOSS_TIMEOUT,
	LOSS_RACE,		/* another one was faster */
	LOSS_DENIED,		/* by the rules, before it was made */
	LOSSES
};

/* why the relay did not do what somebody asked for */
enum refusal {
	REFUSED_OWNER,		/* nobody holds the client's socket */
	REFUSED_LIMIT,		/* its user has all that he may have */
	REFUSED_MALFORMED,	/* that is not SOCKS5 */
	REFUSED_METHOD,		/* no method of authentication in common */
	REFUSED_COMMAND,
	REFUSED_TIMEOUT,	/* it said no more */
	REFUSED_UDP_HEADER,	/* a datagram that is not SOCKS5 */
	REFUSED_UDP_FRAGMENT,	/* one of SOCKS5's fragments */
	REFUSED_UDP_SENDER,	/* from an address that has no say */
	REFUSED_UDP_SIZE,	/* longer than datagrams are */
	REFUSED_UDP_TARGET,	/* to where the rules do not let it */
	REFUSED_UDP_UNREACHABLE, /* its name has no address, or no route */
	REFUSED_UDP_LOST,	/* the kernel did not take it, or no room */
	REFUSALS
};

struct family_stats {
	uint64_t	 attempts;
	uint64_t	 wins;
	uint64_t	 losses[LOSSES];
	uint64_t	 rx_bytes;	/* from the target */
	uint64_t	 tx_bytes;	/* to it */
};

struct stats {
	struct family_stats	 family[2];	/* by enum he_family */
	uint64_t		 refused[REFUSALS];
};

/*
 * Attempts to connect and what came of them.  way: by
 * which tunnel, NULL: none.
 */
void	 stats_attempt(struct way *, enum he_family);
void	 stats_won(struct way *, enum he_family);
void	 stats_lost(struct way *, enum he_family, enum loss);
/* what a connection has carried */
void	 stats_bytes(struct way *, enum he_family, uint64_t rx, uint64_t tx);
void	 stats_refused(enum refusal);

#endif
