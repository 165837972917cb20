/*
 * The HTTP server with bytes from a stranger: first byte how they are cut
 * into pieces, the rest what arrives.  The parser must come to one verdict
 * however they are cut, and the server must answer with HTTP or nothing, and
 * end the connection when the client has ended it.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <err.h>
#include <event2/event.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fakeparent.h"
#include "frontend.h"
#include "http.h"
#include "http_parse.h"
#include "log.h"
#include "status.h"
#include "util.h"

#define ROUNDS	1000	/* of the event loop for one connection */

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static struct event_base *base;
static struct sockaddr_un server = { .sun_family = AF_UNIX };
static socklen_t server_len;

uint32_t
frontend_auth(const char *token, void (*cb)(void *, int), void *arg)
{
	errx(1, "the API socket asks for no token");
}

void
frontend_auth_cancel(uint32_t id)
{
}

static void
start(void)
{
	struct fe_tunnel *t = xcalloc(1, sizeof(*t));
	int fd;

	log_init(LL_ERROR, LF_TEXT, LT_STDERR, "fuzz");
	signal(SIGPIPE, SIG_IGN);	/* as privsep/child.c does */
	strlcpy(t->conf.name, "he", sizeof(t->conf.name));
	strlcpy(t->conf.iface, "he0", sizeof(t->conf.iface));
	/* disabled, so that no order has anything to wait for */
	t->known = 1;
	(void)fe_tunnels_add(&fe_status.tunnels, t);
	fe_status.conf.api_port = 8642;
	base = event_base_new();
	fakeparent_start(base);
	/* an abstract name: nothing is left in the file system */
	snprintf(server.sun_path + 1, sizeof(server.sun_path) - 1,
	    "gw-http-fuzz-%d", getpid());
	server_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
	    strlen(server.sun_path + 1));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (fd == -1 || bind(fd, (void *)&server, server_len) == -1 ||
	    listen(fd, 1) == -1)
		err(1, "listen");
	http_listen(base, fd);
}

static int
parse_by(const char *raw, size_t len, size_t step)
{
	struct http_request req;
	size_t have;
	char *copy;
	int rv = 0;

	memset(&req, 0, sizeof(req));
	for (have = 0; rv == 0 && have < len;) {
		have = len - have < step ? len : have + step;
		/* nothing behind what has arrived may be read */
		copy = xmalloc(have);
		memcpy(copy, raw, have);
		rv = http_parse(&req, copy, have);
		free(copy);
	}
	return (rv);
}

/* what the server has sent so far; nonzero if it has closed */
static int
replies(int fd, size_t *total)
{
	char buf[4096];
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
		if (*total == 0 && n >= 9 && memcmp(buf, "HTTP/1.1 ", 9) != 0)
			abort();
		*total += (size_t)n;
	}
	return (n == 0);
}

static void
serve(const char *raw, size_t len, size_t step)
{
	size_t at, n, total = 0;
	int fd, i;

	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd == -1 || connect(fd, (void *)&server, server_len) == -1)
		err(1, "connect");
	for (at = 0; at < len; at += n) {
		n = len - at < step ? len - at : step;
		if (send(fd, raw + at, n, MSG_NOSIGNAL | MSG_DONTWAIT) == -1)
			break;
		event_base_loop(base, EVLOOP_NONBLOCK);
		replies(fd, &total);
	}
	shutdown(fd, SHUT_WR);
	for (i = 0; !replies(fd, &total); i++) {
		if (i == ROUNDS)
			abort();
		event_base_loop(base, EVLOOP_NONBLOCK);
	}
	close(fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *raw = (const char *)data + 1;
	size_t step, len = size - 1;

	if (size < 2)
		return (0);
	if (base == NULL)
		start();
	/* from single bytes to all at once */
	step = data[0] == 0 ? len : (size_t)data[0] * 4 - 3;
	if (len < 4096 && parse_by(raw, len, step) != parse_by(raw, len, len))
		abort();
	serve(raw, len, step);
	return (0);
}
