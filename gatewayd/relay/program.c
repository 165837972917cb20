/*
 * The program behind a published port: see program.h.  Runs in the relay
 * (_gwrelay, chroot).
 */
#include <sys/socket.h>

#include <errno.h>
#include <string.h>

#include "program.h"
#include "util.h"

int
connect_program(int type, in_port_t port)
{
	struct sockaddr_in	 sin;
	int			 fd;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_port = htons(port);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd != -1 && connect(fd, (struct sockaddr *)&sin,
	    sizeof(sin)) == -1 && errno != EINPROGRESS)
		return (close_failed(fd));
	return (fd);
}
