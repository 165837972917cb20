/*
 * What can be ordered by POST: a tunnel up, down or anew, and the
 * configuration read again.  Runs in the frontend (_gatewayd, chroot).
 */
#ifndef GW_REST_POST_H
#define GW_REST_POST_H

#include "rest_route.h"

const char	*check_wait(const char *);
/* nonzero if the content is nothing, or an empty object; else it is refused */
int		 rest_no_content(const struct rest_query *,
		    struct rest_answer *);
/* /tunnels/NAME/VERB; its only parameter is wait */
rest_handler	 post_tunnel;
/* /config/reload */
rest_handler	 post_reload;

#endif
