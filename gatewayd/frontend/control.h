/*
 * The control socket: gatewayctl's requests in imsg.  Runs in the frontend
 * (_gatewayd, chroot).
 */
#ifndef GW_CONTROL_H
#define GW_CONTROL_H

#include <event2/event.h>
#include <stdint.h>

#include "peer.h"

/* serves the listening SEQPACKET socket fd, which is taken over */
void	 control_listen(struct event_base *, int fd);

#endif
