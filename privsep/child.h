/*
 * What every child has in common: its event base, its pipe to the parent and
 * to its peers, the messages STARTUP, SOCKET_PEER and LOG_LEVEL, and its end
 * when a pipe closes.
 */
#ifndef GW_CHILD_H
#define GW_CHILD_H

#include <event2/event.h>

#include "peer.h"
#include "proc.h"

struct child_ops {
	/* every other message; peer->proc says from whom it is */
	void		(*dispatch)(struct peer *, struct imsg *);
	/* on STARTUP, all peers known, before the sandbox closes; or NULL */
	void		(*startup)(void);
	/* many of its sockets come, change and go: see child_base_new() */
	int		 busy;
	/* descriptors the role may hold besides those of the frame */
	unsigned int	 nofile;
	/* what it may execute, ended by NULL; or NULL: nothing */
	const char *const *programs;
};

/*
 * Drops everything, runs the event loop until the parent's pipe closes, and
 * exits: 0 if that was a stop, 1 if something was lost.
 */
void	 child_run(const struct proc_args *, const struct child_ops *)
	    __attribute__((noreturn));

/* the one of the process; there before startup() */
struct event_base *child_base(void);
/* the pipe to that process, NULL before it was given */
struct peer	*child_peer(enum gw_proc);

#endif
