/*
 * Port mappings: see portmap.h.  Pure computation without privilege.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "name.h"
#include "portmap.h"

#define NO_REMOTE	"is not a host and its port"

const char *
portmap_protocol(uint8_t protocol)
{
	return (protocol == IPPROTO_UDP ? "udp" : "tcp");
}

/* NULL, or why nothing can be forwarded to it */
static const char *
host_error(const char *host)
{
	struct in6_addr	 addr;

	if (inet_pton(AF_INET, host, &addr) == 1)
		return ("is IPv4, which needs no tunnel");
	if (inet_pton(AF_INET6, host, &addr) == 1)
		return (addr6_unicast_error(&addr));
	return (name_error(host) == NULL ? NULL : NO_REMOTE);
}

const char *
portmap_remote(const char *text, char host[GW_HOST_SIZE], uint16_t *port)
{
	struct sockaddr_storage	 ss;
	const struct sockaddr_in *sin = (const void *)&ss;
	const struct sockaddr_in6 *sin6 = (const void *)&ss;

	if (sockaddr_parse(text, &ss) == -1)
		return (name_port(text, host, GW_HOST_SIZE, port) == -1 ?
		    NO_REMOTE : host_error(host));
	if (ss.ss_family == AF_UNIX)
		return (NO_REMOTE);
	strlcpy(host, ss.ss_family == AF_INET6 ?
	    addr6_text(&sin6->sin6_addr) : addr4_text(sin->sin_addr),
	    GW_HOST_SIZE);
	/* both families have it in the same place */
	*port = ntohs(sin->sin_port);
	return (host_error(host));
}

const char *
portmap_remote_text(const char *host, uint16_t port,
    char buf[PORTMAP_REMOTE_SIZE])
{
	int	 is_addr = strchr(host, ':') != NULL;

	snprintf(buf, PORTMAP_REMOTE_SIZE, "%s%s%s:%u", is_addr ? "[" : "",
	    host, is_addr ? "]" : "", port);
	return (buf);
}

static const char *
remote_error(const struct imsg_port *p)
{
	static char	 why[160];
	const char	*error = host_error(p->host);

	if (error == NULL)
		return (NULL);
	snprintf(why, sizeof(why), "remote %s" PORTMAP_REMOTE, error);
	return (why);
}

/* of what only one of the two kinds has */
static const char *
kind_error(const struct imsg_port *p)
{
	switch (p->kind) {
	case GW_PORT_PUBLISH:
		if (p->target_port == 0)
			return ("internal_port is a number from 1 to 65535");
		if (p->proxy_protocol != 0 && p->proxy_protocol != 2)
			return ("proxy_protocol is \"v2\", or left out");
		return (p->host[0] != '\0' ? "remote belongs to listen_port" :
		    NULL);
	case GW_PORT_FORWARD:
		if (p->target_port == 0)
			return ("remote: its port is a number from 1 to "
			    "65535");
		if (p->proxy_protocol != 0)
			return ("proxy_protocol belongs to internal_port");
		return (remote_error(p));
	default:
		return ("the kind is unknown");
	}
}

/* it is shown on terminals */
static int
has_controls(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ' || *text == '\177')
			return (1);
	return (0);
}

const char *
portmap_error(const struct imsg_port *p)
{
	if (p->protocol != IPPROTO_UDP && p->protocol != IPPROTO_TCP)
		return ("the protocol is udp or tcp");
	if (!wire_string(p->tunnel) || !wire_string(p->host) ||
	    !wire_string(p->description))
		return ("a text has no end");
	if (p->port != 0 && p->port < PORTMAP_LOWEST && !p->fixed)
		return (p->kind == GW_PORT_FORWARD ?
		    "listen_port is a number from 1024 to 65535" :
		    "external_port is a number from 1024 to 65535; only a "
		    "[port.NAME] section may have a lower one");
	if (has_controls(p->description))
		return ("description has control characters");
	return (kind_error(p));
}
