/*
 * Where a tunnel's endpoint is: its address, which may come from the
 * resolver, and the IPv4 way to it.  Runs in the parent; asks, changes
 * nothing.
 */
#include <string.h>

#include "addr.h"
#include "link_int.h"
#include "util.h"

#define LINK_REFRESH_MS		5000	/* between two look-ups of a name */
#define LINK_RESOLVE_MIN	1000	/* after a failure; doubles */
#define LINK_RESOLVE_MAX	60000
#define LINK_MTU_MIN		1280	/* RFC 8200 */

static int
link_has_name(const struct gw_link *l)
{
	return (l->conf->type == GW_HE_6IN4 &&
	    l->conf->endpoint_addr.s_addr == INADDR_ANY);
}

static void
link_resolve(struct gw_link *l)
{
	l->resolving = 1;
	links_ops->resolve(l->id, l->conf->endpoint);
}

int
link_endpoint(struct gw_link *l)
{
	uint64_t	 now = monotime_ms();

	if (!link_has_name(l))
		l->remote = l->conf->endpoint_addr;
	if (l->remote.s_addr != INADDR_ANY)
		return (0);
	if (!l->resolving && now >= l->resolve_at)
		link_resolve(l);
	if (l->remote.s_addr != INADDR_ANY)
		return (0);	/* the answer was there at once */
	if (!l->resolving)
		link_schedule(l, DUE_RETRY, l->resolve_at - now);
	if (l->dns_error[0] != '\0')
		return (link_stop(l, LINK_WAIT_DNS, 0, "%s", l->dns_error));
	return (link_stop(l, LINK_WAIT_DNS, 0, "%.100s is being looked up.",
	    l->conf->endpoint));
}

/* the address in use if it is still one of them, else the first good one */
static struct in_addr
link_choose(const struct gw_link *l, const struct imsg_resolved *m,
    const char **why)
{
	struct in_addr	 best = { INADDR_ANY };
	uint32_t	 i;

	*why = "it has no IPv4 address";
	for (i = 0; i < m->naddrs && i < sizeof(m->addrs) /
	    sizeof(m->addrs[0]); i++) {
		if (addr4_endpoint_error(m->addrs[i]) != NULL) {
			*why = addr4_endpoint_error(m->addrs[i]);
			continue;
		}
		if (m->addrs[i].s_addr == l->remote.s_addr)
			return (l->remote);
		if (best.s_addr == INADDR_ANY)
			best = m->addrs[i];
	}
	return (best);
}

/* an address that is known stays in use however often the look-up fails */
static void
link_resolve_failed(struct gw_link *l, const char *why)
{
	uint64_t	 delay = LINK_RESOLVE_MIN;
	unsigned int	 i;

	snprintf(l->dns_error, sizeof(l->dns_error), "Cannot look up %.80s: "
	    "%.60s.", l->conf->endpoint, why);
	for (i = 0; i < l->fails && delay < LINK_RESOLVE_MAX; i++)
		delay *= 2;
	if (delay > LINK_RESOLVE_MAX)
		delay = LINK_RESOLVE_MAX;
	l->fails++;
	l->resolve_at = monotime_ms() + delay;
	if (l->remote.s_addr != INADDR_ANY)
		log_record(LL_INFO, l->conf->name, "%s", l->dns_error);
}

void
link_resolved(uint32_t id, const struct imsg_resolved *m)
{
	struct gw_link	*l;
	struct in_addr	 addr;
	const char	*why;

	/* the tunnel may be gone, or have got an address meanwhile */
	if ((l = link_find(id)) == NULL || !l->resolving)
		return;
	l->resolving = 0;
	l->resolved_at = monotime_ms();
	addr = link_choose(l, m, &why);
	/* answers do not say the name: one for a former name is in the way */
	if (l->resolve_stale)
		l->resolve_stale = 0;
	else if (m->error != 0 || addr.s_addr == INADDR_ANY)
		link_resolve_failed(l, m->error != 0 ? m->reason : why);
	else {
		l->dns_error[0] = '\0';
		l->resolve_at = 0;
		if (addr.s_addr == l->remote.s_addr)
			return;
		log_record(LL_INFO, l->conf->name, "%s is %s",
		    l->conf->endpoint, addr4_text(addr));
		l->remote = addr;
		l->wan_known = 0;
		l->fails = 0;
	}
	if (l->wanted && l->want != WANT_ABSENT)
		link_reconcile(l, 0);
	link_arm();
}

