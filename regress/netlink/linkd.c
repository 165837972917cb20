/*
 * The parent's link layer without a daemon, for tests: prints what it would
 * tell the other processes, and keeps the descriptors they would get.  For
 * the launcher it stands in: it runs wireguard-go.  Needs CAP_NET_ADMIN and
 * CAP_NET_RAW in the network namespace it works on.
 *
 * usage: linkd
 *
 * Reads commands, one a line, and answers each with "ok" after whatever it
 * caused in this and the next turn of the event loop:
 *
 *	conf FILE		a configuration; reloads when there is one
 *	want NAME absent|present|active [mtu N] [lost]
 *	resolved NAME[@HOST] ADDR ...
 *				the resolver's answer to the last question
 *				(of that host); no address: it failed
 *	refresh NAME		look the endpoint up again
 *	sample NAME		prints the counters, or "sample NAME none"
 *	default NAME		prints whether its default was found
 *	missing			there is no wireguard-go from here on
 *	buffer BYTES		a receive buffer for netlink events
 *	shutdown keep|remove	and exit
 *
 * End of file on standard input is exit without any clean-up, as in a crash.
 */
#include <sys/socket.h>
#include <sys/wait.h>
#include <arpa/inet.h>

#include <err.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <linux/netlink.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "addr.h"
#include "launcher/run.h"
#include "link.h"
#include "log.h"
#include "state.h"
#include "uapi.h"
#include "util.h"

#define ASKED_MAX	64

struct held {
	int	 probe;
	int	 tun;
	int	 raw;
	char	 iface[IFNAMSIZ];	/* of wireguard-go */
	pid_t	 pid;			/* 0: it does not run */
};

/* look-ups, the last ones */
struct asked {
	uint32_t	 id;
	uint32_t	 query;
	char		 name[GW_HOST_SIZE];
};

static struct event_base *base;
static struct asked	 asked[ASKED_MAX];
static unsigned int	 next_asked;
static struct gw_conf	*conf;
static struct held	 held[GW_TUNNELS_MAX];
static uint32_t		 next_id;
static int		 missing;	/* there is no wireguard-go */

static const char *
name_of(uint32_t id)
{
	struct gw_tunnel	*t;

	return ((t = conf_tunnel_id(conf, id)) == NULL ? "-" : t->name);
}

static void
hold(int *slot, int fd)
{
	if (*slot > 0)
		close(*slot);
	*slot = fd;
}

static void
op_state(uint32_t id, const struct imsg_link *m)
{
	static const char *const states[] = {
		"absent", "setup", "wait_wan", "wait_dns", "ready", "down",
		"error"
	};

	printf("state %s %s want=%u ifindex=%u mtu=%u mtu_max=%u driver=%s "
	    "retry=%u default=%u local=%s remote=%s address=%s/%u reason=%s\n",
	    name_of(id), states[m->state], m->want, m->ifindex, m->mtu,
	    m->mtu_max, gw_driver_name((enum gw_driver)m->driver), m->retry_s,
	    m->default_route, addr4_text(m->local), addr4_text(m->remote),
	    m->has_address ? addr6_text(&m->address) : "-", m->prefix_len,
	    m->reason);
}

static void
op_probe_sock(uint32_t id, int fd, const struct imsg_probe_sock *m)
{
	printf("probe %s ifindex=%u source=%s\n", name_of(id), m->ifindex,
	    addr6_text(&m->source));
	hold(&held[id].probe, fd);
}

static void
op_probe_path(uint32_t id, const struct imsg_probe_path *m)
{
	printf("path %s local=%s remote=%s protocol=%u port=%u\n", name_of(id),
	    addr4_text(m->local), addr4_text(m->remote), m->protocol, m->port);
}

static void
op_encap_set(uint32_t id, const struct imsg_encap *m)
{
	printf("encap_set %s local=%s remote=%s mtu=%u ttl=%u "
	    "prefixes=%u %s/%u\n", m->name, addr4_text(m->local),
	    addr4_text(m->remote), m->mtu, m->ttl, m->nprefixes,
	    addr6_text(&m->prefixes[0]), m->lens[0]);
}

static void
op_encap_tun(uint32_t id, int fd, const struct imsg_encap_tun *m)
{
	printf("encap_tun %s offloads=%#x\n", name_of(id), m->offloads);
	hold(&held[id].tun, fd);
}

static void
op_encap_raw(uint32_t id, int fd)
{
	struct sockaddr_in	 local;
	socklen_t		 len = sizeof(local), size = IFNAMSIZ;
	char			 device[IFNAMSIZ] = "";

	memset(&local, 0, sizeof(local));
	if (getsockname(fd, (struct sockaddr *)&local, &len) == -1 ||
	    getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, &size) == -1)
		err(1, "raw socket");
	printf("encap_raw %s local=%s device=%s\n", name_of(id),
	    addr4_text(local.sin_addr), device[0] != '\0' ? device : "-");
	hold(&held[id].raw, fd);
}

