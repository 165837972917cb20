/*
 * A SOCKS client from its greeting until it is connected.  Runs in the relay
 * (_gwrelay, chroot).
 */
#ifndef GW_SESSION_H
#define GW_SESSION_H

#include <sys/types.h>

#include "relay_int.h"

/*
 * Serves fd, a client that was just accepted and does not block; it is taken
 * over.  uid: or users_stranger(); whose it is until it has logged in.  auth:
 * it has to.
 */
void	 session_new(int fd, uid_t uid, int auth);
/* how many there are, flows not among them */
uint32_t session_count(void);

#endif
