/*
 * What the frontend knows: the engine's last word on every tunnel and on
 * health, and the configuration's text.  frontend.c fills it; json.c renders
 * it.  Runs in the frontend (_gatewayd, chroot).
 */
#ifndef GW_STATUS_H
#define GW_STATUS_H

#include <sys/queue.h>
#include <sys/tree.h>
#include <stddef.h>
#include <stdint.h>

#include "fe_relay.h"
#include "wire.h"
#include "wire_conf.h"
#include "wire_relay.h"
#include "wire_status.h"

#define FE_TRANSITIONS	8	/* kept for each tunnel, newest first */

struct fe_transition {
	uint64_t		 time;
	uint32_t		 from;	/* enum tunnel_state */
	uint32_t		 to;
	char			 reason[WIRE_REASON];
};

/* the default route moved from or to this tunnel; names, since either may be
 * gone by now */
struct fe_failover {
	uint64_t		 time;	/* 0: never */
	char			 from[GW_NAME_SIZE];	/* "": none */
	char			 to[GW_NAME_SIZE];
	char			 reason[WIRE_REASON];
};

/* the state of a tunnel to somebody who does not know the fine ones */
enum tunnel_is {
	IS_UP,
	IS_DEGRADED,
	IS_DOWN,
	IS_STARTING,
	IS_FAILED,
	IS_DISABLED,
	TUNNEL_STATES
};

/* what has happened to a tunnel since it came */
struct fe_counts {
	uint64_t		 states[TUNNEL_STATES];	/* times it got there */
	uint64_t		 left;	/* moves of the default route from it */
	uint64_t		 taken;	/* and to it */
};

struct fe_tunnel {
	TAILQ_ENTRY(fe_tunnel)	 entry;
	RB_ENTRY(fe_tunnel)	 by_id;
	RB_ENTRY(fe_tunnel)	 by_name;
	RB_ENTRY(fe_tunnel)	 by_iface;
	struct imsg_tunnel	 conf;
	struct imsg_status	 st;
	int			 known;	/* st was filled by the engine */
	struct imsg_relay_way_stats relay;
	int			 relayed;	/* it was filled by the relay */
	struct fe_transition	 transitions[FE_TRANSITIONS];
	uint32_t		 ntransitions;
	struct fe_failover	 failover;	/* the last one */
	struct fe_counts	 counts;
	uint32_t		 ring;	/* history.c's number + 1; 0: none */
};
TAILQ_HEAD(fe_list, fe_tunnel);
RB_HEAD(fe_ids, fe_tunnel);
RB_HEAD(fe_names, fe_tunnel);
RB_HEAD(fe_ifaces, fe_tunnel);

/* the tunnels of one configuration; with thousands of them none is looked for
 * from the first to the last */
struct fe_tunnels {
	struct fe_list		 list;		/* configuration order */
	struct fe_ids		 ids;
	struct fe_names		 names;
	struct fe_ifaces	 ifaces;
};

struct fe_status {
	struct fe_tunnels	 tunnels;
	struct imsg_health	 health;
	struct imsg_conf	 conf;
	struct imsg_uids	 writers;	/* besides root */
	char			*conf_text;	/* what conf_print() writes */
	uint64_t		 started;	/* Unix seconds */
	uint64_t		 generation;	/* rises with every change */
	uint64_t		 failovers[FAILOVER_CAUSES];
	struct histogram	 outages;	/* histogram_failover */
	struct fe_relay		 relay;
};

extern struct fe_status	 fe_status;

/* told of each change that fe_changed() is called for; may be NULL */
extern void		(*fe_watch)(void);
/* fe_status is another one: what was rendered from it is stale */
void		  fe_changed(void);

void		  fe_tunnels_init(struct fe_tunnels *);
/* appends a tunnel, which is freed with the others; -1 if its id or name is
 * there already, and it is still the caller's */
int		  fe_tunnels_add(struct fe_tunnels *, struct fe_tunnel *);
void		  fe_tunnels_clear(struct fe_tunnels *);
struct fe_tunnel *fe_tunnels_id(struct fe_tunnels *, uint32_t);

/*
 * Puts a new configuration's tunnels, which leaves that set empty, in place of
 * those in force.  What was known of a tunnel that stays is known of it still.
 */
void		  fe_tunnels_commit(struct fe_tunnels *);
/* what the engine says, checked by the caller */
void		  fe_tunnel_update(struct fe_tunnel *,
		    const struct imsg_status *);
void		  fe_health_update(const struct imsg_health *);
/* from, to: NULL for none */
void		  fe_failover(struct fe_tunnel *from, struct fe_tunnel *to,
		    const struct imsg_failover *);

/* of the configuration in force; NULL if there is none */
struct fe_tunnel *fe_tunnel_name(const char *);
struct fe_tunnel *fe_tunnel_iface(const char *);
/* "he, wg", in configuration order, cut to size with "..."; "none" */
const char	 *fe_tunnel_list(char *buf, size_t size,
		    const char *(*word)(const struct fe_tunnel *));
/* words of it: the tunnel's name, its interface's */
const char	 *fe_name(const struct fe_tunnel *);
const char	 *fe_iface(const struct fe_tunnel *);

#endif
