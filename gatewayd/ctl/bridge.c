/*
 * Carries MCP between standard input, standard output and the daemon's
 * socket: see bridge.h.  An unprivileged client.
 *
 * Standard input and output are left blocking, since others may share them:
 * they are read and written when poll(2) says so, and written in pieces that
 * a pipe takes then.
 */
#include <sys/socket.h>

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "bridge.h"
#include "client.h"
#include "util.h"

#define BUF_SIZE	(64 * 1024)

/* one direction */
struct flow {
	char	 buf[BUF_SIZE];
	size_t	 off;		/* of what is to be written */
	size_t	 len;
	int	 eof;		/* nothing more comes */
};

enum { IN, OUT, SOCK, NFDS };

static int
flow_readable(const struct flow *f)
{
	return (!f->eof && f->len == 0);
}

/* an error is an end as well */
static void
flow_read(struct flow *f, int fd)
{
	ssize_t	 n;

	if ((n = read(fd, f->buf, sizeof(f->buf))) > 0) {
		f->off = 0;
		f->len = (size_t)n;
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		f->eof = 1;
}

/* 0, or -1 if nobody reads there */
static int
flow_write(struct flow *f, int fd, size_t max)
{
	ssize_t	 n;

	n = write(fd, f->buf + f->off, f->len < max ? f->len : max);
	if (n == -1)
		return (errno == EAGAIN || errno == EINTR ? 0 : -1);
	f->off += (size_t)n;
	f->len -= (size_t)n;
	return (0);
}

static void
set_events(struct pollfd *pfd, const struct flow *up, const struct flow *down)
{
	/* the end of standard input would be reported over and over */
	pfd[IN].fd = flow_readable(up) ? STDIN_FILENO : -1;
	pfd[OUT].events = down->len > 0 ? POLLOUT : 0;
	pfd[SOCK].events = (short)((flow_readable(down) ? POLLIN : 0) |
	    (up->len > 0 ? POLLOUT : 0));
}

/* what poll(2) found; 0, or -1 if nobody reads standard output */
static int
carry(const struct pollfd *pfd, struct flow *up, struct flow *down)
{
	const short	 ended = POLLERR | POLLHUP | POLLNVAL;

	if (pfd[OUT].revents & ended)
		return (-1);
	if (pfd[OUT].revents & POLLOUT &&
	    flow_write(down, STDOUT_FILENO, PIPE_BUF) == -1)
		return (-1);
	if (pfd[IN].fd != -1 && pfd[IN].revents != 0)
		flow_read(up, STDIN_FILENO);
	if (up->len > 0 && flow_write(up, pfd[SOCK].fd, BUF_SIZE) == -1) {
		/* what the daemon said before it left is still to be read */
		up->len = 0;
		up->eof = 1;
	}
	if (pfd[SOCK].revents & (POLLIN | ended) && flow_readable(down))
		flow_read(down, pfd[SOCK].fd);
	return (0);
}

int
bridge(const char *path)
{
	static struct flow	 up, down;
	struct pollfd		 pfd[NFDS];
	int			 shut = 0;

	memset(pfd, 0, sizeof(pfd));
	open_stdio();
	pfd[IN].events = POLLIN;
	pfd[OUT].fd = STDOUT_FILENO;
	pfd[SOCK].fd = client_connect(path, SOCK_STREAM);
	while (!down.eof || down.len > 0) {
		if (up.eof && up.len == 0 && !shut) {
			(void)shutdown(pfd[SOCK].fd, SHUT_WR);
			shut = 1;
		}
		set_events(pfd, &up, &down);
		if (poll(pfd, NFDS, -1) == -1) {
			if (errno == EINTR)
				continue;
			client_fail(EXIT_FAILED, "poll: %s", strerror(errno));
		}
		if (carry(pfd, &up, &down) == -1)
			return (EXIT_OK);
	}
	if (!shut)
		client_left();
	return (EXIT_OK);
}
