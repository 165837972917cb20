/*
 * The frontend's control server without a daemon, for tests: tunnels in every
 * state, and a parent inside this process that answers each of them in its
 * own way.  Runs with the rights of whoever starts it.
 *
 * usage: ctld [-d] [-e] [-g gid] [-n tunnels] [-r error] socket
 *
 *	-d	health is down, not ok
 *	-e	no tunnels at all
 *	-g	control_group
 *	-n	so many further tunnels
 *	-r	the errno value a reload ends with
 *
 * Commands on standard input make something happen, each answered by "ok":
 *
 *	tunnel NAME STATE ROLE [REASON]	numbers of common/wire_status.h
 *	health STATUS
 *	failover FROM TO REASON		names, "-" for none
 *	gone NAME			a reload without this tunnel
 *	relay				the relay speaks
 *	reload ERRNO, ports ...		see fakeparent.c
 *	storm STATE			every tunnel at once; answered by the
 *					milliseconds of CPU as well
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <arpa/inet.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "control.h"
#include "fakecounts.h"
#include "fakeparent.h"
#include "log.h"
#include "status.h"
#include "util.h"
#include "wire.h"
#include "wire_link.h"
#include "wire_status.h"

#define BACKLOG		128

/* every state a tunnel can be in, and what the parent says to an order */
static const struct row {
	const char		*name;
	enum gw_type		 type;
	enum tunnel_state	 state;
	enum tunnel_role	 role;
	enum link_state		 link;
	unsigned int		 admin;		/* errno value */
	const char		*reason;
} rows[] = {
	{ "he", GW_HE_6IN4, TS_UP, ROLE_ACTIVE, LINK_READY, EALREADY, "" },
	{ "slowed", GW_HE_6IN4, TS_DEGRADED, ROLE_STANDBY, LINK_READY, 0,
	    "12 % of the probes are lost" },
	{ "quiet", GW_EXTERNAL, TS_DOWN, ROLE_STANDBY, LINK_READY, EPERM,
	    "no answer from any target" },
	{ "nowan", GW_HE_6IN4, TS_WAIT_WAN, ROLE_STANDBY, LINK_WAIT_WAN,
	    EBUSY, "no IPv4 route to 198.51.100.1" },
	{ "nodns", GW_HE_6IN4, TS_WAIT_DNS, ROLE_STANDBY, LINK_WAIT_DNS,
	    ENOENT, "looking up broker.example.net" },
	{ "maybe", GW_HE_6IN4, TS_SUSPECT, ROLE_STANDBY, LINK_READY, EIO,
	    "2 probes without an answer" },
	{ "back", GW_HE_6IN4, TS_RECOVERING, ROLE_DRAINING, LINK_READY, 0,
	    "held down for 30 s" },
	{ "wg", GW_WIREGUARD, TS_ERROR, ROLE_STANDBY, LINK_ERROR,
	    FAKEPARENT_SILENT,
	    "this version cannot run\x1b[31m wireguard tunnels" },
	{ "off", GW_HE_6IN4, TS_DISABLED, ROLE_STANDBY, LINK_ABSENT,
	    EINVAL, "enabled = false in the configuration" },
};
#define NROWS	(sizeof(rows) / sizeof(rows[0]))

