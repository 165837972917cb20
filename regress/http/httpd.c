/*
 * The frontend's HTTP and MCP servers without a daemon around them, for tests
 * and for the benchmark: http.c, mcp.c and what they need as they are, over a
 * status that is made up here and changed by commands on standard input.
 *
 *	httpd [-b ADDRESS] [-c CONNECTIONS] [-h HISTORY] [-l MS,MS]
 *	    [-m MS,MS,MS,MS,MS] [-n TUNNELS] [-p SOCKET] [-t TOKEN | -T TOKEN]
 *	    [-u SOCKET]
 *
 * -p is the socket of MCP, -l its deadlines for a line and for writing, -m
 * those of enum http_wait, in its order.  It prints its
 * TCP port.  Commands: "touch" (a change that shows nowhere), "rx BYTES",
 * "state NUMBER", "health NUMBER", "drop" (a reload without tunnel "wg"),
 * "held" (that tunnel is held down), "event NUMBER" (the first tunnel turns
 * to that state, as the engine would tell), "events NUMBER" (so many times to
 * another state), "log LEVEL TEXT" (a record), "relay" (the relay speaks),
 * "quit".  Each is answered by "ok".
 */
#include <sys/socket.h>
#include <sys/un.h>
#include <linux/netlink.h>

#include <arpa/inet.h>
#include <err.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access.h"
#include "events.h"
#include "fakecounts.h"
#include "fakeparent.h"
#include "frontend.h"
#include "history.h"
#include "http.h"
#include "http_conn.h"
#include "log.h"
#include "logs.h"
#include "mcp.h"
#include "mcp_conn.h"
#include "status.h"
#include "util.h"

#define BACKLOG		512
#define AUTH_MS		20	/* until the "engine" has answered */
#define STARTED		1699560000
#define CHECKED		1699564234

static struct event_base *base;
static const char *token;
static int local;			/* the token is for changes only */

/* one question at a time is enough here, and what it was */
static struct {
	struct event	*ev;
	uint32_t	 id;
	int		 ok;
	void		(*cb)(void *, int);
	void		*arg;
} auth;

static void
auth_answer(int fd, short what, void *arg)
{
	auth.cb(auth.arg, auth.ok);
}

uint32_t
frontend_auth(const char *given, void (*cb)(void *, int), void *arg)
{
	struct timeval tv = { .tv_usec = AUTH_MS * 1000 };

	if (auth.ev == NULL)
		auth.ev = evtimer_new(base, auth_answer, NULL);
	auth.ok = strcmp(given, token) == 0;
	auth.cb = cb;
	auth.arg = arg;
	evtimer_add(auth.ev, &tv);
	return (++auth.id);
}

void
frontend_auth_cancel(uint32_t id)
{
	if (id == auth.id)
		evtimer_del(auth.ev);
}

static void
set_addr(struct in6_addr *addr, const char *text)
{
	if (inet_pton(AF_INET6, text, addr) != 1)
		errx(1, "%s: no address", text);
}

static struct fe_tunnel *
add_tunnel(const char *name, enum gw_type type, const char *iface,
    const char *addr)
{
	struct fe_tunnel *t = xcalloc(1, sizeof(*t));
	static uint32_t last_id;

	t->conf.id = ++last_id;
	strlcpy(t->conf.name, name, sizeof(t->conf.name));
	strlcpy(t->conf.iface, iface, sizeof(t->conf.iface));
	t->conf.type = type;
	t->conf.enabled = 1;
	t->conf.prefix_len = 64;
	t->conf.has_address = 1;
	set_addr(&t->conf.address, addr);
	if (fe_tunnels_add(&fe_status.tunnels, t) == -1)
		errx(1, "%s: twice", t->conf.name);
	return (t);
}

