/*
 * PROXY protocol, version 2: see proxy2.h.  Runs in the relay (_gwrelay,
 * chroot).
 */
#include <sys/socket.h>

#include <string.h>

#include "proxy2.h"

#define COMMAND		0x21	/* version 2, PROXY */
#define TCP6		0x21
#define UDP6		0x22

void
proxy2_header(uint8_t out[PROXY2_SIZE], int type,
    const struct sockaddr_in6 *from, const struct sockaddr_in6 *to)
{
	static const uint8_t	 signature[] = { 0x0d, 0x0a, 0x0d, 0x0a, 0,
				    0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a };
	uint8_t			*p = out + sizeof(signature);

	memcpy(out, signature, sizeof(signature));
	*p++ = COMMAND;
	*p++ = type == SOCK_DGRAM ? UDP6 : TCP6;
	*p++ = 0;
	*p++ = 2 * sizeof(from->sin6_addr) + 2 * sizeof(from->sin6_port);
	memcpy(p, &from->sin6_addr, sizeof(from->sin6_addr));
	p += sizeof(from->sin6_addr);
	memcpy(p, &to->sin6_addr, sizeof(to->sin6_addr));
	p += sizeof(to->sin6_addr);
	memcpy(p, &from->sin6_port, sizeof(from->sin6_port));
	memcpy(p + sizeof(from->sin6_port), &to->sin6_port,
	    sizeof(to->sin6_port));
}
