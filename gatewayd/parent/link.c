/*
 * The tunnels as the kernel has to have them: when which one is looked after,
 * and what the engine is told.  Runs in the parent (CAP_NET_ADMIN,
 * CAP_NET_RAW).
 *
 * Everything is one idempotent run per tunnel, link_reconcile(): it compares
 * the kernel with what is wanted and changes what differs.  Wishes, a new
 * configuration, the resolver, events and timers only say when to run.
 */
#include <event2/event.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "link_int.h"
#include "rtsock.h"
#include "sockdiag.h"
#include "sysctl.h"
#include "util.h"
#include "wg.h"

#define LINK_BACKOFF_MS		250	/* doubles, up to a minute */
#define LINK_BACKOFF_MAX	60000
#define LINK_REPAIRS_MAX	20	/* runs with repairs in 10 s */
#define LINK_REPAIRS_MS		10000

struct event_base	*links_base;
struct gw_links		 links = TAILQ_HEAD_INITIALIZER(links);
const struct gw_conf	*links_conf;
const struct link_ops	*links_ops;
struct gw_link		*links_active;

static struct event	*link_timer, *link_ev;
static uint64_t		 link_armed = LINK_NEVER;
static uint64_t		 link_resync_at = LINK_NEVER, link_resynced;
static uint64_t		 link_conf_us;	/* 0: carried out and said so */

static void	link_timeout(int, short, void *);

void
link_init(struct event_base *base, const struct link_ops *ops)
{
	links_base = base;
	links_ops = ops;
	if (rtsock_open() == -1 || wg_open() == -1)
		fatal("cannot open a netlink socket");
	if (sysctl_open() == -1)
		fatal("cannot open /proc/sys/net");
	sockdiag_open(base);
	link_fence_open();
	link_ev = event_new(base, rtsock_event_fd(), EV_READ | EV_PERSIST,
	    link_event_read, NULL);
	link_timer = evtimer_new(base, link_timeout, NULL);
	if (link_ev == NULL || link_timer == NULL ||
	    event_add(link_ev, NULL) == -1)
		fatalx("cannot add the netlink events");
}

struct gw_link *
link_find(uint32_t id)
{
	struct gw_link	*l;

	TAILQ_FOREACH(l, &links, entry)
		if (l->id == id)
			return (l);
	return (NULL);
}

struct gw_link *
link_by_ifindex(int ifindex)
{
	struct gw_link	*l;

	TAILQ_FOREACH(l, &links, entry)
		if (l->ifindex == ifindex && ifindex != 0)
			return (l);
	return (NULL);
}

int
link_wanted(const struct gw_link *l)
{
	return (l->wanted && l->want != WANT_ABSENT);
}

void
link_schedule(struct gw_link *l, enum link_due why, uint64_t delay)
{
	uint64_t	 at = monotime_ms() + delay;

	if (at < l->due[why])
		l->due[why] = at;
}

/* somebody undoes the repairs again and again: then once a second must do */
static int
link_storm(const struct gw_link *l)
{
	return (l->repairs > LINK_REPAIRS_MAX);
}

void
link_suspect(struct gw_link *l, unsigned int what)
{
	l->suspect |= what;
	if (link_wanted(l))
		link_schedule(l, DUE_REPAIR, link_storm(l) ? LINK_STORM_MS :
		    LINK_GATHER_MS);
}

/* at most once a second, however many events are lost */
void
link_resync(void)
{
	uint64_t	 at = monotime_ms() + LINK_GATHER_MS;

	wan_forget(0);
	if (at < link_resynced + LINK_STORM_MS)
		at = link_resynced + LINK_STORM_MS;
	if (at < link_resync_at)
		link_resync_at = at;
}

void
link_arm(void)
{
	struct gw_link	*l;
	struct timeval	 tv;
	uint64_t	 now = monotime_ms(), next = link_resync_at, ms;
	int		 i;

	TAILQ_FOREACH(l, &links, entry)
		for (i = 0; i < DUE_COUNT; i++)
			if (l->due[i] < next)
				next = l->due[i];
	if (next == link_armed)
		return;
	link_armed = next;
	if (next == LINK_NEVER) {
		evtimer_del(link_timer);
		return;
	}
	ms = next > now ? next - now : 0;
	tv.tv_sec = (time_t)(ms / 1000);
	tv.tv_usec = (suseconds_t)(ms % 1000 * 1000);
	evtimer_add(link_timer, &tv);
}

