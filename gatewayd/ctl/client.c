/*
 * gatewayctl's end of the control socket: one request, its answer, and what
 * to tell the user when there is none.  An unprivileged client; it trusts the
 * daemon no further than messages.def and a limit on what it stores.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "util.h"
#include "wire.h"
#include "wire_ctl.h"

#define ANSWER_MAX	(64 * 1024 * 1024)
#define FOLLOW_ID	UINT32_MAX	/* the number of CTL_MONITOR */

static struct imsgbuf	 ibuf = { .fd = -1 };
static const char	*socket_path;
static uint32_t		 last_sent, last_answered;	/* their numbers */
static struct {
	struct answer	 got;		/* what is no whole line yet */
	void		(*line)(const char *, size_t);	/* NULL: not asked */
} follow;

void
client_fail(enum exit_code code, const char *fmt, ...)
{
	va_list	 ap;

	fflush(stdout);
	fprintf(stderr, "gatewayctl: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	exit(code);
}

static void __attribute__((noreturn))
unreachable(int error)
{
	switch (error) {
	case ENOENT:
	case ECONNREFUSED:
		client_fail(EXIT_UNREACHABLE, "%s: %s: gatewayd is not running "
		    "(start it: systemctl start v6-gatewayd), or its run_dir "
		    "is another (-s SOCKET)", socket_path, strerror(error));
	case EACCES:
	case EPERM:
		client_fail(EXIT_NOT_PERMITTED, "%s: %s: try as root",
		    socket_path, strerror(error));
	case EPROTOTYPE:
		client_fail(EXIT_UNREACHABLE, "%s: not a control socket of "
		    "gatewayd (that is gatewayd.sock; mcp has one of its own)",
		    socket_path);
	case EAGAIN:
		client_fail(EXIT_TIMEOUT, "%s: gatewayd does not accept "
		    "connections: try again", socket_path);
	case EPIPE:
	case ECONNRESET:
		client_fail(EXIT_UNREACHABLE, "%s: gatewayd closed the "
		    "connection: it stopped, is another version than "
		    "gatewayctl, or has too many clients", socket_path);
	default:
		client_fail(EXIT_UNREACHABLE, "%s: %s", socket_path,
		    strerror(error));
	}
}

int
client_connect(const char *path, int type)
{
	struct timeval		 wait = { CLIENT_WAIT, 0 };
	struct sockaddr_un	 sun;
	int			 fd;

	socket_path = path;
	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	if (strlcpy(sun.sun_path, path, sizeof(sun.sun_path)) >=
	    sizeof(sun.sun_path))
		client_fail(EXIT_USAGE, "%s: longer than a socket's path may "
		    "be (%zu bytes)", path, sizeof(sun.sun_path) - 1);
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	if (fd == -1)
		client_fail(EXIT_FAILED, "socket: %s", strerror(errno));
	/* bounds connect(2) while the backlog is full */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1)
		unreachable(errno);
	if (fcntl(fd, F_SETFL, O_NONBLOCK) == -1)
		client_fail(EXIT_FAILED, "fcntl: %s", strerror(errno));
	return (fd);
}

void
client_open(const char *path)
{
	imsgbuf_init(&ibuf, client_connect(path, SOCK_SEQPACKET));
}

void
client_left(void)
{
	unreachable(EPIPE);
}

static void __attribute__((noreturn))
malformed(const struct imsg *imsg, const char *why)
{
	client_fail(EXIT_FAILED, "%s: message %s: %s: are gatewayd and "
	    "gatewayctl of the same version?", socket_path,
	    msg_name(imsg->hdr.type), why);
}

/* waits for an event on the socket until the deadline (monotonic ms) */
static void
wait_until(uint64_t deadline, short events)
{
	struct pollfd	 pfd = { ibuf.fd, events, 0 };
	uint64_t	 now;
	int		 n;

	do {
		now = monotime_ms();
		n = now >= deadline ? 0 :
		    poll(&pfd, 1, (int)(deadline - now));
	} while (n == -1 && errno == EINTR);
	if (n == -1)
		client_fail(EXIT_FAILED, "poll: %s", strerror(errno));
	if (n == 0)
		client_fail(EXIT_TIMEOUT, "%s: no answer from gatewayd: is it "
		    "stopped or very busy? its log says more", socket_path);
}

/* the next message, whatever it belongs to; 0 if there is none now */
static int
next_message(struct imsg *imsg)
{
	const char	*why;
	int		 n;

	if ((n = imsg_get(&ibuf, imsg)) == -1)
		unreachable(errno);
	if (n == 1 &&
	    (why = msg_error(imsg, PROC_FRONTEND, PROC_CTL)) != NULL)
		malformed(imsg, why);
	return (n);
}

