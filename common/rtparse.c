/*
 * Readers of rtnetlink messages.  Pure functions, no privilege.  The kernel is
 * the sender, but lengths are checked all the same: a newer kernel may send
 * what this file does not know.
 */
#include <net/if.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <linux/ipv6.h>
#include <linux/rtnetlink.h>
#include <netlink/netlink.h>
#include <netlink/attr.h>
#include <string.h>

#include "rtparse.h"

static const struct nla_policy link_policy[IFLA_MAX + 1] = {
	[IFLA_IFNAME]	= { .type = NLA_STRING, .maxlen = IFNAMSIZ },
	[IFLA_MTU]	= { .type = NLA_U32 },
	[IFLA_IFALIAS]	= { .type = NLA_STRING },
	[IFLA_LINKINFO]	= { .type = NLA_NESTED },
	[IFLA_AF_SPEC]	= { .type = NLA_NESTED },
};

static const struct nla_policy info_policy[IFLA_INFO_MAX + 1] = {
	[IFLA_INFO_KIND] = { .type = NLA_STRING },
	[IFLA_INFO_DATA] = { .type = NLA_NESTED },
};

static const struct nla_policy sit_policy[IFLA_IPTUN_MAX + 1] = {
	[IFLA_IPTUN_LINK]	= { .type = NLA_U32 },
	[IFLA_IPTUN_LOCAL]	= { .type = NLA_U32 },
	[IFLA_IPTUN_REMOTE]	= { .type = NLA_U32 },
	[IFLA_IPTUN_TTL]	= { .type = NLA_U8 },
	[IFLA_IPTUN_TOS]	= { .type = NLA_U8 },
	[IFLA_IPTUN_PMTUDISC]	= { .type = NLA_U8 },
	[IFLA_IPTUN_FWMARK]	= { .type = NLA_U32 },
};

static const struct nla_policy addr_policy[IFA_MAX + 1] = {
	[IFA_CACHEINFO]	= { .minlen = sizeof(struct ifa_cacheinfo) },
	[IFA_FLAGS]	= { .type = NLA_U32 },
	[IFA_PROTO]	= { .type = NLA_U8 },
};

static const struct nla_policy route_policy[RTA_MAX + 1] = {
	[RTA_OIF]	= { .type = NLA_U32 },
	[RTA_PRIORITY]	= { .type = NLA_U32 },
	[RTA_TABLE]	= { .type = NLA_U32 },
	[RTA_METRICS]	= { .type = NLA_NESTED },
	[RTA_MULTIPATH]	= { .minlen = sizeof(struct rtnexthop) },
	[RTA_CACHEINFO]	= { .minlen = sizeof(struct rta_cacheinfo) },
};

static const struct nla_policy rule_policy[FRA_MAX + 1] = {
	[FRA_IIFNAME]	= { .type = NLA_STRING, .maxlen = IFNAMSIZ },
	[FRA_GOTO]	= { .type = NLA_U32 },
	[FRA_PRIORITY]	= { .type = NLA_U32 },
	[FRA_SUPPRESS_PREFIXLEN] = { .type = NLA_U32 },
	[FRA_TABLE]	= { .type = NLA_U32 },
	[FRA_PROTOCOL]	= { .type = NLA_U8 },
};

static const struct nla_policy metrics_policy[RTAX_MAX + 1] = {
	[RTAX_MTU]	= { .type = NLA_U32 },
	[RTAX_ADVMSS]	= { .type = NLA_U32 },
};

/* copies the fixed header and parses what follows; 0 or -1 */
static int
parse_message(const struct nlmsghdr *h, void *header, size_t len,
    struct nlattr **tb, int max, const struct nla_policy *policy)
{
	struct nlmsghdr	*m = (struct nlmsghdr *)(uintptr_t)h;

	if (nlmsg_parse(m, (int)len, tb, max, policy) < 0)
		return (-1);
	memcpy(header, nlmsg_data(h), len);
	return (0);
}

/* an address attribute of exactly that length; absent or not: to stays */
static void
parse_bytes(struct nlattr *nla, void *to, size_t len)
{
	if (nla != NULL && (size_t)nla_len(nla) == len)
		memcpy(to, nla_data(nla), len);
}