static void
op_encap_del(uint32_t id)
{
	printf("encap_del %s\n", name_of(id));
	hold(&held[id].tun, 0);
	hold(&held[id].raw, 0);
}

static void
op_launch_tun(uint32_t id, int fd, const char *iface)
{
	printf("launch_tun %s %s\n", name_of(id), iface);
	hold(&held[id].tun, fd);
	strlcpy(held[id].iface, iface, sizeof(held[id].iface));
}

static void
launch_exited(uint32_t id, enum launch_end end, int status)
{
	struct imsg_launch_exited	 m = { end, (uint32_t)status };

	printf("launch_exited %s\n", name_of(id));
	held[id].pid = 0;
	link_launch_exited(id, &m);
}

/* from the loop, as the launcher's answer would come */
static void
launch_missing(int fd, short what, void *arg)
{
	launch_exited((uint32_t)((struct held *)arg - held), LAUNCH_MISSING,
	    0);
}

static void
op_launch_uapi(uint32_t id, int fd)
{
	static const struct timeval	 now = { 0, 0 };
	struct held			*h = &held[id];
	int				 output;

	if (!missing)
		h->pid = run_wireguard(h->iface, h->tun, fd, &output);
	close(fd);
	hold(&h->tun, 0);
	if (missing && event_base_once(base, -1, EV_TIMEOUT, launch_missing,
	    h, &now) == -1)
		errx(1, "event_base_once");
	printf("launch_uapi %s %d\n", name_of(id), (int)h->pid);
}

static void
op_launch_stop(uint32_t id)
{
	printf("launch_stop %s\n", name_of(id));
	hold(&held[id].tun, 0);
	if (held[id].pid > 0)
		kill(held[id].pid, SIGTERM);
}

static void
launch_reap(int sig, short what, void *arg)
{
	pid_t		 pid;
	uint32_t	 id;
	int		 status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (id = 0; id < next_id; id++)
			if (held[id].pid == pid)
				launch_exited(id, LAUNCH_ENDED, status);
}

static void
op_resolve(uint32_t id, uint32_t query, const char *name)
{
	struct asked	*a = &asked[next_asked++ % ASKED_MAX];

	a->id = id;
	a->query = query;
	strlcpy(a->name, name, sizeof(a->name));
	printf("resolve %s %s\n", name_of(id), name);
}

static const struct link_ops	 ops = {
	.state = op_state,
	.probe_sock = op_probe_sock,
	.probe_path = op_probe_path,
	.encap_set = op_encap_set,
	.encap_tun = op_encap_tun,
	.encap_raw = op_encap_raw,
	.encap_del = op_encap_del,
	.launch_tun = op_launch_tun,
	.launch_uapi = op_launch_uapi,
	.launch_stop = op_launch_stop,
	.resolve = op_resolve,
};

static void
conf_line(void *arg, enum log_level level, const char *line)
{
	if (level == LL_ERROR)
		printf("error %s\n", line);
}

static void
do_conf(const char *file)
{
	struct gw_conf		*new, *old = conf;
	struct gw_tunnel	*t, *before;

	if ((new = conf_parse(file, 0, conf_line, NULL)) == NULL)
		return;
	TAILQ_FOREACH(t, &new->tunnels, entry) {
		before = old == NULL ? NULL : conf_tunnel_name(old, t->name);
		t->id = before != NULL ? before->id : next_id++;
	}
	if (old == NULL) {
		state_init(new->state_dir);
		endpoints_init(base);
	}
	endpoints_conf(new);
	link_conf(new);
	conf = new;
	if (old != NULL)
		conf_free(old);
}

static void
do_want(uint32_t id, char *rest)
{
	struct imsg_want	 m;
	char			*word;

	memset(&m, 0, sizeof(m));
	while ((word = strsep(&rest, " ")) != NULL)
		if (strcmp(word, "active") == 0)
			m.want = WANT_ACTIVE;
		else if (strcmp(word, "present") == 0)
			m.want = WANT_PRESENT;
		else if (strcmp(word, "mtu") == 0 && rest != NULL)
			m.mtu = (uint32_t)atoi(strsep(&rest, " "));
		else if (strcmp(word, "lost") == 0)
			m.lost = 1;
		else if (strcmp(word, "absent") != 0)
			errx(1, "want: %s?", word);
	link_want(id, &m);
}

