/*
 * What each tunnel was like in the last 24 hours, in slots of 5 seconds, kept
 * in the file of common/histfile.h.  Runs in the frontend (_gatewayd, chroot),
 * which got its descriptor from the parent.
 *
 * Nothing here has a timer: the engine's word on a tunnel is a sample, and the
 * first one behind a slot writes it.  If the disk makes anybody wait it is the
 * frontend alone, which decides nothing.
 */
#ifndef GW_HISTORY_H
#define GW_HISTORY_H

#include "histfile.h"
#include "status.h"

/* takes over the descriptor; without one there is no history */
void	 history_open(int fd);
/* a configuration came into force: each of its tunnels gets a ring; who left
 * keeps his for a day, and longer if nobody needs it */
void	 history_conf(void);
/* t->st is new */
void	 history_sample(const struct fe_tunnel *);
/* the n slots from that number on, of which those that are not known are
 * zeros, and so is the one that is not over yet */
void	 history_get(const struct fe_tunnel *, uint32_t number, uint32_t n,
	    struct history_slot *);

#endif
