/*
 * What the files of port mappings share.  Runs in the relay (_gwrelay,
 * chroot).
 */
#ifndef GW_PORTS_INT_H
#define GW_PORTS_INT_H

#include <sys/queue.h>
#include <stddef.h>
#include <stdint.h>

#include "port_tcp.h"
#include "socks.h"
#include "udp_port.h"
#include "way.h"
#include "wire_port.h"

#define PORT_REQUESTS	8	/* that ask for one at the same time */

/* a socket of a mapping, with what came by it */
struct port_listener {
	TAILQ_ENTRY(port_listener) entry;
	struct port		*port;
	struct way		*way;	/* it listens or goes by that one only;
					 * NULL: by none, or the active one */
	struct in6_addr		 addr;	/* published: its own */
	struct port_tcp		*tcp;	/* or udp */
	struct udp_port		*udp;
};
TAILQ_HEAD(port_listeners, port_listener);

struct port {
	TAILQ_ENTRY(port)	 entry;
	uint32_t		 id;
	struct imsg_port	 m;
	struct socks_dest	 remote;	/* forwarded */
	uint32_t		 requests[PORT_REQUESTS]; /* PORT_ADDs */
	uint32_t		 nrequests;	/* that wait for it */
	uint32_t		 choices;	/* numbers that we may try */
	int			 deleted;	/* it drains */
	int			 asked;		/* LISTEN is under way, */
	struct way		*asked_way;	/* for that one */
	int			 error;		/* of the last one, errno */
	uint64_t		 retry_at;	/* monotonic ms, 0: never */
	struct port_listener	*now;		/* NULL: it does not listen */
	struct port_listeners	 old;		/* those that drain */
	struct port_counters	 past;		/* of those that have ended */
	struct imsg_port_status	 told;
};
TAILQ_HEAD(ports, port);

/* ports.c */
extern struct ports	 ports;
/* the mapping in force there, NULL: none */
struct port	*port_find(uint8_t protocol, uint16_t number);
/* the first number from there on that no mapping has, 0: there is none */
uint16_t	 port_choose(uint8_t protocol, uint16_t from);
/* why a new mapping cannot be as m says: 0 or errno */
int		 port_error(const struct imsg_port *m);
/* a mapping comes to be; it starts to listen */
struct port	*port_new(const struct imsg_port *m);
/* it ends; what is open goes on */
void		 port_drain(struct port *);
/* answers the PORT_ADDs that wait: only the first one has made it */
void		 port_answer(struct port *, int error);
/* it has ended altogether, sessions as well */
void		 port_free(struct port *);

/* port_tell.c: tells the frontend what is new about it, */
void		 port_tell(struct port *);
/* and about all of them within a second */
void		 port_touch(void);
const char	*port_protocol(uint8_t);	/* "udp", "tcp" */

/* port_listen.c: asks for the socket that it is to have and has not */
void		 port_follow(struct port *);
/* the parent's answer; error: 0 or errno, then fd is -1 */
void		 port_listened(struct port *, int fd, int error);
/* closes its socket, those that drain stay; nonzero: there are none */
int		 port_close(struct port *);
/* ends all of them with all their sessions */
void		 port_stop(struct port *);
/* the tunnel that it goes by now, NULL: there is none */
struct way	*port_way(const struct port *);
/* what all its sockets have seen */
void		 port_count(const struct port *, struct port_counters *);

/* port_save.c: writes those that are not of the configuration, now or soon */
void		 port_save(void);
/* a piece of what was written, nothing: that was all */
void		 port_load(const void *, size_t);
/* makes the mappings of what was loaded; once */
void		 port_restore(void);

#endif
