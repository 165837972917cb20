/*
 * What numbers mean: kinds of IPv4 addresses, who made a route.  Pure
 * functions.
 */
#ifndef GW_CLASSIFY_H
#define GW_CLASSIFY_H

#include <netinet/in.h>
#include <stdint.h>

enum addr4_kind {
	ADDR4_PUBLIC,
	ADDR4_PRIVATE,		/* RFC 1918 */
	ADDR4_CGNAT,		/* 100.64.0.0/10, RFC 6598 */
	ADDR4_LINK_LOCAL	/* 169.254.0.0/16, RFC 3927 */
};

/* in which of the ranges above it is */
enum addr4_kind	 addr4_kind(struct in_addr);
/*
 * Who made a route of that protocol (rtm_protocol): "NetworkManager or
 * another DHCP client", ...; *stop how to keep it from doing so, NULL if it
 * is not known.  Text for our own routes as well.
 */
const char	*route_maker(uint8_t protocol, const char **stop);

#endif
