/*
 * The prober: sends ICMPv6 echoes through the tunnels, times the answers and
 * tells the engine what became of each.  Runs as _gatewayd in an empty chroot
 * without capabilities; its raw sockets come from the parent (icmp6.h).
 *
 *	parent -> PROBE_SOCK, PATH, ICMP4	engine -> PROBE_SET, BURST, DEL
 *	engine <- PROBE_RESULT, HINT		engine -> PMTU_START
 *	engine <- PMTU_RESULT
 *
 * The pipes are two, so socket and set of a tunnel come in any order.  There
 * is one timer, for the tunnel that is due next: a timerfd, as libevent's own
 * timers follow a clock that ticks every 4 ms and would fire early, twice.
 */
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/tree.h>
#include <net/if.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "addr.h"
#include "child.h"
#include "gatewayd.h"
#include "log.h"
#include "outer.h"
#include "probe.h"
#include "probe_mtu.h"
#include "util.h"
#include "wire_probe.h"

#define BURST_MAX	8	/* probes to each target */
#define BURST_GAP_MAX	1000	/* ms */
#define SILENT_MISSES	3	/* then others are probed along with it */
#define SWEEP_MS	1000
#define GRID_US		20000	/* probes due within it share a wake-up */

RB_HEAD(tunnels_by_id, tunnel);
RB_HEAD(tunnels_by_due, tunnel);

static struct {
	struct tunnels_by_id	 by_id;
	struct tunnels_by_due	 by_due;
	int			 timer_fd;
	uint64_t		 timer_us;	/* what it is set to */
	uint64_t		 swept_ms;
} prober = { RB_INITIALIZER(&prober.by_id), RB_INITIALIZER(&prober.by_due),
    -1, UINT64_MAX, 0 };

static int
id_compare(const struct tunnel *a, const struct tunnel *b)
{
	return (a->id < b->id ? -1 : a->id > b->id);
}

static int
due_compare(const struct tunnel *a, const struct tunnel *b)
{
	if (a->due_us != b->due_us)
		return (a->due_us < b->due_us ? -1 : 1);
	return (id_compare(a, b));
}

RB_PROTOTYPE(tunnels_by_id, tunnel, by_id, id_compare)
RB_GENERATE(tunnels_by_id, tunnel, by_id, id_compare)
RB_PROTOTYPE(tunnels_by_due, tunnel, by_due, due_compare)
RB_GENERATE(tunnels_by_due, tunnel, by_due, due_compare)

static struct tunnel *
tunnel_find(uint32_t id)
{
	struct tunnel	 key;

	key.id = id;
	return (RB_FIND(tunnels_by_id, &prober.by_id, &key));
}

static struct tunnel *
tunnel_get(uint32_t id)
{
	struct tunnel	*t;

	if ((t = tunnel_find(id)) != NULL)
		return (t);
	t = xcalloc(1, sizeof(*t));
	t->id = id;
	t->fd = -1;
	t->due_us = UINT64_MAX;
	probe_reset(t);
	RB_INSERT(tunnels_by_id, &prober.by_id, t);
	return (t);
}

/* nonzero if probes are sent: there are targets and a socket */
static int
tunnel_runs(const struct tunnel *t)
{
	return (t->ntargets > 0 && t->fd != -1);
}

static void
timer_arm(void)
{
	const struct tunnel	*t = RB_MIN(tunnels_by_due, &prober.by_due);
	struct itimerspec	 its;
	uint64_t		 due = t == NULL ? UINT64_MAX : t->due_us;

	if (due == prober.timer_us)
		return;
	memset(&its, 0, sizeof(its));
	if (t != NULL) {
		its.it_value.tv_sec = (time_t)(due / 1000000);
		its.it_value.tv_nsec = (long)(due % 1000000 * 1000);
	}
	if (timerfd_settime(prober.timer_fd, TFD_TIMER_ABSTIME, &its, NULL) ==
	    -1)
		fatal("timerfd_settime");
	prober.timer_us = due;
}

