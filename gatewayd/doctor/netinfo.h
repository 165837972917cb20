/*
 * Interfaces, IPv6 addresses and IPv6 default routes as the kernel has them.
 * Runs in the doctor (_gwrelay, Landlock) and in gatewayctl; reads only.
 */
#ifndef GW_NETINFO_H
#define GW_NETINFO_H

#include <netinet/in.h>
#include <stddef.h>

#include "rtparse.h"

struct netinfo {
	struct rt_link		*links;
	size_t			 nlinks;
	struct rt_ifaddr	*addrs;		/* AF_INET6 */
	size_t			 naddrs;
	struct rt_route		*defaults;	/* ::/0, main table */
	size_t			 ndefaults;
	struct rt_route		*defaults4;	/* 0.0.0.0/0, main table */
	size_t			 ndefaults4;
	int			 error;		/* errno: it is not complete */
};

/* never NULL */
struct netinfo	*netinfo_load(void);
void		 netinfo_free(struct netinfo *);

/* NULL if there is none */
const struct rt_link *netinfo_link(const struct netinfo *, const char *name);
const struct rt_link *netinfo_link_index(const struct netinfo *, int ifindex);
/* the name, or "?" */
const char	*netinfo_name(const struct netinfo *, int ifindex);
const struct rt_ifaddr *netinfo_addr(const struct netinfo *,
		    const struct in6_addr *);
/* nonzero for an address that Internet hosts can be reached from */
int		 netinfo_global(const struct rt_ifaddr *);
/* nonzero if one of those is on the interface */
int		 netinfo_has_global(const struct netinfo *, int ifindex);
/* the kernel's route to an IPv4 host, by that interface unless it is 0; 0, or
 * -1 with errno */
int		 netinfo_route4(struct in_addr, int oif, struct rt_route *);

#endif
