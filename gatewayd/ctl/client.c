/*
 * gatewayctl's end of the control socket: one request, its answer, and what
 * to tell the user when there is none.  An unprivileged client; it trusts the
 * daemon no further than messages.def and a limit on what it stores.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "util.h"
#include "wire.h"

#define ANSWER_MAX	(64 * 1024 * 1024)

static struct imsgbuf	 ibuf = { .fd = -1 };
static const char	*socket_path;
static uint32_t		 last_id;

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
		    "gatewayd (that is gatewayd.sock)", socket_path);
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

void
client_open(const char *path)
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
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd == -1)
		client_fail(EXIT_FAILED, "socket: %s", strerror(errno));
	/* bounds connect(2) while the backlog is full; imsg never blocks */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1)
		unreachable(errno);
	imsgbuf_init(&ibuf, fd);
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

/* the next message of this answer, or the end of the program */
static void
get_message(uint64_t deadline, struct imsg *imsg)
{
	const char	*why;
	int		 n;

	while ((n = imsg_get(&ibuf, imsg)) == 0)
		wait_until(deadline, POLLIN);
	if (n == -1)
		unreachable(errno);
	if ((why = msg_error(imsg, PROC_FRONTEND, PROC_CTL)) == NULL &&
	    imsg->hdr.id != last_id)
		why = "another request's";
	if (why != NULL)
		client_fail(EXIT_FAILED, "%s: message %s: %s: are gatewayd and "
		    "gatewayctl of the same version?", socket_path,
		    msg_name(imsg->hdr.type), why);
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
get_answer(uint64_t deadline, struct answer *a)
{
	struct imsg_ctl_result	 result;
	struct imsg		 imsg;

	memset(a, 0, sizeof(*a));
	a->data = xstrdup("");
	for (;;) {
		get_message(deadline, &imsg);
		if (imsg.hdr.type == IMSG_CTL_RESULT)
			break;
		answer_add(a, &imsg);
	}
	if (imsg_get_data(&imsg, &result, sizeof(result)) == -1 ||
	    !wire_string(result.text) || result.code > EXIT_TIMEOUT)
		client_fail(EXIT_FAILED, "%s: malformed result", socket_path);
	a->code = result.code;
	strlcpy(a->text, result.text, sizeof(a->text));
}

void
client_request(enum imsg_type type, const void *data, size_t len,
    unsigned int wait, struct answer *a)
{
	uint64_t	 deadline = monotime_ms() + wait * 1000ULL;

	if (imsg_compose(&ibuf, type, ++last_id, -1, data, len) == -1)
		unreachable(errno);
	while (!TAILQ_EMPTY(&ibuf.queue)) {
		wait_until(deadline, POLLOUT);
		if (imsgbuf_write(&ibuf) == -1)
			unreachable(errno);
	}
	get_answer(deadline, a);
}

void
answer_free(struct answer *a)
{
	free(a->data);
	memset(a, 0, sizeof(*a));
}
