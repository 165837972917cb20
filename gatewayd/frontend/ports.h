/*
 * Port mappings, as the relay tells of them, and what operators ask of it.
 * Runs in the frontend (_gatewayd, chroot).
 */
#ifndef GW_PORTS_H
#define GW_PORTS_H

#include <sys/queue.h>
#include <stdint.h>

#include "peer.h"
#include "wire_port.h"

struct fe_port {
	TAILQ_ENTRY(fe_port)	 entry;
	uint32_t		 id;	/* the relay's number */
	struct imsg_port_status	 st;
};
TAILQ_HEAD(fe_ports, fe_port);

/* by port and protocol; one that drains is before the one that came after it */
extern struct fe_ports	 fe_ports;

/* the mapping that is in force, not one that drains; NULL: there is none */
struct fe_port	*fe_port_find(uint8_t protocol, uint16_t port);

struct port_request {
	TAILQ_ENTRY(port_request) entry;
	uint32_t		 id;	/* 0: none is under way */
	/* the answer, see struct imsg_port_result; the request is over by
	 * then, and fe_ports is up to date */
	void			(*done)(void *,
				    const struct imsg_port_result *);
	void			*arg;
};

/*
 * Asks the relay.  The request, whose done and arg are set and whose id is 0,
 * is lent until done() or fe_port_cancel().  who: "uid 1000", for the log.
 */
void	 fe_port_add(struct port_request *, const struct imsg_port *,
	    const char *who);
void	 fe_port_del(struct port_request *, uint8_t protocol, uint16_t port,
	    const char *who);
/* nobody waits for the answer any more; it is carried out all the same */
void	 fe_port_cancel(struct port_request *);

/* PORT_STATUS, PORT_GONE, PORT_RESULT */
void	 fe_port_status(const struct imsg *);
void	 fe_port_gone(const struct imsg *);
void	 fe_port_result(const struct imsg *);

#endif
