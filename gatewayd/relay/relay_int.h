/*
 * What the files of the relay share: ways, policy, statistics, and what its
 * surroundings do for it.  Runs in the relay (_gwrelay, chroot).
 */
#ifndef GW_RELAY_INT_H
#define GW_RELAY_INT_H

#include <event2/event.h>
#include <netinet/in.h>
#include <stdint.h>

#include "acl.h"
#include "conf.h"
#include "guess.h"
#include "he.h"
#include "limits.h"
#include "stats.h"
#include "users.h"
#include "way.h"
#include "wire_relay.h"
#include "wire_resolve.h"

#define LOOKUP_ADDRS	WIRE_ADDRS

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

struct relay {
	struct event_base	*base;
	struct ways		 ways;
	struct acl		 acl;
	struct limits		 limits;
	struct he_policy	 he;
	enum gw_family		 family;	/* where no rule says more */
	enum gw_flows		 flows;		/* what becomes of those of a
						 * tunnel that is lost */
	struct socks_dest	 upstream;	/* port 0: none */
	int			 moved;		/* ways have changed since
						 * NAT64's prefix was asked
						 * for */
	struct users		 users;
	struct guesses		 guesses;	/* wrong passwords */
	struct imsg_relay_stats	 stats;
	int			 diag;		/* sock_diag(7), or -1 */
	uint16_t		 own_ports[2];	/* of the daemon's own TCP
						 * listeners, 0: none */
};
extern struct relay	 relay;

/*
 * The surroundings.  Asks for the addresses of name; the answer comes by
 * cb(arg), never before this returns.  The number is not 0.
 */
uint32_t	 relay_lookup(enum he_family, const char *name,
		    void (*cb)(void *, const struct lookup_answer *),
		    void *arg);
/* the same, and nothing that was learnt before will do */
uint32_t	 relay_lookup_fresh(enum he_family, const char *name,
		    void (*cb)(void *, const struct lookup_answer *),
		    void *arg);
void		 relay_lookup_cancel(uint32_t);

#endif
