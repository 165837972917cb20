/*
 * The handlers of engine, frontend, prober, encap and relay against any
 * contents that messages.def lets through, from whomever it lets send.
 *
 * Input: the role (1 byte), then messages of { sender, kind, id (1 byte each),
 * length (2 bytes, big endian), that many bytes }; kind is a place in the
 * table below, and a message is cut or filled with zeros to a length it may
 * have.  A handler may refuse by fatalx(): that
 * ends the input.  What handlers send must keep to messages.def.
 */
#include <sys/socket.h>

#include <err.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "doc.h"
#include "gatewayd.h"
#include "log.h"
#include "metrics.h"
#include "wire_all.h"

#define MESSAGES	64	/* of one input */
#define IDS		8	/* tunnels */

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);
void	__wrap_fatal(const char *, ...) __attribute__((noreturn));
void	__wrap_fatalx(const char *, ...) __attribute__((noreturn));
void	__wrap_peer_send(struct peer *, enum imsg_type, uint32_t, int,
	    const void *, size_t);
const char *__asan_default_options(void);

static const struct {
	size_t	 min;
	size_t	 max;
	int	 fd;
} sizes[] = {
#define NOFD	0
#define FD	1
#define MSG(...)	MSG_(__VA_ARGS__)
#define MSG_(name, from, to, min, max, fd)	{ min, max, fd },
#include "messages.def"
#undef MSG
#undef MSG_
};

/* what these processes are sent; the kept corpus has places in this table,
 * so new ones go to its end.  child.c handles those that are left out;
 * listeners come at start only. */
static const enum imsg_type types[] = {
	IMSG_SETTLE, IMSG_RECONF_CONF, IMSG_RECONF_TUNNEL, IMSG_RECONF_TOKEN,
	IMSG_RECONF_TEXT, IMSG_RECONF_END, IMSG_RECONF_COMMIT,
	IMSG_RECONF_ABORT, IMSG_LINK, IMSG_STATS, IMSG_STATE_LOAD,
	IMSG_ADMIN_DO, IMSG_ADMIN_RESULT, IMSG_RELOAD_TEXT,
	IMSG_RELOAD_RESULT, IMSG_PROBE_SOCK, IMSG_PROBE_PATH,
	IMSG_PROBE_ICMP4, IMSG_PROBE_SET, IMSG_PROBE_BURST, IMSG_PROBE_DEL,
	IMSG_PROBE_RESULT, IMSG_PROBE_HINT, IMSG_PMTU_START,
	IMSG_PMTU_RESULT, IMSG_ENCAP_SET, IMSG_ENCAP_TUN, IMSG_ENCAP_RAW,
	IMSG_ENCAP_DEL, IMSG_TUNNEL_STATUS, IMSG_HEALTH_STATUS,
	IMSG_FAILOVER, IMSG_AUTH, IMSG_AUTH_RESULT, IMSG_LOG_RECORD,
	IMSG_PROC_LEVEL, IMSG_OUTAGE, IMSG_RELAY_STATS, IMSG_RELAY_WAY_STATS,
	IMSG_RELAY_UID_STATS, IMSG_TRACE_QUERY, IMSG_TRACE_ATTEMPT,
	IMSG_TRACE_END, IMSG_PORT_STATUS, IMSG_PORT_GONE, IMSG_PORT_RESULT,
	IMSG_RELAY_CONF, IMSG_RELAY_LINE, IMSG_RELAY_USER, IMSG_RELAY_WAY,
	IMSG_RELAY_WAY_GONE, IMSG_LOOKED_UP, IMSG_TRACE, IMSG_PORT_ADD,
	IMSG_PORT_DEL, IMSG_PORT_CONF, IMSG_LISTENED, IMSG_LISTEN_FAILED,
	IMSG_PORTS_LOAD
};
#define NTYPES		(sizeof(types) / sizeof(types[0]))

static struct role {
	enum gw_proc		 proc;
	void			(*main)(const struct proc_args *);
	const struct child_ops	*ops;
	struct event_base	*base;	/* no timer of another one is due */
	struct peer		 peers[PROC_COUNT];
} roles[] = {
	{ .proc = PROC_ENGINE, .main = engine_main },
	{ .proc = PROC_FRONTEND, .main = frontend_main },
	{ .proc = PROC_PROBER, .main = prober_main },
	{ .proc = PROC_ENCAP, .main = encap_main },
	{ .proc = PROC_RELAY, .main = relay_main },
};
#define NROLES		(sizeof(roles) / sizeof(roles[0]))

static struct role		*role;
static jmp_buf			 refused, ready;
static int			 inside;

/* a handler that refuses leaves what it had just allocated */
const char *
__asan_default_options(void)
{
	return ("detect_leaks=0");
}

/* in silence: a refusal is no news here */
void
__wrap_fatalx(const char *fmt, ...)
{
	if (inside)
		longjmp(refused, 1);
	errx(1, "%s", fmt);
}

void
__wrap_fatal(const char *fmt, ...)
{
	if (inside)
		longjmp(refused, 1);
	err(1, "%s", fmt);
}

