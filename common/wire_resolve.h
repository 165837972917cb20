/*
 * Payloads: names, which the parent and the relay ask the resolver for.
 */
#ifndef GW_WIRE_RESOLVE_H
#define GW_WIRE_RESOLVE_H

#include <netinet/in.h>
#include <stdint.h>

#include "conf.h"
#include "wire.h"

#define WIRE_ADDRS	16	/* of a name, in one family */

/* a tunnel may have several peers: the number tells the answers apart */
struct imsg_resolve {
	uint32_t	query;
	char		name[GW_HOST_SIZE];
};

struct imsg_resolved {
	uint32_t	query;		/* as asked */
	uint32_t	error;		/* 0, or ARES_* */
	uint32_t	ttl;		/* seconds */
	uint32_t	naddrs;
	struct in_addr	addrs[8];
	char		reason[WIRE_REASON];
};

struct imsg_lookup {
	uint16_t	family;		/* AF_INET, AF_INET6 */
	uint16_t	fresh;		/* what was learnt before does not do */
	char		name[GW_HOST_SIZE];
};

struct imsg_looked_up {
	uint32_t	error;		/* 0, or ARES_* */
	uint32_t	ttl;		/* seconds */
	uint32_t	naddrs;
	struct in6_addr	addrs[WIRE_ADDRS]; /* IPv4 in the first four bytes */
};

WIRE_SIZE(imsg_resolve, 4 + 256);
WIRE_SIZE(imsg_resolved, 16 + 32 + 160);
WIRE_SIZE(imsg_lookup, 4 + 256);
WIRE_SIZE(imsg_looked_up, 12 + 16 * WIRE_ADDRS);

#endif
