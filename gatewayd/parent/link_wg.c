/*
 * What WireGuard tunnels have of their own: keys and peers, in the kernel or
 * in wireguard-go, which the launcher runs.  Runs in the parent
 * (CAP_NET_ADMIN).
 *
 * The kernel's device is read before it is changed, and only what differs is
 * changed: sessions go on.  wireguard-go starts without any; what it has is
 * not read back, so where its peers are in doubt it is told all anew.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "link_int.h"
#include "nlsock.h"
#include "tun.h"
#include "uapi.h"
#include "util.h"
#include "wg.h"

#define WG_OVERHEAD	60	/* IPv4 20, UDP 8, WireGuard 32 */
#define WG_MTU_MAX	1440
#define WG_ASK_MS	1000	/* between two looks at the handshakes */
#define WG_STABLE_MS	60000	/* a process that ran so long was no failure */

/* where each peer is, in the order of the configuration; the caller frees */
static struct in_addr *
wg_endpoints(const struct gw_link *l)
{
	struct in_addr	*v = xcalloc(l->npeers + 1, sizeof(*v));
	size_t		 i;

	for (i = 0; i < l->npeers; i++)
		v[i] = l->peers[i].addr;
	return (v);
}

/* nonzero if a peer is elsewhere than the driver was told */
static int
wg_moved(const struct gw_link *l)
{
	size_t	 i;

	for (i = 0; i < l->npeers; i++)
		if (l->peers[i].addr.s_addr != l->peers[i].told.s_addr)
			return (1);
	return (0);
}

static void
wg_told(struct gw_link *l)
{
	size_t	 i;

	for (i = 0; i < l->npeers; i++)
		l->peers[i].told = l->peers[i].addr;
	l->wg.told = 1;
	l->wg.force = 0;
	l->wg.local = l->wan.local;
}

/* peers whose endpoint has to be set, whatever address answers now: the name
 * leads elsewhere, or the tunnel is down */
static void
wg_mark_moved(const struct gw_link *l, struct wg_dev *want)
{
	size_t	 i;

	for (i = 0; i < l->npeers; i++)
		want->peers[i].move = l->wg.force ||
		    (l->peers[i].told.s_addr != INADDR_ANY &&
		    l->peers[i].told.s_addr != l->peers[i].addr.s_addr);
}

/* what differs, in words, or NULL; 0, or errno if it cannot be read */
static int
wg_kernel_compare(const struct gw_link *l, struct wg_dev *want,
    const char **what)
{
	struct wg_dev	 have;
	int		 error = 0;

	wg_mark_moved(l, want);
	if (wg_get(l->ifindex, &have) == -1)
		error = errno;
	else {
		*what = wg_dev_compare(want, &have, unix_time());
		/* setting it makes the kernel choose its source anew */
		if (l->wg.local.s_addr != INADDR_ANY &&
		    l->wg.local.s_addr != l->wan.local.s_addr)
			want->set_fwmark = 1;
	}
	wg_dev_free(&have);
	return (error);
}

int
link_port_taken(struct gw_link *l)
{
	return (link_stop(l, LINK_ERROR, 1, "UDP port %u is in use: end the "
	    "program that has it, or change ListenPort in %.80s.",
	    l->conf->wg->listen_port, l->conf->wg_conf));
}

static int
wg_kernel(struct gw_link *l)
{
	struct in_addr	*endpoints;
	struct wg_dev	 want;
	const char	*what = NULL;
	int		 error = 0;

	if (!l->fresh && l->wg.told && !wg_moved(l) &&
	    l->wg.local.s_addr == l->wan.local.s_addr)
		return (0);
	endpoints = wg_endpoints(l);
	wg_dev_want(&want, l->conf->wg, endpoints);
	free(endpoints);
	if (!l->fresh)
		error = wg_kernel_compare(l, &want, &what);
	if (error == 0 && wg_dev_marked(&want) &&
	    wg_set(l->ifindex, &want) == -1)
		error = errno;
	wg_dev_free(&want);
	if (error == EADDRINUSE)
		return (link_port_taken(l));
	if (error != 0)
		return (link_stop(l, LINK_ERROR, 1, "Cannot configure "
		    "WireGuard on %s: %s.", l->conf->iface, nlsock_error()));
	if (what != NULL)
		link_repaired(l, "%s was changed: %s", l->conf->iface, what);
	wg_told(l);
	return (0);
}

static void
wg_cancel(struct link_wg *w)
{
	if (w->set != NULL)
		uapi_cancel(w->set);
	if (w->get != NULL)
		uapi_cancel(w->get);
	w->set = w->get = NULL;
}

/* there is no wireguard-go any more, or soon */
static void
wg_ended(struct link_wg *w)
{
	wg_cancel(w);
	if (w->process == WG_RUNS)
		uapi_remove(w->iface);
	w->process = WG_IDLE;
	w->ready = w->told = 0;
}

/* ends it; link_launch_exited() follows if it ran */
static void
wg_stop(struct gw_link *l)
{
	struct link_wg	*w = &l->wg;
	int		 ran = w->process == WG_RUNS || w->process == WG_STOPS;

	if (w->process == WG_TUN || w->process == WG_RUNS)
		links_ops->launch_stop(l->id);
	wg_ended(w);
	if (ran)
		w->process = WG_STOPS;
}

static int
wg_tun_open(struct gw_link *l, int exists)
{
	int	 fd;

	if ((fd = tun_open_wg(l->conf->iface, exists)) == -1)
		return (link_tun_failed(l, exists));
	links_ops->launch_tun(l->id, fd, l->conf->iface);
	memcpy(l->wg.iface, l->conf->iface, sizeof(l->wg.iface));
	l->wg.process = WG_TUN;
	return (0);
}

