/*
 * Happy Eyeballs (RFC 8305): which address of a name is tried when.  No I/O,
 * no allocation; the clock is an argument, milliseconds of any origin.  Runs
 * in the relay (_gwrelay, chroot).
 *
 * The caller tells what happens (he_answer, he_failed) and then asks he_next()
 * until it has nothing to do but wait; he_due() says how long.  He closes the
 * other attempts when one has connected.
 */
#ifndef GW_HE_H
#define GW_HE_H

#include <netinet/in.h>
#include <stdint.h>

#define HE_FAMILY_MAX	8	/* addresses of a family that are tried */
#define HE_MAX		(2 * HE_FAMILY_MAX)

enum he_family {
	HE_V6,
	HE_V4
};
#define HE_BOTH		((1 << HE_V6) | (1 << HE_V4))

struct he_policy {
	uint32_t	 resolution_delay_ms;	/* section 3 */
	uint32_t	 attempt_delay_ms;	/* section 5 */
	uint32_t	 total_ms;
	uint32_t	 first_count;	/* First Address Family Count */
	uint32_t	 in_flight;	/* attempts at once */
	uint32_t	 families;	/* 1 << enum he_family: who is asked */
	enum he_family	 first;		/* who goes first */
	struct in6_addr	 source;	/* ours, to sort IPv6 by; or :: */
};

/* the values of RFC 8305: IPv6 first, both families */
extern const struct he_policy	 he_default;

enum he_try {
	HE_WAITING,
	HE_RUNNING,
	HE_FAILED
};

struct he_candidate {
	enum he_family	 family;
	union {
		struct in_addr	 v4;
		struct in6_addr	 v6;
	};
	enum he_try	 try;
	uint32_t	 turn;		/* 1: tried first, 0: not yet */
	int		 error;		/* HE_FAILED: errno */
	uint64_t	 started_ms;	/* after the first he_init() */
	uint64_t	 ended_ms;
};

struct he {
	struct he_policy	 policy;
	uint64_t		 began;
	uint64_t		 last;		/* the last attempt's start */
	uint64_t		 answered_at[2];	/* by family */
	uint32_t		 answered;	/* 1 << family: there is one */
	uint32_t		 positive;	/* and it has addresses */
	uint32_t		 tried[2];	/* attempts by family */
	uint32_t		 running;
	enum he_family		 last_family;
	uint32_t		 n;
	struct he_candidate	 list[HE_MAX];	/* by family, sorted */
};

enum he_action {
	HE_WAIT,		/* for an event, or until he_due() */
	HE_CONNECT,		/* to candidate *i, which runs now */
	HE_EXHAUSTED,		/* all have failed, or there is no address */
	HE_TIMEOUT		/* total_ms are over */
};

void	 he_init(struct he *, const struct he_policy *, uint64_t now);
/*
 * What is known of a family: n addresses in the DNS's order, 0 for none (or
 * an error); at most HE_FAMILY_MAX of them count, and each once.  Only the
 * first answer of a family counts.
 */
void	 he_answer4(struct he *, const struct in_addr *, uint32_t n,
	    uint64_t now);
void	 he_answer6(struct he *, const struct in6_addr *, uint32_t n,
	    uint64_t now);
/* candidate i could not connect: errno */
void	 he_failed(struct he *, uint32_t i, int error, uint64_t now);
/* what to do now */
enum he_action he_next(struct he *, uint64_t now, uint32_t *i);
/* when he_next() has something to do without an event */
uint64_t he_due(const struct he *);
/*
 * The candidates in the order in which they have been tried and, unless an
 * answer adds to them, will be: their numbers; how many there are.
 */
uint32_t he_order(const struct he *, uint32_t order[HE_MAX]);
/* the errno that says most about a failure, 0: there was no address */
int	 he_error(const struct he *);

#endif
