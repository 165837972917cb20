/*
 * The relay's data path: see pump.h.  Runs in the relay (_gwrelay, chroot).
 *
 * What comes in large pieces passes by a pipe, without a copy of it: two
 * copies of each byte were half of the relay's time.  Small pieces are copied,
 * which costs less than to hand their pages on.
 */
#include <sys/socket.h>
#include <sys/time.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "pump.h"
#include "util.h"

#define BUFFER_SIZE	(64 * 1024)
#define PIPE_SIZE	(1024 * 1024)	/* counted in pages, rarely full ones */
#define READ_MIN	(16 * 1024)
#define READ_MAX	(256 * 1024)
#define READ_SCARCE	(8 * 1024)	/* while tails take TAILS_MAX */
#define TAILS_MAX	(32 * 1024 * 1024)
#define READS		2		/* at one wake-up */
#define HOLD_MS		50		/* until there may be room again */

static struct {
	struct event_base	*base;
	uint8_t			*buffer;
	int			 pipe[2];	/* empty between two events */
	size_t			 tails;		/* bytes of all of them */
	uint32_t		 idle_ms;
	uint32_t		 half_closed_ms;
	/* libevent keeps those of equal length in a queue, not in its heap */
	const struct timeval	*idle;
	const struct timeval	*half_closed;
	const struct timeval	*hold;
} pumps;

static const struct timeval *
common_timeout(uint32_t ms)
{
	struct timeval		 tv = { ms / 1000, ms % 1000 * 1000 };
	const struct timeval	*common;

	common = event_base_init_common_timeout(pumps.base, &tv);
	if (common == NULL)
		fatalx("event_base_init_common_timeout");
	return (common);
}

void
pump_init(struct event_base *base)
{
	pumps.base = base;
	pumps.hold = common_timeout(HOLD_MS);
	pumps.buffer = xmalloc(BUFFER_SIZE);
	if (pipe2(pumps.pipe, O_CLOEXEC | O_NONBLOCK) == -1)
		fatal("pipe2");
	/* a smaller one takes less at a time */
	(void)fcntl(pumps.pipe[1], F_SETPIPE_SZ, PIPE_SIZE);
}

void
pump_timeouts(uint32_t idle_ms, uint32_t half_closed_ms)
{
	pumps.idle_ms = idle_ms;
	pumps.half_closed_ms = half_closed_ms;
	pumps.idle = common_timeout(idle_ms);
	pumps.half_closed = common_timeout(half_closed_ms);
}

static struct pump_side *
other(struct pump_side *s)
{
	return (&s->pump->side[s == &s->pump->side[0]]);
}

static void	side_event(int, short, void *);

/* waits for what the side can do now: to be read, to be written to */
static void
side_watch(struct pump_side *s)
{
	struct pump		*p = s->pump;
	const struct timeval	*tv;
	short			 what = EV_PERSIST;

	if (!s->eof && !s->held && other(s)->tail == NULL)
		what |= EV_READ;
	if (s->tail != NULL)
		what |= EV_WRITE;
	if (event_initialized(&s->ev)) {
		if ((event_get_events(&s->ev) & (EV_READ | EV_WRITE)) ==
		    (what & (EV_READ | EV_WRITE)))
			return;
		event_del(&s->ev);
	}
	if (s->held)
		tv = pumps.hold;
	else
		tv = p->side[0].eof || p->side[1].eof ?
		    pumps.half_closed : pumps.idle;
	event_assign(&s->ev, pumps.base, s->fd, what, side_event, s);
	if (event_add(&s->ev, tv) == -1)
		fatalx("event_add");
}

static void
tail_free(struct pump_side *s)
{
	pumps.tails -= s->tail_off + s->tail_len;
	free(s->tail);
	s->tail = NULL;
	s->tail_off = s->tail_len = 0;
}

static void
side_close(struct pump_side *s, int reset)
{
	static const struct linger	 at_once = { 1, 0 };

	if (event_initialized(&s->ev))
		event_del(&s->ev);
	if (s->tail != NULL)
		tail_free(s);
	if (reset)
		setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &at_once,
		    sizeof(at_once));
	close(s->fd);
}

void
pump_stop(struct pump *p, int reset)
{
	side_close(&p->side[0], reset);
	side_close(&p->side[1], reset);
}

static void
pump_end(struct pump *p, enum pump_end end)
{
	pump_stop(p, end == PUMP_RESET);
	p->ops->done(p, end);
}

/* room for what the side did not take */
static void
tail_new(struct pump_side *s, size_t len)
{
	s->tail = xmalloc(len);
	s->tail_off = 0;
	s->tail_len = (uint32_t)len;
	pumps.tails += len;
}

void
pump_prefix(struct pump *p, int i, const void *data, size_t len)
{
	if (len > 0) {
		tail_new(&p->side[i], len);
		memcpy(p->side[i].tail, data, len);
	}
	p->side[!i].bytes += len;
}

/* bytes sent, 0 if none can be just now, -1 if it failed */
static ssize_t
sent(ssize_t n)
{
	return (n == -1 && (errno == EAGAIN || errno == EINTR) ? 0 : n);
}

static ssize_t
side_send(struct pump_side *s, const void *data, size_t len)
{
	return (sent(send(s->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT)));
}

/*
 * Reads up to size bytes into the pipe if that is worth it, or else into the
 * buffer; what recv(2) returns.  splice(2) stops at an urgent byte and says
 * that there is nothing or even that it was the end; recv(2) takes the byte.
 */