void
tunnel_schedule(struct tunnel *t)
{
	uint64_t	 due = probe_deadline_us(t);

	if (t->due_us != UINT64_MAX)
		RB_REMOVE(tunnels_by_due, &prober.by_due, t);
	if (tunnel_runs(t)) {
		if (t->tick_us < due)
			due = t->tick_us;
		if (t->burst_left > 0 && t->burst_us < due)
			due = t->burst_us;
	}
	if (reject_due_us(&t->rejects) < due)
		due = reject_due_us(&t->rejects);
	if (mtu_deadline_us(t) < due)
		due = mtu_deadline_us(t);
	t->due_us = due;
	if (due != UINT64_MAX)
		RB_INSERT(tunnels_by_due, &prober.by_due, t);
	timer_arm();
}

static void
tunnel_read(int fd, short events, void *arg)
{
	struct tunnel	*t = arg;

	probe_receive(t);
	mtu_run(t);
	tunnel_schedule(t);
}

static void
tunnel_probe_all(struct tunnel *t, int burst)
{
	uint32_t	 i;

	for (i = 0; i < t->ntargets; i++)
		probe_send(t, i, burst);
}

/*
 * 10 % less to 10 % more than an interval from now, so that tunnels do not
 * march in step; but those that come close to each other fall together.
 */
static uint64_t
tick_next_us(const struct tunnel *t, uint64_t now)
{
	uint32_t	 interval_us = t->interval_ms * 1000, grid_us;
	uint64_t	 tick;

	grid_us = interval_us / 25 < GRID_US ? interval_us / 25 : GRID_US;
	tick = now + (uint64_t)interval_us * 9 / 10 + grid_us +
	    arc4random_uniform(interval_us / 5 - grid_us + 1);
	return (tick - tick % grid_us);
}

static void
tunnel_tick(struct tunnel *t, uint64_t now)
{
	uint32_t	 i, target;

	/*
	 * A target that has long been silent proves nothing: the next one is
	 * probed with it, so that a dead target does not slow the detection.
	 */
	for (i = 0; i < t->ntargets; i++) {
		target = t->turn;
		t->turn = (t->turn + 1) % t->ntargets;
		probe_send(t, target, 0);
		if (t->targets[target].misses < SILENT_MISSES)
			break;
	}
	t->ticked_us = now;
	t->tick_us = tick_next_us(t, now);
}

/* the first probes over a new socket or to new targets */
static void
tunnel_begin(struct tunnel *t)
{
	uint64_t	 now = probe_now_us();

	mtu_abort(t);
	if (!tunnel_runs(t))
		return;
	tunnel_probe_all(t, 0);
	t->ticked_us = now;
	t->tick_us = now + (uint64_t)t->interval_ms * 1000;
}

/* the interface's name in 16 bytes; nonzero if there is one */
static int
tunnel_iface(const struct tunnel *t, char name[IFNAMSIZ])
{
	socklen_t	 len = IFNAMSIZ;

	return (t->fd != -1 && getsockopt(t->fd, SOL_SOCKET, SO_BINDTODEVICE,
	    name, &len) == 0 && len > 0);
}

static void
tunnel_report(struct tunnel *t, uint64_t now)
{
	enum log_level	 level;
	char		 text[256], name[IFNAMSIZ];

	level = reject_report(&t->rejects, now, text, sizeof(text));
	if (!tunnel_iface(t, name))
		snprintf(name, sizeof(name), "tunnel %u", t->id);
	log_record(level, NULL, "%s: not believed: %s", name, text);
}

static void
tunnel_run(struct tunnel *t, uint64_t now)
{
	probe_expire(t, now);
	if (reject_due_us(&t->rejects) <= now)
		tunnel_report(t, now);
	if (!tunnel_runs(t))
		return;
	mtu_run(t);
	if (t->burst_left > 0 && t->burst_us <= now) {
		t->burst_left--;
		t->burst_us = now + t->burst_gap_us;
		tunnel_probe_all(t, 1);
	}
	if (t->tick_us <= now)
		tunnel_tick(t, now);
}

