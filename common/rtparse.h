/*
 * Readers of rtnetlink messages (rtnetlink(7)): interfaces, addresses,
 * routes, IPv6 rules.  libnl's own objects are not used for what is received:
 * its route cache cannot tell two source-specific defaults apart, its link
 * cache mixes in AF_INET6 shadows, and its rules know no users.  Pure
 * functions, no privilege.
 */
#ifndef GW_RTPARSE_H
#define GW_RTPARSE_H

#include <net/if.h>
#include <netinet/in.h>
#include <netlink/msg.h>
#include <stdint.h>

#define RTPROT_GATEWAYD	201	/* rtm_protocol and IFA_PROTO of ours */
#define RT_ALIAS_SIZE	64	/* longer aliases are cut: ours are shorter */
#define RT_KIND_SIZE	16

/* an interface; what a message does not carry is zero */
struct rt_link {
	int		 ifindex;
	uint32_t	 flags;			/* IFF_* */
	uint32_t	 mtu;
	char		 name[IFNAMSIZ];
	char		 alias[RT_ALIAS_SIZE];
	char		 kind[RT_KIND_SIZE];	/* "" for hardware */
	int		 gen_mode;		/* IN6_ADDR_GEN_*; -1: none */
	uint32_t	 mtu6;			/* of IPv6 */
	struct in_addr	 local;			/* kind sit */
	struct in_addr	 remote;
	uint8_t		 ttl;
	uint8_t		 tos;
	uint8_t		 pmtudisc;
	uint32_t	 underlay;		/* ifindex it is bound to */
	uint32_t	 fwmark;
};

struct rt_ifaddr {
	int		 ifindex;
	int		 family;		/* AF_INET, AF_INET6 */
	union {
		struct in6_addr	 addr;		/* AF_INET6 */
		struct in_addr	 addr4;		/* AF_INET */
	};
	uint8_t		 prefix_len;
	uint8_t		 scope;
	uint8_t		 protocol;		/* IFA_PROTO, 0: not told */
	uint32_t	 flags;			/* IFA_F_* */
	uint32_t	 preferred;		/* s; UINT32_MAX: forever */
	uint32_t	 valid;
};

struct rt_route {
	int		 family;
	uint8_t		 type;			/* RTN_* */
	uint8_t		 protocol;
	uint32_t	 table;
	uint8_t		 dst_len;
	uint8_t		 src_len;
	uint8_t		 multipath;		/* several next hops */
	uint8_t		 cached_mtu;		/* mtu was learnt, it expires */
	union {
		struct in6_addr	 dst;		/* AF_INET6 */
		struct in_addr	 dst4;		/* AF_INET */
	};
	struct in6_addr	 src;			/* AF_INET6 only */
	struct in6_addr	 gateway;
	struct in6_addr	 prefsrc;
	struct in_addr	 prefsrc4;
	uint32_t	 metric;
	int		 oif;			/* of the first next hop */
	uint32_t	 mtu;			/* RTAX_MTU, 0: none */
	uint32_t	 advmss;		/* RTAX_ADVMSS, 0: none */
};

/*
 * A rule of IPv6 (ip-rule(8)); what it does not ask for is as in parentheses.
 * There is no padding, so that memcmp(3) compares two.
 */
struct rt_rule {
	uint32_t	 priority;
	uint8_t		 action;		/* FR_ACT_* */
	uint8_t		 protocol;
	uint8_t		 dst_len;
	uint8_t		 src_len;
	struct in6_addr	 src;
	uint32_t	 table;
	uint32_t	 target;		/* of FR_ACT_GOTO: priority */
	uint32_t	 suppress;		/* prefix length (UINT32_MAX) */
	uint32_t	 uid_from;		/* (0) */
	uint32_t	 uid_to;		/* (UINT32_MAX) */
	char		 iif[IFNAMSIZ];		/* ("") */
};

/* each: 0, or -1 if the message is not one of its kind or is malformed */
int	 rtparse_link(const struct nlmsghdr *, struct rt_link *);
int	 rtparse_addr(const struct nlmsghdr *, struct rt_ifaddr *);
int	 rtparse_route(const struct nlmsghdr *, struct rt_route *);
int	 rtparse_rule(const struct nlmsghdr *, struct rt_rule *);
/* the IPv4 gateway of an IPv4 route by this interface, INADDR_ANY if it has
 * none; -1 also if no next hop is by it, or one by IPv6 (RFC 5549) */
int	 rtparse_next_hop(const struct nlmsghdr *, int oif, struct in_addr *);

#endif
