/*
 * A port mapping as users write it, and what it may be.  No I/O; runs where a
 * configuration is read, in gatewayctl and in the frontend.
 */
#ifndef GW_PORTMAP_H
#define GW_PORTMAP_H

#include "wire_port.h"

#define PORTMAP_LOWEST	1024	/* to ask for; the configuration may go below */
/* behind what portmap_remote() says */
#define PORTMAP_REMOTE	"; allowed are [ADDRESS]:PORT (IPv6) and NAME:PORT"
#define PORTMAP_REMOTE_SIZE (GW_HOST_SIZE + 8)	/* [host]:port and NUL */

/*
 * Takes "[2001:db8::9]:7654" or "name.example:7654" apart, the address in the
 * form of RFC 5952.  NULL, or what is wrong with it: "is IPv4, ...".
 */
const char	*portmap_remote(const char *, char host[GW_HOST_SIZE],
		    uint16_t *port);
/* the inverse of it */
const char	*portmap_remote_text(const char *host, uint16_t port,
		    char buf[PORTMAP_REMOTE_SIZE]);
/*
 * NULL, or what is wrong with a mapping, beginning with the name of the member.
 * A fixed one, of the configuration, may have a low port.  Whether the port is
 * free, and the tunnel there, is not looked at.
 */
const char	*portmap_error(const struct imsg_port *);

const char	*portmap_protocol(uint8_t);	/* "udp", "tcp" */

#endif
