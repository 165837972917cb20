/*
 * Payloads: what the engine wants of a tunnel, what the kernel has of it, and
 * what operators ask for.
 */
#ifndef GW_WIRE_LINK_H
#define GW_WIRE_LINK_H

#include <netinet/in.h>
#include <stdint.h>

#include "conf.h"
#include "wire.h"

enum want {
	WANT_ABSENT,			/* no interface */
	WANT_PRESENT,			/* interface, address, source default */
	WANT_ACTIVE			/* and the plain default */
};

struct imsg_want {
	uint32_t	want;		/* enum want */
	uint32_t	mtu;		/* IPv6 packets at most, 0: any */
	uint8_t		lost;		/* it is down and another one carries
					 * the traffic: [failover] flows */
	uint8_t		pad[3];
};

enum link_state {
	LINK_ABSENT,			/* as wanted */
	LINK_SETUP,			/* a program behind it is started */
	LINK_WAIT_WAN,			/* no IPv4 route to the endpoint */
	LINK_WAIT_DNS,			/* the endpoint's name is looked up */
	LINK_READY,			/* all that is wanted is in place */
	LINK_DOWN,			/* external: missing or down */
	LINK_ERROR			/* reason says what is wrong */
};

struct imsg_link {
	uint32_t	state;		/* enum link_state */
	uint32_t	want;		/* what was wanted then */
	uint32_t	ifindex;
	uint32_t	mtu;		/* of IPv6, with the limit of WANT */
	uint32_t	mtu_max;	/* of the interface */
	uint32_t	driver;		/* enum gw_driver, AUTO: unknown yet */
	uint32_t	retry_s;	/* LINK_ERROR: next try; 0: on change */
	uint8_t		default_route;	/* our plain default is in place */
	uint8_t		mtu_fixed;	/* the configuration says how much */
	uint8_t		pad[2];
	struct in_addr	local;
	struct in_addr	remote;
	struct in6_addr	address;	/* external: found on the interface */
	uint8_t		has_address;
	uint8_t		prefix_len;
	char		reason[WIRE_REASON];
	char		pad2[6];
};

/* nonzero if what indexes a table or is printed can be */
#define wire_link(l)	((l)->state <= LINK_ERROR && \
	(l)->want <= WANT_ACTIVE && (l)->driver <= GW_DRIVER_USERSPACE && \
	(l)->prefix_len <= 128 && wire_string((l)->reason))

struct imsg_stats {
	uint64_t	rx_bytes;
	uint64_t	tx_bytes;
	uint64_t	rx_packets;
	uint64_t	tx_packets;
	uint64_t	rx_errors;
	uint64_t	tx_errors;
	uint64_t	handshake;	/* WireGuard's last one, 0: none */
};

enum admin_verb {
	ADMIN_UP,
	ADMIN_DOWN,
	ADMIN_RESTART,
	ADMIN_PREFER,
	ADMIN_UNPREFER
};

struct imsg_admin {
	uint32_t	tunnel;
	uint32_t	verb;		/* enum admin_verb */
};

WIRE_SIZE(imsg_want, 12);
WIRE_SIZE(imsg_link, 7 * 4 + 4 + 8 + 16 + 2 + 160 + 6);
WIRE_SIZE(imsg_stats, 56);
WIRE_SIZE(imsg_admin, 8);

#endif
