/*
 * Pipes between the frontend's code and other processes: see fakepipe.h.
 */
#include <sys/socket.h>

#include <err.h>

#include "fakepipe.h"

static void
peer_gone(struct peer *p, const char *why)
{
	errx(1, "inner pipe: %s", why == NULL ? "closed" : why);
}

struct peer *
fakepipe(struct event_base *base, enum gw_proc proc,
    void (*frontend_dispatch)(struct peer *, struct imsg *),
    void (*other_dispatch)(struct peer *, struct imsg *),
    struct peer **other)
{
	int	 sv[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0, sv) == -1)
		err(1, "socketpair");
	*other = peer_new(base, sv[1], proc, PROC_FRONTEND, other_dispatch,
	    peer_gone);
	return (peer_new(base, sv[0], PROC_FRONTEND, proc, frontend_dispatch,
	    peer_gone));
}