static void
add_tunnel(const struct row *row, uint32_t id)
{
	struct fe_tunnel	*t = xcalloc(1, sizeof(*t));

	t->known = 1;
	t->conf.id = id;
	t->conf.type = row->type;
	t->conf.has_address = 1;
	t->conf.prefix_len = 64;
	inet_pton(AF_INET6, "2001:db8:1234:5678::2", &t->conf.address);
	t->conf.address.s6_addr[7] = (uint8_t)id;
	strlcpy(t->conf.name, row->name, sizeof(t->conf.name));
	snprintf(t->conf.iface, sizeof(t->conf.iface), "he%u", id);
	t->st.state = row->state;
	t->st.role = row->role;
	t->st.link.state = row->link;
	t->st.link.mtu = t->st.link.mtu_max = 1480;
	inet_pton(AF_INET, "192.0.2.2", &t->st.link.local);
	inet_pton(AF_INET, "198.51.100.1", &t->st.link.remote);
	t->st.rtt_us = t->st.avg_us = t->st.p95_us = 23700;
	t->st.jitter_us = 800;
	t->st.sent = 120;
	t->st.lost = row->state == TS_DEGRADED ? 14 : 0;
	t->st.since = t->st.last_check = unix_time() - 200;
	t->st.rx_bytes = 1234567;
	if (row->state == TS_ERROR)
		t->st.retry_at = unix_time() + 60;
	if (row->state == TS_RECOVERING)
		t->st.hold_until = unix_time() + 30;
	if (row->type == GW_WIREGUARD)
		t->st.handshake = unix_time() - 400;
	strlcpy(t->st.reason, row->reason, sizeof(t->st.reason));
	if (fe_tunnels_add(&fe_status.tunnels, t) == -1)
		errx(1, "%s: twice", t->conf.name);
}

/* what the selection and the path MTU have to say */
static void
add_story(void)
{
	struct fe_tunnel	*he = fe_tunnel_name("he");
	struct fe_tunnel	*slowed = fe_tunnel_name("slowed");
	struct imsg_failover	 m = { 0 };

	m.time = unix_time() - 200;
	strlcpy(m.reason, "quiet is down: no answer from any target",
	    sizeof(m.reason));
	fe_failover(fe_tunnel_name("quiet"), he, &m);
	he->st.switches = 2;
	he->st.preferred = 1;
	/* lowered here, and fixed by the configuration there */
	he->st.black_hole = slowed->st.black_hole = 1;
	he->st.pmtu = slowed->st.pmtu = 1380;
	he->st.link.mtu = 1380;
}

static void
add_tunnels(int none, uint32_t more)
{
	struct row	 row = rows[0];
	char		 name[GW_NAME_SIZE];
	uint32_t	 i;

	for (i = 0; i < NROWS && !none; i++)
		add_tunnel(&rows[i], i + 1);
	if (!none)
		add_story();
	row.name = name;
	row.role = ROLE_STANDBY;
	for (i = 0; i < more; i++) {
		snprintf(name, sizeof(name), "tunnel-number-%u", i);
		add_tunnel(&row, NROWS + 1 + i);
	}
}

/* what was asked is printed for the test to see */
static void
asked(struct imsg *imsg)
{
	struct imsg_admin	 admin;
	struct imsg_level	 level;

	switch (imsg->hdr.type) {
	case IMSG_ADMIN:
		imsg_get_data(imsg, &admin, sizeof(admin));
		printf("admin %u %u\n", admin.tunnel, admin.verb);
		fakeparent.admin_error = admin.tunnel <= NROWS ?
		    rows[admin.tunnel - 1].admin : 0;
		break;
	case IMSG_RELOAD:
		printf("reload\n");
		break;
	case IMSG_SET_LEVEL:
		imsg_get_data(imsg, &level, sizeof(level));
		printf("level %u %d\n", level.level, (int)level.proc);
		break;
	}
	fflush(stdout);
}

static void
tunnel_is(const char *name, uint32_t state, uint32_t role, const char *reason)
{
	struct fe_tunnel	*t = fe_tunnel_name(name);
	struct imsg_status	 m;

	if (t == NULL)
		errx(1, "%s: no tunnel", name);
	m = t->st;
	m.state = state;
	m.role = role;
	m.since = unix_time();
	strlcpy(m.reason, reason, sizeof(m.reason));
	fe_tunnel_update(t, &m);
}

static double
storm(uint32_t state)
{
	struct fe_tunnel	*t;
	clock_t			 begin = clock();

	TAILQ_FOREACH(t, &fe_status.tunnels.list, entry)
		tunnel_is(t->conf.name, state, ROLE_STANDBY,
		    "no answer from 3 of 3 targets for 640 ms");
	return ((double)(clock() - begin) * 1000 / CLOCKS_PER_SEC);
}

