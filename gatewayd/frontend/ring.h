/*
 * The rings of the history's file (common/histfile.h) and whose they are.
 * Runs in the frontend (_gatewayd, chroot).
 *
 * What the file says is not believed: it may be damaged, or have been written
 * by whoever had taken over this process.  What cannot be written is lost, and
 * the log says so once, until it works again.
 */
#ifndef GW_RING_H
#define GW_RING_H

#include "histfile.h"

#define RING_NONE	UINT32_MAX

/* takes over the descriptor, and reads whose rings there are */
void		 ring_open(int fd);
/* nonzero if there is a file */
int		 ring_ready(void);
/* rings that are or were somebody's: numbers below that */
uint32_t	 ring_count(void);
/* the owner's name, "" if it has none */
const char	*ring_name(uint32_t);
/* the owner is in the configuration, or not, since that time at the latest */
void		 ring_stays(uint32_t);
void		 ring_leaves(uint32_t, uint64_t now);
/*
 * An empty ring for a new owner: one that is nobody's, or whose owner left a
 * day ago, or a new one, or that of who left first; RING_NONE if it could not
 * be emptied.
 */
uint32_t	 ring_take(const char *name, uint64_t now);
/* writes a slot, and wipes what lies between last and it */
void		 ring_put(uint32_t, const struct history_slot *,
		    uint32_t last);
/* the n slots from that number on; those that were not written are zeros */
void		 ring_get(uint32_t, uint32_t number, uint32_t n,
		    struct history_slot *);

#endif
