/*
 * The IPv4 side: how the kernel would send to a tunnel's endpoint.  Runs in
 * the parent; asks by rtnetlink, changes nothing.
 */
#ifndef GW_WAN_H
#define GW_WAN_H

#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

enum wan_result {
	WAN_OK,
	WAN_NONE,	/* no way to the endpoint: an event will tell */
	WAN_BAD		/* a way that cannot carry a tunnel */
};

/* how the outer packets will be sent */
struct wan_query {
	struct in_addr	 remote;
	struct in_addr	 src;	/* INADDR_ANY: the kernel's choice */
	uint32_t	 mark;	/* of the packets, 0: none */
	const char	*pin;	/* the uplink they are held to, "": none */
};

struct wan {
	int		 oif;
	char		 ifname[IFNAMSIZ];
	struct in_addr	 local;
	struct in_addr	 gateway; /* of a pin only; INADDR_ANY: on the link */
	uint32_t	 mtu;	/* of the route, else of the interface */
};

/*
 * Looks up the route.  If the result is not WAN_OK, reason says why in a
 * sentence.
 */
enum wan_result	 wan_lookup(const struct wan_query *, struct wan *,
		    char *reason, size_t);
/* nonzero for 127.0.0.0/8: a program of this host carries the packets on, by
 * whichever way it likes */
int		 wan_loopback(struct in_addr);

/* what is known of an interface (0: of any) is out of date */
void		 wan_forget(int ifindex);

#endif
