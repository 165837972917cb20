/*
 * Values of [tunnel.NAME] that have a form of their own.  No I/O; runs
 * wherever a configuration is read.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>

#include "addr.h"
#include "name.h"
#include "parse.h"

#define KEEPALIVE_NONE	"0s"

/* what the kernel takes (dev_valid_name), and no sysctl directory's name */
static const char *
iface_error(const char *name)
{
	const char *s;

	if (strlen(name) >= IFNAMSIZ)
		return ("is too long");
	if (strcmp(name, "all") == 0 || strcmp(name, "default") == 0 ||
	    strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return ("has a meaning of its own in /proc/sys/net");
	/* the kernel replaces a %d */
	for (s = name; *s != '\0'; s++)
		if (!isgraph((unsigned char)*s) || strchr("/:%\"'", *s))
			return ("has a character that is not allowed");
	return (NULL);
}

void
set_iface(struct parse *p, void *field)
{
	const char *error;

	if ((error = iface_error(p->value)) == NULL)
		strlcpy(field, p->value, IFNAMSIZ);
	else
		value_error(p, NULL, "%s; allowed are 1 to %d printable ASCII "
		    "characters without /, :, %% and quotes, and not all or "
		    "default", error, IFNAMSIZ - 1);
}

void
set_endpoint(struct parse *p, void *field)
{
	struct gw_tunnel *tun = p->section->base;
	struct in6_addr addr6;
	struct in_addr addr;
	const char *error = NULL;

	if (inet_pton(AF_INET, p->value, &addr) == 1) {
		if ((error = addr4_endpoint_error(addr)) == NULL)
			tun->endpoint_addr = addr;
	} else if (inet_pton(AF_INET6, p->value, &addr6) == 1) {
		error = "is an IPv6 address";
	} else if (name_error(p->value) != NULL) {
		error = "is neither an address nor a host name";
	}
	if (error == NULL)
		strlcpy(field, p->value, sizeof(tun->endpoint));
	else
		value_error(p, NULL, "%s; allowed is the tunnel server's "
		    "unicast IPv4 address or host name", error);
}

void
set_local(struct parse *p, void *field)
{
	struct gw_tunnel *tun = field;
	const char *error;

	if (strcmp(p->value, "auto") == 0) {
		tun->local_mode = GW_LOCAL_AUTO;
		return;
	}
	if (strcmp(p->value, "any") == 0) {
		tun->local_mode = GW_LOCAL_ANY;
		return;
	}
	if (inet_pton(AF_INET, p->value, &tun->local) != 1)
		error = "is not an IPv4 address";
	else
		error = addr4_endpoint_error(tun->local);
	if (error == NULL)
		tun->local_mode = GW_LOCAL_ADDR;
	else
		value_error(p, NULL, "%s; allowed are auto, any and one of "
		    "this host's unicast IPv4 addresses", error);
}

/* PREFIX/LEN, and nothing set behind LEN; 0, or -1 after an error */
static int
prefix_in_limits(struct parse *p, uint32_t max, struct in6_addr *addr,
    uint8_t *len)
{
	struct in6_addr masked;

	if (parse_prefix(p->value, addr, len) == -1 || *len < PREFIX_MIN ||
	    *len > max) {
		value_error(p, NULL, "is not a prefix; allowed is PREFIX/LEN "
		    "with LEN %d to %u", PREFIX_MIN, max);
		return (-1);
	}
	masked = *addr;
	prefix_mask(&masked, *len);
	if (memcmp(&masked, addr, sizeof(masked)) == 0)
		return (0);
	value_error(p, NULL, "has bits set behind its length; the prefix is "
	    "%s/%u", addr6_text(&masked), *len);
	return (-1);
}

/* an address, or PREFIX/LEN, which means PREFIX::2 as brokers give it */
void
set_v6_prefix(struct parse *p, void *field)
{
	struct gw_tunnel *tun = field;
	struct in6_addr addr;
	const char *error;
	uint8_t len;

	if (strchr(p->value, '/') != NULL) {
		/* a shorter rest has no room for ::2 */
		if (prefix_in_limits(p, 126, &addr, &len) == -1)
			return;
		p->section->slash = len;
		addr = prefix_host(&addr, len, 2);
	} else if (inet_pton(AF_INET6, p->value, &addr) != 1) {
		value_error(p, NULL, "is not an IPv6 address; allowed is "
		    "the tunnel's own address, or PREFIX/LEN for PREFIX::2");
		return;
	}
	if ((error = addr6_unicast_error(&addr)) != NULL) {
		value_error(p, NULL, "%s; allowed is a global unicast address",
		    error);
		return;
	}
	tun->address = addr;
	tun->has_address = 1;
}

void
set_gateway(struct parse *p, void *field)
{
	struct gw_tunnel *tun = field;
	struct in6_addr addr;
	const char *error;

	if (inet_pton(AF_INET6, p->value, &addr) != 1)
		error = "is not an IPv6 address";
	else
		error = addr6_unicast_error(&addr);
	if (error == NULL)
		tun->gateway = addr;
	else
		value_error(p, NULL, "%s; allowed is the global unicast "
		    "address of the tunnel's far end", error);
}

void
set_routed(struct parse *p, void *field)
{
	struct gw_tunnel *tun = field;
	struct gw_prefix prefix;
	const char *error;
	struct list list;

	list_start(p, &list);
	while (list_next(p, &list)) {
		if (prefix_in_limits(p, 128, &prefix.addr, &prefix.len) == -1)
			continue;
		if ((error = addr6_unicast_error(&prefix.addr)) != NULL) {
			value_error(p, NULL, "%s; allowed are global unicast "
			    "prefixes", error);
			continue;
		}
		if (tun->nrouted == GW_PREFIXES_MAX) {
			value_error(p, NULL, "is one prefix too many; "
			    "allowed are %d", GW_PREFIXES_MAX);
			return;
		}
		tun->routed[tun->nrouted++] = prefix;
	}
}

/* auto, or what a 6in4 packet of at most 65535 bytes can hold */
void
set_mtu(struct parse *p, void *field)
{
	struct gw_tunnel *tun = field;
	uint32_t mtu;

	if (strcmp(p->value, "auto") == 0)
		tun->mtu = 0;
	else if (parse_number(p->value, &mtu) == 0 &&
	    mtu >= p->key->min && mtu <= p->key->max)
		tun->mtu = mtu;
	else
		value_error(p, NULL, "is not an MTU; allowed are auto and %u "
		    "to %u", p->key->min, p->key->max);
}

void
set_keepalive(struct parse *p, void *field)
{
	/* none lies outside of the limits */
	if (strcmp(p->value, KEEPALIVE_NONE) == 0)
		*(uint32_t *)field = 0;
	else
		set_duration(p, field);
}