static void
parse_sit(struct nlattr *data, struct rt_link *l)
{
	struct nlattr	*tb[IFLA_IPTUN_MAX + 1];

	if (nla_parse_nested(tb, IFLA_IPTUN_MAX, data, sit_policy) < 0)
		return;
	parse_bytes(tb[IFLA_IPTUN_LOCAL], &l->local, sizeof(l->local));
	parse_bytes(tb[IFLA_IPTUN_REMOTE], &l->remote, sizeof(l->remote));
	parse_bytes(tb[IFLA_IPTUN_TTL], &l->ttl, sizeof(l->ttl));
	parse_bytes(tb[IFLA_IPTUN_TOS], &l->tos, sizeof(l->tos));
	parse_bytes(tb[IFLA_IPTUN_PMTUDISC], &l->pmtudisc,
	    sizeof(l->pmtudisc));
	parse_bytes(tb[IFLA_IPTUN_LINK], &l->underlay, sizeof(l->underlay));
	parse_bytes(tb[IFLA_IPTUN_FWMARK], &l->fwmark, sizeof(l->fwmark));
}

static void
parse_linkinfo(struct nlattr *info, struct rt_link *l)
{
	struct nlattr	*tb[IFLA_INFO_MAX + 1];

	if (nla_parse_nested(tb, IFLA_INFO_MAX, info, info_policy) < 0 ||
	    tb[IFLA_INFO_KIND] == NULL)
		return;
	nla_strlcpy(l->kind, tb[IFLA_INFO_KIND], sizeof(l->kind));
	if (strcmp(l->kind, "sit") == 0 && tb[IFLA_INFO_DATA] != NULL)
		parse_sit(tb[IFLA_INFO_DATA], l);
}

/* what IPv6 says of the interface */
static void
parse_inet6(struct nlattr *spec, struct rt_link *l)
{
	struct nlattr	*tb[AF_INET6 + 1], *in6[IFLA_INET6_MAX + 1], *nla;
	int32_t		 conf[DEVCONF_MTU6 + 1];

	if (nla_parse_nested(tb, AF_INET6, spec, NULL) < 0 ||
	    tb[AF_INET6] == NULL || nla_parse_nested(in6, IFLA_INET6_MAX,
	    tb[AF_INET6], NULL) < 0)
		return;
	nla = in6[IFLA_INET6_ADDR_GEN_MODE];
	if (nla != NULL && nla_len(nla) == sizeof(uint8_t))
		l->gen_mode = nla_get_u8(nla);
	/* net.ipv6.conf.IFACE.*, and more of them with each kernel */
	nla = in6[IFLA_INET6_CONF];
	if (nla != NULL && nla_len(nla) >= (int)sizeof(conf)) {
		memcpy(conf, nla_data(nla), sizeof(conf));
		l->mtu6 = (uint32_t)conf[DEVCONF_MTU6];
	}
}

int
rtparse_link(const struct nlmsghdr *h, struct rt_link *l)
{
	struct ifinfomsg	 ifi;
	struct nlattr		*tb[IFLA_MAX + 1];

	memset(l, 0, sizeof(*l));
	l->gen_mode = -1;
	/* AF_BRIDGE and AF_INET6 have link messages of their own */
	if ((h->nlmsg_type != RTM_NEWLINK && h->nlmsg_type != RTM_DELLINK) ||
	    parse_message(h, &ifi, sizeof(ifi), tb, IFLA_MAX,
	    link_policy) == -1 || ifi.ifi_family != AF_UNSPEC)
		return (-1);
	l->ifindex = ifi.ifi_index;
	l->flags = ifi.ifi_flags;
	if (tb[IFLA_MTU] != NULL)
		l->mtu = nla_get_u32(tb[IFLA_MTU]);
	if (tb[IFLA_IFNAME] != NULL)
		nla_strlcpy(l->name, tb[IFLA_IFNAME], sizeof(l->name));
	if (tb[IFLA_IFALIAS] != NULL)
		nla_strlcpy(l->alias, tb[IFLA_IFALIAS], sizeof(l->alias));
	if (tb[IFLA_LINKINFO] != NULL)
		parse_linkinfo(tb[IFLA_LINKINFO], l);
	if (tb[IFLA_AF_SPEC] != NULL)
		parse_inet6(tb[IFLA_AF_SPEC], l);
	return (0);
}

