/*
 * c-ares in libevent: its sockets and its timer.  Runs in the resolver, the
 * doctor and gatewayctl; no privilege.
 */
#include <stdlib.h>
#include <string.h>

#include "aresloop.h"
#include "log.h"
#include "util.h"

#define UDP_SIZE	1232	/* of an answer, that no path cuts (EDNS) */

/* a socket of c-ares in our event loop */
struct aresloop_socket {
	TAILQ_ENTRY(aresloop_socket)	 entry;
	ares_socket_t			 fd;
	struct event			*ev;
};

void
aresloop_arm(struct aresloop *l)
{
	struct timeval	 tv;

	if (l->channel != NULL &&
	    ares_timeout(l->channel, NULL, &tv) != NULL)
		evtimer_add(l->timer, &tv);
	else
		evtimer_del(l->timer);
}

static void
timer_fired(int fd, short events, void *arg)
{
	struct aresloop	*l = arg;

	ares_process_fd(l->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	aresloop_arm(l);
}

static void
socket_event(int fd, short events, void *arg)
{
	struct aresloop	*l = arg;

	ares_process_fd(l->channel,
	    events & EV_READ ? fd : ARES_SOCKET_BAD,
	    events & EV_WRITE ? fd : ARES_SOCKET_BAD);
	aresloop_arm(l);
}

/* c-ares wants to be told of these events, of none: it closes the socket */
static void
socket_state(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct aresloop		*l = arg;
	struct aresloop_socket	*s;
	short			 events = EV_PERSIST;

	TAILQ_FOREACH(s, &l->sockets, entry)
		if (s->fd == fd)
			break;
	if (s != NULL) {
		event_free(s->ev);
		TAILQ_REMOVE(&l->sockets, s, entry);
		free(s);
	}
	if (!readable && !writable)
		return;
	events |= readable ? EV_READ : 0;
	events |= writable ? EV_WRITE : 0;
	s = xcalloc(1, sizeof(*s));
	s->fd = fd;
	s->ev = event_new(l->base, fd, events, socket_event, l);
	if (s->ev == NULL || event_add(s->ev, NULL) == -1)
		fatal("event_add");
	TAILQ_INSERT_HEAD(&l->sockets, s, entry);
}

void
aresloop_init(struct aresloop *l, struct event_base *base)
{
	int	 r;

	if ((r = ares_library_init(ARES_LIB_INIT_ALL)) != ARES_SUCCESS)
		fatalx("c-ares: %s", ares_strerror(r));
	l->base = base;
	l->channel = NULL;
	TAILQ_INIT(&l->sockets);
	if ((l->timer = evtimer_new(base, timer_fired, l)) == NULL)
		fatalx("evtimer_new");
}

int
aresloop_open(struct aresloop *l, int try_ms, int tries)
{
	struct ares_options	 o;
	char			 lookups[] = "fb";	/* hosts, then DNS */
	int			 r;

	memset(&o, 0, sizeof(o));
	o.timeout = try_ms;
	o.tries = tries;
	o.lookups = lookups;
	o.flags = ARES_FLAG_EDNS;
	o.ednspsz = UDP_SIZE;
	o.sock_state_cb = socket_state;
	o.sock_state_cb_data = l;
	r = ares_init_options(&l->channel, &o, ARES_OPT_FLAGS |
	    ARES_OPT_EDNSPSZ | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
	    ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB);
	if (r != ARES_SUCCESS)
		l->channel = NULL;
	return (r);
}

void
aresloop_close(struct aresloop *l)
{
	ares_channel	 channel = l->channel;

	if (channel == NULL)
		return;
	l->channel = NULL;
	ares_destroy(channel);
	evtimer_del(l->timer);
}

void
aresloop_free(struct aresloop *l)
{
	aresloop_close(l);
	event_free(l->timer);
	ares_library_cleanup();
}
