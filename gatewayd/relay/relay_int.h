/*
 * What the files of the relay share: ways, policy, statistics, and what its
 * surroundings do for it.  Runs in the relay (_gwrelay, chroot).
 */
#ifndef GW_RELAY_INT_H
#define GW_RELAY_INT_H

#include <sys/queue.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdint.h>

#include "acl.h"
#include "conf.h"
#include "he.h"
#include "health6.h"
#include "limits.h"

#define LOOKUP_ADDRS	16	/* of one answer */

/* what the DNS or hosts(5) says of a name, in one family */
struct lookup_answer {
	int		 error;		/* 0, or ARES_* */
	uint32_t	 ttl;		/* seconds */
	uint32_t	 n;
	union {
		struct in_addr	 v4[LOOKUP_ADDRS];
		struct in6_addr	 v6[LOOKUP_ADDRS];
	};
};

/* a tunnel, as the relay sees it */
struct way {
	TAILQ_ENTRY(way)	 entry;
	uint32_t		 id;
	char			 name[GW_NAME_SIZE];
	struct in6_addr		 source;	/* bound to; :: none */
	int			 usable;	/* it may carry connections */
	int			 active;
	struct health6		 health;
};
TAILQ_HEAD(ways, way);

/* why an attempt did not win */
enum loss {
	LOSS_REFUSED,
	LOSS_UNREACHABLE,	/* an ICMP error, or no route */
	LOSS_TIMEOUT,
	LOSS_RACE,		/* another one was faster */
	LOSS_DENIED,		/* by the rules, before it was made */
	LOSSES
};

struct family_stats {
	uint64_t	 attempts;
	uint64_t	 wins;
	uint64_t	 losses[LOSSES];
	uint64_t	 bytes;
};

struct relay {
	struct event_base	*base;
	struct ways		 ways;
	struct acl		 acl;
	struct limits		 limits;
	struct he_policy	 he;
	enum gw_family		 family;	/* where no rule says more */
	struct family_stats	 stats[2];	/* by enum he_family */
};
extern struct relay	 relay;

/*
 * The surroundings.  Asks for the addresses of name; the answer comes by
 * cb(arg), never before this returns.  The number is not 0.
 */
uint32_t	 relay_lookup(enum he_family, const char *name,
		    void (*cb)(void *, const struct lookup_answer *),
		    void *arg);
void		 relay_lookup_cancel(uint32_t);

#endif