/* up, active, with figures in every field */
static void
fill_up(struct fe_tunnel *t)
{
	struct imsg_status *st = &t->st;

	t->known = 1;
	st->state = TS_UP;
	st->role = ROLE_ACTIVE;
	st->rtt_us = 34600;
	st->avg_us = 35125;
	st->p95_us = 41007;
	st->jitter_us = 1250;
	st->sent = 120;
	st->lost = 1;
	st->since = CHECKED - 100;
	st->last_check = CHECKED;
	st->rx_bytes = 1234567;
	st->tx_bytes = 987654;
	st->counters.rx_packets = 1500;
	st->counters.tx_packets = 1400;
	st->counters.tx_errors = 2;
	st->counters.probes[PROBE_REPLY] = 118;
	st->counters.probes[PROBE_TIMEOUT] = 2;
	st->counters.probes[PROBE_LATE] = 1;
	st->counters.rtt.sum_us = 4170000;
	st->counters.rtt.counts[3] = 118;	/* up to 50 ms */
	st->counters.rtt.counts[7] = 1;
	st->switches = 3;
	st->pmtu = 1380;
	st->black_hole = 1;
	st->preferred = 1;
	st->link.state = LINK_READY;
	st->link.want = WANT_ACTIVE;
	st->link.mtu = 1380;
	st->link.mtu_max = 1480;
	st->link.driver = GW_DRIVER_KERNEL;
	st->link.default_route = 1;
	st->link.local.s_addr = inet_addr("192.0.2.10");
	st->link.remote.s_addr = inet_addr("198.51.100.1");
	t->ntransitions = 2;
	t->transitions[0].time = CHECKED - 100;
	t->transitions[0].from = TS_PROBING;
	t->transitions[0].to = TS_UP;
	t->transitions[1].time = CHECKED - 101;
	t->transitions[1].from = TS_CONFIGURING;
	t->transitions[1].to = TS_PROBING;
	strlcpy(t->transitions[1].reason, "the interface is in place",
	    sizeof(t->transitions[1].reason));
	t->failover.time = CHECKED - 90;
	strlcpy(t->failover.from, "wg", sizeof(t->failover.from));
	strlcpy(t->failover.to, "he", sizeof(t->failover.to));
	strlcpy(t->failover.reason, "wg is down",
	    sizeof(t->failover.reason));
}

/* held down after it was lost; all that WireGuard says of itself */
static void
fill_held(struct fe_tunnel *t)
{
	struct imsg_status *st = &t->st;

	t->known = 1;
	st->state = TS_RECOVERING;
	st->role = ROLE_DRAINING;
	st->rtt_us = st->avg_us = st->p95_us = 20000;
	st->sent = 10;
	st->since = st->last_check = CHECKED;
	st->hold_until = CHECKED + 30;
	st->handshake = CHECKED - 17;
	st->rx_bytes = 1024;
	st->tx_bytes = 2048;
	st->link.state = LINK_READY;
	st->link.mtu = st->link.mtu_max = 1420;
	t->failover.time = CHECKED - 90;
	strlcpy(t->failover.from, t->conf.name, sizeof(t->failover.from));
}

/* an external interface that answers nothing; its address was found on it */
static void
fill_down(struct fe_tunnel *t)
{
	struct imsg_status *st = &t->st;

	t->known = 1;
	t->conf.priority = 10;
	t->conf.has_address = 0;
	st->state = TS_DOWN;
	st->rtt_us = st->avg_us = st->p95_us = st->jitter_us = WIRE_UNKNOWN;
	st->sent = st->lost = 12;
	st->since = CHECKED - 60;
	st->last_check = CHECKED - 1;
	st->retry_at = CHECKED + 30;
	st->link.state = LINK_READY;
	st->link.has_address = 1;
	st->link.prefix_len = 48;
	set_addr(&st->link.address, "2001:db8:2::7");
	strlcpy(st->reason, "no answer from any target",
	    sizeof(st->reason));
	strlcpy(st->last_error, "Network is \xfcnreachable",
	    sizeof(st->last_error));
}

