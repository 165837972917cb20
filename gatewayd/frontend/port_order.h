/*
 * A port mapping that is to be made or deleted, by whichever way the order
 * came, and the answer in words.  Runs in the frontend (_gatewayd, chroot).
 *
 * Who may order is a matter of access.h; the relay carries it out.
 */
#ifndef GW_PORT_ORDER_H
#define GW_PORT_ORDER_H

#include <stddef.h>
#include <stdint.h>

#include "ports.h"

struct port_order {
	struct port_request	 request;
	struct imsg_port	 port;	/* as asked, then as it is */
	uint32_t		 id;	/* the relay's for the one deleted */
	int			 is_del;
	/*
	 * The answer, see struct imsg_port_result; the order is over by then.
	 */
	void			(*done)(void *, uint32_t error);
	void			*arg;
};

/*
 * Asks the relay.  The order, all zero but for done and arg, is lent until done
 * or port_order_cancel().  who: "uid 1000", for the log.
 */
void	 port_order_add(struct port_order *, const struct imsg_port *,
	    const char *who);
void	 port_order_del(struct port_order *, const struct fe_port *,
	    const char *who);
/* nobody waits for the answer any more; it is carried out all the same */
void	 port_order_cancel(struct port_order *);
/* the mapping that was ordered as it is now, NULL: it is gone */
const struct fe_port *port_order_now(const struct port_order *);
/* the answer in words */
const char *port_order_words(const struct port_order *, uint32_t error,
	    char *buf, size_t size);

#endif
