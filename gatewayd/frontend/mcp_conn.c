/*
 * One connection of the MCP server.  Runs in the frontend (_gatewayd,
 * chroot).
 *
 * What arrives is put into a buffer and nothing else; it is worked on in turns
 * (mcp.c), so that a client with much to ask delays the others, and the HTTP
 * server, by no more than its share.
 */
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "log.h"
#include "mcp_conn.h"
#include "util.h"

#define LINES_TURN	16	/* of one client in its turn */
#define READ_MAX	16384	/* bytes at one wake-up, and ahead of work */
#define READ_LINE	(MCP_LINE_MAX + 2)	/* a whole line and more */
#define QUEUE_MAX	(256 * 1024)
#define QUEUE_SHARE	(16 * 1024)	/* of one, while all have */
#define QUEUE_ALL	(2 * 1024 * 1024)

size_t	 mcp_queued;

static void
conn_count(struct mcp_conn *c)
{
	size_t	 len = evbuffer_get_length(c->out);

	mcp_queued = mcp_queued - c->counted + len;
	c->counted = len;
}

/* nonzero while the client has to read before it is answered more */
static int
conn_full(const struct mcp_conn *c)
{
	return (c->counted > QUEUE_MAX ||
	    (c->counted > QUEUE_SHARE && mcp_queued > QUEUE_ALL));
}

static void
conn_write(struct mcp_conn *c)
{
	if (evbuffer_get_length(c->out) > 0 &&
	    evbuffer_write(c->out, c->fd) == -1 &&
	    errno != EAGAIN && errno != EINTR)
		c->dead = 1;
	conn_count(c);
}

static void
event_want(struct event *ev, int want, unsigned int ms)
{
	struct timeval	 tv;

	if (want == !!event_pending(ev, EV_READ | EV_WRITE | EV_TIMEOUT,
	    NULL))
		return;
	tv.tv_sec = ms / 1000;
	tv.tv_usec = (suseconds_t)(ms % 1000) * 1000;
	if (want ? event_add(ev, ms > 0 ? &tv : NULL) == -1 :
	    event_del(ev) == -1)
		fatalx("mcp: event_add");
}

/* waits for what can happen next; more: there are lines to be answered */
static void
conn_watch(struct mcp_conn *c, int more)
{
	size_t	 len = evbuffer_get_length(c->in);
	int	 reading;

	reading = !c->eof && !c->last && !conn_full(c) &&
	    len < (more ? READ_MAX : READ_LINE);
	event_want(c->read_ev, reading, 0);
	/* each write that takes something counts anew */
	event_want(c->write_ev, c->counted > 0, mcp_limits.write_ms);
	event_want(c->line_ev, reading && !more && len > 0,
	    mcp_limits.line_ms);
}

/* one piece of work; 0 if there is none */
static int
conn_work(struct mcp_conn *c)
{
	const char	*line;
	size_t		 len;

	if (mcp_subs_check(&c->session.subs, c->out))
		return (1);
	if (c->last)
		return (0);
	switch (mcp_line_next(&c->lines, c->in, c->eof, &line, &len)) {
	case MCP_LINE_READY:
		mcp_rpc_line(&c->session, line, len, c->out);
		mcp_line_done(&c->lines, c->in);
		/* the next one has its own time */
		event_del(c->line_ev);
		return (1);
	case MCP_LINE_LONG:
		mcp_rpc_long(c->out);
		c->last = 1;
		return (0);
	case MCP_LINE_NONE:
		break;
	}
	return (0);
}

int
mcp_conn_turn(struct mcp_conn *c, uint64_t until)
{
	int	 i, more = 1;

	for (i = 0; i < LINES_TURN && more && !c->dead && !conn_full(c) &&
	    (i == 0 || monotime_us() < until); i++) {
		more = conn_work(c);
		conn_count(c);
	}
	if (!c->dead)
		conn_write(c);
	if (c->dead || ((c->eof || c->last) && !more && c->counted == 0))
		return (-1);
	conn_watch(c, more);
	return (more && !conn_full(c));
}

static void
conn_readable(int fd, short what, void *arg)
{
	struct mcp_conn	*c = arg;
	int		 n;

	n = evbuffer_read(c->in, fd, READ_MAX);
	if (n == 0)
		c->eof = 1;
	else if (n == -1 && errno != EAGAIN && errno != EINTR)
		c->dead = 1;
	mcp_ready(c);
}

static void
conn_writable(int fd, short what, void *arg)
{
	struct mcp_conn	*c = arg;

	if (what & EV_TIMEOUT) {
		log_debug("mcp: client of uid %u does not read", c->uid);
		c->dead = 1;
	} else
		conn_write(c);
	mcp_ready(c);
}

static void
conn_late(int fd, short what, void *arg)
{
	struct mcp_conn	*c = arg;

	log_debug("mcp: client of uid %u does not finish its line", c->uid);
	c->dead = 1;
	mcp_ready(c);
}

struct mcp_conn *
mcp_conn_new(struct event_base *base, int fd, uid_t uid)
{
	struct mcp_conn	*c = xcalloc(1, sizeof(*c));

	c->fd = fd;
	c->uid = uid;
	mcp_subs_init(&c->session.subs);
	c->in = evbuffer_new();
	c->out = evbuffer_new();
	c->read_ev = event_new(base, fd, EV_READ | EV_PERSIST, conn_readable,
	    c);
	c->write_ev = event_new(base, fd, EV_WRITE | EV_PERSIST,
	    conn_writable, c);
	c->line_ev = evtimer_new(base, conn_late, c);
	if (c->in == NULL || c->out == NULL || c->read_ev == NULL ||
	    c->write_ev == NULL || c->line_ev == NULL)
		fatalx("mcp: out of memory");
	conn_watch(c, 0);
	return (c);
}

void
mcp_conn_free(struct mcp_conn *c)
{
	mcp_subs_clear(&c->session.subs);
	mcp_queued -= c->counted;
	event_free(c->read_ev);
	event_free(c->write_ev);
	event_free(c->line_ev);
	evbuffer_free(c->in);
	evbuffer_free(c->out);
	close(c->fd);
	free(c);
}
