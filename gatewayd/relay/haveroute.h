/*
 * Whether the kernel has a route, without a packet being sent.  Runs in the
 * relay (_gwrelay, chroot).
 */
#ifndef GW_HAVEROUTE_H
#define GW_HAVEROUTE_H

#include <netinet/in.h>

/*
 * Lets the socket, an IPv6 one, send from that address.  A port is chosen by
 * connect(2), which knows the destination: bind(2) would need one that no
 * other socket of this source has.  0, or -1 with errno.
 */
int	 bind_source(int fd, const struct in6_addr *source);

/*
 * Nonzero if there is a route to the address: from source, if it is an IPv6
 * one and that is not NULL.  Nonzero as well if that cannot be told.  What it
 * was a moment ago will do: a busy relay does not ask for each connection.
 */
int	 have_route4(struct in_addr);
int	 have_route6(const struct in6_addr *, const struct in6_addr *source);

/*
 * The same of everywhere, told by an address that nobody has: by a default
 * route or what amounts to it.
 */
int	 have_default4(void);
int	 have_default6(const struct in6_addr *source);

#endif
