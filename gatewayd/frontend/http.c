/*
 * Listeners, the set of all connections, and their deadlines.  Runs in the
 * frontend (_gatewayd, chroot).
 *
 * Connections that wait for the same thing wait equally long, so a list for
 * each kind of wait is sorted by deadline, if who comes is put at its end.
 * One timer serves all: it is set for the earliest deadline there is, and
 * when it fires too early, since that connection has moved on, it is set
 * again.  Without connections there is no timer.
 */
#include <sys/socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "counters.h"
#include "http.h"
#include "http_conn.h"
#include "log.h"
#include "util.h"

#define ACCEPTS		64	/* at one wake-up */
#define PAUSE_MS	1000	/* until the next try without descriptors */

struct listener {
	TAILQ_ENTRY(listener)	 entry;
	struct event		*ev;
};

TAILQ_HEAD(http_conns, http_conn);

struct http_limits http_limits = {
	.connections = 256,
	.ms = {
		[HTTP_WAIT_IDLE] = 75000,
		[HTTP_WAIT_HEAD] = 10000,
		[HTTP_WAIT_BODY] = 10000,
		[HTTP_WAIT_WRITE] = 30000,
		[HTTP_WAIT_LINGER] = 2000,
	},
};

static struct {
	struct event_base	*base;
	TAILQ_HEAD(, listener)	 listeners;
	struct http_conns	 waits[HTTP_WAITS];
	unsigned int		 nconns;
	struct event		*timer;
	uint64_t		 timer_at;	/* 0: not set */
	struct event		*pause;
} http;

static void
timer_set(struct event *ev, uint64_t ms)
{
	struct timeval tv;

	tv.tv_sec = (time_t)(ms / 1000);
	tv.tv_usec = (suseconds_t)(ms % 1000) * 1000;
	if (evtimer_add(ev, &tv) == -1)
		fatal("evtimer_add");
}

/* makes sure that the timer fires at the deadline or before */
static void
deadline_watch(uint64_t deadline, uint64_t now)
{
	if (http.timer_at != 0 && http.timer_at <= deadline)
		return;
	http.timer_at = deadline;
	timer_set(http.timer, deadline > now ? deadline - now : 0);
}

void
http_wait_set(struct http_conn *c, enum http_wait wait)
{
	uint64_t now;

	if (c->wait != HTTP_WAIT_NONE)
		TAILQ_REMOVE(&http.waits[c->wait], c, entry);
	c->wait = wait;
	if (wait == HTTP_WAIT_NONE)
		return;
	now = monotime_ms();
	c->deadline = now + http_limits.ms[wait];
	TAILQ_INSERT_TAIL(&http.waits[wait], c, entry);
	deadline_watch(c->deadline, now);
}

static void
deadlines_check(int fd, short what, void *arg)
{
	struct http_conn *c;
	uint64_t now = monotime_ms();
	int i;

	http.timer_at = 0;
	for (i = 0; i < HTTP_WAITS; i++) {
		while ((c = TAILQ_FIRST(&http.waits[i])) != NULL &&
		    c->deadline <= now)
			http_conn_expired(c);
	}
	/* those that have expired may wait for something else now */
	for (i = 0; i < HTTP_WAITS; i++)
		if ((c = TAILQ_FIRST(&http.waits[i])) != NULL)
			deadline_watch(c->deadline, now);
}

static void
listeners_resume(int fd, short what, void *arg)
{
	struct listener *l;

	evtimer_del(http.pause);
	TAILQ_FOREACH(l, &http.listeners, entry)
		if (event_add(l->ev, NULL) == -1)
			fatal("event_add");
}

/* the kernel would report the connections it holds for us over and over */
static void
listeners_pause(void)
{
	struct listener *l;

	TAILQ_FOREACH(l, &http.listeners, entry)
		event_del(l->ev);
	timer_set(http.pause, PAUSE_MS);
}

void
http_drop(struct http_conn *c)
{
	if (c->wait != HTTP_WAIT_NONE)
		TAILQ_REMOVE(&http.waits[c->wait], c, entry);
	http_conn_free(c);
	http.nconns--;
	count_http_connection(-1);
	if (http.nconns == 0) {
		evtimer_del(http.timer);
		http.timer_at = 0;
	}
	if (evtimer_pending(http.pause, NULL))
		listeners_resume(-1, 0, NULL);
}

/* the oldest idle one; a request may be there that was not read yet */
static struct http_conn *
conn_idle(void)
{
	struct http_conn *c;
	char byte;

	TAILQ_FOREACH(c, &http.waits[HTTP_WAIT_IDLE], entry)
		if (recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0)
			return (c);
	return (NULL);
}

/* makes room at the expense of who would miss it least; 0 if all are busy */
static int
conn_shed(void)
{
	struct http_conn *c;

	if ((c = TAILQ_FIRST(&http.waits[HTTP_WAIT_LINGER])) == NULL &&
	    (c = conn_idle()) == NULL)
		return (0);
	http_drop(c);
	return (1);
}

static void
conn_accepted(int fd)
{
	struct http_local local;
	struct http_conn *c;
	int on = 1;

	if (http.nconns >= http_limits.connections && !conn_shed()) {
		http_conn_reject(fd);
		return;
	}
	if (http_local_get(fd, &local) == -1) {
		close(fd);
		return;
	}
	if (!local.is_unix)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if ((c = http_conn_new(http.base, fd, &local)) == NULL)
		return;
	http.nconns++;
	count_http_connection(1);
	http_wait_set(c, HTTP_WAIT_IDLE);
}

/* 1 if another try makes sense at once */
static int
accept_failed(void)
{
	int error = errno;

	/* of descriptors and memory an idle connection has some */
	if ((error == EMFILE || error == ENFILE || error == ENOBUFS ||
	    error == ENOMEM) && conn_shed())
		return (1);
	log_warnx("http: accept: %s: trying again in a second",
	    strerror(error));
	listeners_pause();
	return (0);
}

static void
listener_accept(int lfd, short what, void *arg)
{
	int fd, i;

	for (i = 0; i < ACCEPTS; i++) {
		fd = accept4(lfd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd != -1)
			conn_accepted(fd);
		else if (errno == EAGAIN)
			return;
		else if (errno != EINTR && errno != ECONNABORTED &&
		    !accept_failed())
			return;
	}
}

static void
http_init(struct event_base *base)
{
	int i;

	http.base = base;
	TAILQ_INIT(&http.listeners);
	for (i = 0; i < HTTP_WAITS; i++)
		TAILQ_INIT(&http.waits[i]);
	http.timer = evtimer_new(base, deadlines_check, NULL);
	http.pause = evtimer_new(base, listeners_resume, NULL);
	if (http.timer == NULL || http.pause == NULL)
		fatalx("http: out of memory");
}

void
http_listen(struct event_base *base, int fd)
{
	struct listener *l = xcalloc(1, sizeof(*l));

	if (http.base == NULL)
		http_init(base);
	l->ev = event_new(base, fd, EV_READ | EV_PERSIST, listener_accept,
	    NULL);
	if (l->ev == NULL || event_add(l->ev, NULL) == -1)
		fatalx("http: out of memory");
	TAILQ_INSERT_TAIL(&http.listeners, l, entry);
}
