/*
 * How much one user may have of the relay.  No I/O; the clock is an argument,
 * in milliseconds.  Runs in the relay (_gwrelay, chroot).
 *
 * Users are told apart by uid.  Where there are more than can be shown, those
 * that have nothing open and whose buckets are full again are forgotten.
 */
#ifndef GW_LIMITS_H
#define GW_LIMITS_H

#include <sys/types.h>
#include <sys/tree.h>
#include <stdint.h>

#include "relaystat.h"

/* a bucket holds twice its rate, so that a burst passes */
struct limits_conf {
	uint32_t	 max[LIMIT_KINDS];
};

extern const struct limits_conf	 limits_default;

struct limit_user {
	RB_ENTRY(limit_user)	 entry;
	uid_t			 uid;
	uint32_t		 count[LIMIT_COUNTS];
	uint64_t		 tokens[LIMIT_KINDS];	/* thousandths */
	uint64_t		 filled;	/* when they were counted */
	uint64_t		 refused[LIMIT_KINDS];
	/* what he has, and has had so far; stats.c counts */
	uint32_t		 open;	/* connections */
	uint64_t		 wins[RELAY_WAYS];
	uint64_t		 rx_bytes;
	uint64_t		 tx_bytes;
};
RB_HEAD(limit_users, limit_user);

struct limits {
	struct limits_conf	 conf;
	struct limit_users	 users;
	uint32_t		 nusers;
	uint32_t		 nforgotten;
	struct limit_user	 forgotten;	/* what all of them have had */
};

/* copies the configuration */
void	 limits_init(struct limits *, const struct limits_conf *);
/* the user, made if there is none, with limits_sweep(): it is there as long as
 * something is taken */
struct limit_user *limits_user(struct limits *, uid_t, uint64_t now);
/* nonzero and one is taken, or 0 and the refusal is counted */
int	 limits_take(struct limits *, struct limit_user *, enum limit,
	    uint64_t now);
/* the same for a new connection: one of LIMIT_NEW, LIMIT_SESSIONS and
 * LIMIT_HALF_OPEN, or none of them */
int	 limits_admit(struct limits *, struct limit_user *, uint64_t now);
/* one of the first kinds is given back */
void	 limits_give(struct limit_user *, enum limit);
/* how many of the first kinds all users have together */
uint32_t limits_total(struct limits *, enum limit);
/*
 * What all users have had: the busiest n - 1 at most, those with the most
 * connections first; then, if there are any, the others' sum, among whom are
 * those without a uid.  How many these are.
 */
uint32_t limits_users(struct limits *, struct relay_uid *, uint32_t n);
/* how many of those bytes may pass now; and the same, and they are taken */
uint32_t limits_room(struct limits *, struct limit_user *, uint32_t,
	    uint64_t now);
uint32_t limits_bytes(struct limits *, struct limit_user *, uint32_t,
	    uint64_t now);
/* forgets users that have nothing while there are more than RELAY_UIDS */
void	 limits_sweep(struct limits *, uint64_t now);

#endif
