/*
 * IPv4 routes, as far as a tunnel is held to one uplink.  Runs in the parent
 * (CAP_NET_ADMIN).  Whatever fails is -1 with errno and nlsock_error().
 */
#ifndef GW_ROUTE4_H
#define GW_ROUTE4_H

#include <netinet/in.h>

#include "rtparse.h"

/* a route to one host by one interface, of protocol 201 in the main table */
struct route4_pin {
	struct in_addr	 dst;
	struct in_addr	 gateway;	/* INADDR_ANY: it is on the link */
	int		 oif;
};

/*
 * Reads the routes by this interface, of all tables, for the two functions
 * below.  A dump: the kernel cannot be asked for a way that leaves out the
 * very route that holds us to it.
 */
int	 route4_load(int oif);
/* the next hop to dst among them, but for our own: 0, or -1: there is none */
int	 route4_way(struct in_addr dst, struct in_addr *gateway);
/* nonzero if exactly this one of ours is among them */
int	 route4_present(const struct route4_pin *);

/* what the kernel would use for this host: 0, or -1 */
int	 route4_match(struct in_addr dst, struct rt_route *);
/* gives every one of ours to fn, which must not make a request */
int	 route4_pins(void (*fn)(const struct route4_pin *, void *), void *arg);
/* with replace, in the place of the one to that host, whosever it is;
 * without, such a one is EEXIST */
int	 route4_add(const struct route4_pin *, int replace);
int	 route4_del(const struct route4_pin *);

#endif