static ssize_t
side_take(struct pump_side *s, size_t size, int *piped)
{
	ssize_t	 n;

	*piped = size > BUFFER_SIZE;
	if (*piped) {
		n = splice(s->fd, NULL, pumps.pipe[1], NULL, size,
		    SPLICE_F_NONBLOCK);
		if (n > 0 || (n == -1 && errno != EAGAIN))
			return (n);
		*piped = 0;
		size = BUFFER_SIZE;
	}
	return (recv(s->fd, pumps.buffer, size, MSG_DONTWAIT));
}

/* keeps len bytes of what side_take() has read, from there on */
static void
side_keep(struct pump_side *s, size_t off, size_t len, int piped)
{
	tail_new(s, len);
	if (!piped)
		memcpy(s->tail, pumps.buffer + off, len);
	else if (read(pumps.pipe[0], s->tail, len) != (ssize_t)len)
		fatal("pipe");
}

/* sends the side what side_take() has read, and keeps what it does not take;
 * as side_send() */
static ssize_t
side_give(struct pump_side *s, size_t len, int piped)
{
	size_t	 gone;
	ssize_t	 n;

	if (piped)
		n = sent(splice(pumps.pipe[0], NULL, s->fd, NULL, len,
		    SPLICE_F_NONBLOCK));
	else
		n = side_send(s, pumps.buffer, len);
	gone = n == -1 ? 0 : (size_t)n;
	if (gone < len)
		side_keep(s, gone, len - gone, piped);
	return (n);
}

/* nothing more will be sent to the side; 1 if that was the pump's end */
static int
side_shut(struct pump_side *s)
{
	struct pump	*p = s->pump;

	s->shut = 1;
	if (p->side[0].shut && p->side[1].shut) {
		pump_end(p, PUMP_DONE);	/* close(2) says it as well */
		return (1);
	}
	shutdown(s->fd, SHUT_WR);
	return (0);
}

static uint32_t
read_size(const struct pump_side *s)
{
	return (pumps.tails > TAILS_MAX ? READ_SCARCE : s->read_size);
}

/* what fits the line: more after all was taken, less after it was not */
static void
read_adapt(struct pump_side *s, size_t got, size_t sent)
{
	if (sent < got) {
		if (s->read_size > READ_MIN)
			s->read_size /= 2;
	} else if (got == s->read_size && s->read_size < READ_MAX)
		s->read_size *= 2;
}

/* one read and its write: 1 to go on, 0 enough, -1 the pump has ended */
static int
side_move(struct pump_side *s)
{
	struct pump_side	*to = other(s);
	uint32_t		 size = read_size(s);
	ssize_t			 n, gave;
	int			 piped;

	if ((size = s->pump->ops->room(s->pump, size)) == 0) {
		s->held = 1;
		return (0);
	}
	n = side_take(s, size, &piped);
	if (n == -1) {
		if (errno == EAGAIN || errno == EINTR)
			return (0);
		pump_end(s->pump, PUMP_RESET);
		return (-1);
	}
	if (n == 0) {
		s->eof = 1;
		return (side_shut(to) ? -1 : 0);
	}
	s->bytes += (size_t)n;
	s->pump->ops->moved(s->pump, (int)(s - s->pump->side), (size_t)n);
	if ((gave = side_give(to, (size_t)n, piped)) == -1) {
		pump_end(s->pump, PUMP_RESET);
		return (-1);
	}
	read_adapt(s, (size_t)n, (size_t)gave);
	return (gave == n && (uint32_t)n == size);
}

/* sends on what was kept; -1 if the pump has ended */
static int
side_flush(struct pump_side *s)
{
	ssize_t	 n;

	n = side_send(s, s->tail + s->tail_off, s->tail_len);
	if (n == -1) {
		pump_end(s->pump, PUMP_RESET);
		return (-1);
	}
	s->tail_off += (uint32_t)n;
	s->tail_len -= (uint32_t)n;
	if (s->tail_len > 0)
		return (0);
	tail_free(s);
	if (other(s)->eof && !s->shut)
		return (side_shut(s) ? -1 : 0);
	return (0);
}

/* the side's event has waited long; has the pump? -1 if that is its end */
static int
side_timeout(struct pump_side *s)
{
	struct pump	*p = s->pump;
	uint32_t	 max;

	max = p->side[0].eof || p->side[1].eof ? pumps.half_closed_ms :
	    pumps.idle_ms;
	if (monotime_ms() - p->active_ms < max)
		return (0);
	pump_end(p, PUMP_IDLE);
	return (-1);
}

static void
side_event(int fd, short what, void *arg)
{
	struct pump_side	*s = arg;
	int			 i, r = 1;

	if (what & EV_TIMEOUT && s->held) {
		s->held = 0;
		side_watch(s);
		return;
	}
	if (what & EV_TIMEOUT) {
		side_timeout(s);
		return;
	}
	s->pump->active_ms = monotime_ms();
	if (what & EV_WRITE && s->tail != NULL && side_flush(s) == -1)
		return;
	if (what & EV_READ && !s->eof && other(s)->tail == NULL)
		for (i = 0; i < READS && r == 1; i++)
			r = side_move(s);
	if (r == -1)
		return;
	side_watch(s);
	side_watch(other(s));
}

void
pump_options(int fd)
{
	int	 on = 1;

	/* who knows where messages end has chosen what to send */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	/* an urgent byte is one of the stream, and not to be lost */
	setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on));
}

void
pump_start(struct pump *p, int fd0, int fd1, const struct pump_ops *ops)
{
	int	 i;

	p->ops = ops;
	p->active_ms = monotime_ms();
	for (i = 0; i < 2; i++) {
		p->side[i].pump = p;
		p->side[i].fd = i == 0 ? fd0 : fd1;
		p->side[i].read_size = READ_MIN;
	}
	pump_options(fd1);
	side_watch(&p->side[0]);
	side_watch(&p->side[1]);
}
