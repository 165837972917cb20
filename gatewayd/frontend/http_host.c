/*
 * Compares the Host of requests with the names that are ours.  Runs in the
 * frontend (_gatewayd, chroot).
 *
 * A web page may point a name of its own at our address (DNS rebinding); its
 * requests then come from the user's browser and pass as same-origin there.
 * They still carry the page's name as Host, and that is refused here.
 */
#include <sys/socket.h>

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "http_host.h"
#include "status.h"

#define HTTP_PORT	80		/* of an authority without one */
#define NO_PORT		-1
#define BAD_PORT	-2

static struct in6_addr
map4(const void *addr)
{
	struct in6_addr mapped = { .s6_addr = { [10] = 0xff, [11] = 0xff } };

	memcpy(mapped.s6_addr + 12, addr, 4);
	return (mapped);
}

int
http_local_get(int fd, struct http_local *local)
{
	struct sockaddr_storage ss;
	struct sockaddr_in *sin = (void *)&ss;
	struct sockaddr_in6 *sin6 = (void *)&ss;
	socklen_t len = sizeof(ss);

	memset(local, 0, sizeof(*local));
	if (getsockname(fd, (void *)&ss, &len) == -1)
		return (-1);
	switch (ss.ss_family) {
	case AF_INET:
		local->addr = map4(&sin->sin_addr);
		local->port = ntohs(sin->sin_port);
		break;
	case AF_INET6:
		local->addr = sin6->sin6_addr;
		local->port = ntohs(sin6->sin6_port);
		break;
	default:
		local->is_unix = 1;
		break;
	}
	return (0);
}

static int
is_loopback(const struct in6_addr *addr)
{
	return (IN6_IS_ADDR_LOOPBACK(addr) ||
	    (IN6_IS_ADDR_V4MAPPED(addr) && addr->s6_addr[12] == 127));
}

/* the port behind the host's n characters */
static int
host_port(const char *s, size_t len)
{
	size_t i;
	int port = 0;

	if (len <= 1)			/* "host" or "host:" */
		return (NO_PORT);
	if (len > 6)
		return (BAD_PORT);
	for (i = 1; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return (BAD_PORT);
		port = port * 10 + (s[i] - '0');
	}
	return (port);
}

/* splits off the port; the host's length */
static size_t
host_split(const char *host, size_t len, int *port)
{
	const char *end;
	size_t n = len;

	*port = BAD_PORT;
	if (len > 0 && *host == '[') {
		if ((end = memchr(host, ']', len)) == NULL)
			return (0);
		n = (size_t)(end - host) + 1;
		if (n < len && host[n] != ':')
			return (0);
	} else if ((end = memchr(host, ':', len)) != NULL)
		n = (size_t)(end - host);
	*port = host_port(host + n, len - n);
	return (n);
}

/* an address literal; 0, or -1 if it is something else */
static int
host_addr(const char *host, size_t len, struct in6_addr *addr)
{
	char text[INET6_ADDRSTRLEN];
	struct in_addr addr4;

	if (len >= 2 && *host == '[') {
		host++;
		len -= 2;
		if (len >= sizeof(text))
			return (-1);
		memcpy(text, host, len);
		text[len] = '\0';
		return (inet_pton(AF_INET6, text, addr) == 1 ? 0 : -1);
	}
	if (len >= sizeof(text))
		return (-1);
	memcpy(text, host, len);
	text[len] = '\0';
	if (inet_pton(AF_INET, text, &addr4) != 1)
		return (-1);
	*addr = map4(&addr4);
	return (0);
}

/* nonzero if the configuration binds to this very address, not to any */
static int
is_configured(const struct in6_addr *addr)
{
	const struct in6_addr *conf = &fe_status.conf.api_addr;
	struct in6_addr mapped;

	if (IN6_IS_ADDR_UNSPECIFIED(conf))
		return (0);
	if (fe_status.conf.api_family == AF_INET) {
		mapped = map4(conf);
		conf = &mapped;
	}
	return (IN6_ARE_ADDR_EQUAL(conf, addr));
}

int
http_host_ours(const char *host, size_t len, const struct http_local *local)
{
	static const unsigned char loopback4[4] = { 127, 0, 0, 1 };
	struct in6_addr addr, local4 = map4(loopback4);
	size_t n;
	int port, by_loopback;

	n = host_split(host, len, &port);
	if (local->is_unix) {
		if (port != NO_PORT && port != fe_status.conf.api_port)
			return (0);
	} else if ((port == NO_PORT ? HTTP_PORT : port) != local->port)
		return (0);
	by_loopback = local->is_unix || is_loopback(&local->addr);
	if (n == 9 && strncasecmp(host, "localhost", 9) == 0)
		return (by_loopback);
	if (host_addr(host, n, &addr) == -1)
		return (0);
	if (by_loopback && (IN6_IS_ADDR_LOOPBACK(&addr) ||
	    IN6_ARE_ADDR_EQUAL(&addr, &local4)))
		return (1);
	return (is_configured(&addr) ||
	    (!local->is_unix && IN6_ARE_ADDR_EQUAL(&addr, &local->addr)));
}