struct event_base *
child_base(void)
{
	return (role->base);
}

struct peer *
child_peer(enum gw_proc proc)
{
	return (&role->peers[proc]);
}

void
child_run(const struct proc_args *args, const struct child_ops *ops)
{
	role->ops = ops;
	longjmp(ready, 1);
}

void
__wrap_peer_send(struct peer *p, enum imsg_type type, uint32_t id, int fd,
    const void *data, size_t len)
{
	struct imsg	 imsg = { { type, id }, data, len, fd };

	if (msg_error(&imsg, p->self, p->proc) != NULL)
		abort();
	if (fd != -1)
		close(fd);
}

static void
start_roles(void)
{
	struct proc_args	 args = { PROC_ENGINE, "", "" };
	size_t			 i, j;

	log_init(LL_ERROR, LF_TEXT, LT_STDERR, "fuzz");
	for (i = 0; i < NROLES; i++) {
		role = &roles[i];
		if ((role->base = event_base_new()) == NULL)
			errx(1, "event_base_new");
		args.proc = role->proc;
		for (j = 0; j < PROC_COUNT; j++) {
			role->peers[j].self = role->proc;
			role->peers[j].proc = (enum gw_proc)j;
		}
		if (setjmp(ready) == 0)
			role->main(&args);
		if (role->ops->startup != NULL)
			role->ops->startup();
	}
}

/* a socket that leads nowhere, in the place of a raw one or a TUN */
static int
some_fd(void)
{
	int	 sv[2];

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
	    sv) == -1)
		err(1, "socketpair");
	close(sv[1]);
	return (sv[0]);
}

static void
render(void)
{
	static const char *const	 targets[] = { "/health", "/version",
					    "/v6/address", "/tunnels",
					    "/tunnels/t0", "/config",
					    "/relay" };
	size_t				 i;

	for (i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
		(void)doc_get(targets[i]);
}

/* for the lack of a clock metrics_get() would not render it anew */
static void
render_metrics(void)
{
	struct metrics_text	 x;

	text_init(&x, METRICS_OPENMETRICS);
	metrics_daemon(&x);
	metrics_tunnels(&x);
	metrics_relay(&x);
	text_end(&x);
	free(x.buf);
}

static void
deliver(enum gw_proc from, uint32_t type, uint32_t id, const void *data,
    size_t len)
{
	struct imsg	 imsg = { { type, id }, data, len, -1 };
	int		 fd = 3;

	imsg.fd = sizes[type].fd ? fd : -1;
	if (msg_error(&imsg, from, role->proc) != NULL)
		return;
	imsg.fd = sizes[type].fd ? some_fd() : -1;
	role->ops->dispatch(&role->peers[from], &imsg);
	imsg_free(&imsg);
	event_base_loop(role->base, EVLOOP_NONBLOCK);
	if (role->proc == PROC_FRONTEND)
		render();
}

/* as the next input must find it: no tunnels, no ports */
static void
forget(void)
{
	static struct imsg_conf	 conf;
	uint32_t		 id;

	if (role->proc == PROC_ENGINE || role->proc == PROC_FRONTEND) {
		deliver(PROC_PARENT, IMSG_RECONF_CONF, 0, &conf,
		    sizeof(conf));
		deliver(PROC_PARENT, IMSG_RECONF_END, 0, NULL, 0);
		deliver(PROC_PARENT, IMSG_RECONF_COMMIT, 0, NULL, 0);
	}
	for (id = 0; id < IDS; id++) {
		deliver(PROC_ENGINE, IMSG_PROBE_DEL, id, NULL, 0);
		deliver(PROC_PARENT, IMSG_ENCAP_DEL, id, NULL, 0);
		deliver(PROC_RELAY, IMSG_PORT_GONE, id, NULL, 0);
	}
}

static void
run(const uint8_t *data, size_t size)
{
	static uint8_t	 payload[IMSG_SIZE_MAX];
	uint32_t	 type;
	size_t		 len, take;
	int		 i;

	for (i = 0; i < MESSAGES && size >= 5; i++) {
		type = types[data[1] % NTYPES];
		len = (size_t)data[3] << 8 | data[4];
		if (len > size - 5)
			len = size - 5;
		memset(payload, 0, sizes[type].max);
		take = len < sizes[type].max ? len : sizes[type].max;
		memcpy(payload, data + 5, take);
		if (take < sizes[type].min)
			take = sizes[type].min;
		deliver((enum gw_proc)(data[0] % PROC_COUNT), type,
		    data[2] % IDS, payload, take);
		data += 5 + len;
		size -= 5 + len;
	}
	if (role->proc == PROC_FRONTEND)
		render_metrics();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (role == NULL)
		start_roles();
	if (size == 0)
		return (0);
	role = &roles[data[0] % NROLES];
	inside = 1;
	if (setjmp(refused) == 0)
		run(data + 1, size - 1);
	/* what is left of a refusal must not stop the next input either */
	if (setjmp(refused) == 0)
		forget();
	inside = 0;
	return (0);
}
