/*
 * Every message of messages.def, from every process to every other one: exact
 * it is accepted, and one byte, one descriptor or one process off it is not.
 * Once against msg_error(), once through a pipe in an event loop.
 */
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "peer.h"
#include "unit.h"
#include "wire_all.h"

#define NOFD	0
#define FD	1
static const struct {
	const char	*name;
	uint32_t	 from;
	uint32_t	 to;
	size_t		 min;
	size_t		 max;
	int		 fd;
} defs[] = {
#define MSG(...)	MSG_(__VA_ARGS__)
#define MSG_(name, from, to, min, max, fd) \
	{ #name, from, to, min, max, fd },
#include "messages.def"
#undef MSG
#undef MSG_
};

/* all that may ever reach the process that has privileges */
static const struct {
	uint32_t	 type;
	uint32_t	 from;
} to_parent[] = {
	{ IMSG_STARTUP_DONE, P_CHILD },
	{ IMSG_LOG, P_CHILD & ~P_FRONTEND },
	{ IMSG_SETTLED, P_ENGINE | P_RELAY },
	{ IMSG_RECONF_READY, P_HOLDER },
	{ IMSG_WANT, P_ENGINE },
	{ IMSG_REFRESH, P_ENGINE },
	{ IMSG_SAMPLE, P_ENGINE },
	{ IMSG_STATE_BAD, P_ENGINE },
	{ IMSG_STATE_SAVE, P_ENGINE },
	{ IMSG_ADMIN, P_FRONTEND },
	{ IMSG_RELOAD, P_FRONTEND },
	{ IMSG_SET_LEVEL, P_FRONTEND },
	{ IMSG_RESOLVED, P_RESOLVER },
	{ IMSG_LAUNCH_EXITED, P_LAUNCHER },
	{ IMSG_LISTEN, P_RELAY },
	{ IMSG_PORTS_BAD, P_RELAY },
	{ IMSG_PORTS_SAVE, P_RELAY },
};

static uint8_t		 payload[IMSG_SIZE_MAX];
static struct event_base *base;
static int		 ndispatched, ngone;
static char		 gone_why[64];
static struct imsg_hdr	 last;

static const char *
verdict(uint32_t type, size_t len, int fd, int from, int to)
{
	struct imsg	 imsg = { { type, 1 }, payload, len, fd };

	return (msg_error(&imsg, (enum gw_proc)from, (enum gw_proc)to));
}

static int
says(const char *why, const char *what)
{
	return (why != NULL && strcmp(why, what) == 0);
}

/* one sender, one receiver, and everything that can be wrong otherwise */
static void
check_pair(uint32_t type, int from, int to)
{
	size_t	 min = defs[type].min, max = defs[type].max;
	int	 fd = defs[type].fd ? 5 : -1;

	if (!(defs[type].from & (1U << from))) {
		CHECK(says(verdict(type, min, fd, from, to),
		    "not allowed from there"));
		return;
	}
	if (!(defs[type].to & (1U << to))) {
		CHECK(says(verdict(type, min, fd, from, to),
		    "not allowed to here"));
		return;
	}
	CHECK(verdict(type, min, fd, from, to) == NULL);
	CHECK(verdict(type, max, fd, from, to) == NULL);
	if (min > 0)
		CHECK(says(verdict(type, min - 1, fd, from, to), "too short"));
	CHECK(says(verdict(type, max + 1, fd, from, to), "too long"));
	if (fd == -1)
		CHECK(says(verdict(type, min, 5, from, to),
		    "unexpected descriptor"));
	else
		CHECK(says(verdict(type, min, -1, from, to),
		    "no descriptor"));
}

static void
test_table(void)
{
	uint32_t	 type;
	int		 from, to;

	CHECK(sizeof(defs) / sizeof(defs[0]) == IMSG_COUNT);
	for (type = 0; type < IMSG_COUNT; type++) {
		check_about = defs[type].name;
		CHECK(strcmp(msg_name(type), check_about) == 0);
		CHECK(defs[type].min <= defs[type].max);
		CHECK(defs[type].max + sizeof(struct imsg_hdr) <=
		    IMSG_SIZE_MAX);
		/* nobody speaks to itself, and gatewayctl to the frontend */
		CHECK((defs[type].from & defs[type].to) == 0);
		if (defs[type].from & P_CTL)
			CHECK(defs[type].to == P_FRONTEND);
		for (from = 0; from <= PROC_CTL; from++)
			for (to = 0; to <= PROC_CTL; to++)
				check_pair(type, from, to);
	}
	check_about = "unknown";
	CHECK(says(verdict(IMSG_COUNT, 0, -1, 0, 1), "unknown type"));
	CHECK(says(verdict(UINT32_MAX, 0, -1, 0, 1), "unknown type"));
	CHECK(strcmp(msg_name(IMSG_COUNT), "?") == 0);
}

/* descriptors come from the parent alone, and it takes few messages */
static void
test_parent(void)
{
	size_t		 i, n = sizeof(to_parent) / sizeof(to_parent[0]);
	uint32_t	 type;

	for (type = 0; type < IMSG_COUNT; type++) {
		check_about = defs[type].name;
		if (defs[type].fd)
			CHECK(defs[type].from == P_PARENT);
		if (!(defs[type].to & P_PARENT))
			continue;
		for (i = 0; i < n; i++)
			if (to_parent[i].type == type)
				break;
		CHECK(i < n && to_parent[i].from == defs[type].from);
		/* no text, no address, no path: but for the resolver's answer
		 * and for what is kept or passed on without a look inside */
		if (type != IMSG_RESOLVED && type != IMSG_STATE_SAVE &&
		    type != IMSG_PORTS_SAVE &&
		    type != IMSG_LOG)
			CHECK(defs[type].max <= 12);
	}
}

static void
dispatch(struct peer *p, struct imsg *imsg)
{
	ndispatched++;
	last = imsg->hdr;
}

static void
dispatch_free(struct peer *p, struct imsg *imsg)
{
	ndispatched++;
	peer_free(p);
}

static void
gone(struct peer *p, const char *why)
{
	ngone++;
	strlcpy(gone_why, why == NULL ? "" : why, sizeof(gone_why));
	peer_free(p);
}

static int
some_fd(void)
{
	int	 fd;

	if ((fd = memfd_create("peer", MFD_CLOEXEC)) == -1)
		err(1, "memfd_create");
	return (fd);
}

static struct peer *
receiver(struct imsgbuf *tx, int from, int to,
    void (*handler)(struct peer *, struct imsg *))
{
	struct peer	*p;
	int		 sv[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0, sv) == -1)
		err(1, "socketpair");
	imsgbuf_init(tx, sv[0]);
	p = peer_new(base, sv[1], (enum gw_proc)to, (enum gw_proc)from,
	    handler, gone);
	imsgbuf_allow_fdpass(&p->ibuf);
	ndispatched = ngone = 0;
	gone_why[0] = '\0';
	return (p);
}

