/*
 * UDP ports: the datagrams of a mapping, in sessions by peer.  Runs in the
 * relay (_gwrelay, chroot).
 *
 * A session is a peer with a socket of its own, so that answers find back.  It
 * ends when nothing has passed for the time-out of udp_flow.h; where there are
 * too many, the oldest goes.
 */
#ifndef GW_UDP_PORT_H
#define GW_UDP_PORT_H

#include <netinet/in.h>
#include <stdint.h>

#include "socks.h"
#include "way.h"

struct udp_port;

struct udp_port_counters {
	uint32_t	 sessions;	/* at present */
	uint64_t	 total;		/* sessions so far */
	uint64_t	 rx_bytes;	/* from the tunnel's side */
	uint64_t	 tx_bytes;	/* to it */
	uint64_t	 refused;	/* datagrams */
};

/*
 * Both take over fd, a bound UDP socket that does not block.
 *
 * publish: fd is bound to an address of the tunnel way.  What reaches it goes
 * to 127.0.0.1:port, and answers go back.  proxy: the first datagram of each
 * session begins with a header of the PROXY protocol, version 2, that names
 * the peer.
 */
struct udp_port	*udp_port_publish(int fd, in_port_t port, int proxy,
		    struct way *way);
/*
 * forward: what local programs send to fd goes by IPv6 to remote, an address
 * or a name, which is asked for anew with each session.  way: by which tunnel;
 * NULL: by the one that is active when a session begins.
 */
struct udp_port	*udp_port_forward(int fd, const struct socks_dest *remote,
		    struct way *way);
/*
 * Takes no more sessions.  Nonzero: there are none; or else done(arg) comes
 * when the last one ends.
 */
int		 udp_port_drain(struct udp_port *, void (*done)(void *arg),
		    void *arg);
/* ends it with all its sessions; done() may call it */
void		 udp_port_free(struct udp_port *);
void		 udp_port_counters(const struct udp_port *,
		    struct udp_port_counters *);

#endif