void
link_refresh(uint32_t id)
{
	struct gw_link	*l;

	if ((l = link_find(id)) == NULL || !link_has_name(l) || l->resolving)
		return;
	if (l->resolved_at != 0 &&
	    monotime_ms() - l->resolved_at < LINK_REFRESH_MS)
		return;
	link_resolve(l);
}

static enum wan_result
link_wan_lookup(const struct gw_link *l, struct wan *w, char *reason,
    size_t size)
{
	struct gw_link	*over;
	struct in_addr	 src = { INADDR_ANY };
	enum wan_result	 result;

	memset(w, 0, sizeof(*w));
	if (l->conf->local_mode == GW_LOCAL_ADDR)
		src = l->conf->local;
	result = wan_lookup(l->remote, src, w, reason, size);
	if (result == WAN_OK && (over = link_by_ifindex(w->oif)) != NULL &&
	    over->conf->type != GW_EXTERNAL) {
		snprintf(reason, size, "The route to the endpoint %s leads "
		    "into the tunnel %s; add a route by the WAN.",
		    addr4_text(l->remote), over->conf->name);
		return (WAN_BAD);
	}
	return (result);
}

static uint32_t
link_mtu(const struct gw_link *l)
{
	const struct link_type	*type = link_type(l);

	if (l->conf->mtu != 0)
		return (l->conf->mtu);
	if (l->wan.mtu < LINK_MTU_MIN + type->overhead)
		return (LINK_MTU_MIN);
	if (l->wan.mtu > type->mtu_max + type->overhead)
		return (type->mtu_max);
	return (l->wan.mtu - type->overhead);
}

/* what follows from the way to the endpoint, for the interface */
static void
link_wan_apply(struct gw_link *l)
{
	struct iface_want	 w;

	memset(&w, 0, sizeof(w));
	memcpy(w.name, l->conf->iface, sizeof(w.name));
	snprintf(w.alias, sizeof(w.alias), LINK_ALIAS "%s", l->conf->name);
	w.mtu = link_mtu(l);
	if (l->conf->local_mode != GW_LOCAL_ANY)
		w.local = l->wan.local;
	w.remote = l->remote;
	w.ttl = l->conf->ttl;
	if (memcmp(&w, &l->iface, sizeof(w)) == 0)
		return;
	if (l->ifindex != 0)
		log_record(LL_INFO, l->conf->name, "%s follows: local %s, "
		    "endpoint %s, by %s, MTU %u", w.name, w.local.s_addr ==
		    INADDR_ANY ? "any" : addr4_text(w.local),
		    addr4_text(w.remote), l->wan.ifname, w.mtu);
	l->iface = w;
	l->settled = 0;		/* what differs now is no repair */
}

int
link_wan(struct gw_link *l)
{
	char	 reason[WIRE_REASON];

	if (!l->wan_known)
		switch (link_wan_lookup(l, &l->wan, reason, sizeof(reason))) {
		case WAN_OK:
			break;
		case WAN_NONE:
			return (link_stop(l, LINK_WAIT_WAN, 0, "%s", reason));
		case WAN_BAD:
			return (link_stop(l, LINK_ERROR, 0, "%s", reason));
		}
	l->wan_known = 1;
	link_wan_apply(l);
	return (0);
}

int
link_wan_changed(struct gw_link *l)
{
	char		 reason[WIRE_REASON];
	struct wan	 w;

	if (!l->wanted || l->want == WANT_ABSENT ||
	    l->conf->type != GW_HE_6IN4 || l->remote.s_addr == INADDR_ANY)
		return (0);
	if (l->wan_known && link_wan_lookup(l, &w, reason,
	    sizeof(reason)) == WAN_OK && memcmp(&w, &l->wan, sizeof(w)) == 0)
		return (0);
	l->wan_known = 0;
	return (1);
}