void
link_close(void)
{
	event_free(link_ev);
	event_free(link_timer);
	link_ev = link_timer = NULL;
	link_armed = link_resync_at = LINK_NEVER;
	rtsock_close();
	wg_close();
	sysctl_close();
	sockdiag_close();
	link_fence_close();
	route_free();
}

void
link_conf_begin(void)
{
	link_conf_us = monotime_us();
}

/* says how long it took from link_conf() until all was as wanted */
static void
link_conf_done(void)
{
	struct gw_link	*l;
	unsigned int	 n = 0;
	uint64_t	 us;

	if (link_conf_us == 0)
		return;
	TAILQ_FOREACH(l, &links, entry) {
		if (!l->wanted || (l->want != WANT_ABSENT &&
		    l->state != LINK_READY))
			return;
		n += l->want != WANT_ABSENT;
	}
	us = monotime_us() - link_conf_us;
	link_conf_us = 0;
	log_info("configuration carried out: %u tunnels in %llu.%llu ms", n,
	    (unsigned long long)(us / 1000),
	    (unsigned long long)(us / 100 % 10));
}

int
link_stop(struct gw_link *l, enum link_state state, int retry,
    const char *fmt, ...)
{
	va_list		 ap;
	uint64_t	 now = monotime_ms(), delay = LINK_BACKOFF_MS;
	unsigned int	 i;

	l->state = state;
	va_start(ap, fmt);
	vsnprintf(l->reason, sizeof(l->reason), fmt, ap);
	va_end(ap);
	if (!retry)
		return (-1);
	/* a run that an event brought does not put off the retry */
	if (l->retry_at <= now) {
		for (i = 0; i < l->fails && delay < LINK_BACKOFF_MAX; i++)
			delay *= 2;
		if (delay > LINK_BACKOFF_MAX)
			delay = LINK_BACKOFF_MAX;
		l->fails++;
		l->retry_at = now + delay;
	}
	l->retry_s = (uint32_t)((l->retry_at - now + 999) / 1000);
	link_schedule(l, DUE_RETRY, l->retry_at - now);
	return (-1);
}

void
link_repaired(struct gw_link *l, const char *fmt, ...)
{
	char		 text[256];
	va_list		 ap;

	if (!l->settled)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	l->repaired = 1;
	log_record(LL_WARN, l->conf->name, "repaired: %s", text);
}

/* counts runs that had to repair, to notice a fight with another program */
static void
link_count_repair(struct gw_link *l)
{
	uint64_t	 now = monotime_ms();

	if (now - l->repairs_at > LINK_REPAIRS_MS) {
		l->repairs_at = now;
		l->repairs = 0;
	}
	if (l->repaired && ++l->repairs == LINK_REPAIRS_MAX + 1)
		log_record(LL_WARN, l->conf->name, "another program undoes "
		    "what is done for %s again and again; from now on it is "
		    "put right once a second", l->conf->iface);
	l->repaired = 0;
}

static void
link_log_state(const struct gw_link *l)
{
	if (l->state == LINK_READY)
		log_record(LL_DEBUG, l->conf->name, "%s is ready, MTU %u",
		    l->conf->iface, l->iface.mtu);
	else if (l->state != LINK_ABSENT)
		log_record(l->state == LINK_ERROR ? LL_WARN : LL_INFO,
		    l->conf->name, "%s", l->reason);
}

