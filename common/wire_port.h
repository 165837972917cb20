/*
 * Payloads: port mappings and their sockets.
 */
#ifndef GW_WIRE_PORT_H
#define GW_WIRE_PORT_H

#include <netinet/in.h>
#include <stdint.h>

#include "conf.h"
#include "wire.h"

#define WIRE_PORTS_MAX	(256 * 1024)	/* PORTS_LOAD, PORTS_SAVE in all */

/* PORT_CONF: a [port.NAME]; PORT_ADD: one that is to be made */
struct imsg_port {
	uint8_t		protocol;	/* IPPROTO_UDP, IPPROTO_TCP */
	uint8_t		kind;		/* enum gw_port_kind */
	uint8_t		proxy_protocol;	/* its version: 0 (none) or 2 */
	uint8_t		fixed;		/* of the configuration */
	/* external_port or listen_port, and internal_port or the remote's; 0
	 * in PORT_ADD: any that is free.  Host byte order. */
	uint16_t	port;
	uint16_t	target_port;
	char		tunnel[GW_NAME_SIZE];	/* "": the active one */
	char		host[GW_HOST_SIZE];	/* forwarded: address or name */
	char		description[GW_PORT_TEXT];
	char		pad[7];
};

/* nonzero if what indexes a table or is printed can be */
#define wire_port(p)	(((p)->protocol == IPPROTO_UDP || \
	(p)->protocol == IPPROTO_TCP) && (p)->kind <= GW_PORT_FORWARD && \
	((p)->proxy_protocol == 0 || (p)->proxy_protocol == 2) && \
	(p)->fixed <= 1 && wire_string((p)->tunnel) && \
	wire_string((p)->host) && wire_string((p)->description))

struct imsg_port_key {
	uint16_t	port;
	uint8_t		protocol;
	uint8_t		pad;
};

/*
 * PORT_ADD: 0 and the mapping that was made, EALREADY and the one that was
 * there and does the same; EINVAL (no such mapping can be), EEXIST (the port is
 * another mapping's), EADDRINUSE (another program's), EADDRNOTAVAIL (no port is
 * free), EACCES (below 1024), ELOOP (it would lead to a listener of ours),
 * ENODEV (there is no such tunnel), ENOSPC (there are too many), EBUSY (too
 * many ask for the same while it is being made).
 * PORT_DEL: 0, ENOENT, EPERM (it is the configuration's).
 */
struct imsg_port_result {
	uint32_t	error;
	struct imsg_port port;
};

enum port_state {
	PORT_WAITING,			/* for a tunnel, or its socket */
	PORT_ACTIVE,
	PORT_FAILED,			/* reason says why; it is tried again */
	PORT_DRAINING			/* deleted; what is open goes on */
};

struct imsg_port_status {
	uint64_t	rx_bytes;	/* that came by IPv6 */
	uint64_t	tx_bytes;
	uint64_t	total;		/* sessions so far */
	uint64_t	refused;	/* connections or datagrams */
	uint32_t	sessions;	/* at present */
	uint32_t	state;		/* enum port_state */
	uint32_t	tunnel;		/* in use, WIRE_UNKNOWN: none */
	uint32_t	pad;
	struct imsg_port port;
	char		reason[WIRE_REASON];
};

/* the address comes from the parent's configuration */
struct imsg_listen {
	uint32_t	tunnel;		/* published; else 0 */
	uint16_t	port;		/* host byte order */
	uint8_t		protocol;	/* IPPROTO_UDP, IPPROTO_TCP */
	uint8_t		kind;		/* enum gw_port_kind */
};

WIRE_SIZE(imsg_port, 8 + 33 + 256 + 128 + 7);
WIRE_SIZE(imsg_port_key, 4);
WIRE_SIZE(imsg_port_result, 4 + sizeof(struct imsg_port));
WIRE_SIZE(imsg_port_status, 48 + sizeof(struct imsg_port) + 160);
WIRE_SIZE(imsg_listen, 8);

#endif
