/*
 * Payloads: the drivers in user space, 6in4 of our own and wireguard-go.
 */
#ifndef GW_WIRE_DRIVER_H
#define GW_WIRE_DRIVER_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>

#include "conf.h"
#include "wire.h"

struct imsg_encap {
	struct in_addr	local;
	struct in_addr	remote;
	struct in6_addr	address;	/* ours, source of what we report */
	uint32_t	mtu;
	uint8_t		ttl;
	uint8_t		nprefixes;	/* sources we may send from */
	uint8_t		pad[2];
	struct in6_addr	prefixes[GW_PREFIXES_MAX + 1];
	uint8_t		lens[GW_PREFIXES_MAX + 1];
	char		name[GW_NAME_SIZE];
	char		pad2[2];
};

struct imsg_encap_tun {
	uint32_t	offloads;	/* TUN_F_* in force on the queue */
};

/* the TUN interface wireguard-go is to serve */
struct imsg_launch_tun {
	char		iface[IFNAMSIZ];
};

enum launch_end {
	LAUNCH_MISSING,			/* it is not installed */
	LAUNCH_FAILED,			/* status: errno of fork(2) and such */
	LAUNCH_ENDED			/* status: as of waitpid(2) */
};

struct imsg_launch_exited {
	uint32_t	end;		/* enum launch_end */
	uint32_t	status;
};

WIRE_SIZE(imsg_encap, 8 + 16 + 8 + 17 * 16 + 17 + 33 + 2);
WIRE_SIZE(imsg_encap_tun, 4);
WIRE_SIZE(imsg_launch_tun, IFNAMSIZ);
WIRE_SIZE(imsg_launch_exited, 8);

#endif
