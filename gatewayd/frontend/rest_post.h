/*
 * What can be ordered by POST: a tunnel up, down or anew, and the
 * configuration read again.  Runs in the frontend (_gatewayd, chroot).
 */
#ifndef GW_REST_POST_H
#define GW_REST_POST_H

#include "rest_route.h"

const char	*check_wait(const char *);
/* /tunnels/NAME/VERB; its only parameter is wait */
rest_handler	 post_tunnel;
/* /config/reload */
rest_handler	 post_reload;

#endif