static void
run_loop(void)
{
	event_base_loop(base, EVLOOP_NONBLOCK);
}

/* through a pipe: nonzero if the handler saw it, else the peer was ended */
static int
delivered(uint32_t type, size_t len, int fd, int from, int to)
{
	struct imsgbuf	 tx;
	struct peer	*p = receiver(&tx, from, to, dispatch);
	int		 before = open_fds() - (fd != -1);

	if (imsg_compose(&tx, type, 3, fd, payload, len) == -1)
		err(1, "imsg_compose");
	run_loop();
	CHECK(ndispatched + ngone == 1);
	if (ndispatched) {
		CHECK(last.type == type && last.id == 3);
		/* a descriptor nobody took is closed */
		CHECK(open_fds() == before);
		peer_free(p);
	} else
		CHECK(gone_why[0] != '\0' && open_fds() == before - 1);
	imsgbuf_clear(&tx);
	return (ndispatched);
}

static int
lowest(uint32_t set)
{
	return (__builtin_ctz(set));
}

static int
spare_fd(int wanted)
{
	return (wanted ? some_fd() : -1);
}

static void
test_pipe(void)
{
	size_t		 min, max;
	uint32_t	 type;
	int		 fd, from, to;

	for (type = 0; type < IMSG_COUNT; type++) {
		check_about = defs[type].name;
		min = defs[type].min;
		max = defs[type].max;
		fd = defs[type].fd;
		from = lowest(defs[type].from);
		to = lowest(defs[type].to);
		CHECK(delivered(type, min, spare_fd(fd), from, to));
		CHECK(delivered(type, max, spare_fd(fd), from, to));
		if (min > 0)
			CHECK(!delivered(type, min - 1, spare_fd(fd), from,
			    to));
		CHECK(!delivered(type, max + 1, spare_fd(fd), from, to));
		CHECK(!delivered(type, min, spare_fd(!fd), from, to));
		/* an echo: what was sent there comes back */
		CHECK(!delivered(type, min, spare_fd(fd), to, from));
	}
	check_about = "unknown";
	CHECK(!delivered(IMSG_COUNT, 0, -1, PROC_ENGINE, PROC_PARENT));
	CHECK(!delivered(UINT32_MAX, 0, -1, PROC_PARENT, PROC_ENGINE));
}

/* nothing that follows a wrong message is looked at */
static void
test_stops(void)
{
	struct imsgbuf	 tx;

	check_about = "stops";
	receiver(&tx, PROC_ENGINE, PROC_PARENT, dispatch);
	imsg_compose(&tx, IMSG_REFRESH, 0, -1, NULL, 0);
	imsg_compose(&tx, IMSG_REFRESH, 0, -1, "x", 1);
	imsg_compose(&tx, IMSG_REFRESH, 0, -1, NULL, 0);
	run_loop();
	CHECK(ndispatched == 1 && ngone == 1);
	CHECK(strcmp(gone_why, "too long") == 0);
	imsgbuf_clear(&tx);

	/* nor after the handler has ended the peer */
	receiver(&tx, PROC_ENGINE, PROC_PARENT, dispatch_free);
	imsg_compose(&tx, IMSG_REFRESH, 0, -1, NULL, 0);
	imsg_compose(&tx, IMSG_REFRESH, 0, -1, NULL, 0);
	run_loop();
	CHECK(ndispatched == 1 && ngone == 0);
	imsgbuf_clear(&tx);

	/* the end, without a reproach */
	receiver(&tx, PROC_ENGINE, PROC_PARENT, dispatch);
	imsgbuf_clear(&tx);
	run_loop();
	CHECK(ndispatched == 0 && ngone == 1 && gone_why[0] == '\0');
}

