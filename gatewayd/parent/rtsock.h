/*
 * rtnetlink (rtnetlink(7)): one socket for requests, one for events.  Runs in
 * the parent (CAP_NET_ADMIN).
 */
#ifndef GW_RTSOCK_H
#define GW_RTSOCK_H

#include "nlsock.h"
#include "rtparse.h"

/* opens both sockets; 0, or -1 with errno */
int	 rtsock_open(void);
void	 rtsock_close(void);

/* a message with room for what follows a link, address or route; fatal if
 * there is no memory */
struct nl_msg *rtsock_msg_new(uint16_t type, int flags);
/* nlsock_request() on the request socket */
int	 rtsock_request(struct nl_msg *, nlsock_fn, void *arg);

/* the event socket, for an event loop */
int	 rtsock_event_fd(void);
/* nlsock_events() on it */
int	 rtsock_event_read(int max, nlsock_fn, void *arg);

#endif
