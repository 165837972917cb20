/*
 * The kernel's tables by rtnetlink(7).  Runs in the doctor (_gwrelay,
 * Landlock) and in gatewayctl; reads only.
 */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "netinfo.h"
#include "nlsock.h"
#include "util.h"

#define INTERRUPTED_MAX	3	/* dumps of a table that changes meanwhile */

/* a growing array of one kind of object */
static void *
grow(void *array, size_t n, size_t size)
{
	/* 0, 16, 32, 64, ... are full */
	if (n != 0 && (n < 16 || (n & (n - 1)) != 0))
		return (array);
	array = reallocarray(array, n == 0 ? 16 : n * 2, size);
	if (array == NULL)
		fatal("reallocarray");
	return (array);
}

static void
take_link(const struct nlmsghdr *h, void *arg)
{
	struct netinfo	*net = arg;
	struct rt_link	 l;

	if (rtparse_link(h, &l) == -1)
		return;
	net->links = grow(net->links, net->nlinks, sizeof(l));
	net->links[net->nlinks++] = l;
}

static void
take_addr(const struct nlmsghdr *h, void *arg)
{
	struct netinfo		*net = arg;
	struct rt_ifaddr	 a;

	if (rtparse_addr(h, &a) == -1 || a.family != AF_INET6)
		return;
	net->addrs = grow(net->addrs, net->naddrs, sizeof(a));
	net->addrs[net->naddrs++] = a;
}

static void
take_route(const struct nlmsghdr *h, void *arg)
{
	struct netinfo	*net = arg;
	struct rt_route	 r;

	if (rtparse_route(h, &r) == -1 || r.dst_len != 0 ||
	    r.table != RT_TABLE_MAIN)
		return;
	if (r.family == AF_INET) {
		net->defaults4 = grow(net->defaults4, net->ndefaults4,
		    sizeof(r));
		net->defaults4[net->ndefaults4++] = r;
		return;
	}
	net->defaults = grow(net->defaults, net->ndefaults, sizeof(r));
	net->defaults[net->ndefaults++] = r;
}

/* one dump; the size of the family header differs */
static int
dump(struct nlsock *nl, uint16_t type, uint8_t family, nlsock_fn fn,
    struct netinfo *net)
{
	struct ifinfomsg	*ifi;
	struct ifaddrmsg	*ifa;
	struct rtmsg		*rtm;
	struct nl_msg		*msg;

	msg = nlsock_msg_new(NLMSG_SPACE(sizeof(*ifi)), type, NLM_F_DUMP);
	switch (type) {
	case RTM_GETLINK:
		ifi = nlsock_header(msg, sizeof(*ifi));
		ifi->ifi_family = family;
		break;
	case RTM_GETADDR:
		ifa = nlsock_header(msg, sizeof(*ifa));
		ifa->ifa_family = family;
		break;
	default:
		rtm = nlsock_header(msg, sizeof(*rtm));
		rtm->rtm_family = family;
		rtm->rtm_table = RT_TABLE_MAIN;
		break;
	}
	return (nlsock_request(nl, msg, fn, net));
}

static void
clear(struct netinfo *net)
{
	free(net->links);
	free(net->addrs);
	free(net->defaults);
	free(net->defaults4);
	memset(net, 0, sizeof(*net));
}

/* a kernel without IPv6 answers the two in the middle with an error */
static int
load(struct nlsock *nl, struct netinfo *net)
{
	clear(net);
	if (dump(nl, RTM_GETLINK, AF_UNSPEC, take_link, net) == -1)
		return (-1);
	if (dump(nl, RTM_GETADDR, AF_INET6, take_addr, net) == -1 &&
	    errno == EINTR)
		return (-1);
	if (dump(nl, RTM_GETROUTE, AF_INET6, take_route, net) == -1 &&
	    errno == EINTR)
		return (-1);
	return (dump(nl, RTM_GETROUTE, AF_INET, take_route, net));
}

struct netinfo *
netinfo_load(void)
{
	struct netinfo	*net = xcalloc(1, sizeof(*net));
	struct nlsock	 nl;
	int		 i, r;

	if (nlsock_open(&nl, NETLINK_ROUTE, 0) == -1) {
		net->error = errno;
		return (net);
	}
	for (i = 0; i < INTERRUPTED_MAX; i++)
		if ((r = load(&nl, net)) == 0 || errno != EINTR)
			break;
	if (r == -1)
		net->error = errno;
	nlsock_close(&nl);
	return (net);
}

void
netinfo_free(struct netinfo *net)
{
	clear(net);
	free(net);
}

const struct rt_link *
netinfo_link(const struct netinfo *net, const char *name)
{
	size_t	 i;

	for (i = 0; i < net->nlinks; i++)
		if (strcmp(net->links[i].name, name) == 0)
			return (&net->links[i]);
	return (NULL);
}

const struct rt_link *
netinfo_link_index(const struct netinfo *net, int ifindex)
{
	size_t	 i;

	for (i = 0; i < net->nlinks; i++)
		if (net->links[i].ifindex == ifindex)
			return (&net->links[i]);
	return (NULL);
}

const char *
netinfo_name(const struct netinfo *net, int ifindex)
{
	const struct rt_link	*l = netinfo_link_index(net, ifindex);

	return (l != NULL ? l->name : "?");
}

const struct rt_ifaddr *
netinfo_addr(const struct netinfo *net, const struct in6_addr *addr)
{
	size_t	 i;

	for (i = 0; i < net->naddrs; i++)
		if (IN6_ARE_ADDR_EQUAL(&net->addrs[i].addr, addr))
			return (&net->addrs[i]);
	return (NULL);
}

int
netinfo_global(const struct rt_ifaddr *a)
{
	/* fc00::/7 has that scope too, and no way to the Internet */
	return (a->scope == RT_SCOPE_UNIVERSE &&
	    (a->addr.s6_addr[0] & 0xfe) != 0xfc);
}

int
netinfo_has_global(const struct netinfo *net, int ifindex)
{
	size_t	 i;

	for (i = 0; i < net->naddrs; i++)
		if (net->addrs[i].ifindex == ifindex &&
		    netinfo_global(&net->addrs[i]))
			return (1);
	return (0);
}

static void
take_answer(const struct nlmsghdr *h, void *arg)
{
	(void)rtparse_route(h, arg);
}

int
netinfo_route4(struct in_addr to, int oif, struct rt_route *r)
{
	struct nlsock	 nl;
	struct rtmsg	*rtm;
	struct nl_msg	*msg;
	int		 rc;

	memset(r, 0, sizeof(*r));
	if (nlsock_open(&nl, NETLINK_ROUTE, 0) == -1)
		return (-1);
	msg = nlsock_msg_new(256, RTM_GETROUTE, 0);
	rtm = nlsock_header(msg, sizeof(*rtm));
	rtm->rtm_family = AF_INET;
	rtm->rtm_dst_len = 32;
	nlsock_put(msg, RTA_DST, &to, sizeof(to));
	if (oif != 0)
		nlsock_put_u32(msg, RTA_OIF, (uint32_t)oif);
	rc = nlsock_request(&nl, msg, take_answer, r);
	nlsock_close(&nl);
	return (rc);
}
