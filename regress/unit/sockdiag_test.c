/*
 * Closing sockets by their source address, with a kernel that is played here:
 * what is asked for, how often, and what is said if the kernel cannot.
 */
#include <sys/socket.h>
#include <arpa/inet.h>

#include <err.h>
#include <errno.h>
#include <event2/event.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "nlsock.h"
#include "sockdiag.h"
#include "unit.h"

#define PREFIX	"2001:db8:1::"

int	 __wrap_nlsock_open(struct nlsock *, int, int);
int	 __wrap_nlsock_fd(const struct nlsock *);
uint32_t __wrap_nlsock_send(struct nlsock *, struct nl_msg *);
int	 __wrap_nlsock_read(struct nlsock *, nlsock_fn, void *);
void	 __wrap_log_record(enum log_level, const char *, const char *, ...)
	    __attribute__((format(printf, 3, 4)));

static struct event_base *base;
static int		 wire[2];	/* readable: there is an answer */
static uint32_t		 seq, dump_seq;
static int		 dumps, destroyed, warned, informed;
static uint8_t		 protocol;	/* of the last dump */
static int		 cannot;	/* errno for each SOCK_DESTROY */
static char		 said[256];

/* what the next read gives */
static struct nl_msg	*queue[64];
static size_t		 queued;

int
__wrap_nlsock_open(struct nlsock *s, int proto, int secret)
{
	CHECK(proto == NETLINK_SOCK_DIAG && !secret);
	s->sk = nl_socket_alloc();
	return (s->sk == NULL ? -1 : 0);
}

int
__wrap_nlsock_fd(const struct nlsock *s)
{
	(void)s;
	return (wire[0]);
}

static struct nl_msg *
message(uint16_t type, uint32_t number)
{
	struct nl_msg	*m = nlsock_msg_new(256, type, 0);

	nlmsg_hdr(m)->nlmsg_seq = number;
	CHECK(queued < sizeof(queue) / sizeof(queue[0]));
	queue[queued++] = m;
	return (m);
}

static void
answer_error(uint16_t type, uint32_t number, int error)
{
	struct nlmsgerr	 e;

	memset(&e, 0, sizeof(e));
	e.error = -error;
	CHECK(nlmsg_append(message(type, number), &e, sizeof(e), 0) == 0);
}

static void
answer_socket(uint8_t family, const char *src, uint32_t number)
{
	struct inet_diag_msg	 d;

	memset(&d, 0, sizeof(d));
	d.idiag_family = family;
	CHECK(inet_pton(AF_INET6, src, d.id.idiag_src) == 1);
	CHECK(nlmsg_append(message(SOCK_DIAG_BY_FAMILY, number), &d, sizeof(d),
	    0) == 0);
}

uint32_t
__wrap_nlsock_send(struct nlsock *s, struct nl_msg *m)
{
	struct inet_diag_req_v2	*req = nlmsg_data(nlmsg_hdr(m));

	(void)s;
	seq++;
	CHECK(req->sdiag_family == AF_INET6);
	if (nlmsg_hdr(m)->nlmsg_type == SOCK_DIAG_BY_FAMILY) {
		CHECK(nlmsg_hdr(m)->nlmsg_flags & NLM_F_DUMP);
		/* connected ones, never a listener */
		CHECK((req->idiag_states & 1 << 1) &&
		    !(req->idiag_states & 1 << 10));
		dumps++;
		dump_seq = seq;
		protocol = req->sdiag_protocol;
	} else {
		CHECK(nlmsg_hdr(m)->nlmsg_type == SOCK_DESTROY);
		CHECK(req->sdiag_protocol == protocol);
		destroyed++;
		if (cannot != 0)
			answer_error(NLMSG_ERROR, seq, cannot);
	}
	nlmsg_free(m);
	return (seq);
}

int
__wrap_nlsock_read(struct nlsock *s, nlsock_fn fn, void *arg)
{
	struct nl_msg	*now[64];
	size_t		 i, n = queued;
	char		 c;

	(void)s;
	CHECK(read(wire[0], &c, 1) == 1);
	memcpy(now, queue, n * sizeof(now[0]));
	queued = 0;
	for (i = 0; i < n; i++) {
		fn(nlmsg_hdr(now[i]), arg);
		nlmsg_free(now[i]);
	}
	return (1);
}

void
__wrap_log_record(enum log_level level, const char *tunnel, const char *fmt,
    ...)
{
	va_list	 ap;

	CHECK(tunnel == NULL);
	va_start(ap, fmt);
	vsnprintf(said, sizeof(said), fmt, ap);
	va_end(ap);
	*(level == LL_INFO ? &informed : &warned) += 1;
}

/* one datagram is there */
static void
deliver(void)
{
	CHECK(write(wire[1], "x", 1) == 1);
	CHECK(event_base_loop(base, EVLOOP_NONBLOCK) != -1);
}

