/*
 * What the frontend knows: the engine's last word on every tunnel and on
 * health, and the configuration's text.  frontend.c fills it; json.c renders
 * it.  Runs in the frontend (_gatewayd, chroot).
 */
#ifndef GW_STATUS_H
#define GW_STATUS_H

#include <sys/queue.h>
#include <stddef.h>
#include <stdint.h>

#include "wire.h"

#define FE_TRANSITIONS	8	/* kept for each tunnel, newest first */

struct fe_transition {
	uint64_t		 time;
	uint32_t		 from;	/* enum tunnel_state */
	uint32_t		 to;
	char			 reason[WIRE_REASON];
};

struct fe_tunnel {
	TAILQ_ENTRY(fe_tunnel)	 entry;
	struct imsg_tunnel	 conf;
	struct imsg_status	 st;
	int			 known;	/* st was filled by the engine */
	struct fe_transition	 transitions[FE_TRANSITIONS];
	uint32_t		 ntransitions;
};
TAILQ_HEAD(fe_tunnels, fe_tunnel);

struct fe_status {
	struct fe_tunnels	 tunnels;	/* configuration order */
	struct imsg_health	 health;
	struct imsg_conf	 conf;
	char			*conf_text;	/* what conf_print() writes */
	uint64_t		 started;	/* Unix seconds */
	uint64_t		 generation;	/* rises with every change */
};

extern struct fe_status	 fe_status;

struct fe_tunnel *fe_tunnel_name(const char *);

#endif