static void
answer_add(struct answer *a, const struct imsg *imsg)
{
	char	*data;

	if (a->len + imsg->len > ANSWER_MAX ||
	    (data = realloc(a->data, a->len + imsg->len + 1)) == NULL)
		client_fail(EXIT_FAILED, "%s: the answer is too long",
		    socket_path);
	memcpy(data + a->len, imsg->data, imsg->len);
	a->data = data;
	a->len += imsg->len;
	a->data[a->len] = '\0';
}

static void
get_result(const struct imsg *imsg, struct answer *a)
{
	struct imsg_ctl_result	 result;

	if (imsg_get_data(imsg, &result, sizeof(result)) == -1 ||
	    !wire_string(result.text) || result.code > EXIT_TIMEOUT)
		client_fail(EXIT_FAILED, "%s: malformed result", socket_path);
	a->code = result.code;
	strlcpy(a->text, result.text, sizeof(a->text));
}

/* gives away the whole lines in a, whose last new bytes were just added */
static void
give_lines(struct answer *a, size_t new,
    void (*line)(const char *line, size_t len))
{
	size_t	 from = 0, len;
	char	*end, *look = a->data + a->len - new;

	while ((end = memchr(look, '\n', a->len - (look - a->data))) != NULL) {
		look = end + 1;
		len = (size_t)(look - a->data) - from;
		line(a->data + from, len);
		from += len;
	}
	memmove(a->data, a->data + from, a->len - from);
	a->len -= from;
}

/* an event, or the reason why there will be none */
static void
follow_message(const struct imsg *imsg)
{
	struct answer	 a;

	if (follow.line == NULL || imsg->hdr.id != FOLLOW_ID)
		malformed(imsg, "another request's");
	if (imsg->hdr.type == IMSG_CTL_RESULT) {
		memset(&a, 0, sizeof(a));
		get_result(imsg, &a);
		client_fail(a.code, "%s", a.text);
	}
	answer_add(&follow.got, imsg);
	give_lines(&follow.got, imsg->len, follow.line);
}

/* the next message of answer id; 0 if there is none now */
static int
get_message(uint32_t id, struct imsg *imsg)
{
	while (next_message(imsg)) {
		if (imsg->hdr.id == id)
			return (1);
		follow_message(imsg);
	}
	return (0);
}

static void
send_message(enum imsg_type type, uint32_t id, const void *data, size_t len)
{
	uint64_t	 deadline = monotime_ms() + CLIENT_WAIT * 1000ULL;

	if (imsg_compose(&ibuf, type, id, -1, data, len) == -1)
		unreachable(errno);
	while (!TAILQ_EMPTY(&ibuf.queue)) {
		wait_until(deadline, POLLOUT);
		if (imsgbuf_write(&ibuf) == -1)
			unreachable(errno);
	}
}

void
client_send(enum imsg_type type, const void *data, size_t len)
{
	send_message(type, ++last_sent, data, len);
}

void
client_receive(unsigned int wait, struct answer *a)
{
	uint64_t	 deadline = monotime_ms() + wait * 1000ULL;
	struct imsg	 imsg;

	memset(a, 0, sizeof(*a));
	a->data = xstrdup("");
	last_answered++;
	for (;;) {
		while (!get_message(last_answered, &imsg))
			wait_until(deadline, POLLIN);
		if (imsg.hdr.type == IMSG_CTL_RESULT)
			break;
		answer_add(a, &imsg);
	}
	get_result(&imsg, a);
}

void
client_request(enum imsg_type type, const void *data, size_t len,
    unsigned int wait, struct answer *a)
{
	client_send(type, data, len);
	client_receive(wait, a);
}

void
client_follow(uint32_t kinds, enum log_level level,
    void (*line)(const char *line, size_t len))
{
	struct imsg_ctl_monitor	 req;

	memset(&req, 0, sizeof(req));
	req.kinds = kinds;
	req.level = level;
	follow.line = line;
	send_message(IMSG_CTL_MONITOR, FOLLOW_ID, &req, sizeof(req));
}

int
client_wait(int ms)
{
	struct pollfd	 pfd[2] = {
		{ ibuf.fd, POLLIN, 0 }, { STDOUT_FILENO, 0, 0 }
	};
	struct imsg	 imsg;

	if (poll(pfd, 2, ms) == -1) {
		if (errno != EINTR)
			client_fail(EXIT_FAILED, "poll: %s", strerror(errno));
		return (1);
	}
	while (next_message(&imsg))
		follow_message(&imsg);
	return (!(pfd[1].revents & POLLERR));
}

void
answer_free(struct answer *a)
{
	free(a->data);
	memset(a, 0, sizeof(*a));
}