static void
timer_fired(int fd, short events, void *arg)
{
	struct tunnel	*t;
	uint64_t	 now = probe_now_us();

	/* setting it anew also takes back that it is readable */
	prober.timer_us = 0;
	/* each one's next time lies after now, so this ends */
	while ((t = RB_MIN(tunnels_by_due, &prober.by_due)) != NULL &&
	    t->due_us <= now) {
		tunnel_run(t, now);
		tunnel_schedule(t);
	}
	timer_arm();
}

static void
tunnel_close(struct tunnel *t)
{
	if (t->fd == -1)
		return;
	event_free(t->read_ev);
	close(t->fd);
	t->fd = -1;
}

static void
tunnel_free(struct tunnel *t)
{
	tunnel_close(t);
	window_free(&t->window);
	if (t->due_us != UINT64_MAX)
		RB_REMOVE(tunnels_by_due, &prober.by_due, t);
	RB_REMOVE(tunnels_by_id, &prober.by_id, t);
	free(t->flights);
	free(t);
}

/*
 * A removed tunnel's socket is kept, as the parent may have sent it for the
 * set to come.  It is closed once its interface is gone.
 */
static void
tunnels_sweep(void)
{
	struct tunnel	*t, *next;
	char		 name[IFNAMSIZ];

	if (monotime_ms() - prober.swept_ms < SWEEP_MS)
		return;
	prober.swept_ms = monotime_ms();
	RB_FOREACH_SAFE(t, tunnels_by_id, &prober.by_id, next) {
		if (t->ntargets > 0 || tunnel_iface(t, name))
			continue;
		tunnel_close(t);
		if (t->path.remote.s_addr == INADDR_ANY)
			tunnel_free(t);
	}
}

static void
prober_sock(uint32_t id, struct imsg *imsg)
{
	struct imsg_probe_sock	 m;
	struct tunnel		*t;

	if (imsg_get_data(imsg, &m, sizeof(m)) == -1)
		fatalx("PROBE_SOCK: malformed");
	tunnels_sweep();
	t = tunnel_get(id);
	tunnel_close(t);
	t->fd = imsg_get_fd(imsg);
	t->ifindex = m.ifindex;
	t->source = m.source;
	t->read_ev = event_new(child_base(), t->fd, EV_READ | EV_PERSIST,
	    tunnel_read, t);
	if (t->read_ev == NULL || event_add(t->read_ev, NULL) == -1)
		fatal("event_add");
	log_debug("tunnel %u: socket on interface %u from %s", id, m.ifindex,
	    addr6_text(&m.source));
	tunnel_begin(t);
	tunnel_schedule(t);
}

static void
prober_path(uint32_t id, struct imsg *imsg)
{
	struct imsg_probe_path	 m;

	if (imsg_get_data(imsg, &m, sizeof(m)) == -1 || m.pad != 0)
		fatalx("PROBE_PATH: malformed");
	outer_set(tunnel_get(id), &m);
	tunnels_sweep();
}

static int
targets_equal(const struct tunnel *t, const struct imsg_probe_set *m)
{
	uint32_t	 i;

	if (t->ntargets != m->ntargets)
		return (0);
	for (i = 0; i < m->ntargets; i++)
		if (!IN6_ARE_ADDR_EQUAL(&t->targets[i].addr, &m->targets[i]))
			return (0);
	return (1);
}

/* other targets: nothing known of the old ones holds */
static void
tunnel_set_targets(struct tunnel *t, const struct imsg_probe_set *m)
{
	uint32_t	 i;

	memset(t->targets, 0, sizeof(t->targets));
	for (i = 0; i < m->ntargets; i++)
		t->targets[i].addr = m->targets[i];
	t->ntargets = m->ntargets;
	t->turn = t->burst_left = 0;
	mtu_abort(t);
	probe_reset(t);
	window_clear(&t->window);
}

