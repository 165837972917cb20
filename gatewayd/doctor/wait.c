/*
 * Sockets and their deadlines in the event loop.  Runs in the doctor
 * (_gwrelay, Landlock) and in gatewayctl.
 */
#include <stdlib.h>
#include <unistd.h>

#include "log.h"
#include "util.h"
#include "wait.h"

struct wait {
	struct doctor	*d;
	struct event	*ev;
	struct event	*deadline;
	uint64_t	 start;
	wait_fn		 fn;
	void		*arg;
};

static void
wait_event(int fd, short events, void *arg)
{
	struct wait	*w = arg;
	int		 ready = (events & EV_TIMEOUT) == 0;

	if (w->fn(w->arg, event_get_fd(w->ev), ready,
	    (unsigned int)(monotime_ms() - w->start)) == WAIT_MORE && ready)
		return;
	close(event_get_fd(w->ev));
	event_free(w->ev);
	event_free(w->deadline);
	doctor_release(w->d);
	free(w);
}

void
wait_fd(struct doctor *d, int fd, short events, unsigned int timeout,
    wait_fn fn, void *arg)
{
	struct timeval	 tv = { timeout / 1000, timeout % 1000 * 1000 };
	struct wait	*w = xcalloc(1, sizeof(*w));

	w->d = d;
	w->fn = fn;
	w->arg = arg;
	w->start = monotime_ms();
	w->ev = event_new(d->base, fd, events | EV_PERSIST, wait_event, w);
	w->deadline = evtimer_new(d->base, wait_event, w);
	if (w->ev == NULL || w->deadline == NULL ||
	    event_add(w->ev, NULL) == -1 ||
	    evtimer_add(w->deadline, &tv) == -1)
		fatalx("doctor: event_add");
	doctor_hold(d);
}
