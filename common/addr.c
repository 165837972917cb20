/*
 * Addresses: text, classes and prefixes.  Pure functions without I/O or
 * privilege; they run in any process.
 */
#include <sys/un.h>
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"

#define TEXT_BUFFERS	8
/* the longest is a path, which may fill sun_path without a NUL */
#define TEXT_SIZE	(sizeof(struct sockaddr_un) + 1)

/* several addresses fit into one printf */
static char *
text_buffer(void)
{
	static char buffers[TEXT_BUFFERS][TEXT_SIZE];
	static unsigned int next;

	return (buffers[next++ % TEXT_BUFFERS]);
}

const char *
addr4_text(struct in_addr addr)
{
	char *buf = text_buffer();

	/* cannot fail: the family is known and the buffer is long enough */
	inet_ntop(AF_INET, &addr, buf, TEXT_SIZE);
	return (buf);
}

const char *
addr6_text(const struct in6_addr *addr)
{
	char *buf = text_buffer();

	inet_ntop(AF_INET6, addr, buf, TEXT_SIZE);
	return (buf);
}

static const char *
unix_text(const struct sockaddr_un *sun)
{
	char *buf = text_buffer();
	size_t len;

	/* sun_path need not end in a NUL; an abstract name starts with one */
	if (sun->sun_path[0] == '\0' && sun->sun_path[1] != '\0') {
		len = strnlen(sun->sun_path + 1, sizeof(sun->sun_path) - 1);
		snprintf(buf, TEXT_SIZE, "@%.*s", (int)len, sun->sun_path + 1);
	} else {
		len = strnlen(sun->sun_path, sizeof(sun->sun_path));
		snprintf(buf, TEXT_SIZE, "%.*s", (int)len, sun->sun_path);
	}
	return (buf);
}

const char *
sockaddr_text(const struct sockaddr *sa)
{
	const struct sockaddr_in *sin;
	const struct sockaddr_in6 *sin6;
	char host[ADDR_TEXT_SIZE], *buf;

	switch (sa->sa_family) {
	case AF_INET:
		sin = (const void *)sa;
		inet_ntop(AF_INET, &sin->sin_addr, host, sizeof(host));
		buf = text_buffer();
		snprintf(buf, TEXT_SIZE, "%s:%u", host, ntohs(sin->sin_port));
		return (buf);
	case AF_INET6:
		sin6 = (const void *)sa;
		inet_ntop(AF_INET6, &sin6->sin6_addr, host, sizeof(host));
		buf = text_buffer();
		snprintf(buf, TEXT_SIZE, "[%s]:%u", host,
		    ntohs(sin6->sin6_port));
		return (buf);
	case AF_UNIX:
		return (unix_text((const void *)sa));
	default:
		return ("unknown address family");
	}
}

void
prefix_mask(struct in6_addr *addr, uint8_t len)
{
	size_t i = len / 8;

	if (len >= 128)
		return;
	addr->s6_addr[i] &= (uint8_t)(0xff00 >> len % 8);
	memset(addr->s6_addr + i + 1, 0, sizeof(addr->s6_addr) - i - 1);
}

int
prefix_match(const struct in6_addr *addr, const struct in6_addr *prefix,
    uint8_t len)
{
	struct in6_addr a = *addr, p = *prefix;

	prefix_mask(&a, len);
	prefix_mask(&p, len);
	return (memcmp(&a, &p, sizeof(a)) == 0);
}

struct in6_addr
prefix_host(const struct in6_addr *addr, uint8_t len, uint8_t host)
{
	struct in6_addr result = *addr;

	prefix_mask(&result, len);
	result.s6_addr[15] |= host;
	return (result);
}

const char *
addr4_endpoint_error(struct in_addr addr)
{
	uint32_t a = ntohl(addr.s_addr);

	if (a >> 24 == 0)
		return ("is an address of \"this network\" (0.0.0.0/8)");
	if (a >> 24 == 127)
		return ("is a loopback address (127.0.0.0/8)");
	if (a == INADDR_BROADCAST)
		return ("is the broadcast address");
	if (a >> 28 == 14)
		return ("is a multicast address (224.0.0.0/4)");
	if (a >> 28 == 15)
		return ("is a reserved address (240.0.0.0/4)");
	return (NULL);
}

const char *
addr6_unicast_error(const struct in6_addr *addr)
{
	if (IN6_IS_ADDR_UNSPECIFIED(addr))
		return ("is the unspecified address");
	if (IN6_IS_ADDR_LOOPBACK(addr))
		return ("is the loopback address");
	if (IN6_IS_ADDR_MULTICAST(addr))
		return ("is a multicast address (ff00::/8)");
	if (IN6_IS_ADDR_LINKLOCAL(addr))
		return ("is a link-local address (fe80::/10)");
	if (IN6_IS_ADDR_V4MAPPED(addr))
		return ("is an IPv4-mapped address (::ffff:0:0/96)");
	return (NULL);
}

/* relative paths would change with the process's directory: refused */
static int
unix_parse(const char *path, struct sockaddr_storage *ss)
{
	struct sockaddr_un *sun = (void *)ss;

	if (path[0] != '/' || strlen(path) >= sizeof(sun->sun_path))
		return (-1);
	sun->sun_family = AF_UNIX;
	strlcpy(sun->sun_path, path, sizeof(sun->sun_path));
	return (0);
}

int
sockaddr_parse(const char *text, struct sockaddr_storage *ss)
{
	struct sockaddr_in *sin = (void *)ss;
	struct sockaddr_in6 *sin6 = (void *)ss;
	const char *colon, *error;
	char host[ADDR_TEXT_SIZE + 2];	/* with brackets */
	size_t len;
	in_port_t port;

	memset(ss, 0, sizeof(*ss));
	if (strncmp(text, "unix:", 5) == 0)
		return (unix_parse(text + 5, ss));
	/* strtonum() would take blanks and a sign */
	colon = strrchr(text, ':');
	if (colon == NULL || !isdigit((unsigned char)colon[1]))
		return (-1);
	port = htons((uint16_t)strtonum(colon + 1, 1, 65535, &error));
	len = (size_t)(colon - text);
	if (error != NULL || len < 2 || len >= sizeof(host))
		return (-1);
	strlcpy(host, text, len + 1);
	if (inet_pton(AF_INET, host, &sin->sin_addr) == 1) {
		sin->sin_family = AF_INET;
		sin->sin_port = port;
		return (0);
	}
	if (host[0] != '[' || host[len - 1] != ']')
		return (-1);
	host[len - 1] = '\0';
	if (inet_pton(AF_INET6, host + 1, &sin6->sin6_addr) != 1)
		return (-1);
	sin6->sin6_family = AF_INET6;
	sin6->sin6_port = port;
	return (0);
}

int
sockaddr_loopback(const struct sockaddr *sa)
{
	const struct sockaddr_in *sin;
	const struct sockaddr_in6 *sin6;

	switch (sa->sa_family) {
	case AF_INET:
		sin = (const void *)sa;
		return (ntohl(sin->sin_addr.s_addr) >> 24 == 127);
	case AF_INET6:
		sin6 = (const void *)sa;
		/* a dual-stack socket shows 127.0.0.1 so */
		if (IN6_IS_ADDR_V4MAPPED(&sin6->sin6_addr))
			return (sin6->sin6_addr.s6_addr[12] == 127);
		return (IN6_IS_ADDR_LOOPBACK(&sin6->sin6_addr));
	default:
		return (0);
	}
}
