/*
 * The world around the table of port mappings under test: made-up tunnels, a
 * made-up parent that binds nothing, a made-up frontend that is told, and a
 * clock.
 */
#ifndef GW_PORTS_SIM_H
#define GW_PORTS_SIM_H

#include <netinet/in.h>
#include <stdint.h>

#include "peer.h"
#include "ports.h"
#include "ports_int.h"
#include "relay_int.h"
#include "unit.h"

#define UDP_BASE	40000
#define TCP_BASE	41000
#define MAPPINGS	1024

extern uint64_t		 now;
extern struct in6_addr	 bound;		/* what the parent's socket has */

/* what was sent last, and how often */
extern struct sent {
	uint32_t		 listens;	/* asked for */
	uint32_t		 id;
	struct imsg_listen	 listen;
	uint32_t		 results;
	uint32_t		 request;
	struct imsg_port_result	 result;
	struct imsg_port_status	 status[MAPPINGS];	/* by number */
	uint32_t		 told;
	uint32_t		 gone;
	uint32_t		 saves;
	uint8_t			 saved[WIRE_PORTS_MAX];
	size_t			 saved_len;
	int			 saving;
	uint32_t		 bad;
} sent;

/* a made-up data path */
struct path {
	int		 open;
	int		 draining;
	struct way	*way;
	uint32_t	 sessions;
	void		(*done)(void *);
	void		*arg;
};
extern int		 npaths;	/* so far, of MAPPINGS */

int		 open_paths(void);
struct path	*last_path(void);
/* its last session ends */
void		 path_end(struct path *);

/* once, before anything else */
void		 sim_start(void);
/* as after the start: two tunnels, the first one active, no mapping */
void		 start(void);
/* all timers are due */
void		 timers(void);
void		 message(enum imsg_type, uint32_t id, int fd, const void *,
		    size_t);
void		 way(uint32_t id, const char *name, const char *source,
		    int usable, int active);
/* the parent's answers to the last LISTEN */
void		 listened(void);
void		 listen_failed(int error);

struct imsg_port publish(uint8_t protocol, uint16_t port, uint16_t target);
struct imsg_port forward(uint8_t protocol, uint16_t port, const char *host,
		    uint16_t target);
/* asks, and returns the error; the parent binds it */
uint32_t	 add(struct imsg_port);
uint32_t	 del(uint8_t protocol, uint16_t port);
void		 conf(struct imsg_port);
void		 commit(void);
/* commits; the parent binds all that is asked for */
void		 commit_all(void);
/* as the frontend knows it */
struct imsg_port_status *status(uint8_t protocol, uint16_t port);

#endif
