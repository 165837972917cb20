/*
 * How much one user may have of the relay.  No I/O; the clock is an argument,
 * in milliseconds.  Runs in the relay (_gwrelay, chroot).
 *
 * Users are told apart by uid.  One that has nothing open and whose buckets
 * are full again is forgotten.
 */
#ifndef GW_LIMITS_H
#define GW_LIMITS_H

#include <sys/types.h>
#include <sys/tree.h>
#include <stdint.h>

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
};
RB_HEAD(limit_users, limit_user);

struct limits {
	struct limits_conf	 conf;
	struct limit_users	 users;
};

void	 limits_init(struct limits *, const struct limits_conf *);
/* the user, made if there is none, with limits_sweep(): it is there as long as
 * something is taken */
struct limit_user *limits_user(struct limits *, uid_t, uint64_t now);
/* nonzero and one is taken, or 0 and the refusal is counted */
int	 limits_take(struct limits *, struct limit_user *, enum limit,
	    uint64_t now);
/* one of the first kinds is given back */
void	 limits_give(struct limit_user *, enum limit);
/* how many of those bytes may pass now; they are taken */
uint32_t limits_bytes(struct limits *, struct limit_user *, uint32_t,
	    uint64_t now);
/* forgets users that have nothing */
void	 limits_sweep(struct limits *, uint64_t now);

#endif
