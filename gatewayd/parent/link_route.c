/*
 * The routes of a tunnel.  Runs in the parent (CAP_NET_ADMIN).
 *
 * Permanent: the on-link prefix (the address is set without the kernel's
 * own), and a default for each source prefix of the tunnel, so that a packet
 * leaves by the tunnel that owns its source.  While the tunnel is active: one
 * plain default with the tunnel's address as source.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <netlink/route/route.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "link_int.h"
#include "rtsock.h"

#define LINK_ROUTES_MAX	(GW_PREFIXES_MAX + 3)
#define LINK_ONLINK_METRIC	256	/* as the kernel's own would have */
#define LINK_TCP_HEADERS	60	/* IPv6 and TCP, without options */

struct link_routes {
	struct rt_route	 r[LINK_ROUTES_MAX];
	size_t		 n;
};

enum link_default {
	DEFAULT_NO,
	DEFAULT_YES,
	DEFAULT_LEAVE		/* another tunnel is about to replace it */
};

static enum link_default
link_default_wanted(const struct gw_link *l)
{
	if (l->want != WANT_ACTIVE ||
	    !(links_conf->exposure.modes & GW_EXPOSE_KERNEL) ||
	    links_conf->default_route == GW_DEFAULT_NO)
		return (DEFAULT_NO);
	if (links_active != l)
		return (DEFAULT_LEAVE);
	if (links_conf->default_route == GW_DEFAULT_IF_NONE &&
	    route_foreign_default() != NULL)
		return (DEFAULT_NO);
	return (DEFAULT_YES);
}

static void
link_default_init(const struct gw_link *l, struct rt_route *r)
{
	route_init(r, l->ifindex, links_conf->route_metric);
	r->prefsrc = l->address;
	if (l->mtu6 > LINK_TCP_HEADERS)
		r->advmss = l->mtu6 - LINK_TCP_HEADERS;
	/* one that can be probed is not this machine itself */
	if (l->conf->type == GW_EXTERNAL && l->conf->has_gateway)
		r->gateway = l->conf->gateway;
}

uint32_t
link_source_metric(void)
{
	return (links_conf->route_metric > 1 ? links_conf->route_metric : 2);
}

static void
link_source_route(const struct gw_link *l, struct link_routes *rs,
    const struct in6_addr *prefix, uint8_t len)
{
	struct rt_route	*r = &rs->r[rs->n++];

	link_default_init(l, r);
	memset(&r->prefsrc, 0, sizeof(r->prefsrc));
	r->metric = link_source_metric();
	r->src = *prefix;
	r->src_len = len;
	prefix_mask(&r->src, len);
}

/* all routes the tunnel is to have, but for the plain default */
static void
link_routes_wanted(const struct gw_link *l, struct link_routes *rs)
{
	struct rt_route	*r;
	uint32_t	 i;

	rs->n = 0;
	if (l->conf->type != GW_EXTERNAL && l->prefix_len < 128) {
		r = &rs->r[rs->n++];
		route_init(r, l->ifindex, LINK_ONLINK_METRIC);
		r->dst = l->address;
		r->dst_len = l->prefix_len;
		prefix_mask(&r->dst, r->dst_len);
	}
	link_source_route(l, rs, &l->address, l->prefix_len);
	for (i = 0; i < l->conf->nrouted; i++)
		link_source_route(l, rs, &l->conf->routed[i].addr,
		    l->conf->routed[i].len);
}

static int
link_route_listed(const struct link_routes *rs, const struct rt_route *r)
{
	size_t	 i;

	for (i = 0; i < rs->n; i++)
		if (r->metric == rs->r[i].metric &&
		    r->dst_len == rs->r[i].dst_len &&
		    r->src_len == rs->r[i].src_len &&
		    IN6_ARE_ADDR_EQUAL(&r->dst, &rs->r[i].dst) &&
		    IN6_ARE_ADDR_EQUAL(&r->src, &rs->r[i].src) &&
		    IN6_ARE_ADDR_EQUAL(&r->gateway, &rs->r[i].gateway))
			return (1);
	return (0);
}

static int
link_is_plain(const struct rt_route *r)
{
	return (r->dst_len == 0 && r->src_len == 0);
}

