/*
 * BND.ADDR of a reply: where a connection begins, or what an upstream server
 * says of it.  Runs in the relay (_gwrelay, chroot).
 */
#include <sys/socket.h>

#include <string.h>

#include "dial.h"
#include "udp_io.h"
#include "upstream.h"

static void
local_address(int fd, struct socks_dest *d)
{
	union udp_addr	 addr;
	socklen_t	 len = sizeof(addr);

	memset(&addr, 0, sizeof(addr));
	addr.sa.sa_family = AF_INET;	/* of what cannot be told */
	(void)getsockname(fd, &addr.sa, &len);
	udp_addr_dest(&addr, d);
}

void
dial_bound(const struct dial *d, int fd, struct socks_dest *bound)
{
	if (d->upstream != NULL)
		upstream_bound(d->upstream, bound);
	else
		local_address(fd, bound);
}
