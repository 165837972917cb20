/*
 * Waiting for an answer on a socket, many of them side by side.  Runs in the
 * doctor (_gwrelay, Landlock) and in gatewayctl.
 */
#ifndef GW_WAIT_H
#define GW_WAIT_H

#include "check.h"

enum wait_verdict {
	WAIT_DONE,
	WAIT_MORE	/* that was not it: until the deadline */
};

/* ready: there is something; otherwise the deadline is over, and what is
 * returned does not matter.  ms: since the start */
typedef enum wait_verdict (*wait_fn)(void *arg, int fd, int ready,
    unsigned int ms);

/*
 * Calls fn when fd, which is non-blocking and taken over, can be read (events
 * EV_READ) or written (EV_WRITE), or after timeout ms.  The report is held
 * open that long.
 */
void	 wait_fd(struct doctor *, int fd, short events, unsigned int timeout,
	    wait_fn fn, void *arg);

#endif
