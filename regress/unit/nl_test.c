/*
 * The readers of rtnetlink messages, and the picture of the routes that the
 * events draw: messages as kernels send them, cut short, and made up.
 */
#include <sys/socket.h>
#include <arpa/inet.h>
#include <net/if.h>

#include <err.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>

#include "ifaddr.h"
#include "route.h"
#include "rtparse.h"
#include "rtsock.h"
#include "sit.h"
#include "sockdiag.h"
#include "unit.h"

static struct nl_msg *
link_msg(const char *kind)
{
	struct ifinfomsg	*ifi;
	struct nl_msg		*m = rtsock_msg_new(RTM_NEWLINK, 0);
	struct nlattr		*info, *data;

	ifi = nlsock_header(m, sizeof(*ifi));
	ifi->ifi_index = 7;
	ifi->ifi_flags = IFF_UP | IFF_RUNNING;
	nlsock_put(m, IFLA_IFNAME, "he0", 4);
	nlsock_put_u32(m, IFLA_MTU, 1480);
	nlsock_put(m, IFLA_IFALIAS, "gatewayd:he", 12);
	info = nla_nest_start(m, IFLA_LINKINFO);
	nlsock_put(m, IFLA_INFO_KIND, kind, strlen(kind) + 1);
	data = nla_nest_start(m, IFLA_INFO_DATA);
	nlsock_put_u32(m, IFLA_IPTUN_LOCAL, inet_addr("192.0.2.2"));
	nlsock_put_u32(m, IFLA_IPTUN_REMOTE, inet_addr("198.51.100.1"));
	nlsock_put_u8(m, IFLA_IPTUN_TTL, 255);
	nlsock_put_u8(m, IFLA_IPTUN_PMTUDISC, 1);
	nla_nest_end(m, data);
	nla_nest_end(m, info);
	return (m);
}

static void
test_link(void)
{
	struct iface_want	 w = {
		.alias = "gatewayd:he", .mtu = 1480, .ttl = 255,
		.local.s_addr = inet_addr("192.0.2.2"),
		.remote.s_addr = inet_addr("198.51.100.1")
	};
	struct rt_link		 l;
	struct nl_msg		*m = link_msg("sit");
	char			 what[80];

	CHECK(rtparse_link(nlmsg_hdr(m), &l) == 0);
	CHECK(l.ifindex == 7 && l.mtu == 1480 && (l.flags & IFF_UP));
	CHECK(strcmp(l.name, "he0") == 0 && strcmp(l.kind, "sit") == 0);
	CHECK(strcmp(l.alias, "gatewayd:he") == 0 && l.gen_mode == -1);
	CHECK(l.local.s_addr == w.local.s_addr && l.ttl == 255);
	CHECK(!sit_differs(&l, &w, what, sizeof(what)));
	CHECK(!iface_differs(&l, &w, what, sizeof(what)));
	l.mtu = 1400;
	CHECK(iface_differs(&l, &w, what, sizeof(what)));
	CHECK(strcmp(what, "its MTU was 1400") == 0);
	l.fwmark = 1;
	CHECK(sit_differs(&l, &w, what, sizeof(what)));
	l.remote.s_addr = inet_addr("203.0.113.9");
	CHECK(sit_differs(&l, &w, what, sizeof(what)));
	CHECK(strcmp(what, "its remote address was 203.0.113.9") == 0);
	nlmsg_free(m);

	/* another kind's data is not read as sit's */
	m = link_msg("gre");
	CHECK(rtparse_link(nlmsg_hdr(m), &l) == 0 && l.ttl == 0);
	nlmsg_hdr(m)->nlmsg_type = RTM_NEWROUTE;
	CHECK(rtparse_link(nlmsg_hdr(m), &l) == -1);
	nlmsg_free(m);
}

/* the IPv6 side of an interface comes in messages of its own */
static void
test_link_family(void)
{
	struct rt_link	 l;
	struct nl_msg	*m = link_msg("sit");

	((struct ifinfomsg *)nlmsg_data(nlmsg_hdr(m)))->ifi_family = AF_INET6;
	CHECK(rtparse_link(nlmsg_hdr(m), &l) == -1);
	nlmsg_free(m);
}

