/*
 * A port mapping as users write it, and what it may be.  No I/O; runs where a
 * configuration is read, in gatewayctl and in the frontend.
 */
#ifndef GW_PORTMAP_H
#define GW_PORTMAP_H

#include "wire.h"

#define PORTMAP_LOWEST	1024	/* to ask for; the configuration may go below */
/* what is allowed as remote */
#define PORTMAP_REMOTE	"remote is \"[IPv6 ADDRESS]:PORT\" or \"NAME:PORT\""
#define PORTMAP_REMOTE_SIZE (GW_HOST_SIZE + 8)	/* [host]:port and NUL */

/*
 * "[2001:db8::9]:7654", "192.0.2.9:7654" or "name.example:7654", the address
 * in the form of RFC 5952: 0, or -1 if it is none of them.
 */
int		 portmap_remote(const char *, char host[GW_HOST_SIZE],
		    uint16_t *port);
/* the inverse of it */
const char	*portmap_remote_text(const char *host, uint16_t port,
		    char buf[PORTMAP_REMOTE_SIZE]);
/*
 * NULL, or what is wrong with a mapping that somebody asks for, beginning with
 * the name of the member.  Whether the port is free, and the tunnel there, is
 * not looked at.
 */
const char	*portmap_error(const struct imsg_port *);

const char	*portmap_protocol(uint8_t);	/* "udp", "tcp" */

#endif
