/*
 * An MCP client for the benchmark: tools/call of check_health over a few
 * connections, each of which asks again as soon as it was answered.
 *
 *	calls SOCKET CONNECTIONS SECONDS
 *
 * Every answer must be one line with structured content in it.  Prints: calls,
 * calls per second, p50, p99 and maximum in microseconds.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <err.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX	64
#define CALLS_MAX	(1 << 22)
#define LINE_MAX_SIZE	65536
#define WARM_UP		1000		/* calls, before any is counted */
#define INITIALIZE	"{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":" \
	"\"initialize\",\"params\":{\"protocolVersion\":\"2025-11-25\"," \
	"\"capabilities\":{},\"clientInfo\":{\"name\":\"calls\"," \
	"\"version\":\"1\"}}}\n"
#define INITIALIZED	"{\"jsonrpc\":\"2.0\",\"method\":" \
	"\"notifications/initialized\"}\n"
#define CALL		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":" \
	"\"tools/call\",\"params\":{\"name\":\"check_health\"," \
	"\"arguments\":{}}}\n"

struct conn {
	int		 fd;
	uint64_t	 sent;		/* when the call under way was */
	size_t		 len;
	char		 line[LINE_MAX_SIZE];
};

static struct conn	 conns[CONNECTIONS_MAX];
static float		 times[CALLS_MAX];	/* microseconds */
static size_t		 ntimes;

static uint64_t
now_ns(void)
{
	struct timespec	 ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec);
}

static void
say(struct conn *c, const char *text)
{
	c->len = 0;
	c->sent = now_ns();
	if (send(c->fd, text, strlen(text), MSG_NOSIGNAL) !=
	    (ssize_t)strlen(text))
		err(1, "send");
}

/* nonzero when the line is whole; a client with one call gets one line */
static int
hear(struct conn *c)
{
	ssize_t	 n;

	n = recv(c->fd, c->line + c->len, sizeof(c->line) - 1 - c->len, 0);
	if (n <= 0)
		errx(1, "the server closed a connection");
	c->len += (size_t)n;
	c->line[c->len] = '\0';
	return (c->line[c->len - 1] == '\n');
}

static void
conn_open(struct conn *c, const struct sockaddr_un *server)
{
	if ((c->fd = socket(AF_UNIX, SOCK_STREAM, 0)) == -1 ||
	    connect(c->fd, (const void *)server, sizeof(*server)) == -1)
		err(1, "%s", server->sun_path);
	say(c, INITIALIZE);
	while (!hear(c))
		;
	if (strstr(c->line, "\"serverInfo\"") == NULL)
		errx(1, "no handshake: %s", c->line);
	say(c, INITIALIZED);
}

static void
answered(struct conn *c, uint64_t now)
{
	if (strstr(c->line, "\"structuredContent\"") == NULL)
		errx(1, "no answer: %s", c->line);
	if (ntimes == CALLS_MAX)
		errx(1, "more than %d calls: ask for fewer seconds",
		    CALLS_MAX);
	times[ntimes++] = (float)(now - c->sent) / 1000;
}

/* asks until then, or until there were so many calls */
static void
run(int nconns, uint64_t until, size_t calls)
{
	struct pollfd	 fds[CONNECTIONS_MAX];
	int		 i;

	for (i = 0; i < nconns; i++) {
		fds[i].fd = conns[i].fd;
		fds[i].events = POLLIN;
		say(&conns[i], CALL);
	}
	while (now_ns() < until && ntimes < calls) {
		if (poll(fds, (nfds_t)nconns, 1000) == -1)
			err(1, "poll");
		for (i = 0; i < nconns; i++)
			if (fds[i].revents != 0 && hear(&conns[i])) {
				answered(&conns[i], now_ns());
				say(&conns[i], CALL);
			}
	}
	/* what is under way belongs to nobody */
	for (i = 0; i < nconns; i++)
		while (!hear(&conns[i]))
			;
}

static int
cmp(const void *a, const void *b)
{
	float	 x = *(const float *)a, y = *(const float *)b;

	return (x < y ? -1 : x > y);
}

int
main(int argc, char *argv[])
{
	struct sockaddr_un	 server = { .sun_family = AF_UNIX };
	uint64_t		 start;
	double			 took;
	int			 i, nconns;

	if (argc != 4 || strlen(argv[1]) >= sizeof(server.sun_path))
		errx(1, "usage: calls SOCKET CONNECTIONS SECONDS");
	strcpy(server.sun_path, argv[1]);
	nconns = atoi(argv[2]);
	if (nconns < 1 || nconns > CONNECTIONS_MAX)
		errx(1, "CONNECTIONS is 1 to %d", CONNECTIONS_MAX);
	for (i = 0; i < nconns; i++)
		conn_open(&conns[i], &server);
	run(nconns, UINT64_MAX, WARM_UP);
	ntimes = 0;
	start = now_ns();
	run(nconns, start + (uint64_t)atoi(argv[3]) * 1000000000, SIZE_MAX);
	took = (double)(now_ns() - start) / 1e9;
	if (ntimes == 0)
		errx(1, "no call was answered");
	qsort(times, ntimes, sizeof(times[0]), cmp);
	printf("%zu %.0f %.1f %.1f %.1f\n", ntimes, (double)ntimes / took,
	    times[ntimes / 2], times[ntimes * 99 / 100], times[ntimes - 1]);
	return (0);
}
