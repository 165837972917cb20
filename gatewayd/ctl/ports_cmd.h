/*
 * gatewayctl ports add, ports del.  An unprivileged client.
 */
#ifndef GW_PORTS_CMD_H
#define GW_PORTS_CMD_H

#include "client.h"
#include "parser.h"

/* orders it and fetches the answer, to be freed; fails if it came to nothing */
void	 ports_order(const struct command *, struct answer *);

#endif
