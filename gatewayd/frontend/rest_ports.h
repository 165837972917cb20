/*
 * /ports/udp and /ports/tcp: port mappings are listed, made and deleted.  Runs
 * in the frontend (_gatewayd, chroot).
 */
#ifndef GW_REST_PORTS_H
#define GW_REST_PORTS_H

#include "rest_route.h"

/* /ports/udp/PORT, /ports/tcp/PORT */
int		 exists_port(const struct rest_query *, struct rest_answer *);
rest_handler	 get_port;
rest_handler	 del_port;
/* /ports/udp, /ports/tcp */
rest_handler	 post_port;

#endif
