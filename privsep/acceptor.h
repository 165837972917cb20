/*
 * A listening socket in the event loop.  Runs in the frontend and the relay;
 * no privilege.
 */
#ifndef GW_ACCEPTOR_H
#define GW_ACCEPTOR_H

#include <event2/event.h>

struct acceptor;

/*
 * Hands each connection of the listening socket fd, non-blocking and
 * close-on-exec, to accepted(), which owns it then.  While descriptors are
 * scarce it waits, a second at a time.  name is for the log and stays the
 * caller's.  Takes fd over; fatal if the event loop does not take it.
 */
struct acceptor	*acceptor_new(struct event_base *, int fd, const char *name,
		    void (*accepted)(int fd, void *arg), void *arg);
/* closes the socket; may be called from accepted() */
void		 acceptor_free(struct acceptor *);

#endif
