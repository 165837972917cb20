/*
 * Which names of this server a request may come under.  Pure; runs in the
 * frontend (_gatewayd, chroot).
 */
#ifndef GW_HTTP_HOST_H
#define GW_HTTP_HOST_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

/* where a connection arrived */
struct http_local {
	struct in6_addr	 addr;		/* IPv4 as ::ffff:a.b.c.d */
	uint16_t	 port;		/* host byte order */
	uint8_t		 is_unix;	/* AF_UNIX: neither of them */
};

/* the local end of a connected socket; 0, or -1 with errno */
int	 http_local_get(int fd, struct http_local *);
/*
 * Nonzero if a Host field or authority is ours: the address the connection
 * arrived on, the configured address, or, where that is loopback, 127.0.0.1,
 * [::1] or localhost; with the port.  On AF_UNIX, which no browser reaches,
 * it is 127.0.0.1, [::1], localhost or the configured address, with the TCP
 * port or with none (curl --unix-socket PATH http://localhost/health).
 */
int	 http_host_ours(const char *host, size_t len,
	    const struct http_local *);

#endif