/* the MTU of IPv6 is the third of an array that grows with the kernel */
static void
test_link_mtu6(void)
{
	static const int32_t	 conf[] = { 0, 64, 1400, 1, 0 };
	struct rt_link		 l;
	struct nl_msg		*m;
	struct nlattr		*spec, *in6;
	size_t			 n;

	for (n = 0; n <= sizeof(conf) / sizeof(conf[0]); n++) {
		m = link_msg("sit");
		spec = nla_nest_start(m, IFLA_AF_SPEC);
		in6 = nla_nest_start(m, AF_INET6);
		nlsock_put(m, IFLA_INET6_CONF, conf, n * sizeof(conf[0]));
		nlsock_put_u8(m, IFLA_INET6_ADDR_GEN_MODE, 1);
		nla_nest_end(m, in6);
		nla_nest_end(m, spec);
		CHECK(rtparse_link(nlmsg_hdr(m), &l) == 0);
		CHECK(l.mtu6 == (n > 2 ? 1400 : 0) && l.gen_mode == 1);
		nlmsg_free(m);
	}
}

static struct nl_msg *
rule_msg(uint8_t family, int full)
{
	struct fib_rule_uid_range	 uids = { 5, 9 };
	struct fib_rule_hdr		*frh;
	struct in6_addr			 src = addr6("2001:db8:1::");
	struct nl_msg			*m = rtsock_msg_new(RTM_NEWRULE, 0);

	frh = nlsock_header(m, sizeof(*frh));
	frh->family = family;
	frh->action = FR_ACT_TO_TBL;
	frh->table = RT_TABLE_MAIN;
	if (!full)
		return (m);
	frh->src_len = 48;
	nlsock_put(m, FRA_SRC, &src, sizeof(src));
	nlsock_put(m, FRA_IIFNAME, "lo", 3);
	nlsock_put_u32(m, FRA_TABLE, 1000);
	nlsock_put_u32(m, FRA_PRIORITY, 20100);
	nlsock_put_u32(m, FRA_GOTO, 20103);
	nlsock_put_u32(m, FRA_SUPPRESS_PREFIXLEN, 0);
	nlsock_put_u8(m, FRA_PROTOCOL, 201);
	nlsock_put(m, FRA_UID_RANGE, &uids, sizeof(uids));
	return (m);
}

static void
test_rule(void)
{
	struct in6_addr	 src = addr6("2001:db8:1::");
	struct rt_rule	 r;
	struct nl_msg	*m = rule_msg(AF_INET6, 1);

	CHECK(rtparse_rule(nlmsg_hdr(m), &r) == 0);
	CHECK(sizeof(r) == 60);		/* no padding */
	CHECK(r.priority == 20100 && r.action == FR_ACT_TO_TBL);
	CHECK(r.target == 20103 && r.dst_len == 0);
	CHECK(r.protocol == 201 && r.table == 1000 && r.suppress == 0);
	CHECK(r.src_len == 48 && IN6_ARE_ADDR_EQUAL(&r.src, &src));
	CHECK(r.uid_from == 5 && r.uid_to == 9 && strcmp(r.iif, "lo") == 0);
	nlmsg_free(m);
	/* what is not there asks for nothing */
	m = rule_msg(AF_INET6, 0);
	CHECK(rtparse_rule(nlmsg_hdr(m), &r) == 0);
	CHECK(r.table == RT_TABLE_MAIN && r.suppress == UINT32_MAX);
	CHECK(r.uid_from == 0 && r.uid_to == UINT32_MAX && r.iif[0] == '\0');
	nlmsg_free(m);
	m = rule_msg(AF_INET, 1);
	CHECK(rtparse_rule(nlmsg_hdr(m), &r) == -1);
	nlmsg_free(m);
}

/* every length a message can be cut to: refused, or read without a fault */
static void
test_cut(struct nl_msg *m)
{
	struct nlmsghdr		*h = nlmsg_hdr(m);
	struct rt_link		 l;
	struct rt_ifaddr	 a;
	struct rt_route		 r;
	struct rt_rule		 rule;
	struct in_addr		 gateway;
	uint32_t		 full = h->nlmsg_len, len;

	for (len = 0; len < full; len++) {
		h->nlmsg_len = len;
		(void)rtparse_link(h, &l);
		(void)rtparse_addr(h, &a);
		(void)rtparse_route(h, &r);
		(void)rtparse_next_hop(h, 4, &gateway);
		(void)rtparse_rule(h, &rule);
		if (len < NLMSG_HDRLEN + sizeof(struct ifaddrmsg))
			CHECK(rtparse_link(h, &l) == -1 &&
			    rtparse_addr(h, &a) == -1 &&
			    rtparse_rule(h, &rule) == -1 &&
			    rtparse_route(h, &r) == -1);
	}
	nlmsg_free(m);
}

