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

struct wan {
	int		 oif;
	char		 ifname[IFNAMSIZ];
	struct in_addr	 local;
	uint32_t	 mtu;	/* of the route, else of the interface */
};

/*
 * Looks up the route to remote from src (INADDR_ANY: the kernel's choice).
 * If the result is not WAN_OK, reason says why in a sentence.
 */
enum wan_result	 wan_lookup(struct in_addr remote, struct in_addr src,
		    struct wan *, char *reason, size_t);

/* what is known of an interface (0: of any) is out of date */
void		 wan_forget(int ifindex);

#endif