static void
fill_conf(struct imsg_conf *conf, const char *bind_to, uint16_t port)
{
	memset(&conf->api_addr, 0, sizeof(conf->api_addr));
	conf->api_port = port;
	conf->api_family = strchr(bind_to, ':') != NULL ? AF_INET6 : AF_INET;
	if (inet_pton(conf->api_family, bind_to, &conf->api_addr) != 1)
		errx(1, "%s: no address", bind_to);
	conf->api_token = token == NULL ? API_TOKEN_NONE :
	    local ? API_TOKEN_CHANGES : API_TOKEN_ALL;
	conf->control_gid = UINT32_MAX;
	conf->loaded_at = STARTED + 5;
	strlcpy(conf->source, "/etc/v6-gatewayd.conf", sizeof(conf->source));
}

static void
fill_status(int ntunnels)
{
	char name[GW_NAME_SIZE], iface[IFNAMSIZ];
	int i;

	fe_status.started = STARTED;
	fe_status.generation = 1;
	fe_status.health.status = HEALTH_OK;
	fe_status.health.latency_us = 34600;
	fe_status.health.last_check = CHECKED;
	fe_status.health.active = 1;
	fill_up(add_tunnel("he", GW_HE_6IN4, "he0", "2001:db8:1234:5678::2"));
	add_tunnel("wg", GW_WIREGUARD, "wg0", "2001:db8:1::2");
	fill_down(add_tunnel("ext", GW_EXTERNAL, "tun0", "::"));
	for (i = 3; i < ntunnels; i++) {
		snprintf(name, sizeof(name), "t%d", i);
		snprintf(iface, sizeof(iface), "t%d", i);
		fill_up(add_tunnel(name, GW_HE_6IN4, iface, "2001:db8:3::2"));
	}
	fe_status.conf_text = xstrdup("[core]\nlog_level = info\n"
	    "local =\n\n[tunnel.he]\ntype = he_6in4\n\n[exposure.socks5]\n"
	    "rule = *.onion any via upstream\nrule = * ipv6\n\n[port.web]\n"
	    "protocol = tcp\ninternal_port = 53\nexternal_port = 53\n\n"
	    "[port.dns]\nprotocol = udp\ninternal_port = 53\n"
	    "external_port = 53\n");
}

static int
listen_tcp(const char *addr, uint16_t *port)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct sockaddr *sa = (void *)&sin;
	socklen_t len = sizeof(sin);
	int fd;

	if (inet_pton(AF_INET6, addr, &sin6.sin6_addr) == 1) {
		sa = (void *)&sin6;
		len = sizeof(sin6);
	} else if (inet_pton(AF_INET, addr, &sin.sin_addr) != 1)
		errx(1, "%s: no address", addr);
	fd = socket(sa->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);
	if (fd == -1 || bind(fd, sa, len) == -1 ||
	    listen(fd, BACKLOG) == -1 || getsockname(fd, sa, &len) == -1)
		err(1, "%s", addr);
	/* the same place in both */
	*port = ntohs(sa->sa_family == AF_INET6 ? sin6.sin6_port :
	    sin.sin_port);
	return (fd);
}

