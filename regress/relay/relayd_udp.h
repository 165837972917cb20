/*
 * The commands of relayd that are about datagrams: see relayd_udp.c.
 */
#ifndef GW_RELAYD_UDP_H
#define GW_RELAYD_UDP_H

#include "udp_flow.h"

/* nonzero if verb is one of them: it is answered then */
int	 command_udp(const char *verb, char *rest);

#endif
