/*
 * ICMPv4 errors about the tunnels' outer packets.  Runs in the prober
 * (_gatewayd, chroot, no capabilities).
 */
#include <sys/socket.h>
#include <sys/tree.h>
#include <event2/event.h>
#include <string.h>

#include "child.h"
#include "icmp4.h"
#include "log.h"
#include "outer.h"

#define BATCH		64	/* messages read before others get a turn */
#define WINDOW_US	100000
#define WINDOW_MAX	200	/* messages read in that time */
#define HINT_US		100000	/* between two hints about a tunnel */
#define LOG_US		60000000

/*
 * For so long after an ICMPv4 error sit answers what is sent with an ICMPv6
 * error of its own, although it sends it: IPTUNNEL_ERR_TIMEO, and a second.
 */
#define ECHO_US		31000000

RB_HEAD(tunnels_by_path, tunnel);

static struct {
	struct tunnels_by_path	 by_path;
	struct event		*read_ev;
	struct event		*resume_ev;
	uint64_t		 window_us;	/* when it began */
	uint32_t		 count;		/* read in it */
	uint32_t		 unmatched;	/* since they were logged */
	uint64_t		 logged_us;
} outer = { .by_path = RB_INITIALIZER(&outer.by_path) };

static int
path_compare(const struct tunnel *a, const struct tunnel *b)
{
	int	 diff = memcmp(&a->path, &b->path, sizeof(a->path));

	if (diff != 0)
		return (diff);
	return (a->id < b->id ? -1 : a->id > b->id);
}

RB_PROTOTYPE(tunnels_by_path, tunnel, by_path, path_compare)
RB_GENERATE(tunnels_by_path, tunnel, by_path, path_compare)

static void
hint_send(struct tunnel *t, const struct icmp4_error *e, uint64_t now)
{
	struct imsg_probe_hint	 m;

	if (t->ntargets == 0 || now - t->hinted_us < HINT_US)
		return;
	t->hinted_us = now;
	memset(&m, 0, sizeof(m));
	m.from = e->from;
	m.type = e->type;
	m.code = e->code;
	peer_send(child_peer(PROC_ENGINE), IMSG_PROBE_HINT, t->id, -1, &m,
	    sizeof(m));
}

static void
judge(struct tunnel *t, const struct icmp4_error *e, uint64_t now)
{
	t->icmp4_us = now;
	if (e->protocol != IPPROTO_IPV6 || !probe_refused(t, e->inner,
	    e->inner_len, icmp4_errno(e), e->from)) {
		reject_add(&t->rejects, REJECT_ICMP4, now);
		hint_send(t, e, now);
	}
	tunnel_schedule(t);
}

/* judges it for all tunnels that go that way; how many there are */
static unsigned int
judge_path(const struct icmp4_error *e, struct in_addr local, uint64_t now)
{
	struct tunnel	*t, key;
	unsigned int	 n = 0;

	memset(&key.path, 0, sizeof(key.path));
	key.id = 0;
	key.path.local = local;
	key.path.remote = e->remote;
	key.path.protocol = e->protocol;
	key.path.port = e->port;
	for (t = RB_NFIND(tunnels_by_path, &outer.by_path, &key); t != NULL &&
	    memcmp(&t->path, &key.path, sizeof(key.path)) == 0;
	    t = RB_NEXT(tunnels_by_path, &outer.by_path, t)) {
		judge(t, e, now);
		n++;
	}
	return (n);
}

/* about other traffic of this host, mostly */
static void
count_unmatched(uint64_t now)
{
	outer.unmatched++;
	if (outer.logged_us != 0 && now - outer.logged_us < LOG_US)
		return;
	log_debug("%u ICMPv4 errors were about no tunnel", outer.unmatched);
	outer.unmatched = 0;
	outer.logged_us = now;
}

/* nonzero if there was a message */
static int
read_one(int fd, uint64_t now)
{
	static const struct in_addr	 any = { INADDR_ANY };
	struct icmp4_error		 e;
	uint8_t				 packet[ICMP4_ERROR_MAX];
	ssize_t				 n;

	n = recv(fd, packet, sizeof(packet), MSG_DONTWAIT);
	if (n == -1)
		return (0);
	if (icmp4_parse(packet, (size_t)n, &e) == -1 ||
	    judge_path(&e, e.local, now) + judge_path(&e, any, now) == 0)
		count_unmatched(now);
	return (1);
}

/* until the window is over the kernel keeps what fits, and drops the rest */
static void
pause_reading(uint64_t now)
{
	uint64_t	 left = outer.window_us + WINDOW_US - now;
	struct timeval	 tv = { 0, (suseconds_t)left };

	event_del(outer.read_ev);
	evtimer_add(outer.resume_ev, &tv);
}

static void
read_some(void)
{
	uint64_t	 now = probe_now_us();
	int		 i, fd = event_get_fd(outer.read_ev);

	if (now - outer.window_us >= WINDOW_US) {
		outer.window_us = now;
		outer.count = 0;
	}
	for (i = 0; i < BATCH && outer.count < WINDOW_MAX; i++) {
		if (!read_one(fd, now))
			return;
		outer.count++;
	}
	if (outer.count == WINDOW_MAX)
		pause_reading(now);
}

static void
outer_readable(int fd, short events, void *arg)
{
	read_some();
}

static void
outer_resume(int fd, short events, void *arg)
{
	if (!RB_EMPTY(&outer.by_path))
		event_add(outer.read_ev, NULL);
}

void
outer_open(int fd)
{
	if (outer.read_ev != NULL)
		fatalx("PROBE_ICMP4: twice");
	outer.read_ev = event_new(child_base(), fd, EV_READ | EV_PERSIST,
	    outer_readable, NULL);
	outer.resume_ev = evtimer_new(child_base(), outer_resume, NULL);
	if (outer.read_ev == NULL || outer.resume_ev == NULL)
		fatalx("event_new");
	outer_resume(-1, 0, NULL);
}

void
outer_set(struct tunnel *t, const struct imsg_probe_path *path)
{
	if (t->path.remote.s_addr != INADDR_ANY)
		RB_REMOVE(tunnels_by_path, &outer.by_path, t);
	t->path = *path;
	t->icmp4_us = 0;
	if (path->remote.s_addr != INADDR_ANY)
		RB_INSERT(tunnels_by_path, &outer.by_path, t);
	if (outer.read_ev == NULL ||
	    evtimer_pending(outer.resume_ev, NULL))
		return;
	/* without a tunnel nothing is of interest, and nothing wakes us */
	if (RB_EMPTY(&outer.by_path))
		event_del(outer.read_ev);
	else
		event_add(outer.read_ev, NULL);
}

int
outer_echoes(const struct tunnel *t)
{
	if (t->path.protocol != IPPROTO_IPV6 ||
	    t->path.remote.s_addr == INADDR_ANY)
		return (0);
	/* the one it repeats may wait to be read */
	if (outer.read_ev != NULL && !evtimer_pending(outer.resume_ev, NULL))
		read_some();
	return (t->icmp4_us != 0 && probe_now_us() - t->icmp4_us < ECHO_US);
}
