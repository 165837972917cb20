/*
 * Interfaces by rtnetlink.  Runs in the parent (CAP_NET_ADMIN).
 */
#include <net/if.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/netlink.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <string.h>

#include "iface.h"
#include "log.h"
#include "rtsock.h"

/* room for an MTU, an alias and IFLA_AF_SPEC is made by rtsock_msg_new() */
static struct nl_msg *
iface_msg(uint16_t type, int flags, int ifindex, uint32_t up, uint32_t mask)
{
	struct ifinfomsg	*ifi;
	struct nl_msg		*msg;

	msg = rtsock_msg_new(type, flags);
	ifi = nlsock_header(msg, sizeof(*ifi));
	ifi->ifi_index = ifindex;
	ifi->ifi_flags = up;
	ifi->ifi_change = mask;
	return (msg);
}

static void
iface_answer(const struct nlmsghdr *h, void *arg)
{
	(void)rtparse_link(h, arg);
}

/* counters are asked for where they are wanted: they double the answer */
static int
iface_query(struct nl_msg *msg, struct rt_link *l)
{
	nlsock_put_u32(msg, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	memset(l, 0, sizeof(*l));
	if (rtsock_request(msg, iface_answer, l) == -1)
		return (-1);
	if (l->ifindex == 0) {
		errno = ENODEV;
		return (-1);
	}
	return (0);
}

int
iface_get(const char *name, struct rt_link *l)
{
	struct nl_msg	*msg;

	msg = iface_msg(RTM_GETLINK, 0, 0, 0, 0);
	nlsock_put(msg, IFLA_IFNAME, name, strlen(name) + 1);
	return (iface_query(msg, l));
}

int
iface_get_index(int ifindex, struct rt_link *l)
{
	return (iface_query(iface_msg(RTM_GETLINK, 0, ifindex, 0, 0), l));
}

int
iface_dump(const char *kind, void (*fn)(const struct nlmsghdr *, void *),
    void *arg)
{
	struct nl_msg	*msg;
	struct nlattr	*nest;
	int		 try, error = 0;

	for (try = 0; try < 3; try++) {
		msg = iface_msg(RTM_GETLINK, NLM_F_DUMP, 0, 0, 0);
		nlsock_put_u32(msg, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
		if (kind != NULL) {
			if ((nest = nla_nest_start(msg, IFLA_LINKINFO)) == NULL)
				fatalx("netlink message is full");
			nlsock_put(msg, IFLA_INFO_KIND, kind, strlen(kind));
			nla_nest_end(msg, nest);
		}
		if ((error = rtsock_request(msg, fn, arg)) == 0 ||
		    errno != EINTR)
			break;
	}
	return (error);
}

int
iface_differs(const struct rt_link *l, const struct iface_want *w,
    char *what, size_t size)
{
	if (l->mtu != w->mtu)
		snprintf(what, size, "its MTU was %u", l->mtu);
	else if (strcmp(l->alias, w->alias) != 0)
		snprintf(what, size, "its alias was \"%s\"", l->alias);
	else if (l->gen_mode != IN6_ADDR_GEN_MODE_NONE && l->gen_mode != -1)
		snprintf(what, size, "it made link-local addresses");
	else
		return (0);
	return (1);
}

int
iface_set(int ifindex, const struct iface_want *w)
{
	struct nl_msg	*msg;
	struct nlattr	*spec, *in6;

	msg = iface_msg(RTM_NEWLINK, 0, ifindex, 0, 0);
	nlsock_put_u32(msg, IFLA_MTU, w->mtu);
	nlsock_put(msg, IFLA_IFALIAS, w->alias, strlen(w->alias));
	if ((spec = nla_nest_start(msg, IFLA_AF_SPEC)) == NULL ||
	    (in6 = nla_nest_start(msg, AF_INET6)) == NULL)
		fatalx("netlink message is full");
	nlsock_put_u8(msg, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	nla_nest_end(msg, in6);
	nla_nest_end(msg, spec);
	return (rtsock_request(msg, NULL, NULL));
}

int
iface_set_up(int ifindex, int up)
{
	return (rtsock_request(iface_msg(RTM_NEWLINK, 0, ifindex,
	    up ? IFF_UP : 0, IFF_UP), NULL, NULL));
}

int
iface_rename(int ifindex, const char *name)
{
	struct nl_msg	*msg;

	if (iface_set_up(ifindex, 0) == -1)
		return (-1);
	msg = iface_msg(RTM_NEWLINK, 0, ifindex, 0, 0);
	nlsock_put(msg, IFLA_IFNAME, name, strlen(name) + 1);
	return (rtsock_request(msg, NULL, NULL));
}

int
iface_delete(int ifindex)
{
	return (rtsock_request(iface_msg(RTM_DELLINK, 0, ifindex, 0, 0),
	    NULL, NULL));
}

static void
iface_stats_answer(const struct nlmsghdr *h, void *arg)
{
	struct rtnl_link_stats64	 st;
	struct imsg_stats		*out = arg;
	struct nlattr			*nla;

	if (h->nlmsg_type != RTM_NEWSTATS ||
	    nlmsg_datalen(h) < (int)sizeof(struct if_stats_msg))
		return;
	nla = nlmsg_find_attr((struct nlmsghdr *)(uintptr_t)h,
	    sizeof(struct if_stats_msg), IFLA_STATS_LINK_64);
	memset(&st, 0, sizeof(st));
	if (nla == NULL || nla_len(nla) <
	    (int)(offsetof(struct rtnl_link_stats64, tx_bytes) +
	    sizeof(st.tx_bytes)))
		return;
	memcpy(&st, nla_data(nla), (size_t)nla_len(nla) < sizeof(st) ?
	    (size_t)nla_len(nla) : sizeof(st));
	out->rx_bytes = st.rx_bytes;
	out->tx_bytes = st.tx_bytes;
	out->rx_packets = st.rx_packets;
	out->tx_packets = st.tx_packets;
	out->rx_errors = st.rx_errors;
	out->tx_errors = st.tx_errors;
}

int
iface_stats(int ifindex, struct imsg_stats *out)
{
	struct if_stats_msg	*ism;
	struct nl_msg		*msg;

	memset(out, 0, sizeof(*out));
	msg = rtsock_msg_new(RTM_GETSTATS, 0);
	ism = nlsock_header(msg, sizeof(*ism));
	ism->ifindex = (uint32_t)ifindex;
	ism->filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64);
	return (rtsock_request(msg, iface_stats_answer, out));
}