static void
prober_set(uint32_t id, struct imsg *imsg)
{
	struct imsg_probe_set	 m;
	struct tunnel		*t;
	uint64_t		 now = probe_now_us();

	if (imsg_get_data(imsg, &m, sizeof(m)) == -1 ||
	    m.ntargets == 0 || m.ntargets > GW_TARGETS_MAX ||
	    m.interval_ms == 0 || m.interval_ms > INT32_MAX / 1000)
		fatalx("PROBE_SET: malformed");
	t = tunnel_get(id);
	t->interval_ms = m.interval_ms;
	window_set(&t->window, m.window_ms, m.interval_ms);
	if (targets_equal(t, &m)) {
		t->tick_us = t->ticked_us + (uint64_t)m.interval_ms * 1000;
		if (t->tick_us < now)
			t->tick_us = now;
	} else {
		tunnel_set_targets(t, &m);
		tunnel_begin(t);
	}
	tunnel_schedule(t);
}

static void
prober_burst(uint32_t id, struct imsg *imsg)
{
	struct imsg_probe_burst	 m;
	struct tunnel		*t;

	if (imsg_get_data(imsg, &m, sizeof(m)) == -1 || m.count == 0 ||
	    m.count > BURST_MAX || m.gap_ms > BURST_GAP_MAX)
		fatalx("PROBE_BURST: malformed");
	/* the engine may speak of one that is just going */
	if ((t = tunnel_find(id)) == NULL || t->ntargets == 0)
		return;
	if (t->burst_left == 0)
		t->burst_us = probe_now_us();
	t->burst_left = m.count;
	t->burst_gap_us = m.gap_ms * 1000;
	tunnel_run(t, probe_now_us());
	tunnel_schedule(t);
}

static void
prober_mtu(uint32_t id, struct imsg *imsg)
{
	struct imsg_pmtu_start	 m;
	struct tunnel		*t;

	if (imsg_get_data(imsg, &m, sizeof(m)) == -1 || m.max < PMTU_MIN ||
	    m.max > PMTU_MAX)
		fatalx("PMTU_START: malformed");
	if ((t = tunnel_find(id)) == NULL || !tunnel_runs(t))
		return;
	mtu_start(t, m.max);
	mtu_run(t);
	tunnel_schedule(t);
}

static void
prober_del(uint32_t id)
{
	static const struct imsg_probe_set	 none;
	struct tunnel				*t;

	if ((t = tunnel_find(id)) != NULL) {
		tunnel_set_targets(t, &none);
		tunnel_schedule(t);
	}
	tunnels_sweep();
}

static void
prober_dispatch(struct peer *p, struct imsg *imsg)
{
	uint32_t	 id = imsg->hdr.id;

	switch (imsg->hdr.type) {
	case IMSG_PROBE_SOCK:
		prober_sock(id, imsg);
		break;
	case IMSG_PROBE_PATH:
		prober_path(id, imsg);
		break;
	case IMSG_PROBE_ICMP4:
		outer_open(imsg_get_fd(imsg));
		break;
	case IMSG_PROBE_SET:
		prober_set(id, imsg);
		break;
	case IMSG_PROBE_BURST:
		prober_burst(id, imsg);
		break;
	case IMSG_PMTU_START:
		prober_mtu(id, imsg);
		break;
	case IMSG_PROBE_DEL:
		prober_del(id);
		break;
	}
}

static void
prober_startup(void)
{
	struct event	*ev;

	probe_init();
	prober.timer_fd = timerfd_create(CLOCK_MONOTONIC,
	    TFD_NONBLOCK | TFD_CLOEXEC);
	if (prober.timer_fd == -1)
		fatal("timerfd_create");
	ev = event_new(child_base(), prober.timer_fd, EV_READ | EV_PERSIST,
	    timer_fired, NULL);
	if (ev == NULL || event_add(ev, NULL) == -1)
		fatalx("event_add");
}

void
prober_main(const struct proc_args *args)
{
	static const struct child_ops	 ops = {
		.dispatch = prober_dispatch,
		.startup = prober_startup,
		.nofile = GW_TUNNELS_MAX + 2
	};

	child_run(args, &ops);
}
