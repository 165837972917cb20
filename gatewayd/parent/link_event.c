/*
 * rtnetlink events: which of them can matter, and to whom.  Runs in the
 * parent.  Nothing is changed and nothing is asked here: a handler says that
 * something has become doubtful, and the run that follows looks at it.  So
 * the echoes of our own changes cause no further change.
 */
#include <linux/rtnetlink.h>
#include <string.h>

#include "link_int.h"
#include "rtsock.h"

#define LINK_EVENTS_MAX	256	/* of one wake-up */

/*
 * Something of the way to the endpoint changed.  Another way is followed when
 * things have settled; if something went away it is asked at once whether
 * there is one at all, because another tunnel may have to take over.
 */
static void
link_event_wan(struct gw_link *l, int lost)
{
	if (!link_wanted(l) || l->conf->type == GW_EXTERNAL)
		return;
	link_schedule(l, DUE_WAN, LINK_WAN_MS);
	if (lost && l->wan_known)
		link_schedule(l, DUE_LOST, LINK_GATHER_MS);
}

/* IPv6's are those that we put; IPv4's lead to the endpoints */
static void
link_event_rule(const struct nlmsghdr *h)
{
	struct gw_link	*l;
	struct rt_rule	 r;

	if (rtparse_rule(h, &r) == 0) {
		if (r.protocol == RTPROT_GATEWAYD)
			link_fence_suspect();
		return;
	}
	TAILQ_FOREACH(l, &links, entry)
		link_event_wan(l, 1);
}

static void
link_event_addr4(const struct nlmsghdr *h, const struct rt_ifaddr *a)
{
	struct gw_link	*l;

	TAILQ_FOREACH(l, &links, entry)
		link_event_wan(l, h->nlmsg_type == RTM_DELADDR &&
		    a->ifindex == l->wan.oif);
}

/* nonzero if an interface, now good for it or not, is another way or none */
static int
link_event_way(const struct gw_link *l, const struct rt_link *k, int good)
{
	if (l->wan_known)
		return (k->ifindex == l->wan.oif &&
		    (!good || k->mtu != l->wan.mtu));
	return (good || strcmp(k->name, l->conf->wan) == 0);
}

/* an interface that is no tunnel of ours: the way to the endpoint? */
static void
link_event_underlay(const struct nlmsghdr *h, const struct rt_link *k)
{
	struct gw_link	*l;
	int		 good;

	good = h->nlmsg_type == RTM_NEWLINK && (k->flags & IFF_UP) &&
	    (k->flags & IFF_RUNNING);
	TAILQ_FOREACH(l, &links, entry)
		if (link_event_way(l, k, good))
			link_event_wan(l, !good);
}

/* the interface of a tunnel; a later event can take the doubt away again */
static void
link_event_ours(struct gw_link *l, const struct nlmsghdr *h,
    const struct rt_link *k)
{
	if (h->nlmsg_type == RTM_NEWLINK && l->conf->type != GW_EXTERNAL &&
	    link_iface_right(l, k))
		l->suspect &= ~(unsigned int)SUSPECT_IFACE;
	else
		link_suspect(l, SUSPECT_IFACE);
}

static void
link_event_link(const struct nlmsghdr *h)
{
	struct gw_link	*l;
	struct rt_link	 k;
	int		 ours = 0;

	if (rtparse_link(h, &k) == -1)
		return;
	/* routes go with the interface, not always with an event each */
	if (h->nlmsg_type == RTM_DELLINK || !(k.flags & IFF_UP))
		route_iface_gone(k.ifindex);
	TAILQ_FOREACH(l, &links, entry) {
		if (k.ifindex == l->ifindex) {
			ours |= l->conf->type != GW_EXTERNAL;
			link_event_ours(l, h, &k);
		} else if (k.ifindex == l->foreign ||
		    strcmp(k.name, l->conf->iface) == 0)
			link_suspect(l, SUSPECT_IFACE);
	}
	wan_forget(k.ifindex);
	if (!ours)
		link_event_underlay(h, &k);
}

static void
link_event_addr(const struct nlmsghdr *h)
{
	struct gw_link		*l;
	struct rt_ifaddr	 a;

	if (rtparse_addr(h, &a) == -1)
		return;
	if (a.family == AF_INET) {
		link_event_addr4(h, &a);
		return;
	}
	if ((l = link_by_ifindex(a.ifindex)) == NULL)
		return;
	if (l->conf->type == GW_EXTERNAL)
		link_suspect(l, SUSPECT_ADDR);
	else if (IN6_ARE_ADDR_EQUAL(&a.addr, &l->conf->address)) {
		if (h->nlmsg_type == RTM_NEWADDR &&
		    !link_address_differs(l, &a))
			l->suspect &= ~(unsigned int)SUSPECT_ADDR;
		else
			link_suspect(l, SUSPECT_ADDR);
	}
}

static void
link_event_route4(const struct nlmsghdr *h, const struct rt_route *r)
{
	struct gw_link	*l;
	uint32_t	 mask;
	int		 lost;

	lost = h->nlmsg_type == RTM_DELROUTE || r->type != RTN_UNICAST;
	mask = r->dst_len == 0 ? 0 : htonl(UINT32_MAX << (32 - r->dst_len));
	TAILQ_FOREACH(l, &links, entry) {
		if (link_pin_echo(l, h, r))
			continue;
		if (((l->remote.s_addr ^ r->dst4.s_addr) & mask) == 0)
			link_event_wan(l, lost);
		if (link_pin_concerns(l, r->dst4, mask))
			link_suspect(l, SUSPECT_PIN);
	}
}

static void
link_event_check_routes(struct gw_link *l)
{
	if (!link_wanted(l))
		return;
	if (link_flows_right(l) && (!l->has_address || l->ifindex == 0 ||
	    link_routes_right(l)))
		l->suspect &= ~(unsigned int)SUSPECT_ROUTE;
	else
		link_suspect(l, SUSPECT_ROUTE);
}

static void
link_event_route(const struct nlmsghdr *h)
{
	struct gw_link	*l;
	struct rt_route	 r;

	if (rtparse_route(h, &r) == -1)
		return;
	if (r.family == AF_INET) {
		if (r.dst_len <= 32)
			link_event_route4(h, &r);
		return;
	}
	if (!route_event(h, &r))
		return;
	/* the tunnel it goes by, the one whose default it may push away,
	 * those whose routes may have been in conflict with it, and the one
	 * whose packets it refuses */
	TAILQ_FOREACH(l, &links, entry)
		if (l->ifindex == r.oif || l == links_active ||
		    l->state == LINK_ERROR || link_flows_concern(l, &r))
			link_event_check_routes(l);
}

static void
link_dispatch_event(const struct nlmsghdr *h, void *arg)
{
	(void)arg;
	switch (h->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		link_event_link(h);
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		link_event_addr(h);
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		link_event_route(h);
		break;
	case RTM_NEWRULE:
	case RTM_DELRULE:
		link_event_rule(h);
		break;
	}
}

void
link_event_drain(void)
{
	if (rtsock_event_read(LINK_EVENTS_MAX, link_dispatch_event,
	    NULL) == -1) {
		route_stale();
		link_resync();
	}
}

void
link_event_read(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	link_event_drain();
	link_arm();
}
