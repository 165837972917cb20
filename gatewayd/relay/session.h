/*
 * A SOCKS client from its greeting to its end.  Runs in the relay (_gwrelay,
 * chroot).
 */
#ifndef GW_SESSION_H
#define GW_SESSION_H

#include <sys/types.h>

#include "relay_int.h"

/*
 * Serves fd, a client that was just accepted and does not block; it is taken
 * over.  auth: it has to give user and password.
 */
void	 session_new(int fd, uid_t uid, int auth);
/* how many there are */
uint32_t session_count(void);
/* ends those that connect or relay by that way: [failover] flows = reset */
void	 session_reset_way(const struct way *);

#endif
