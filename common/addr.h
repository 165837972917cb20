/*
 * Addresses: text, classes and prefixes.  No I/O, any process.
 */
#ifndef GW_ADDR_H
#define GW_ADDR_H

#include <sys/socket.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#define ADDR_TEXT_SIZE	INET6_ADDRSTRLEN

/* RFC 5952 text, in one of eight static buffers: use it at once */
const char	*addr4_text(struct in_addr);
const char	*addr6_text(const struct in6_addr *);
/* "192.0.2.1:80" or "[2001:db8::1]:80"; the path of an AF_UNIX address */
const char	*sockaddr_text(const struct sockaddr *);

/* clears the bits behind the first len bits */
void		 prefix_mask(struct in6_addr *, uint8_t len);
/* nonzero if addr lies in prefix/len */
int		 prefix_match(const struct in6_addr *addr,
		    const struct in6_addr *prefix, uint8_t len);
/* the prefix of addr/len, with host as its last 64 bits' number (<= 255) */
struct in6_addr	 prefix_host(const struct in6_addr *addr, uint8_t len,
		    uint8_t host);

/*
 * NULL if the address may be a tunnel server's: IPv4 unicast, not this
 * network, loopback, multicast, broadcast or reserved (RFC 6890); else why
 * not, in words.
 */
const char	*addr4_endpoint_error(struct in_addr);
/*
 * NULL if the address may be a host's on a tunnel: global or unique local
 * unicast (RFC 4291, RFC 4193); else why not, in words.
 */
const char	*addr6_unicast_error(const struct in6_addr *);
/*
 * The inverse of sockaddr_text(): "ADDR:PORT", "[ADDR]:PORT", or a path
 * behind "unix:".  0, or -1 if it is none of them; port 0 is none.
 */
int		 sockaddr_parse(const char *, struct sockaddr_storage *);
/* nonzero for loopback addresses of both families */
int		 sockaddr_loopback(const struct sockaddr *);

#endif