/*
 * A plain default of ours that must not be: by this tunnel, or beside the one
 * it has.
 */
static const struct rt_route *
link_default_surplus(const struct gw_link *l)
{
	const struct rt_route	*r;
	struct rt_route		 mine;
	enum link_default	 plain = link_default_wanted(l);
	size_t			 i = 0;

	if (plain == DEFAULT_LEAVE)
		return (NULL);
	link_default_init(l, &mine);
	while ((r = route_next(&i)) != NULL)
		if (r->protocol == RTPROT_GATEWAYD && link_is_plain(r) &&
		    (plain == DEFAULT_YES ? link_by_ifindex(r->oif) != NULL &&
		    !route_equal(r, &mine) : r->oif == l->ifindex))
			return (r);
	return (NULL);
}

/* a route of ours that must not be; without rs, plain defaults only */
static const struct rt_route *
link_route_surplus(const struct gw_link *l, const struct link_routes *rs)
{
	const struct rt_route	*r;
	size_t			 i = 0;

	while (rs != NULL && (r = route_next(&i)) != NULL)
		if (r->protocol == RTPROT_GATEWAYD && r->oif == l->ifindex &&
		    !link_is_plain(r) && !link_route_listed(rs, r))
			return (r);
	return (link_default_surplus(l));
}

/* removes them; -1 with errno and the route that stays */
static int
link_routes_prune(const struct gw_link *l, const struct link_routes *rs,
    struct rt_route *r)
{
	const struct rt_route	*old;
	int			 max = 64;

	/* the events of each deletion take it out of the picture */
	while (max-- > 0 && (old = link_route_surplus(l, rs)) != NULL) {
		*r = *old;
		if (route_del(r) == -1 && errno != ESRCH)
			return (-1);
		link_event_drain();
	}
	return (0);
}

static int
link_route_conflict(struct gw_link *l, const struct rt_route *r)
{
	const struct rt_route	*f;
	char			 name[IFNAMSIZ], proto[32];

	if ((f = route_foreign(r)) == NULL)
		return (0);
	if (if_indextoname((unsigned int)f->oif, name) == NULL)
		snprintf(name, sizeof(name), "ifindex %d", f->oif);
	rtnl_route_proto2str(f->protocol, proto, sizeof(proto));
	return (link_stop(l, LINK_ERROR, 0, "Another program (%.20s) has the "
	    "route %.60s by %s at metric %u: change route_metric.", proto,
	    route_text(r), name, r->metric));
}

static int
link_route_failed(struct gw_link *l, const struct rt_route *r)
{
	if (errno == EEXIST) {
		if (r->dst_len == 0 && link_route_conflict(l, r) == -1)
			return (-1);
		route_stale();	/* it is ours, and an event was missed */
	}
	return (link_stop(l, LINK_ERROR, 1, "Cannot add the route %.80s by "
	    "%s: %s.", route_text(r), l->conf->iface, nlsock_error()));
}

static int
link_routes_add(struct gw_link *l, const struct link_routes *rs)
{
	const struct rt_route	*r;
	int			 replace;

	for (r = rs->r; r < rs->r + rs->n; r++) {
		if (!l->fresh && route_present(r))
			continue;
		/* the kernel would replace somebody else's as well */
		replace = !l->fresh && route_own(r);
		if (replace && link_route_conflict(l, r) == -1)
			return (-1);
		if (!l->fresh)
			link_repaired(l, "the route %s by %s was %s",
			    route_text(r), l->conf->iface,
			    replace ? "changed" : "missing");
		if (route_add(r, replace) == -1)
			return (link_route_failed(l, r));
	}
	return (0);
}

int
link_default_present(const struct gw_link *l)
{
	const struct rt_route	*r;
	size_t			 i = 0;

	while ((r = route_next(&i)) != NULL)
		if (r->protocol == RTPROT_GATEWAYD && link_is_plain(r) &&
		    r->oif == l->ifindex && l->ifindex != 0)
			return (1);
	return (0);
}

/*
 * One request puts the new default in the place of the old one, so there is
 * never none.  The kernel replaces whatever has that metric, hence the check.
 */