int
rtparse_addr(const struct nlmsghdr *h, struct rt_ifaddr *a)
{
	struct ifaddrmsg	 ifa;
	struct ifa_cacheinfo	 ci;
	struct nlattr		*tb[IFA_MAX + 1], *addr;

	memset(a, 0, sizeof(*a));
	if ((h->nlmsg_type != RTM_NEWADDR && h->nlmsg_type != RTM_DELADDR) ||
	    parse_message(h, &ifa, sizeof(ifa), tb, IFA_MAX,
	    addr_policy) == -1)
		return (-1);
	a->ifindex = (int)ifa.ifa_index;
	a->family = ifa.ifa_family;
	a->prefix_len = ifa.ifa_prefixlen;
	a->scope = ifa.ifa_scope;
	a->flags = tb[IFA_FLAGS] != NULL ? nla_get_u32(tb[IFA_FLAGS]) :
	    ifa.ifa_flags;
	if (tb[IFA_PROTO] != NULL)
		a->protocol = nla_get_u8(tb[IFA_PROTO]);
	a->preferred = a->valid = UINT32_MAX;
	if (tb[IFA_CACHEINFO] != NULL) {
		memcpy(&ci, nla_data(tb[IFA_CACHEINFO]), sizeof(ci));
		a->preferred = ci.ifa_prefered;
		a->valid = ci.ifa_valid;
	}
	/* with a peer, IFA_LOCAL is the address and IFA_ADDRESS the peer */
	addr = tb[IFA_LOCAL] != NULL ? tb[IFA_LOCAL] : tb[IFA_ADDRESS];
	if (a->family == AF_INET6)
		parse_bytes(addr, &a->addr, sizeof(a->addr));
	else if (a->family == AF_INET)
		parse_bytes(addr, &a->addr4, sizeof(a->addr4));
	return (0);
}

/* IPv6 reports several next hops in one route; the first stands for all */
static void
parse_multipath(struct nlattr *nla, struct rt_route *r)
{
	struct rtnexthop	 nh;

	memcpy(&nh, nla_data(nla), sizeof(nh));
	r->multipath = 1;
	r->oif = nh.rtnh_ifindex;
}

static void
parse_metrics(struct nlattr **route, struct rt_route *r)
{
	struct rta_cacheinfo	 ci;
	struct nlattr		*tb[RTAX_MAX + 1];

	if (nla_parse_nested(tb, RTAX_MAX, route[RTA_METRICS],
	    metrics_policy) < 0)
		return;
	if (tb[RTAX_ADVMSS] != NULL)
		r->advmss = nla_get_u32(tb[RTAX_ADVMSS]);
	if (tb[RTAX_MTU] == NULL)
		return;
	r->mtu = nla_get_u32(tb[RTAX_MTU]);
	if (route[RTA_CACHEINFO] != NULL) {
		memcpy(&ci, nla_data(route[RTA_CACHEINFO]), sizeof(ci));
		r->cached_mtu = ci.rta_expires != 0;
	}
}

static void
parse_route6(struct nlattr **tb, struct rt_route *r)
{
	parse_bytes(tb[RTA_DST], &r->dst, sizeof(r->dst));
	parse_bytes(tb[RTA_SRC], &r->src, sizeof(r->src));
	parse_bytes(tb[RTA_GATEWAY], &r->gateway, sizeof(r->gateway));
	parse_bytes(tb[RTA_PREFSRC], &r->prefsrc, sizeof(r->prefsrc));
}

int
rtparse_route(const struct nlmsghdr *h, struct rt_route *r)
{
	struct rtmsg	 rtm;
	struct nlattr	*tb[RTA_MAX + 1];

	memset(r, 0, sizeof(*r));
	if ((h->nlmsg_type != RTM_NEWROUTE && h->nlmsg_type != RTM_DELROUTE) ||
	    parse_message(h, &rtm, sizeof(rtm), tb, RTA_MAX,
	    route_policy) == -1)
		return (-1);
	r->family = rtm.rtm_family;
	r->type = rtm.rtm_type;
	r->protocol = rtm.rtm_protocol;
	r->dst_len = rtm.rtm_dst_len;
	r->src_len = rtm.rtm_src_len;
	r->table = tb[RTA_TABLE] != NULL ? nla_get_u32(tb[RTA_TABLE]) :
	    rtm.rtm_table;
	if (tb[RTA_PRIORITY] != NULL)
		r->metric = nla_get_u32(tb[RTA_PRIORITY]);
	if (tb[RTA_OIF] != NULL)
		r->oif = (int)nla_get_u32(tb[RTA_OIF]);
	else if (tb[RTA_MULTIPATH] != NULL)
		parse_multipath(tb[RTA_MULTIPATH], r);
	if (tb[RTA_METRICS] != NULL)
		parse_metrics(tb, r);
	if (r->family == AF_INET6)
		parse_route6(tb, r);
	else if (r->family == AF_INET) {
		parse_bytes(tb[RTA_DST], &r->dst4, sizeof(r->dst4));
		parse_bytes(tb[RTA_PREFSRC], &r->prefsrc4,
		    sizeof(r->prefsrc4));
	} else
		return (-1);
	return (0);
}

