/*
 * Whom to ask over IPv6, and from which address.  Runs in the doctor
 * (_gwrelay, Landlock) and in gatewayctl.
 */
#ifndef GW_TARGET_H
#define GW_TARGET_H

#include <netinet/in.h>

#include "check.h"

/* hosts to ask over a tunnel (NULL: natively): [health] targets */
unsigned int	 target_count(const struct doctor *, const struct gw_tunnel *);
/*
 * Number i of them, and the tunnel's own address, with port 0.  0, or -1 if
 * there is no such target or the tunnel has no address.  t is not NULL.
 */
int	 target_tunnel(const struct doctor *, const struct gw_tunnel *t,
	    unsigned int i, struct sockaddr_in6 *to, struct sockaddr_in6 *src);
/* the same for native IPv6, whose address is given */
int	 target_native(const struct doctor *, const struct in6_addr *own,
	    unsigned int i, struct sockaddr_in6 *to, struct sockaddr_in6 *src);

#endif
