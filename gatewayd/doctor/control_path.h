/*
 * Does gatewayd run?  Runs in the doctor (_gwrelay, Landlock) and in
 * gatewayctl.
 */
#ifndef GW_CONTROL_PATH_H
#define GW_CONTROL_PATH_H

#include "conf.h"

enum control_state {
	CONTROL_ANSWERS,
	CONTROL_MISSING,
	CONTROL_STALE,		/* a socket that nobody serves */
	CONTROL_REFUSED		/* another error, in errno */
};

#define CONTROL_PATH_SIZE	108	/* sun_path */

/* where the control socket is */
void	 control_path_name(const struct gw_conf *, char *, size_t);
/* connects to the control socket, and leaves at once */
enum control_state control_path(const struct gw_conf *);

#endif
