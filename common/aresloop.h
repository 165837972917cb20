/*
 * A c-ares channel in an event loop.  For the resolver, the doctor and
 * gatewayctl; no privilege.
 */
#ifndef GW_ARESLOOP_H
#define GW_ARESLOOP_H

#include <sys/queue.h>
#include <ares.h>
#include <event2/event.h>

struct aresloop_socket;
TAILQ_HEAD(aresloop_sockets, aresloop_socket);

struct aresloop {
	struct event_base	*base;
	ares_channel		 channel;	/* NULL: none could be made */
	struct event		*timer;
	struct aresloop_sockets	 sockets;
};

/* once, before everything else; fatal if c-ares cannot start */
void	 aresloop_init(struct aresloop *, struct event_base *);
/*
 * Makes a channel that reads resolv.conf and hosts and gives a name server
 * try_ms, tries times.  0, or an ARES_* number.
 */
int	 aresloop_open(struct aresloop *, int try_ms, int tries);
/* ends every look-up with ARES_EDESTRUCTION; open or not */
void	 aresloop_close(struct aresloop *);
/* after a look-up was started */
void	 aresloop_arm(struct aresloop *);
/* closes, and frees what aresloop_init() made */
void	 aresloop_free(struct aresloop *);

#endif
