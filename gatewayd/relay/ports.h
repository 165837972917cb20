/*
 * Port mappings.  A published one leads from a port of the tunnel's address to
 * a program on 127.0.0.1, a forwarded one from a port of 127.0.0.1 to a host.
 * Runs in the relay (_gwrelay, chroot).
 *
 * Those of the configuration come by PORT_CONF, others by PORT_ADD and from
 * what the parent has kept.  The parent binds their sockets.  The frontend is
 * told of every mapping, and of every change.
 */
#ifndef GW_RELAY_PORTS_H
#define GW_RELAY_PORTS_H

#include <netinet/in.h>
#include <stdint.h>

#include "imsg.h"

/* PORT_*, PORTS_LOAD, LISTENED and LISTEN_FAILED; 0, or -1 if it is another
 * message */
int	 ports_message(struct imsg *);
/*
 * A configuration whose mappings have come by PORT_CONF is in force, or was
 * given up; what the parent has kept is there by the first commit.  Numbers
 * that nobody asks for are chosen from tcp_base and udp_base.
 */
void	 ports_commit(uint16_t udp_base, uint16_t tcp_base);
void	 ports_abort(void);
/* the daemon ends: writes what was to be written later */
void	 ports_flush(void);
/* a way is another one, has come or has gone */
void	 ports_ways(void);
/* nonzero if a mapping listens on that port of 127.0.0.1 */
int	 ports_own(uint8_t protocol, in_port_t port);

#endif
