/*
 * An open-loop HTTP client: one GET each interval, whether the last one was
 * answered or not, over a few keep-alive connections in turn.
 *
 *	pace PORT|SOCKET PATH CONNECTIONS INTERVAL_US REQUESTS
 *
 * SOCKET is the path of a Unix socket; PORT is one of 127.0.0.1.
 * A reply's time counts from when its request was due, so that a stall of the
 * server is seen by every request that was due in it.  When the client itself
 * wakes up late, that would be taken for the server's delay too, so requests
 * under way at such a time are left out, and counted.  Run it and the server
 * at a real-time priority: only then the rest of the machine does not matter.
 *
 * Prints: requests, left out, p50, p99 and maximum in microseconds.
 */
#include <sys/socket.h>
#include <sys/un.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX	64
#define LATE_NS		100000		/* woken up so late */
#define REPLY_MAX	65536

struct conn {
	int		 fd;
	uint64_t	 due;		/* of the request under way, or 0 */
	unsigned int	 lates;		/* there had been, when it was sent */
	size_t		 left;		/* bytes of its reply; 0: none came */
};

static struct conn conns[CONNECTIONS_MAX];
static union {
	struct sockaddr		 sa;
	struct sockaddr_in	 sin;
	struct sockaddr_un	 sun;
} server;
static socklen_t server_len;
static char request[512];
static unsigned int lates;		/* how often we woke up late */
static double *times;
static size_t ntimes, left_out;

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec);
}

static void
set_server(const char *name)
{
	if (strchr(name, '/') != NULL) {
		server_len = sizeof(server.sun);
		server.sun.sun_family = AF_UNIX;
		snprintf(server.sun.sun_path, sizeof(server.sun.sun_path),
		    "%s", name);
		return;
	}
	server_len = sizeof(server.sin);
	server.sin.sin_family = AF_INET;
	server.sin.sin_port = htons((uint16_t)atoi(name));
	server.sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
}

static void
conn_open(struct conn *c)
{
	int on = 1;

	c->fd = socket(server.sa.sa_family, SOCK_STREAM, 0);
	if (c->fd == -1 || connect(c->fd, &server.sa, server_len) == -1)
		err(1, "connect");
	if (server.sa.sa_family == AF_INET)
		setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* bytes of the reply that begins with this whole head */
static size_t
reply_len(const char *buf)
{
	const char *body = strstr(buf, "\r\n\r\n");
	const char *field = strcasestr(buf, "content-length:");

	if (strncmp(buf, "HTTP/1.1 200 ", 13) != 0 || body == NULL ||
	    field == NULL || field > body)
		errx(1, "a reply is not as it should be: %s", buf);
	return ((size_t)(body + 4 - buf) + (size_t)atol(field + 15));
}

static void
conn_done(struct conn *c, uint64_t now)
{
	if (c->lates != lates)
		left_out++;
	else
		times[ntimes++] = (double)(now - c->due) / 1000;
	c->due = 0;
}

static void
conn_poll(struct conn *c)
{
	char buf[REPLY_MAX];
	ssize_t n;

	n = recv(c->fd, buf, sizeof(buf) - 1, MSG_DONTWAIT);
	if (n == 0 || (n == -1 && errno != EAGAIN))
		errx(1, "the server closed a connection");
	if (n == -1)
		return;
	if (c->left == 0) {
		buf[n] = '\0';
		c->left = reply_len(buf);
	}
	c->left -= (size_t)n;
	if (c->left == 0)
		conn_done(c, now_ns());
}

/* takes in replies until then, or until all are there if due is 0 */
static void
poll_until(uint64_t due, int nconns)
{
	struct pollfd fds[CONNECTIONS_MAX];
	struct timespec ts = { 0, 0 };
	uint64_t now;
	int i, n;

	for (;;) {
		for (i = n = 0; i < nconns; i++) {
			fds[i].fd = conns[i].due != 0 ? conns[i].fd : -1;
			fds[i].events = POLLIN;
			n += conns[i].due != 0;
		}
		now = now_ns();
		if (due == 0 ? n == 0 : now >= due)
			return;
		ts.tv_nsec = due == 0 ? 0 : (long)(due - now);
		n = ppoll(fds, (nfds_t)nconns, due == 0 ? NULL : &ts, NULL);
		if (n == 0 && now_ns() > due + LATE_NS)
			lates++;
		for (i = 0; i < nconns; i++)
			if (fds[i].revents != 0)
				conn_poll(&conns[i]);
	}
}

static int
cmp(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x < y ? -1 : x > y);
}

static void
run(int nconns, uint64_t interval, size_t requests)
{
	struct conn *c;
	uint64_t due = now_ns() + interval;
	size_t i;

	for (i = 0; i < requests; i++, due += interval) {
		poll_until(due, nconns);
		c = &conns[i % (size_t)nconns];
		/* all are busy: the wait counts for the request that is due */
		while (c->due != 0)
			conn_poll(c);
		c->due = due;
		c->lates = lates;
		if (now_ns() > due + LATE_NS)
			c->lates--;	/* sent late: left out as well */
		if (send(c->fd, request, strlen(request), 0) == -1)
			err(1, "send");
	}
	poll_until(0, nconns);
}

int
main(int argc, char *argv[])
{
	size_t requests;
	int i, nconns;

	if (argc != 6)
		errx(1, "usage: pace PORT|SOCKET PATH CONNECTIONS INTERVAL_US "
		    "REQUESTS");
	set_server(argv[1]);
	snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\n"
	    "Host: localhost%s%s\r\n\r\n", argv[2],
	    server.sa.sa_family == AF_INET ? ":" : "",
	    server.sa.sa_family == AF_INET ? argv[1] : "");
	nconns = atoi(argv[3]);
	requests = (size_t)atol(argv[5]);
	if (nconns < 1 || nconns > CONNECTIONS_MAX || requests < 1)
		errx(1, "CONNECTIONS is 1 to %d", CONNECTIONS_MAX);
	if ((times = calloc(requests, sizeof(*times))) == NULL)
		err(1, NULL);
	for (i = 0; i < nconns; i++)
		conn_open(&conns[i]);
	run(nconns, (uint64_t)atol(argv[4]) * 1000, requests);
	if (ntimes == 0)
		errx(1, "the client was late for every request");
	qsort(times, ntimes, sizeof(*times), cmp);
	printf("%zu %zu %.1f %.1f %.1f\n", requests, left_out,
	    times[ntimes / 2], times[ntimes * 99 / 100], times[ntimes - 1]);
	return (0);
}
