/*
 * The route to a tunnel's endpoint.  Runs in the parent; reads only.
 */
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "iface.h"
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

/* RTM_GETROUTE of one destination, which is not a dump */
static int
wan_route(struct in_addr remote, struct in_addr src, struct rt_route *r)
{
	struct rtmsg	*rtm;
	struct nl_msg	*msg;

	memset(r, 0, sizeof(*r));
	msg = rtsock_msg_new(RTM_GETROUTE, 0);
	rtm = nlsock_header(msg, sizeof(*rtm));
	rtm->rtm_family = AF_INET;
	rtm->rtm_dst_len = 32;
	nlsock_put(msg, RTA_DST, &remote, sizeof(remote));
	if (src.s_addr != INADDR_ANY) {
		rtm->rtm_src_len = 32;
		nlsock_put(msg, RTA_SRC, &src, sizeof(src));
	}
	return (rtsock_request(msg, wan_answer, r));
}

static enum wan_result
wan_no_route(struct in_addr remote, struct in_addr src, char *reason,
    size_t size)
{
	static const struct in_addr	 any = { INADDR_ANY };
	struct rt_route			 r;

	snprintf(reason, size, "There is no IPv4 route to the endpoint %s: "
	    "%s.", addr4_text(remote), nlsock_error());
	/* the kernel says the same of a source that is not its own */
	if (src.s_addr != INADDR_ANY && wan_route(remote, any, &r) == 0)
		snprintf(reason, size, "local_ipv4 %s is not an address of "
		    "this machine now.", addr4_text(src));
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

enum wan_result
wan_lookup(struct in_addr remote, struct in_addr src, struct wan *w,
    char *reason, size_t size)
{
	struct rt_route	 r;

	if (wan_route(remote, src, &r) == -1 || r.oif == 0)
		return (wan_no_route(remote, src, reason, size));
	if (r.type != RTN_UNICAST) {
		snprintf(reason, size, "The endpoint %s is %s; give the "
		    "address of the tunnel server.", addr4_text(remote),
		    r.type == RTN_LOCAL ? "an address of this machine" :
		    "a broadcast or multicast address here");
		return (WAN_BAD);
	}
	if (r.oif != wan_iface.ifindex &&
	    iface_get_index(r.oif, &wan_iface) == -1)
		return (wan_no_route(remote, src, reason, size));
	w->oif = r.oif;
	(void)strlcpy(w->ifname, wan_iface.name, sizeof(w->ifname));
	w->local = src.s_addr != INADDR_ANY ? src : r.prefsrc4;
	/* a learnt path MTU expires without an event: sit follows it alone */
	w->mtu = r.mtu != 0 && !r.cached_mtu ? r.mtu : wan_iface.mtu;
	return (wan_check_iface(remote, &wan_iface, reason, size));
}