static int
listen_unix(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd;

	strlcpy(sun.sun_path, path, sizeof(sun.sun_path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1 || bind(fd, (void *)&sun, sizeof(sun)) == -1 ||
	    listen(fd, BACKLOG) == -1)
		err(1, "%s", path);
	return (fd);
}

/* "log LEVEL TEXT": a record of the engine's about "he" */
static void
add_log(unsigned int level, char *text)
{
	struct imsg_log m = { .time = 1699564234, .level = level,
	    .proc = PROC_ENGINE, .tunnel = "he" };

	text[strcspn(text, "\n")] = '\0';
	logs_add(&m, text, strlen(text));
}

static void
turn_to(struct fe_tunnel *t, uint32_t state)
{
	struct imsg_status st = t->st;

	st.state = state;
	fe_tunnel_update(t, &st);
}

static void
command(int fd, short what, void *arg)
{
	struct fe_tunnel *he = fe_tunnel_name("he");
	unsigned int n;
	int at;
	char line[1024];
	ssize_t len;

	if ((len = read(fd, line, sizeof(line) - 1)) <= 0) {
		event_base_loopbreak(base);
		return;
	}
	line[len] = '\0';
	if (fakeparent_command(line))
		;
	else if (sscanf(line, "rx %u", &n) == 1)
		he->st.rx_bytes = n;
	else if (sscanf(line, "state %u", &n) == 1)
		he->st.state = n;
	else if (sscanf(line, "health %u", &n) == 1)
		fe_status.health.status = n;
	else if (sscanf(line, "writer %u", &n) == 1)
		fe_status.writers.uids[fe_status.writers.count++] = n;
	else if (sscanf(line, "group %u", &n) == 1)
		fe_status.conf.control_gid = n;
	else if (strncmp(line, "held", 4) == 0)
		fill_held(fe_tunnel_name("wg"));
	else if (sscanf(line, "log %u %n", &n, &at) == 1)
		add_log(n, line + at);
	else if (strncmp(line, "relay", 5) == 0)
		fakecounts_speak("he", "wg", CHECKED + 60);
	else if (strncmp(line, "drop", 4) == 0)
		fakeparent_drop("wg");
	else if (sscanf(line, "events %u", &n) == 1)
		while (n-- > 0)
			turn_to(he, he->st.state == TS_UP ? TS_DOWN : TS_UP);
	else if (sscanf(line, "event %u", &n) == 1)
		turn_to(he, n);
	else if (strncmp(line, "quit", 4) == 0)
		event_base_loopbreak(base);
	fe_changed();
	printf("ok\n");
	fflush(stdout);
}

/* a file of the history's, which may be new */
static void
open_history(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd == -1)
		err(1, "%s", path);
	history_open(fd);
}

static void
parse_ms(const char *arg)
{
	unsigned int *ms = http_limits.ms;

	if (sscanf(arg, "%u,%u,%u,%u,%u", &ms[HTTP_WAIT_IDLE],
	    &ms[HTTP_WAIT_HEAD], &ms[HTTP_WAIT_BODY], &ms[HTTP_WAIT_WRITE],
	    &ms[HTTP_WAIT_LINGER]) != HTTP_WAITS)
		errx(1, "-m wants five numbers");
}

int
main(int argc, char *argv[])
{
	const char *addr = "127.0.0.1", *path = NULL, *mcp = NULL;
	struct event *ev;
	uint16_t port;
	int ch, fd, ntunnels = 3;

	while ((ch = getopt(argc, argv, "b:c:h:l:m:n:p:t:T:u:")) != -1) {
		switch (ch) {
		case 'h':
			open_history(optarg);
			break;
		case 'b':
			addr = optarg;
			break;
		case 'c':
			http_limits.connections = (unsigned int)atoi(optarg);
			break;
		case 'l':
			if (sscanf(optarg, "%u,%u", &mcp_limits.line_ms,
			    &mcp_limits.write_ms) != 2)
				errx(1, "-l wants two numbers");
			break;
		case 'm':
			parse_ms(optarg);
			break;
		case 'n':
			ntunnels = atoi(optarg);
			break;
		case 'p':
			mcp = optarg;
			break;
		case 'T':
			local = 1;
			/* FALLTHROUGH */
		case 't':
			token = optarg;
			break;
		case 'u':
			path = optarg;
			break;
		default:
			errx(1, "unknown option");
		}
	}
	log_init(LL_INFO, LF_TEXT, LT_STDERR, "httpd");
	logs_init();
	signal(SIGPIPE, SIG_IGN);	/* as privsep/child.c does */
	if ((base = event_base_new()) == NULL)
		errx(1, "event_base_new");
	logs_run(base);
	fakeparent_start(base);
	access_diag(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
	    NETLINK_SOCK_DIAG));
	events_start(STARTED * UINT64_C(1000000));
	fill_status(ntunnels);
	history_conf();
	fd = listen_tcp(addr, &port);
	fill_conf(&fe_status.conf, addr, port);
	http_listen(base, fd);
	if (path != NULL)
		http_listen(base, listen_unix(path));
	if (mcp != NULL)
		mcp_listen(base, listen_unix(mcp));
	ev = event_new(base, STDIN_FILENO, EV_READ | EV_PERSIST, command, NULL);
	event_add(ev, NULL);
	printf("%u\n", port);
	fflush(stdout);
	event_base_dispatch(base);
	return (0);
}