/* a burst of one peer leaves others their turn */
static void
test_burst(void)
{
	struct imsgbuf	 tx;
	struct peer	*p;
	int		 i;

	check_about = "burst";
	p = receiver(&tx, PROC_ENGINE, PROC_PARENT, dispatch);
	for (i = 0; i < 100; i++)
		CHECK(imsg_compose(&tx, IMSG_REFRESH, 0, -1, NULL, 0) == 0);
	event_base_loop(base, EVLOOP_NONBLOCK | EVLOOP_ONCE);
	CHECK(ndispatched > 0 && ndispatched < 100);
	for (i = 0; i < 100 && ndispatched < 100; i++)
		run_loop();
	CHECK(ndispatched == 100);
	peer_free(p);
	imsgbuf_clear(&tx);
}

/* who does not read is told of from the event loop, never inside a send */
static void
test_slow(void)
{
	static uint8_t	 text[WIRE_CHUNK];
	struct imsgbuf	 tx;
	struct peer	*p;
	int		 before = open_fds(), i;

	check_about = "slow";
	p = receiver(&tx, PROC_FRONTEND, PROC_PARENT, dispatch);
	for (i = 0; i < 1000; i++)
		peer_send(p, IMSG_RECONF_TEXT, 0, -1, text, sizeof(text));
	CHECK(ngone == 0 && p->ibuf.queued <= IMSG_QUEUE_MAX);
	run_loop();
	CHECK(ngone == 1 && strcmp(gone_why, "reads too slowly") == 0);
	imsgbuf_clear(&tx);
	CHECK(open_fds() == before);
}

/* the queue drains from the event loop as the other end reads */
static void
test_drain(void)
{
	static uint8_t	 text[WIRE_CHUNK];
	struct imsgbuf	 rx;
	struct imsg	 imsg;
	struct peer	*p;
	int		 i, got = 0;

	check_about = "drain";
	p = receiver(&rx, PROC_FRONTEND, PROC_PARENT, dispatch);
	for (i = 0; i < 200; i++)
		peer_send(p, IMSG_RECONF_TEXT, (uint32_t)i, -1, text,
		    sizeof(text));
	CHECK(!TAILQ_EMPTY(&p->ibuf.queue));
	for (i = 0; i < 1000 && got < 200; i++) {
		while (imsg_get(&rx, &imsg) == 1)
			CHECK(imsg.hdr.id == (uint32_t)got++);
		run_loop();
	}
	CHECK(got == 200 && ngone == 0);
	peer_free(p);
	imsgbuf_clear(&rx);
}

/* to a peer that has gone: silence, then the end, and no leak */
static void
test_send_gone(void)
{
	struct imsgbuf	 tx;
	struct peer	*p;
	struct imsg_peer m = { PROC_PROBER };
	int		 before = open_fds();

	check_about = "send to gone";
	p = receiver(&tx, PROC_ENGINE, PROC_PARENT, dispatch);
	imsgbuf_clear(&tx);
	peer_send(p, IMSG_SOCKET_PEER, 0, some_fd(), &m, sizeof(m));
	CHECK(ngone == 0);
	run_loop();
	CHECK(ngone == 1);
	CHECK(open_fds() == before);
}

/* what breaks messages.def never leaves: that is our own bug, and fatal */
static void
test_send_wrong(void)
{
	struct imsgbuf	 tx;
	struct peer	*p;
	struct imsg	 imsg;
	pid_t		 pid;
	int		 status;

	check_about = "send wrong";
	p = receiver(&tx, PROC_ENGINE, PROC_PARENT, dispatch);
	if ((pid = fork()) == -1)
		err(1, "fork");
	if (pid == 0) {
		peer_send(p, IMSG_WANT, 0, -1, "1234", 4);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) == -1)
		err(1, "waitpid");
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	CHECK(imsg_get(&tx, &imsg) == 0);
	peer_free(p);
	imsgbuf_clear(&tx);
}

int
main(void)
{
	/* each refusal is a log record: they are not the news here */
	log_init(LL_ERROR, LF_TEXT, LT_STDERR, "peer_test");
	if ((base = event_base_new()) == NULL)
		errx(1, "event_base_new");
	test_table();
	test_parent();
	test_pipe();
	test_stops();
	test_burst();
	test_slow();
	test_drain();
	test_send_gone();
	test_send_wrong();
	event_base_free(base);
	return (0);
}