static void
command(char *line)
{
	char			 a[64], b[64], reason[WIRE_REASON] = "";
	uint32_t		 state, role;
	struct imsg_health	 health = fe_status.health;
	struct imsg_failover	 m = { 0 };

	if (sscanf(line, "tunnel %63s %u %u %159[^\n]", a, &state, &role,
	    reason) >= 3)
		tunnel_is(a, state, role, reason);
	else if (sscanf(line, "health %u", &health.status) == 1)
		fe_health_update(&health);
	else if (sscanf(line, "failover %63s %63s %159[^\n]", a, b,
	    m.reason) == 3) {
		m.time = unix_time();
		fe_failover(fe_tunnel_name(a), fe_tunnel_name(b), &m);
	} else if (strncmp(line, "relay", 5) == 0)
		fakecounts_speak("he", "quiet", unix_time() + 300);
	else if (sscanf(line, "gone %63s", a) == 1)
		fakeparent_drop(a);
	else if (sscanf(line, "storm %u", &state) == 1)
		printf("%.1f\n", storm(state));
	else if (!fakeparent_command(line))
		errx(1, "%s: no command", line);
	printf("ok\n");
	fflush(stdout);
}

static void
command_read(int fd, short events, void *arg)
{
	static char	 line[512];
	ssize_t		 n;

	/* one command at a time: each waits for its answer */
	if ((n = read(fd, line, sizeof(line) - 1)) > 0) {
		line[n] = '\0';
		command(line);
	} else
		event_del(*(struct event **)arg);
}

static int
listen_at(const char *path)
{
	struct sockaddr_un	 sun;
	int			 fd;

	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	if (strlcpy(sun.sun_path, path, sizeof(sun.sun_path)) >=
	    sizeof(sun.sun_path))
		errx(1, "%s: too long", path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	umask(0111);
	if (fd == -1 || bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1 ||
	    listen(fd, BACKLOG) == -1)
		err(1, "%s", path);
	return (fd);
}

static uint32_t
number(const char *text)
{
	const char	*error;
	uint32_t	 n;

	n = (uint32_t)strtonum(text, 0, UINT32_MAX, &error);
	if (error != NULL)
		errx(2, "%s: %s", text, error);
	return (n);
}

int
main(int argc, char *argv[])
{
	struct event_base	*base = event_base_new();
	struct event		*ev;
	uint32_t		 more = 0;
	int			 ch, none = 0;

	fe_status.health.status = HEALTH_OK;
	fe_status.health.latency_us = 23700;
	fe_status.health.last_check = unix_time();
	fe_status.conf.control_gid = UINT32_MAX;
	while ((ch = getopt(argc, argv, "deg:n:r:")) != -1) {
		switch (ch) {
		case 'd':
			fe_status.health.status = HEALTH_DOWN;
			break;
		case 'e':
			none = 1;
			break;
		case 'g':
			fe_status.conf.control_gid = number(optarg);
			break;
		case 'n':
			more = number(optarg);
			break;
		case 'r':
			fakeparent.reload_error = number(optarg);
			break;
		default:
			return (2);
		}
	}
	if (argc - optind != 1 || base == NULL)
		return (2);
	signal(SIGPIPE, SIG_IGN);
	log_init(LL_DEBUG, LF_TEXT, LT_STDERR, "ctld");
	strlcpy(fe_status.conf.source, "/etc/v6-gatewayd.conf",
	    sizeof(fe_status.conf.source));
	fe_status.conf_text = xstrdup("[core]\nlog_level = info\n"
	    "api_token_file =\n[exposure.socks5]\nrule = *.onion any\n"
	    "rule = *.i2p any\n");
	add_tunnels(none, more);
	fakeparent.asked = asked;
	fakeparent_start(base);
	control_listen(base, listen_at(argv[optind]));
	ev = event_new(base, STDIN_FILENO, EV_READ | EV_PERSIST, command_read,
	    &ev);
	event_add(ev, NULL);
	printf("ready\n");
	fflush(stdout);
	return (event_base_dispatch(base));
}