static struct nl_msg *
addr_msg(uint32_t flags, uint32_t preferred)
{
	struct ifa_cacheinfo	 ci = {
		.ifa_prefered = preferred, .ifa_valid = UINT32_MAX
	};
	struct in6_addr		 addr = addr6("2001:db8::2");
	struct ifaddrmsg	*ifa;
	struct nl_msg		*m = rtsock_msg_new(RTM_NEWADDR, 0);

	ifa = nlsock_header(m, sizeof(*ifa));
	ifa->ifa_family = AF_INET6;
	ifa->ifa_prefixlen = 64;
	ifa->ifa_index = 7;
	ifa->ifa_flags = IFA_F_PERMANENT;
	nlsock_put(m, IFA_ADDRESS, &addr, sizeof(addr));
	nlsock_put(m, IFA_CACHEINFO, &ci, sizeof(ci));
	nlsock_put_u32(m, IFA_FLAGS, flags);
	nlsock_put_u8(m, IFA_PROTO, RTPROT_GATEWAYD);
	return (m);
}

static void
test_addr(void)
{
	struct rt_ifaddr	 a;
	struct in6_addr		 want = addr6("2001:db8::2");
	struct nl_msg		*m;
	char			 what[80];

	m = addr_msg(IFA_F_NODAD | IFA_F_NOPREFIXROUTE, UINT32_MAX);
	CHECK(rtparse_addr(nlmsg_hdr(m), &a) == 0);
	CHECK(a.ifindex == 7 && a.prefix_len == 64 && a.protocol == 201);
	CHECK(IN6_ARE_ADDR_EQUAL(&a.addr, &want));
	CHECK(!ifaddr_differs(&a, 64, IFADDR_PREFERRED, what, sizeof(what)));
	CHECK(ifaddr_differs(&a, 48, IFADDR_PREFERRED, what, sizeof(what)));
	CHECK(ifaddr_differs(&a, 64, IFADDR_DEPRECATED, what, sizeof(what)));
	CHECK(strcmp(what, "it was preferred") == 0);
	nlmsg_free(m);
	/* flags beyond the eighth bit are in the attribute only */
	m = addr_msg(IFA_F_NODAD, UINT32_MAX);
	CHECK(rtparse_addr(nlmsg_hdr(m), &a) == 0);
	CHECK(ifaddr_differs(&a, 64, IFADDR_PREFERRED, what, sizeof(what)));
	nlmsg_free(m);
	m = addr_msg(IFA_F_NODAD | IFA_F_NOPREFIXROUTE, 0);
	CHECK(rtparse_addr(nlmsg_hdr(m), &a) == 0);
	CHECK(ifaddr_differs(&a, 64, IFADDR_PREFERRED, what, sizeof(what)));
	CHECK(strcmp(what, "it was deprecated") == 0);
	CHECK(!ifaddr_differs(&a, 64, IFADDR_DEPRECATED, what, sizeof(what)));
	nlmsg_free(m);
}

static struct nl_msg *
route_msg(uint16_t type, int flags, uint8_t protocol, const char *src,
    int oif, uint32_t metric)
{
	struct in6_addr	 prefix;
	struct rtmsg	*rtm;
	struct nl_msg	*m = rtsock_msg_new(type, flags);

	rtm = nlsock_header(m, sizeof(*rtm));
	rtm->rtm_family = AF_INET6;
	rtm->rtm_table = RT_TABLE_MAIN;
	rtm->rtm_type = RTN_UNICAST;
	rtm->rtm_protocol = protocol;
	if (src != NULL) {
		prefix = addr6(src);
		rtm->rtm_src_len = 64;
		nlsock_put(m, RTA_SRC, &prefix, sizeof(prefix));
	}
	nlsock_put_u32(m, RTA_OIF, (uint32_t)oif);
	nlsock_put_u32(m, RTA_PRIORITY, metric);
	return (m);
}

static int
event(struct nl_msg *m)
{
	struct rt_route	 r;
	int		 concerns;

	CHECK(rtparse_route(nlmsg_hdr(m), &r) == 0);
	concerns = route_event(nlmsg_hdr(m), &r);
	nlmsg_free(m);
	return (concerns);
}

static size_t
count(void)
{
	size_t	 i = 0, n = 0;

	while (route_next(&i) != NULL)
		n++;
	return (n);
}

