/*
 * A listening socket in the event loop: see acceptor.h.  Runs in the frontend
 * and the relay; no privilege.
 */
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "acceptor.h"
#include "log.h"
#include "util.h"

#define ACCEPTS		64	/* at one wake-up */

struct acceptor {
	const char	*name;
	void		(*accepted)(int, void *);
	void		*arg;
	int		 inside;	/* accepted() is at work */
	int		 freed;		/* by it */
	struct event	*accept_ev;
	struct event	*pause_ev;
};

static void
acceptor_resume(int fd, short events, void *arg)
{
	struct acceptor	*a = arg;

	event_add(a->accept_ev, NULL);
}

/* a full table of descriptors would wake us again at once: wait a second */
static void
acceptor_pause(struct acceptor *a)
{
	struct timeval	 second = { 1, 0 };

	log_warn("%s: accept", a->name);
	event_del(a->accept_ev);
	evtimer_add(a->pause_ev, &second);
}

static void
acceptor_accept(int lfd, short events, void *arg)
{
	struct acceptor	*a = arg;
	int		 fd, i;

	a->inside = 1;
	for (i = 0; i < ACCEPTS && !a->freed; i++) {
		fd = accept4(lfd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd != -1) {
			a->accepted(fd, a->arg);
			continue;
		}
		if (errno == EINTR || errno == ECONNABORTED)
			continue;
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			acceptor_pause(a);
		break;
	}
	a->inside = 0;
	if (a->freed)
		free(a);
}

struct acceptor *
acceptor_new(struct event_base *base, int fd, const char *name,
    void (*accepted)(int, void *), void *arg)
{
	struct acceptor	*a = xcalloc(1, sizeof(*a));

	a->name = name;
	a->accepted = accepted;
	a->arg = arg;
	a->accept_ev = event_new(base, fd, EV_READ | EV_PERSIST,
	    acceptor_accept, a);
	a->pause_ev = evtimer_new(base, acceptor_resume, a);
	if (a->accept_ev == NULL || a->pause_ev == NULL ||
	    event_add(a->accept_ev, NULL) == -1)
		fatal("%s: event_add", name);
	return (a);
}

void
acceptor_free(struct acceptor *a)
{
	int	 fd = event_get_fd(a->accept_ev);

	event_free(a->accept_ev);
	event_free(a->pause_ev);
	close(fd);
	a->freed = 1;
	if (!a->inside)
		free(a);
}
