/*
 * Interfaces of kind sit.  Runs in the parent (CAP_NET_ADMIN).
 */
#include <net/if.h>
#include <errno.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/route/link/sit.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "log.h"
#include "rtsock.h"
#include "sit.h"

struct sit_search {
	const struct iface_want	*want;
	struct rt_link		*found;
};

/*
 * A change replaces everything: what a message leaves out falls back to the
 * kernel's default, so both messages carry all there is.  The MTU goes along
 * because the kernel may reset it while it changes the rest.
 */
static int
sit_request(int ifindex, const struct iface_want *w, int flags)
{
	struct rtnl_link	*l;
	struct nl_msg		*msg;
	int			 error;

	if ((l = rtnl_link_sit_alloc()) == NULL)
		fatalx("rtnl_link_sit_alloc: out of memory");
	if (ifindex != 0)
		rtnl_link_set_ifindex(l, ifindex);
	else
		rtnl_link_set_name(l, w->name);
	rtnl_link_set_mtu(l, w->mtu);
	error = rtnl_link_sit_set_link(l, w->underlay) < 0 ||
	    rtnl_link_sit_set_local(l, w->local.s_addr) < 0 ||
	    rtnl_link_sit_set_remote(l, w->remote.s_addr) < 0 ||
	    rtnl_link_sit_set_ttl(l, w->ttl) < 0 ||
	    rtnl_link_sit_set_tos(l, 0) < 0 ||
	    rtnl_link_sit_set_pmtudisc(l, 1) < 0 ||
	    rtnl_link_sit_set_fwmark(l, 0) < 0 ||
	    rtnl_link_build_add_request(l, flags, &msg) < 0;
	rtnl_link_put(l);
	if (error)
		fatalx("cannot build a request for %s", w->name);
	return (rtsock_request(msg, NULL, NULL));
}

int
sit_create(const struct iface_want *w)
{
	return (sit_request(0, w, NLM_F_CREATE | NLM_F_EXCL));
}

int
sit_change(int ifindex, const struct iface_want *w)
{
	return (sit_request(ifindex, w, 0));
}

int
sit_differs(const struct rt_link *l, const struct iface_want *w, char *what,
    size_t size)
{
	if (l->local.s_addr != w->local.s_addr)
		snprintf(what, size, "its local address was %s",
		    addr4_text(l->local));
	else if (l->remote.s_addr != w->remote.s_addr)
		snprintf(what, size, "its remote address was %s",
		    addr4_text(l->remote));
	else if (l->ttl != w->ttl)
		snprintf(what, size, "its ttl was %u", l->ttl);
	else if (l->underlay != w->underlay)
		snprintf(what, size, "its device was changed");
	else if (!l->pmtudisc || l->tos != 0 || l->fwmark != 0)
		snprintf(what, size, "its %s was changed", !l->pmtudisc ?
		    "pmtudisc" : l->tos != 0 ? "tos" : "fwmark");
	else
		return (0);
	return (1);
}

static void
sit_compare(const struct nlmsghdr *h, void *arg)
{
	struct sit_search	*s = arg;
	struct rt_link		 l;

	if (s->found->ifindex == 0 && rtparse_link(h, &l) == 0 &&
	    strcmp(l.kind, "sit") == 0 &&
	    l.underlay == s->want->underlay &&
	    l.local.s_addr == s->want->local.s_addr &&
	    l.remote.s_addr == s->want->remote.s_addr)
		*s->found = l;
}

int
sit_holder(const struct iface_want *w, struct rt_link *found)
{
	struct sit_search	 s = { w, found };

	memset(found, 0, sizeof(*found));
	if (iface_dump("sit", sit_compare, &s) == -1)
		return (-1);
	return (found->ifindex == 0 ? -1 : 0);
}
