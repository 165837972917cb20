/*
 * ICMP and ICMPv6 echo by a ping socket or, where the user may, a raw one.
 * Runs in the doctor (_gwrelay, Landlock) and in gatewayctl.
 */
#ifndef GW_ECHO_H
#define GW_ECHO_H

#include <sys/socket.h>
#include <stddef.h>

#include "check.h"

#define ECHO_NONCE	16
#define ECHO_WAIT_MS	2000

struct echo {
	uint8_t		 nonce[ECHO_NONCE];
	size_t		 size;		/* of the ICMP message, header too */
	int		 whole;		/* never in fragments */
	/* error: 0 and the time it took; ETIMEDOUT; or as of socket(2),
	 * connect(2) or send(2).  mtu: of the path, as far as it is known,
	 * 0: not.  The echo is freed by its owner, here at the earliest */
	void		(*done)(struct echo *, int error, unsigned int ms,
			    int mtu);
	void		*arg;
};

/*
 * Sends one to an IPv4 or IPv6 host, from src unless that is NULL; done is
 * called once, maybe before this returns.  EACCES or EPERM: the user may not.
 */
void	 echo_send(struct doctor *, struct echo *, const struct sockaddr *to,
	    const struct sockaddr *src);

/*
 * Is this, received by a socket for ICMP (with the IPv4 header or without) or
 * ICMPv6, the answer to that echo?  Pure.
 */
int	 echo_is_answer(const struct echo *, const uint8_t *, size_t len);

#endif
