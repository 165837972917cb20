/*
 * SOCKS5's UDP ASSOCIATE (RFC 1928, section 7): a client's datagrams, as long
 * as the connection lives that asked for it.  Runs in the relay (_gwrelay,
 * chroot).
 */
#ifndef GW_UDP_ASSOC_H
#define GW_UDP_ASSOC_H

#include <stdint.h>

#include "limits.h"
#include "socks.h"

/*
 * Begins one for the user's client at the other end of control, and answers
 * it.  uid: who holds that client, if it is of this machine; he sends the
 * datagrams, whoever has logged in.  Takes over control and one LIMIT_SESSIONS
 * of the user, which it gives back.  SOCKS_SUCCEEDED, or what to answer: then
 * both stay the caller's.
 */
enum socks_code	 udp_assoc_new(struct limit_user *, uid_t, int control);
/* how many there are */
uint32_t	 udp_assoc_count(void);

#endif
