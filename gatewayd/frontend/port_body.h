/*
 * The body of POST /ports/udp and /ports/tcp: which mapping is asked for.  No
 * I/O.  Runs in the frontend (_gatewayd, chroot).
 *
 * Its members say which of two forms it is:
 *
 *	{"internal_port":7654,"external_port":7654,"description":"I2P-UDP"}
 *	{"listen_port":40001,"remote":"[2001:db8::9]:7654"}
 */
#ifndef GW_PORT_BODY_H
#define GW_PORT_BODY_H

#include <stddef.h>

#include "wire_port.h"

#define PORT_BODY_DETAIL	400	/* what is wrong, and NUL */

/*
 * Reads len bytes of JSON into the mapping, which is overwritten but for its
 * protocol.  0, or -1 and which member is wrong, and what is allowed.  Whether
 * the tunnel that it names is there, and the port free, is not looked at.
 */
int	 port_body(const char *body, size_t len, struct imsg_port *,
	    char detail[PORT_BODY_DETAIL]);

#endif
