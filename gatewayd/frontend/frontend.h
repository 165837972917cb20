/*
 * What the frontend offers its own files besides fe_status (status.h).  Runs
 * in the frontend (_gatewayd, chroot).
 */
#ifndef GW_FRONTEND_H
#define GW_FRONTEND_H

#include <stdint.h>

/*
 * Asks the engine whether this is the API's bearer token.  cb is called once,
 * later, with 1 or 0, unless the request is cancelled.  Returns its number,
 * never 0.  A token too long to be one is refused in the same way.
 */
uint32_t frontend_auth(const char *token, void (*cb)(void *arg, int ok),
	    void *arg);
void	 frontend_auth_cancel(uint32_t id);

#endif
