/*
 * An open-loop HTTP client: one GET each interval, whether the last one was
 * answered or not, over a few keep-alive connections in turn.
 *
 *	pace PORT PATH CONNECTIONS INTERVAL_US REQUESTS
 *
 * A reply's time counts from when its request was due, so that a stall of the
 * server is seen by every request that was due in it.  When the client itself
 * wakes up late, that would be taken for the server's delay too, so requests
 * under way at such a time are left out, and counted.  Run it and the server
 * at a real-time priority: only then the rest of the machine does not matter.
 *
 * Prints: requests, left out, p50, p99 and maximum in microseconds.
 */
#include <sys/socket.h>
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

/* a request is answered by one reply of a known length */
struct conn {
	int		 fd;
	uint64_t	 due;		/* of the request under way, or 0 */
	unsigned int	 lates;		/* there had been, when it was sent */
	size_t		 left;		/* bytes of its reply */
};

static struct conn conns[CONNECTIONS_MAX];
static struct sockaddr_in server;
static char request[512];
static size_t reply_len;
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
conn_open(struct conn *c)
{
	int on = 1;

	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (c->fd == -1 || connect(c->fd, (void *)&server,
	    sizeof(server)) == -1)
		err(1, "connect");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* every reply is as long as the first one */
static void
learn_reply(struct conn *c)
{
	char buf[REPLY_MAX], *body, *field;
	ssize_t n;

	if (send(c->fd, request, strlen(request), 0) == -1 ||
	    (n = recv(c->fd, buf, sizeof(buf) - 1, 0)) <= 0)
		err(1, "the first request");
	buf[n] = '\0';
	if ((body = strstr(buf, "\r\n\r\n")) == NULL ||
	    (field = strcasestr(buf, "content-length:")) == NULL)
		errx(1, "the first reply is no HTTP reply");
	reply_len = (size_t)(body + 4 - buf) + (size_t)atol(field + 15);
	/* a body may come behind its head */
	while ((size_t)n < reply_len)
		n += recv(c->fd, buf, sizeof(buf), 0);
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

	n = recv(c->fd, buf, sizeof(buf), MSG_DONTWAIT);
	if (n == 0 || (n == -1 && errno != EAGAIN))
		errx(1, "the server closed a connection");
	if (n == -1)
		return;
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
		c->left = reply_len;
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
		errx(1, "usage: pace PORT PATH CONNECTIONS INTERVAL_US "
		    "REQUESTS");
	server.sin_family = AF_INET;
	server.sin_port = htons((uint16_t)atoi(argv[1]));
	server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\n"
	    "Host: 127.0.0.1:%s\r\n\r\n", argv[2], argv[1]);
	nconns = atoi(argv[3]);
	requests = (size_t)atol(argv[5]);
	if (nconns < 1 || nconns > CONNECTIONS_MAX || requests < 1)
		errx(1, "CONNECTIONS is 1 to %d", CONNECTIONS_MAX);
	if ((times = calloc(requests, sizeof(*times))) == NULL)
		err(1, NULL);
	for (i = 0; i < nconns; i++)
		conn_open(&conns[i]);
	learn_reply(&conns[0]);
	run(nconns, (uint64_t)atol(argv[4]) * 1000, requests);
	if (ntimes == 0)
		errx(1, "the client was late for every request");
	qsort(times, ntimes, sizeof(*times), cmp);
	printf("%zu %zu %.1f %.1f %.1f\n", requests, left_out,
	    times[ntimes / 2], times[ntimes * 99 / 100], times[ntimes - 1]);
	return (0);
}
