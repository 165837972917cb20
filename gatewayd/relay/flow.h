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

struct flow;

/*
 * Relays between client and target, the socket that d has connected; both are
 * the flow's from here on, and so is one LIMIT_SESSIONS of the user, which it
 * gives back.  What the client has sent before, data, goes first; it is
 * copied.
 */
struct flow	*flow_new(struct limit_user *, const struct dial *d,
		    int client, int target, const void *data, size_t len);
/* the same, where it is the client that has come by that tunnel; the target
 * gets the header first, which is ours */
struct flow	*flow_publish(struct limit_user *, struct way *, int client,
		    int target, const void *header, size_t len);
/* done(arg) comes when it has ended, and then the flow is still there */
void		 flow_watch(struct flow *, void (*done)(void *), void *arg);
/* bytes so far: that came by the tunnel, or from the target, and that went */
void		 flow_bytes(const struct flow *, uint64_t *rx, uint64_t *tx);
/* ends it: both sides see a reset; done() does not come */
void		 flow_stop(struct flow *);
/* how many there are */
uint32_t	 flow_count(void);

#endif