int
rtparse_rule(const struct nlmsghdr *h, struct rt_rule *r)
{
	struct fib_rule_hdr		 frh;
	struct fib_rule_uid_range	 uids = { 0, UINT32_MAX };
	struct nlattr			*tb[FRA_MAX + 1];

	memset(r, 0, sizeof(*r));
	if ((h->nlmsg_type != RTM_NEWRULE && h->nlmsg_type != RTM_DELRULE) ||
	    parse_message(h, &frh, sizeof(frh), tb, FRA_MAX,
	    rule_policy) == -1 || frh.family != AF_INET6)
		return (-1);
	r->action = frh.action;
	r->dst_len = frh.dst_len;
	r->src_len = frh.src_len;
	parse_bytes(tb[FRA_SRC], &r->src, sizeof(r->src));
	r->table = tb[FRA_TABLE] != NULL ? nla_get_u32(tb[FRA_TABLE]) :
	    frh.table;
	if (tb[FRA_GOTO] != NULL)
		r->target = nla_get_u32(tb[FRA_GOTO]);
	if (tb[FRA_PRIORITY] != NULL)
		r->priority = nla_get_u32(tb[FRA_PRIORITY]);
	if (tb[FRA_PROTOCOL] != NULL)
		r->protocol = nla_get_u8(tb[FRA_PROTOCOL]);
	r->suppress = tb[FRA_SUPPRESS_PREFIXLEN] != NULL ?
	    nla_get_u32(tb[FRA_SUPPRESS_PREFIXLEN]) : UINT32_MAX;
	parse_bytes(tb[FRA_UID_RANGE], &uids, sizeof(uids));
	r->uid_from = uids.start;
	r->uid_to = uids.end;
	if (tb[FRA_IIFNAME] != NULL)
		nla_strlcpy(r->iif, tb[FRA_IIFNAME], sizeof(r->iif));
	return (0);
}

/* 0 if this next hop is by the interface */
static int
parse_next_hop(struct nlattr **tb, int hop_oif, int oif,
    struct in_addr *gateway)
{
	if (hop_oif != oif || tb[RTA_VIA] != NULL)
		return (-1);
	memset(gateway, 0, sizeof(*gateway));
	parse_bytes(tb[RTA_GATEWAY], gateway, sizeof(*gateway));
	return (0);
}

int
rtparse_next_hop(const struct nlmsghdr *h, int oif, struct in_addr *gateway)
{
	struct rtmsg	 rtm;
	struct rtnexthop *nh;
	struct nlattr	*tb[RTA_MAX + 1], *hop[RTA_MAX + 1];
	int		 left;

	if ((h->nlmsg_type != RTM_NEWROUTE && h->nlmsg_type != RTM_DELROUTE) ||
	    parse_message(h, &rtm, sizeof(rtm), tb, RTA_MAX,
	    route_policy) == -1 || rtm.rtm_family != AF_INET)
		return (-1);
	if (tb[RTA_OIF] != NULL)
		return (parse_next_hop(tb, (int)nla_get_u32(tb[RTA_OIF]), oif,
		    gateway));
	if (tb[RTA_MULTIPATH] == NULL)
		return (-1);
	nh = nla_data(tb[RTA_MULTIPATH]);
	left = nla_len(tb[RTA_MULTIPATH]);
	for (; RTNH_OK(nh, left); left -= (int)RTNH_ALIGN(nh->rtnh_len),
	    nh = RTNH_NEXT(nh))
		if (nla_parse(hop, RTA_MAX, (struct nlattr *)RTNH_DATA(nh),
		    nh->rtnh_len - (int)sizeof(*nh), NULL) == 0 &&
		    parse_next_hop(hop, nh->rtnh_ifindex, oif, gateway) == 0)
			return (0);
	return (-1);
}
