/*
 * gatewayctl export.  An unprivileged client.
 */
#ifndef GW_EXPORT_H
#define GW_EXPORT_H

#include "client.h"

enum export {
	EXPORT_TOR_RELAY,	/* the first is the default of "export tor" */
	EXPORT_TOR_CLIENT,
	EXPORT_TOR_EXIT,
	EXPORT_I2PD,
	EXPORT_I2P
};

/*
 * Prints lines for the configuration of a program, with the address that the
 * document /v6/address has of a tunnel, or, if tunnel is NULL, of the active
 * one.  Fails if there is none.
 */
void	 export_print(enum export, const struct answer *addresses,
	    const char *tunnel);

#endif
