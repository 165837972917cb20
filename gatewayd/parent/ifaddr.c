/*
 * IPv6 addresses by rtnetlink.  Runs in the parent (CAP_NET_ADMIN).
 */
#include <net/if.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "ifaddr.h"
#include "rtsock.h"

#define IFADDR_FLAGS	(IFA_F_NODAD | IFA_F_NOPREFIXROUTE)
#define IFADDR_UNUSABLE	(IFA_F_TENTATIVE | IFA_F_DADFAILED | \
			    IFA_F_DEPRECATED | IFA_F_TEMPORARY)

struct ifaddr_search {
	const struct ifaddr_want *want;
	struct rt_ifaddr	*best;
	int			 rank;	/* 0: none yet */
};

/* what ifaddr_sweep() has found; more than these go with the next sweep */
struct ifaddr_old {
	const struct in6_addr	*keep;
	struct rt_ifaddr	 old[8];
	size_t			 n;
};

static struct nl_msg *
ifaddr_msg(uint16_t type, int flags, int ifindex, const struct in6_addr *addr,
    uint8_t prefix_len)
{
	struct ifaddrmsg	*ifa;
	struct nl_msg		*msg;

	msg = rtsock_msg_new(type, flags);
	ifa = nlsock_header(msg, sizeof(*ifa));
	ifa->ifa_family = AF_INET6;
	ifa->ifa_prefixlen = prefix_len;
	ifa->ifa_index = (uint32_t)ifindex;
	if (addr != NULL)
		nlsock_put(msg, IFA_LOCAL, addr, sizeof(*addr));
	return (msg);
}

int
ifaddr_set(int ifindex, const struct in6_addr *addr, uint8_t prefix_len,
    uint32_t preferred)
{
	struct ifa_cacheinfo	 ci = {
		.ifa_prefered = preferred, .ifa_valid = UINT32_MAX
	};
	struct nl_msg		*msg;

	msg = ifaddr_msg(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, ifindex,
	    addr, prefix_len);
	nlsock_put_u32(msg, IFA_FLAGS, IFADDR_FLAGS);
	nlsock_put(msg, IFA_CACHEINFO, &ci, sizeof(ci));
	/* Linux 5.18; older kernels take no notice of it */
	nlsock_put_u8(msg, IFA_PROTO, RTPROT_GATEWAYD);
	return (rtsock_request(msg, NULL, NULL));
}

int
ifaddr_del(int ifindex, const struct in6_addr *addr, uint8_t prefix_len)
{
	return (rtsock_request(ifaddr_msg(RTM_DELADDR, 0, ifindex, addr,
	    prefix_len), NULL, NULL));
}

int
ifaddr_differs(const struct rt_ifaddr *a, uint8_t prefix_len,
    uint32_t preferred, char *what, size_t size)
{
	if (a->prefix_len != prefix_len)
		snprintf(what, size, "its prefix length was %u",
		    a->prefix_len);
	else if (a->valid != UINT32_MAX)
		snprintf(what, size, "it was valid for %u s", a->valid);
	else if (a->preferred != preferred)
		snprintf(what, size, a->preferred == IFADDR_DEPRECATED ?
		    "it was deprecated" : "it was preferred");
	else if ((a->flags & IFADDR_FLAGS) != IFADDR_FLAGS)
		snprintf(what, size, "its flags were 0x%x", a->flags);
	else
		return (0);
	return (1);
}

/* how well an address fits: 0 not at all, 3 exactly */
static int
ifaddr_rank(const struct ifaddr_want *w, const struct rt_ifaddr *a)
{
	if (a->family != AF_INET6 || a->ifindex != w->ifindex)
		return (0);
	if (!w->any && IN6_ARE_ADDR_EQUAL(&a->addr, &w->addr))
		return (3);
	if (a->scope != RT_SCOPE_UNIVERSE || (a->flags & IFADDR_UNUSABLE))
		return (0);
	if (w->any)
		return (2);
	return (w->in_prefix &&
	    prefix_match(&a->addr, &w->addr, w->prefix_len));
}

static void
ifaddr_answer(const struct nlmsghdr *h, void *arg)
{
	struct ifaddr_search	*s = arg;
	struct rt_ifaddr	 a;
	int			 rank;

	if (rtparse_addr(h, &a) == -1)
		return;
	if ((rank = ifaddr_rank(s->want, &a)) > s->rank) {
		s->rank = rank;
		*s->best = a;
	}
}

int
ifaddr_find(const struct ifaddr_want *w, struct rt_ifaddr *best)
{
	struct ifaddr_search	 s = { .want = w, .best = best };

	/* the filter makes the kernel walk this interface alone */
	if (rtsock_request(ifaddr_msg(RTM_GETADDR, NLM_F_DUMP, w->ifindex,
	    NULL, 0), ifaddr_answer, &s) == -1 && errno != EINTR)
		return (-1);
	if (s.rank == 0) {
		errno = ENOENT;
		return (-1);
	}
	return (0);
}

static void
ifaddr_sweep_answer(const struct nlmsghdr *h, void *arg)
{
	struct ifaddr_old	*o = arg;
	struct rt_ifaddr	 a;

	if (rtparse_addr(h, &a) == 0 && a.protocol == RTPROT_GATEWAYD &&
	    !IN6_ARE_ADDR_EQUAL(&a.addr, o->keep) &&
	    o->n < sizeof(o->old) / sizeof(o->old[0]))
		o->old[o->n++] = a;
}

void
ifaddr_sweep(int ifindex, const struct in6_addr *keep)
{
	struct ifaddr_old	 o = { .keep = keep };
	size_t			 i;

	(void)rtsock_request(ifaddr_msg(RTM_GETADDR, NLM_F_DUMP, ifindex,
	    NULL, 0), ifaddr_sweep_answer, &o);
	for (i = 0; i < o.n; i++)
		if (o.old[i].ifindex == ifindex)
			(void)ifaddr_del(ifindex, &o.old[i].addr,
			    o.old[i].prefix_len);
}