static void
do_resolved(uint32_t id, const char *host, char *rest)
{
	struct imsg_resolved	 m;
	struct asked		*a;
	char			*word;
	unsigned int		 i;

	memset(&m, 0, sizeof(m));
	for (i = 1; i <= ASKED_MAX; i++) {
		a = &asked[(next_asked - i) % ASKED_MAX];
		if (a->id == id && a->query != 0 &&
		    (host == NULL || strcmp(a->name, host) == 0)) {
			m.query = a->query;
			break;
		}
	}
	while ((word = strsep(&rest, " ")) != NULL)
		if (m.naddrs < 8 && inet_pton(AF_INET, word,
		    &m.addrs[m.naddrs]) == 1)
			m.naddrs++;
	if (m.naddrs == 0) {
		m.error = 4;
		snprintf(m.reason, sizeof(m.reason), "Domain name not found");
	}
	link_resolved(id, &m);
}

static void
do_sample(uint32_t id)
{
	struct imsg_stats	 st;

	if (link_sample(id, &st) == -1)
		printf("sample %s none\n", name_of(id));
	else
		printf("sample %s %llu %llu %llu %llu handshake=%llu\n",
		    name_of(id), (unsigned long long)st.rx_bytes,
		    (unsigned long long)st.tx_bytes,
		    (unsigned long long)st.rx_packets,
		    (unsigned long long)st.tx_packets,
		    (unsigned long long)st.handshake);
}

static void
do_buffer(int size)
{
	struct sockaddr_nl	 nl;
	socklen_t		 len;
	int			 fd;

	for (fd = 3; fd < 64; fd++) {
		memset(&nl, 0, sizeof(nl));
		len = sizeof(nl);
		if (getsockname(fd, (struct sockaddr *)&nl, &len) == -1 ||
		    nl.nl_family != AF_NETLINK || nl.nl_groups == 0)
			continue;
		if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size,
		    sizeof(size)) == -1)
			err(1, "SO_RCVBUF");
		printf("buffer of %d\n", fd);
	}
}

static void
do_command(char *line)
{
	struct gw_tunnel	*t;
	char			*verb, *name, *host;

	verb = strsep(&line, " ");
	if (strcmp(verb, "conf") == 0) {
		do_conf(line);
		return;
	}
	if (strcmp(verb, "buffer") == 0) {
		do_buffer(atoi(line));
		return;
	}
	if (strcmp(verb, "missing") == 0) {
		missing = 1;
		return;
	}
	if (strcmp(verb, "shutdown") == 0) {
		endpoints_flush();
		link_shutdown(strcmp(line, "keep") == 0);
		printf("ok\n");
		exit(0);
	}
	host = strsep(&line, " ");
	name = strsep(&host, "@");
	if (name == NULL || conf == NULL ||
	    (t = conf_tunnel_name(conf, name)) == NULL)
		errx(1, "no tunnel %s", name);
	if (strcmp(verb, "want") == 0)
		do_want(t->id, line);
	else if (strcmp(verb, "resolved") == 0)
		do_resolved(t->id, host, line);
	else if (strcmp(verb, "refresh") == 0)
		link_refresh(t->id);
	else if (strcmp(verb, "sample") == 0)
		do_sample(t->id);
	else if (strcmp(verb, "default") == 0)
		printf("default %s %d\n", name, link_has_default(t->id) != 0);
	else
		errx(1, "unknown command %s", verb);
}

static void
print_ok(int fd, short what, void *arg)
{
	printf("ok\n");
}

static void
read_commands(int fd, short what, void *arg)
{
	static const struct timeval	 soon = { 0, 1000 };
	static int			 ended;
	struct evbuffer			*in = arg;
	char				*line;

	/* one turn of the loop for what the last commands left to do */
	if (ended)
		_exit(0);
	if (evbuffer_read(in, fd, 4096) <= 0)
		ended = 1;
	while ((line = evbuffer_readln(in, NULL, EVBUFFER_EOL_LF)) != NULL) {
		do_command(line);
		free(line);
		if (event_base_once(base, -1, EV_TIMEOUT, print_ok, NULL,
		    &soon) == -1)
			errx(1, "event_base_once");
	}
}

int
main(void)
{
	struct event	*ev;

	setvbuf(stdout, NULL, _IOLBF, 0);
	log_init(LL_INFO, LF_TEXT, LT_STDERR, "linkd");
	if ((base = event_base_new()) == NULL)
		errx(1, "event_base_new");
	run_init();
	uapi_init();
	link_init(base, &ops);
	ev = evsignal_new(base, SIGCHLD, launch_reap, NULL);
	if (ev == NULL || event_add(ev, NULL) == -1)
		errx(1, "evsignal_new");
	ev = event_new(base, STDIN_FILENO, EV_READ | EV_PERSIST,
	    read_commands, evbuffer_new());
	if (ev == NULL || event_add(ev, NULL) == -1)
		errx(1, "event_add");
	event_base_dispatch(base);
	errx(1, "the event loop ended");
}