static int
wg_launch(struct gw_link *l)
{
	char	 reason[WIRE_REASON];
	int	 fd;

	if ((fd = uapi_open(l->conf->iface, reason, sizeof(reason))) == -1) {
		wg_stop(l);
		return (link_stop(l, LINK_ERROR, 1, "%s", reason));
	}
	links_ops->launch_uapi(l->id, fd);
	l->wg.process = WG_RUNS;
	l->wg.started = monotime_ms();
	return (0);
}

/* keeps why it does not run, for the run that says so */
static void __attribute__((format(printf, 2, 3)))
wg_failed(struct gw_link *l, const char *fmt, ...)
{
	struct link_wg	*w = &l->wg;
	va_list		 ap;

	va_start(ap, fmt);
	vsnprintf(w->failed, sizeof(w->failed), fmt, ap);
	va_end(ap);
	if (monotime_ms() - w->started > WG_STABLE_MS)
		w->failures = 0;
	l->fails = w->failures++;
	l->retry_at = 0;
}

static void
wg_set_done(void *arg, int error, const struct uapi_status *status)
{
	struct gw_link	*l = arg;

	(void)status;
	l->wg.set = NULL;
	if (error == 0)
		l->wg.ready = 1;
	else {
		wg_stop(l);
		wg_failed(l, "wireguard-go does not take the configuration: "
		    "%s.", error == EADDRINUSE ? "another program has its "
		    "ListenPort" : strerror(error));
	}
	if (link_wanted(l))
		link_reconcile(l, 0);
	link_arm();
}

static void
wg_get_done(void *arg, int error, const struct uapi_status *status)
{
	struct gw_link	*l = arg;

	l->wg.get = NULL;
	if (error == 0)
		l->wg.handshake = status->handshake;
}

/* tells wireguard-go what is news to it */
static void
wg_user_tell(struct gw_link *l)
{
	struct in_addr	*endpoints;

	if (l->wg.set != NULL || (l->wg.told && !wg_moved(l)))
		return;
	endpoints = wg_endpoints(l);
	l->wg.set = (l->wg.told ? uapi_set_endpoints : uapi_set)(links_base,
	    l->conf->iface, l->conf->wg, endpoints, wg_set_done, l);
	free(endpoints);
	wg_told(l);
}

static int
wg_user(struct gw_link *l)
{
	struct link_wg	*w = &l->wg;

	if (w->process == WG_STOPS)
		return (link_stop(l, LINK_SETUP, 0, "wireguard-go is being "
		    "stopped."));
	/* said once, and again until the time for another try has come */
	if (w->failed[0] != '\0' &&
	    (l->retry_at == 0 || monotime_ms() < l->retry_at))
		return (link_stop(l, LINK_ERROR, 1, "%s", w->failed));
	w->failed[0] = '\0';
	if (w->process == WG_IDLE && wg_tun_open(l, 1) == -1)
		return (-1);
	if (w->process == WG_TUN && wg_launch(l) == -1)
		return (-1);
	wg_user_tell(l);
	if (w->ready)
		return (0);
	return (link_stop(l, LINK_SETUP, 0, "wireguard-go is being "
	    "started."));
}

static int
link_wg_configure(struct gw_link *l)
{
	if (link_pin(l) == -1)
		return (-1);
	return (l->driver == GW_DRIVER_USERSPACE ? wg_user(l) : wg_kernel(l));
}

static int
link_wg_make(struct gw_link *l)
{
	if (l->wg.process == WG_STOPS)
		return (link_stop(l, LINK_SETUP, 0, "wireguard-go is being "
		    "stopped."));
	return (wg_tun_open(l, 0));
}

static void
link_wg_forget(struct gw_link *l)
{
	wg_stop(l);
	l->wg.local.s_addr = INADDR_ANY;
	l->wg.handshake = 0;
}

static void
link_wg_refresh(struct gw_link *l)
{
	l->wg.told = 0;
	l->wg.force = 1;
	if (link_wanted(l))
		link_reconcile(l, 0);
}

/*
 * The counters are sampled up to ten times a second, and a handshake is made
 * every two minutes; asking for it dumps every peer.
 */
static void
link_wg_sample(struct gw_link *l, struct imsg_stats *st)
{
	uint64_t	 now = monotime_ms();

	if (now - l->wg.asked_ms >= WG_ASK_MS) {
		l->wg.asked_ms = now;
		if (l->driver == GW_DRIVER_KERNEL)
			(void)wg_handshake(l->ifindex, &l->wg.handshake);
		else if (l->wg.ready && l->wg.get == NULL)
			/* the answer is for the next sample */
			l->wg.get = uapi_get(links_base, l->conf->iface,
			    wg_get_done, l);
	}
	st->handshake = l->wg.handshake;
}

void
link_launch_exited(uint32_t id, const struct imsg_launch_exited *m)
{
	struct gw_link	*l = link_find(id);
	struct rt_link	 k;
	char		 reason[WIRE_REASON];
	int		 died;

	if (l == NULL)
		return;
	died = l->wg.process == WG_RUNS;
	wg_ended(&l->wg);
	/* without its interface it ends, and rightly so */
	if (died && iface_get_index(l->ifindex, &k) == 0) {
		uapi_exit_text(m, reason, sizeof(reason));
		wg_failed(l, "%s", reason);
	}
	if (link_wanted(l))
		link_reconcile(l, 0);
	link_arm();
}

const struct link_type	 link_wg = {
	.kind = "wireguard",
	.protocol = IPPROTO_UDP,
	.overhead = WG_OVERHEAD,
	.mtu_max = WG_MTU_MAX,
	.create = wg_create,
	.make = link_wg_make,
	.configure = link_wg_configure,
	.forget = link_wg_forget,
	.refresh = link_wg_refresh,
	.sample = link_wg_sample,
};
