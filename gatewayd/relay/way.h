/*
 * Ways: the tunnels, as the engine tells of them.  Runs in the relay
 * (_gwrelay, chroot).
 */
#ifndef GW_WAY_H
#define GW_WAY_H

#include <sys/queue.h>
#include <netinet/in.h>
#include <stdint.h>

#include "acl.h"
#include "conf.h"
#include "health6.h"
#include "relaystat.h"

struct way {
	TAILQ_ENTRY(way)	 entry;
	uint32_t		 refs;		/* who points to it */
	uint32_t		 id;		/* of the tunnel */
	char			 name[GW_NAME_SIZE];
	struct in6_addr		 source;	/* bound to; :: none */
	int			 usable;	/* it may carry connections */
	int			 active;
	int			 lost;		/* down, and another one is
						 * active */
	struct health6		 health;
	struct relay_counts	 stats;		/* of IPv6 */
	int			 changed;	/* since the last report */
};
TAILQ_HEAD(ways, way);

/* of that number, made if there is none */
struct way	*way_new(uint32_t id);
/* the tunnel has gone: nothing new goes by it */
void		 way_gone(uint32_t id);
/* a pointer to it is kept (NULL: to none), and given up: it lives so long */
struct way	*way_get(struct way *);
void		 way_put(struct way *);
/* NULL: there is none */
struct way	*way_id(uint32_t id);
struct way	*way_name(const char *);
struct way	*way_active(void);
/*
 * What the rule (NULL: none) says: the one that IPv6 goes out by, or NULL, and
 * the policy of families.  What has to go by the upstream server gets no way
 * at all.
 */
struct way	*way_for(const struct acl_rule *, enum gw_family *);

#endif