void
link_report(struct gw_link *l, int force)
{
	struct imsg_link	 m;

	memset(&m, 0, sizeof(m));
	m.state = l->state;
	m.want = l->want;
	m.ifindex = (uint32_t)l->ifindex;
	m.mtu = l->ifindex != 0 ? l->mtu6 : 0;
	m.mtu_max = l->ifindex != 0 ? l->iface.mtu : 0;
	m.mtu_fixed = l->conf->mtu != 0 || l->conf->type == GW_EXTERNAL;
	m.driver = l->driver;
	m.retry_s = l->retry_s;
	m.default_route = (uint8_t)link_default_present(l);
	m.local = l->wan_known ? l->wan.local : l->iface.local;
	m.remote = l->remote;
	if (l->has_address) {
		m.has_address = 1;
		m.address = l->address;
		m.prefix_len = l->prefix_len;
	}
	memcpy(m.reason, l->reason, sizeof(m.reason));
	if (!l->told_once || l->told.state != m.state ||
	    strcmp(l->told.reason, m.reason) != 0)
		link_log_state(l);
	if (!force && l->told_once && memcmp(&m, &l->told, sizeof(m)) == 0)
		return;
	l->told = m;
	l->told_once = 1;
	links_ops->state(l->id, &m);
}

void
link_finish(struct gw_link *l)
{
	int	 force = l->owed;

	l->owed = 0;
	link_event_drain();
	if (l->state == LINK_ABSENT ||
	    (l->state == LINK_READY && link_probe_sock(l) == 0)) {
		l->fails = 0;
		l->retry_at = 0;
	}
	link_report(l, force);
}

/* one run; the steps stop at the first thing that cannot be had */
void
link_reconcile(struct gw_link *l, int report)
{
	int	 i, done, fresh;

	for (i = 0; i < DUE_COUNT; i++)
		if (i != DUE_WAN && i != DUE_LOST)
			l->due[i] = LINK_NEVER;
	l->suspect = 0;
	l->retry_s = 0;
	l->owed |= report;
	memset(l->reason, 0, sizeof(l->reason));
	if (l->want == WANT_ABSENT) {
		link_remove(l);
		l->state = LINK_ABSENT;
		done = 1;
	} else if (l->conf->type == GW_EXTERNAL)
		done = link_external(l) == 0;
	else
		done = link_step(l) == 0;
	if (!done)
		link_retreat(l);
	link_flows(l);
	if (done && l->want != WANT_ABSENT)
		l->state = LINK_READY;
	if (done)
		l->settled = l->want != WANT_ABSENT;
	fresh = l->fresh;
	l->fresh = 0;
	link_count_repair(l);
	link_conf_done();
	/* many at once: first the addresses and routes of all, then the rest */
	if (done && fresh)
		link_schedule(l, DUE_FINISH, 0);
	else
		link_finish(l);
}

/* what is due of one tunnel */
static void
link_run(struct gw_link *l, uint64_t now)
{
	int	 run = l->due[DUE_RETRY] <= now;

	if (l->due[DUE_REPAIR] <= now) {
		l->due[DUE_REPAIR] = LINK_NEVER;
		run |= l->suspect != 0;
	}
	if (l->due[DUE_LOST] <= now) {
		l->due[DUE_LOST] = LINK_NEVER;
		run |= link_wan_lost(l);
	}
	if (l->due[DUE_WAN] <= now) {
		l->due[DUE_WAN] = LINK_NEVER;
		run |= link_wan_changed(l);
	}
	if (run)
		link_reconcile(l, 0);
	if (l->due[DUE_FINISH] <= now) {
		l->due[DUE_FINISH] = LINK_NEVER;
		link_finish(l);
	}
}

static void
link_timeout(int fd, short what, void *arg)
{
	struct gw_link	*l;
	uint64_t	 now = monotime_ms();

	(void)fd;
	(void)what;
	(void)arg;
	link_armed = LINK_NEVER;
	if (link_resync_at <= now) {
		link_resync_at = LINK_NEVER;
		link_resynced = now;
		log_warnx("the kernel dropped netlink events; everything is "
		    "compared anew");
		route_stale();
		link_fence_suspect();
		TAILQ_FOREACH(l, &links, entry) {
			link_suspect(l, SUSPECT_ALL);
			link_schedule(l, DUE_WAN, 0);
		}
	}
	TAILQ_FOREACH(l, &links, entry)
		link_run(l, now);
	link_arm();
}
