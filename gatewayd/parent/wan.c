/*
 * The route to a tunnel's endpoint.  Runs in the parent; reads only.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "iface.h"
#include "route4.h"
#include "rtsock.h"
#include "wan.h"

/* the interface that was looked at last: mostly all tunnels have the same */
static struct rt_link	 wan_iface;

void
wan_forget(int ifindex)
{
	if (ifindex == 0 || wan_iface.ifindex == ifindex)
		wan_iface.ifindex = 0;
}

static void
wan_answer(const struct nlmsghdr *h, void *arg)
{
	(void)rtparse_route(h, arg);
}

int
wan_loopback(struct in_addr a)
{
	return (ntohl(a.s_addr) >> IN_CLASSA_NSHIFT == IN_LOOPBACKNET);
}

/* RTM_GETROUTE of one destination, which is not a dump */
static int
wan_route(const struct wan_query *q, int oif, struct rt_route *r)
{
	struct rtmsg	*rtm;
	struct nl_msg	*msg;

	memset(r, 0, sizeof(*r));
	msg = rtsock_msg_new(RTM_GETROUTE, 0);
	rtm = nlsock_header(msg, sizeof(*rtm));
	rtm->rtm_family = AF_INET;
	rtm->rtm_dst_len = 32;
	nlsock_put(msg, RTA_DST, &q->remote, sizeof(q->remote));
	if (q->src.s_addr != INADDR_ANY) {
		rtm->rtm_src_len = 32;
		nlsock_put(msg, RTA_SRC, &q->src, sizeof(q->src));
	}
	if (q->mark != 0)
		nlsock_put_u32(msg, RTA_MARK, q->mark);
	if (oif != 0)
		nlsock_put_u32(msg, RTA_OIF, (uint32_t)oif);
	return (rtsock_request(msg, wan_answer, r));
}

static enum wan_result
wan_no_route(const struct wan_query *q, int oif, char *reason, size_t size)
{
	struct wan_query	 any = *q;
	struct rt_route		 r;

	snprintf(reason, size, "There is no IPv4 route to the endpoint %s: "
	    "%s.", addr4_text(q->remote), nlsock_error());
	/* the kernel says the same of a source that is not its own */
	any.src.s_addr = INADDR_ANY;
	if (q->src.s_addr != INADDR_ANY && wan_route(&any, oif, &r) == 0)
		snprintf(reason, size, "local_ipv4 %s is not an address of "
		    "this machine now.", addr4_text(q->src));
	return (WAN_NONE);
}

/* the interface has to be up, with carrier, and no tunnel of this kind */
static enum wan_result
wan_check_iface(struct in_addr remote, const struct rt_link *l, char *reason,
    size_t size)
{
	if (strcmp(l->kind, "sit") == 0) {
		snprintf(reason, size, "The route to the endpoint %s leads "
		    "into the 6in4 interface %s; add a route by the WAN.",
		    addr4_text(remote), l->name);
		return (WAN_BAD);
	}
	if (!(l->flags & IFF_UP) || !(l->flags & IFF_RUNNING)) {
		snprintf(reason, size, "The route to the endpoint %s leads "
		    "to %s, which %s.", addr4_text(remote), l->name,
		    l->flags & IFF_UP ? "has no carrier" : "is down");
		return (WAN_NONE);
	}
	return (WAN_OK);
}

/* the uplink that the packets are held to, and its gateway */
static enum wan_result
wan_pin(const struct wan_query *q, struct wan *w, char *reason, size_t size)
{
	if (iface_get(q->pin, &wan_iface) == -1) {
		snprintf(reason, size, "wan = %s: %s.", q->pin,
		    errno == ENODEV ? "there is no such interface" :
		    nlsock_error());
		return (WAN_NONE);
	}
	if (!(wan_iface.flags & IFF_UP) || !(wan_iface.flags & IFF_RUNNING)) {
		snprintf(reason, size, "wan = %s %s.", q->pin,
		    wan_iface.flags & IFF_UP ? "has no carrier" : "is down");
		return (WAN_NONE);
	}
	w->oif = wan_iface.ifindex;
	/* told to use an interface, the kernel takes anybody for a neighbour
	 * where it has no route */
	if (route4_load(w->oif) == 0 &&
	    route4_way(q->remote, &w->gateway) == 0)
		return (WAN_OK);
	snprintf(reason, size, "There is no IPv4 route to the endpoint %s by "
	    "wan = %s.", addr4_text(q->remote), q->pin);
	return (WAN_NONE);
}

enum wan_result
wan_lookup(const struct wan_query *q, struct wan *w, char *reason,
    size_t size)
{
	struct rt_route	 r;
	int		 loop = wan_loopback(q->remote);
	enum wan_result	 result;

	memset(w, 0, sizeof(*w));
	if (q->pin[0] != '\0' && !loop &&
	    (result = wan_pin(q, w, reason, size)) != WAN_OK)
		return (result);
	if (wan_route(q, w->oif, &r) == -1 || r.oif == 0)
		return (wan_no_route(q, w->oif, reason, size));
	if (r.type != RTN_UNICAST && !(r.type == RTN_LOCAL && loop)) {
		snprintf(reason, size, "The endpoint %s is %s; give the "
		    "address of the tunnel server.", addr4_text(q->remote),
		    r.type == RTN_LOCAL ? "an address of this machine" :
		    "a broadcast or multicast address here");
		return (WAN_BAD);
	}
	if (r.oif != wan_iface.ifindex &&
	    iface_get_index(r.oif, &wan_iface) == -1)
		return (wan_no_route(q, w->oif, reason, size));
	w->oif = r.oif;
	(void)strlcpy(w->ifname, wan_iface.name, sizeof(w->ifname));
	w->local = q->src.s_addr != INADDR_ANY ? q->src : r.prefsrc4;
	/* a learnt path MTU expires without an event: sit follows it alone */
	w->mtu = r.mtu != 0 && !r.cached_mtu ? r.mtu : wan_iface.mtu;
	return (wan_check_iface(q->remote, &wan_iface, reason, size));
}