/* two defaults that differ in their source prefix only are two */
static void
test_routes(void)
{
	struct rt_route	 r;

	CHECK(event(route_msg(RTM_NEWROUTE, 0, 201, "2001:db8:1::", 7, 2048)));
	CHECK(event(route_msg(RTM_NEWROUTE, 0, 201, "2001:db8:2::", 8, 2048)));
	CHECK(event(route_msg(RTM_NEWROUTE, 0, 201, "2001:db8:2::", 8, 2048)));
	CHECK(count() == 2);
	route_init(&r, 7, 2048);
	r.src = addr6("2001:db8:1::");
	r.src_len = 64;
	CHECK(route_present(&r));
	CHECK(strcmp(route_text(&r), "default from 2001:db8:1::/64") == 0);
	CHECK(route_foreign(&r) == NULL && route_foreign_default() == NULL);
	r.oif = 8;
	CHECK(!route_present(&r));
	CHECK(event(route_msg(RTM_DELROUTE, 0, 201, "2001:db8:1::", 7, 2048)));
	CHECK(count() == 1);
	route_iface_gone(8);
	CHECK(count() == 0);
}

static void
test_replace(void)
{
	struct rt_route	 r;

	event(route_msg(RTM_NEWROUTE, 0, RTPROT_STATIC, NULL, 3, 1024));
	event(route_msg(RTM_NEWROUTE, 0, 201, NULL, 7, 2048));
	event(route_msg(RTM_NEWROUTE, NLM_F_REPLACE, 201, NULL, 8, 2048));
	CHECK(count() == 2);
	route_init(&r, 8, 2048);
	CHECK(route_present(&r) && route_foreign(&r) == NULL);
	/* ours, but not as it has to be */
	r.advmss = 1420;
	CHECK(!route_present(&r) && route_own(&r));
	r.advmss = 0;
	CHECK(route_foreign_default() != NULL &&
	    route_foreign_default()->oif == 3);
	event(route_msg(RTM_NEWROUTE, NLM_F_REPLACE, RTPROT_STATIC, NULL, 3,
	    2048));
	CHECK(!route_present(&r) && route_foreign(&r) != NULL);
	CHECK(!route_own(&r));
	route_free();
	CHECK(count() == 0);
}

/* other tables, and routes that are neither defaults nor ours */
static void
test_routes_of_no_concern(void)
{
	struct in6_addr	 dst = addr6("2001:db8:9::");
	struct rtmsg	*rtm;
	struct nl_msg	*m;

	m = route_msg(RTM_NEWROUTE, 0, RTPROT_STATIC, NULL, 3, 1024);
	nlsock_put_u32(m, RTA_TABLE, 100);
	CHECK(!event(m));
	m = route_msg(RTM_NEWROUTE, 0, RTPROT_STATIC, NULL, 3, 1024);
	rtm = nlmsg_data(nlmsg_hdr(m));
	rtm->rtm_dst_len = 48;
	nlsock_put(m, RTA_DST, &dst, sizeof(dst));
	CHECK(!event(m));
	CHECK(count() == 0);
}

static void
test_metrics(void)
{
	struct rta_cacheinfo	 ci = { .rta_expires = 500 };
	struct nlattr		*nest;
	struct rtmsg		*rtm;
	struct rt_route		 r;
	struct nl_msg		*m = rtsock_msg_new(RTM_NEWROUTE, 0);
	int			 i;

	rtm = nlsock_header(m, sizeof(*rtm));
	rtm->rtm_family = AF_INET;
	nest = nla_nest_start(m, RTA_METRICS);
	nlsock_put_u32(m, RTAX_MTU, 1400);
	nlsock_put_u32(m, RTAX_ADVMSS, 1340);
	nla_nest_end(m, nest);
	for (i = 0; i < 2; i++) {
		CHECK(rtparse_route(nlmsg_hdr(m), &r) == 0);
		CHECK(r.mtu == 1400 && r.cached_mtu == i);
		CHECK(r.advmss == 1340);
		nlsock_put(m, RTA_CACHEINFO, &ci, sizeof(ci));
	}
	nlmsg_free(m);
}

