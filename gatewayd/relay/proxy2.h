/*
 * The header of the PROXY protocol, version 2, for the programs behind
 * published ports.  No I/O.  Runs in the relay (_gwrelay, chroot).
 */
#ifndef GW_PROXY2_H
#define GW_PROXY2_H

#include <netinet/in.h>
#include <stdint.h>

#define PROXY2_SIZE	52

/*
 * Writes who has connected, from, and to which address of ours.  type:
 * SOCK_STREAM, for the start of a connection, or SOCK_DGRAM.
 */
void	 proxy2_header(uint8_t out[PROXY2_SIZE], int type,
	    const struct sockaddr_in6 *from, const struct sockaddr_in6 *to);

#endif
