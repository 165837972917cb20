/*
 * A configuration on its way into the relay (_gwrelay, chroot).
 */
#ifndef GW_RECONF_H
#define GW_RECONF_H

#include "imsg.h"

/* RELAY_CONF, RELAY_LINE, LISTENER, and the RECONF_* that end them */
void	 reconf_message(struct imsg *);
/* the event loop is there: from here on clients are accepted */
void	 reconf_startup(void);

#endif
