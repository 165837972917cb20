/*
 * A listening socket in the event loop.  Runs in the frontend (_gatewayd,
 * chroot).
 */
#ifndef GW_ACCEPTOR_H
#define GW_ACCEPTOR_H

#include <event2/event.h>

/*
 * Hands each connection of the listening socket fd, non-blocking and
 * close-on-exec, to accepted(), which owns it then.  While descriptors are
 * scarce it waits, a second at a time.  name is for the log.  Lives as long
 * as the process.
 */
void	 acceptor_new(struct event_base *, int fd, const char *name,
	    void (*accepted)(int fd));

#endif
