/*
 * The connections of a TCP mapping.  Runs in the relay (_gwrelay, chroot).
 */
#ifndef GW_PORT_TCP_H
#define GW_PORT_TCP_H

#include <netinet/in.h>
#include <stdint.h>

#include "socks.h"
#include "way.h"

struct port_tcp;

struct port_counters {
	uint64_t	 rx_bytes;	/* that came by the tunnel */
	uint64_t	 tx_bytes;
	uint64_t	 total;		/* connections so far */
	uint64_t	 refused;
	uint32_t	 sessions;	/* at present */
};

/*
 * Both take over fd, a listening socket that does not block.
 *
 * publish: fd is bound to the address of way.  Who connects there is connected
 * to 127.0.0.1:port; proxy: after a header of the PROXY protocol.  owner: the
 * mapping's number, whose limits they share.
 */
struct port_tcp	*port_tcp_publish(int fd, uint32_t owner, in_port_t port,
		    int proxy, struct way *way);
/* forward: what local programs connect to remote; way: by that one, NULL: by
 * the active one */
struct port_tcp	*port_tcp_forward(int fd, const struct socks_dest *remote,
		    struct way *way);
/*
 * Accepts no more.  Nonzero: there is no connection; or else done(arg) comes
 * when the last one has ended, and may free it.
 */
int		 port_tcp_drain(struct port_tcp *, void (*done)(void *arg),
		    void *arg);
/* resets what is open */
void		 port_tcp_free(struct port_tcp *);
void		 port_tcp_counters(const struct port_tcp *,
		    struct port_counters *);

#endif
