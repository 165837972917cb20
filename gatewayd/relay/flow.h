/*
 * Flows: a client and what it is connected to, until both ways have ended.
 * Runs in the relay (_gwrelay, chroot).
 */
#ifndef GW_FLOW_H
#define GW_FLOW_H

#include <stddef.h>
#include <stdint.h>

#include "dial.h"
#include "limits.h"

/*
 * Relays between client and target, the socket that d has connected; both are
 * the flow's from here on, and so is one LIMIT_SESSIONS of the user, which it
 * gives back.  What the client has sent before, data, goes first; it is
 * copied.
 */
void	 flow_new(struct limit_user *, const struct dial *d, int client,
	    int target, const void *data, size_t len);
/* how many there are */
uint32_t flow_count(void);

#endif
