/*
 * Routes: see haveroute.h.  Runs in the relay (_gwrelay, chroot).
 *
 * connect(2) of a UDP socket looks the route up and sends nothing.
 */
#include <sys/socket.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "haveroute.h"
#include "util.h"

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT	24
#endif

#define DISCARD_PORT	9	/* some port has to be given */
#define FRESH_MS	200	/* what was found out is good for so long */

int
bind_source(int fd, const struct in6_addr *source)
{
	struct sockaddr_in6	 sin6;
	int			 on = 1;

	memset(&sin6, 0, sizeof(sin6));
	sin6.sin6_family = AF_INET6;
	sin6.sin6_addr = *source;
	if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on,
	    sizeof(on)) == -1)
		return (-1);
	return (bind(fd, (struct sockaddr *)&sin6, sizeof(sin6)));
}

static int
have_route(const struct sockaddr *sa, socklen_t len,
    const struct in6_addr *source)
{
	int	 fd, r = 0;

	fd = socket(sa->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return (errno != EAFNOSUPPORT);
	if (source != NULL)
		r = bind_source(fd, source);
	if (r == 0)
		r = connect(fd, sa, len);
	close(fd);
	return (r == 0);
}

/* what was found out of an IPv4 address */
struct known4 {
	struct in_addr	 addr;
	uint64_t	 until;
	int		 have;
};

static int
have_known4(struct known4 *k, struct in_addr addr)
{
	struct sockaddr_in	 sin;

	if (monotime_ms() < k->until && k->addr.s_addr == addr.s_addr)
		return (k->have);
	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr = addr;
	sin.sin_port = htons(DISCARD_PORT);
	k->addr = addr;
	k->have = have_route((struct sockaddr *)&sin, sizeof(sin), NULL);
	k->until = monotime_ms() + FRESH_MS;
	return (k->have);
}

int
have_route4(struct in_addr addr)
{
	static struct known4	 last;

	return (have_known4(&last, addr));
}

int
have_route6(const struct in6_addr *addr, const struct in6_addr *source)
{
	struct sockaddr_in6	 sin6;

	memset(&sin6, 0, sizeof(sin6));
	sin6.sin6_family = AF_INET6;
	sin6.sin6_addr = *addr;
	sin6.sin6_port = htons(DISCARD_PORT);
	return (have_route((struct sockaddr *)&sin6, sizeof(sin6), source));
}

int
have_default4(void)
{
	static struct known4	 nobody;
	struct in_addr		 addr = { htonl(0xc0000201) };	/* RFC 5737 */

	return (have_known4(&nobody, addr));
}

int
have_default6(const struct in6_addr *source)
{
	static const struct in6_addr	 nobody = {	/* RFC 3849 */
		{ { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 } }
	};
	static struct in6_addr		 last;
	static uint64_t			 until;
	static int			 have;

	if (monotime_ms() < until && IN6_ARE_ADDR_EQUAL(&last, source))
		return (have);
	last = *source;
	have = have_route6(&nobody, source);
	until = monotime_ms() + FRESH_MS;
	return (have);
}
