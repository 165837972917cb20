/*
 * BND.ADDR of a reply: where a connection begins, or what an upstream server
 * says of it.  Runs in the relay (_gwrelay, chroot).
 */
#include <sys/socket.h>

#include <string.h>

#include "dial.h"
#include "upstream.h"

static void
local_address(int fd, struct socks_dest *d)
{
	struct sockaddr_storage	 ss;
	struct sockaddr_in6	*sin6 = (struct sockaddr_in6 *)&ss;
	struct sockaddr_in	*sin = (struct sockaddr_in *)&ss;
	socklen_t		 len = sizeof(ss);

	memset(d, 0, sizeof(*d));
	d->family = AF_INET;
	if (getsockname(fd, (struct sockaddr *)&ss, &len) == -1)
		return;
	d->family = ss.ss_family;
	if (d->family == AF_INET6) {
		d->v6 = sin6->sin6_addr;
		d->port = ntohs(sin6->sin6_port);
	} else {
		d->v4 = sin->sin_addr;
		d->port = ntohs(sin->sin_port);
	}
}

void
dial_bound(const struct dial *d, int fd, struct socks_dest *bound)
{
	if (d->upstream != NULL)
		upstream_bound(d->upstream, bound);
	else
		local_address(fd, bound);
}