/* a default by interface 3, or by 3 and 4 with a gateway each */
static struct nl_msg *
hops_msg(uint8_t family, int several, int via)
{
	struct rtnexthop	*nh;
	struct rtmsg		*rtm;
	struct in_addr		 gateway = { htonl(0xc0000201) };
	struct nlattr		*nest;
	struct nl_msg		*m = rtsock_msg_new(RTM_NEWROUTE, 0);
	int			 i;

	rtm = nlsock_header(m, sizeof(*rtm));
	rtm->rtm_family = family;
	if (!several) {
		nlsock_put_u32(m, RTA_OIF, 3);
		nlsock_put(m, via ? RTA_VIA : RTA_GATEWAY, &gateway,
		    sizeof(gateway));
		return (m);
	}
	nest = nla_nest_start(m, RTA_MULTIPATH);
	for (i = 0; i < 2; i++, gateway.s_addr += htonl(1)) {
		nh = nlsock_header(m, sizeof(*nh));
		nh->rtnh_len = sizeof(*nh) + NLA_HDRLEN + sizeof(gateway);
		nh->rtnh_ifindex = 3 + i;
		nlsock_put(m, RTA_GATEWAY, &gateway, sizeof(gateway));
	}
	nla_nest_end(m, nest);
	return (m);
}

static in_addr_t
hop(struct nl_msg *m, int oif)
{
	struct in_addr	 gateway;

	if (rtparse_next_hop(nlmsg_hdr(m), oif, &gateway) == -1)
		gateway.s_addr = htonl(INADDR_BROADCAST);
	return (ntohl(gateway.s_addr));
}

static void
test_next_hop(void)
{
	struct nl_msg	*m;

	m = hops_msg(AF_INET, 0, 0);
	CHECK(hop(m, 3) == 0xc0000201 && hop(m, 4) == INADDR_BROADCAST);
	nlmsg_free(m);
	m = hops_msg(AF_INET, 1, 0);
	CHECK(hop(m, 3) == 0xc0000201 && hop(m, 4) == 0xc0000202);
	CHECK(hop(m, 5) == INADDR_BROADCAST);
	nlmsg_free(m);
	/* an IPv6 gateway, and an IPv6 route */
	m = hops_msg(AF_INET, 0, 1);
	CHECK(hop(m, 3) == INADDR_BROADCAST);
	nlmsg_free(m);
	m = hops_msg(AF_INET6, 0, 0);
	CHECK(hop(m, 3) == INADDR_BROADCAST);
	nlmsg_free(m);
	test_cut(hops_msg(AF_INET, 1, 0));
}

static struct nl_msg *
diag_msg(uint8_t family)
{
	struct inet_diag_msg	*d;
	struct in6_addr		 src = addr6("2001:db8::2");
	struct nl_msg		*m = rtsock_msg_new(SOCK_DIAG_BY_FAMILY, 0);

	d = nlsock_header(m, sizeof(*d));
	d->idiag_family = family;
	d->id.idiag_sport = htons(1234);
	memcpy(d->id.idiag_src, &src, sizeof(src));
	d->id.idiag_cookie[1] = 77;
	return (m);
}

/* an IPv6 socket that is there to its last byte, or none */
static void
test_diag(void)
{
	struct inet_diag_sockid	 id;
	struct in6_addr		 src = addr6("2001:db8::2");
	struct nl_msg		*m = diag_msg(AF_INET6);
	struct nlmsghdr		*h = nlmsg_hdr(m);
	uint32_t		 full = h->nlmsg_len;

	CHECK(sockdiag_parse(h, &id) == 0);
	CHECK(id.idiag_sport == htons(1234) && id.idiag_cookie[1] == 77);
	CHECK(memcmp(id.idiag_src, &src, sizeof(src)) == 0);
	for (h->nlmsg_len = 0; h->nlmsg_len < full; h->nlmsg_len++)
		CHECK(sockdiag_parse(h, &id) == -1);
	h->nlmsg_type = SOCK_DESTROY;
	CHECK(sockdiag_parse(h, &id) == -1);
	nlmsg_free(m);
	m = diag_msg(AF_INET);
	CHECK(sockdiag_parse(nlmsg_hdr(m), &id) == -1);
	nlmsg_free(m);
}

int
main(void)
{
	test_link();
	test_link_family();
	test_link_mtu6();
	test_addr();
	test_routes();
	test_replace();
	test_routes_of_no_concern();
	test_metrics();
	test_next_hop();
	test_diag();
	test_rule();
	test_cut(link_msg("sit"));
	test_cut(addr_msg(0, 0));
	test_cut(rule_msg(AF_INET6, 1));
	test_cut(route_msg(RTM_NEWROUTE, 0, 201, "2001:db8:1::", 7, 2048));
	return (0);
}