int
link_default_put(struct gw_link *l)
{
	struct rt_route	 r;

	if (link_default_wanted(l) != DEFAULT_YES)
		return (0);
	link_default_init(l, &r);
	if (!l->default_lost && route_present(&r))
		return (0);
	if (link_route_conflict(l, &r) == -1)
		return (-1);
	if (route_add(&r, 1) == -1)
		return (link_route_failed(l, &r));
	/* its own notification is the proof that it is in place */
	link_event_drain();
	if (route_sync() == -1 || !route_present(&r)) {
		route_stale();
		return (link_stop(l, LINK_ERROR, 1, "The kernel took the "
		    "default route by %s and does not show it.",
		    l->conf->iface));
	}
	l->default_lost = 0;
	return (1);
}

int
link_default_alone(const struct gw_link *l)
{
	struct rt_route	 r;

	return (link_routes_prune(l, NULL, &r));
}

void
link_default_drop(const struct gw_link *l)
{
	if (link_default_wanted(l) == DEFAULT_NO && route_sync() == 0)
		(void)link_default_alone(l);
}

void
link_default_log(const struct gw_link *l, uint64_t us)
{
	char	 took[32] = "";

	if (us != 0)
		snprintf(took, sizeof(took), ", in %llu.%02llu ms",
		    (unsigned long long)(us / 1000),
		    (unsigned long long)(us / 10 % 100));
	log_record(LL_INFO, l->conf->name, "the IPv6 default route is by %s, "
	    "source %s, metric %u%s", l->conf->iface, addr6_text(&l->address),
	    links_conf->route_metric, took);
}

int
link_routes(struct gw_link *l)
{
	struct link_routes	 rs;
	struct rt_route		 r;
	int			 put;

	/* of a new interface there is nothing in the picture */
	if (!l->fresh)
		link_event_drain();
	if (route_sync() == -1)
		return (link_stop(l, LINK_ERROR, 1, "Cannot read the IPv6 "
		    "routes: %s.", nlsock_error()));
	link_routes_wanted(l, &rs);
	if (link_routes_add(l, &rs) == -1 ||
	    (put = link_default_put(l)) == -1)
		return (-1);
	if (put && l->settled)
		link_repaired(l, "the default route by %s was missing or "
		    "wrong", l->conf->iface);
	else if (put)
		link_default_log(l, 0);
	if (link_routes_prune(l, &rs, &r) == -1)
		return (link_stop(l, LINK_ERROR, 1, "Cannot remove the route "
		    "%.80s by %s: %s.", route_text(&r), l->conf->iface,
		    nlsock_error()));
	return (0);
}

int
link_routes_right(const struct gw_link *l)
{
	struct link_routes	 rs;
	struct rt_route		 r;
	size_t			 i;

	link_routes_wanted(l, &rs);
	for (i = 0; i < rs.n; i++)
		if (!route_present(&rs.r[i]))
			return (0);
	link_default_init(l, &r);
	if (link_default_wanted(l) == DEFAULT_YES && !route_present(&r))
		return (0);
	return (link_route_surplus(l, &rs) == NULL);
}

/* removes routes of ours, the plain default first; sweep: of no tunnel.
 * Nonzero if there are more of them. */
static int
link_routes_away(int ifindex, int sweep)
{
	const struct rt_route	*r;
	struct rt_route		 old[64];
	size_t			 i = 0, n = 0, pass;

	while ((r = route_next(&i)) != NULL && n < 64)
		if (r->protocol == RTPROT_GATEWAYD && (sweep ?
		    link_by_ifindex(r->oif) == NULL : r->oif == ifindex))
			old[n++] = *r;
	for (pass = 0; pass < 2; pass++)
		for (i = 0; i < n; i++)
			if (link_is_plain(&old[i]) == (pass == 0))
				(void)route_del(&old[i]);
	link_event_drain();
	return (n == 64);
}

void
link_routes_remove(struct gw_link *l)
{
	(void)route_sync();
	(void)link_routes_away(l->ifindex, 0);
}

void
link_routes_sweep(void)
{
	int	 max = 256;

	(void)route_sync();
	while (link_routes_away(0, 1) && max-- > 0)
		;
}
