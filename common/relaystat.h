/*
 * What the relay counts, as it is told to who shows it.  Pure; any process.
 */
#ifndef GW_RELAYSTAT_H
#define GW_RELAYSTAT_H

#include <stdint.h>

#include "histogram.h"

/* which way a connection goes; the first two are enum he_family */
enum relay_way {
	RELAY_IPV6,
	RELAY_IPV4,
	RELAY_UPSTREAM,		/* another proxy: its family is unknown */
	RELAY_WAYS
};

/* why an attempt did not win */
enum loss {
	LOSS_REFUSED,
	LOSS_UNREACHABLE,	/* an ICMP error, or no route */
	LOSS_TIMEOUT,
	LOSS_RACE,		/* another one was faster */
	LOSS_DENIED,		/* by the rules, before it was made */
	LOSSES
};

enum refusal {
#define REFUSAL(name, word)	REFUSED_##name,
#include "refusals.def"
#undef REFUSAL
	REFUSALS
};

/* what a name came to, in one family */
enum relay_answer {
	ANSWER_POSITIVE,
	ANSWER_NEGATIVE,	/* it has no address of that family */
	ANSWER_FAILED,		/* no server could say */
	ANSWER_LATE,		/* one of these, when it was not needed any
				 * more */
	ANSWERS
};

/* as enum health6_state has them */
enum relay_health {
	RELAY_GOOD,
	RELAY_BAD,
	RELAY_TRYING,
	RELAY_HEALTHS
};

/* how much a user may have */
enum limit {
	LIMIT_SESSIONS,		/* connections at once */
	LIMIT_HALF_OPEN,	/* of them, those that are not through yet */
	LIMIT_UDP,		/* UDP associations */
	LIMIT_COUNTS,
	LIMIT_NEW = LIMIT_COUNTS,	/* connections a second */
	LIMIT_DNS,		/* names a second */
	LIMIT_BYTES,		/* bytes a second, both ways; 0: any */
	LIMIT_KINDS
};

/* of one way; all but sessions only rises.  Goes over the wire as it is. */
struct relay_counts {
	uint64_t	 sessions;	/* that are open */
	uint64_t	 attempts;
	uint64_t	 wins;
	uint64_t	 losses[LOSSES];
	uint64_t	 rx_bytes;	/* from the target */
	uint64_t	 tx_bytes;	/* to it */
	struct histogram connect;	/* of wins: histogram_connect */
};

/* users that are told apart; the others are counted together, and so are
 * those who have no uid */
#define RELAY_UIDS	64
#define RELAY_OTHERS	UINT32_MAX	/* their "uid" */

/* of one user.  Goes over the wire as it is. */
struct relay_uid {
	uint32_t	 uid;
	uint32_t	 sessions;	/* that are open */
	uint32_t	 half_open;
	uint32_t	 udp;		/* associations */
	uint64_t	 wins[RELAY_WAYS];
	uint64_t	 rx_bytes;
	uint64_t	 tx_bytes;
	uint64_t	 limited[LIMIT_KINDS];	/* refused for having enough */
};

#endif