static void
reset(void)
{
	struct in6_addr	 prefix;

	CHECK(inet_pton(AF_INET6, PREFIX, &prefix) == 1);
	dumps = destroyed = warned = informed = 0;
	sockdiag_close_flows(&prefix, 48);
}

/* a dump that finds nothing */
static void
empty(void)
{
	answer_error(NLMSG_DONE, dump_seq, 0);
	deliver();
}

static void
test_closed(void)
{
	reset();
	CHECK(dumps == 1 && protocol == IPPROTO_TCP);
	answer_socket(AF_INET6, PREFIX "5", dump_seq);
	answer_socket(AF_INET6, PREFIX "6", dump_seq);
	deliver();		/* the first part of the dump */
	CHECK(destroyed == 2 && dumps == 1);
	answer_socket(AF_INET6, PREFIX "7", dump_seq);
	answer_error(NLMSG_DONE, dump_seq, 0);
	deliver();
	/* once more, since some may have been left out */
	CHECK(destroyed == 3 && dumps == 2 && protocol == IPPROTO_TCP);
	empty();
	CHECK(dumps == 3 && protocol == IPPROTO_UDP);
	empty();
	CHECK(dumps == 3 && informed == 1 && warned == 0);
	CHECK(strcmp(said, "closed 3 flows with a source address in "
	    PREFIX "/48") == 0);
}

/* whatever the kernel says, only sockets of the prefix are closed */
static void
test_not_closed(void)
{
	reset();
	answer_socket(AF_INET6, "2001:db8:2::5", dump_seq);
	answer_socket(AF_INET, PREFIX "5", dump_seq);
	answer_socket(AF_INET6, PREFIX "5", dump_seq + 100);
	message(SOCK_DIAG_BY_FAMILY, dump_seq);		/* without a body */
	deliver();
	CHECK(destroyed == 0 && dumps == 1);
	empty();
	empty();
	CHECK(dumps == 2 && informed == 0 && warned == 0);
	/* and none when nobody asked */
	answer_socket(AF_INET6, PREFIX "5", dump_seq);
	answer_error(NLMSG_DONE, dump_seq, 0);
	deliver();
	CHECK(destroyed == 0 && dumps == 2);
}

/* sockets that do not go are not tried for ever */
static void
test_stubborn(void)
{
	int	 i;

	reset();
	for (i = 0; i < 100 && protocol == IPPROTO_TCP; i++) {
		answer_socket(AF_INET6, PREFIX "5", dump_seq);
		empty();
	}
	CHECK(i == 4 && destroyed == 4);
	empty();
	CHECK(dumps == 5);
}

static void
test_ended_by_itself(void)
{
	cannot = ENOENT;
	reset();
	answer_socket(AF_INET6, PREFIX "5", dump_seq);
	empty();
	empty();
	empty();
	CHECK(destroyed == 1 && warned == 0 && informed == 0);
}

static void
test_waiting_once(void)
{
	reset();		/* under way */
	reset();		/* waits */
	reset();
	CHECK(dumps == 0);
	empty();
	empty();
	CHECK(dumps == 2 && protocol == IPPROTO_TCP);
	empty();
	empty();
	CHECK(dumps == 3);
}

static void
test_no_dump(void)
{
	reset();
	answer_error(NLMSG_ERROR, dump_seq, ENOENT);
	deliver();
	CHECK(protocol == IPPROTO_UDP && warned == 1);
	CHECK(strstr(said, "does not list sockets") != NULL);
	answer_error(NLMSG_ERROR, dump_seq, ENOENT);
	deliver();
	CHECK(dumps == 2 && warned == 1);
}

/* CONFIG_INET_DIAG_DESTROY is not set: said once */
static void
test_no_destroy(void)
{
	int	 i;

	cannot = EOPNOTSUPP;
	reset();
	for (i = 0; i < 3; i++)
		answer_socket(AF_INET6, PREFIX "5", dump_seq);
	deliver();
	CHECK(destroyed == 3);
	empty();
	CHECK(warned == 1 && strstr(said, "CONFIG_INET_DIAG_DESTROY") != NULL);
	CHECK(dumps == 2 && protocol == IPPROTO_UDP);
	empty();
	CHECK(informed == 0);
	reset();
	answer_socket(AF_INET6, PREFIX "5", dump_seq);
	empty();
	empty();
	CHECK(destroyed == 0 && warned == 0 && dumps == 2);
}

int
main(void)
{
	check_about = said;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, wire) == -1)
		err(1, "socketpair");
	if ((base = event_base_new()) == NULL)
		errx(1, "event_base_new");
	sockdiag_open(base);
	test_closed();
	test_not_closed();
	test_stubborn();
	test_ended_by_itself();
	test_waiting_once();
	test_no_dump();
	test_no_destroy();
	sockdiag_close();
	event_base_free(base);
	close(wire[0]);
	close(wire[1]);
	return (0);
}
