/*
 * IPv6 addresses of an interface, by rtnetlink.  Runs in the parent
 * (CAP_NET_ADMIN).
 */
#ifndef GW_IFADDR_H
#define GW_IFADDR_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "rtparse.h"

#define IFADDR_PREFERRED	UINT32_MAX	/* for ever */
#define IFADDR_DEPRECATED	0		/* no new flows */

/*
 * Adds the address, or makes it what it has to be: valid for ever, preferred
 * so many seconds, no duplicate address detection (a tunnel has no
 * neighbours), and without the kernel's own on-link route: ours, of protocol
 * 201, stands in for it, so that one rule finds and repairs all our routes.
 * 0, or -1 with errno and nlsock_error(); EACCES: disable_ipv6 is set.
 */
int	 ifaddr_set(int ifindex, const struct in6_addr *, uint8_t prefix_len,
	    uint32_t preferred);
/* 0, or -1 with errno: EADDRNOTAVAIL if it is not there */
int	 ifaddr_del(int ifindex, const struct in6_addr *, uint8_t prefix_len);
/* nonzero if the address is not as ifaddr_set() makes it, and what is wrong */
int	 ifaddr_differs(const struct rt_ifaddr *, uint8_t prefix_len,
	    uint32_t preferred, char *what, size_t);

/* removes the addresses of protocol 201 but this one: those of a former
 * configuration (needs Linux 5.18, which tells the protocol) */
void	 ifaddr_sweep(int ifindex, const struct in6_addr *keep);

/* which address of the interface ifaddr_find() is to take */
struct ifaddr_want {
	int		 ifindex;
	int		 any;		/* any global one that is preferred */
	struct in6_addr	 addr;		/* else this one; if it is missing, */
	int		 in_prefix;	/* another in addr/prefix_len will do */
	uint8_t		 prefix_len;
};
/* 0 and the address, or -1: there is none (errno ENOENT), or it failed */
int	 ifaddr_find(const struct ifaddr_want *, struct rt_ifaddr *);

#endif
