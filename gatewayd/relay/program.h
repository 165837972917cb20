/*
 * The program behind a published port.  Runs in the relay (_gwrelay, chroot).
 */
#ifndef GW_PROGRAM_H
#define GW_PROGRAM_H

#include <netinet/in.h>

/*
 * A socket of that type (SOCK_STREAM, SOCK_DGRAM) on its way to 127.0.0.1 and
 * that port; it does not block.  -1 with errno.
 */
int	 connect_program(int type, in_port_t port);

#endif
