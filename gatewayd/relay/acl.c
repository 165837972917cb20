/*
 * Where the relay may connect to: see acl.h.  Runs in the relay (_gwrelay,
 * chroot).
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "acl.h"
#include "addr.h"

/* what nobody reaches through the relay unless allow says so */
static const struct builtin {
	const char	*prefix;
	uint8_t		 len;
	const char	*why;
} builtin4[] = {
	{ "0.0.0.0", 8, "this network" },
	{ "127.0.0.0", 8, "a loopback address" },
	{ "169.254.0.0", 16, "a link-local address" },
	{ "224.0.0.0", 4, "a multicast address" },
	{ "240.0.0.0", 4, "a reserved address" },
	{ NULL, 0, NULL }
}, builtin6[] = {
	{ "::1", 128, "a loopback address" },
	{ "::ffff:0:0", 96, "an IPv4 address in IPv6's clothes" },
	{ "::", 96, "an unspecified or IPv4-compatible address" },
	{ "fe80::", 10, "a link-local address" },
	{ "ff00::", 8, "a multicast address" },
	{ NULL, 0, NULL }
}, private4[] = {
	{ "10.0.0.0", 8, NULL },
	{ "100.64.0.0", 10, NULL },
	{ "172.16.0.0", 12, NULL },
	{ "192.168.0.0", 16, NULL },
	{ NULL, 0, NULL }
}, private6[] = {
	{ "fc00::", 7, NULL },
	{ NULL, 0, NULL }
};

int
acl_rule(const char *text, struct acl_rule *r)
{
	char	 buf[1024], *rest = buf, *word;

	memset(r, 0, sizeof(*r));
	if (strlcpy(buf, text, sizeof(buf)) >= sizeof(buf) ||
	    pattern_parse(strsep(&rest, " "), &r->pattern) == -1 ||
	    (word = strsep(&rest, " ")) == NULL)
		return (-1);
	if (strcmp(word, "any") == 0)
		r->any = 1;
	else if (acl_family(word, &r->family) == -1)
		return (-1);
	if (rest == NULL)
		return (0);
	if (strcmp(strsep(&rest, " "), "via") != 0 || rest == NULL)
		return (-1);
	r->way = strcmp(rest, "upstream") == 0 ? ACL_UPSTREAM : ACL_TUNNEL;
	return (strlcpy(r->tunnel, rest, sizeof(r->tunnel)) >=
	    sizeof(r->tunnel) ? -1 : 0);
}

/* the length of the name without the root's dot */
static size_t
name_len(const char *name)
{
	size_t	 len = strlen(name);

	return (len > 0 && name[len - 1] == '.' ? len - 1 : len);
}

static int
match_name(const struct gw_pattern *p, const char *name)
{
	size_t	 len = name_len(name), plen = strlen(p->name);

	if (plen == 0)
		return (1);
	if (len < plen || strncasecmp(name + len - plen, p->name, plen) != 0)
		return (0);
	return (len == plen || (p->below && name[len - plen - 1] == '.'));
}

/* nonzero if the first len bits are the same, in either family */
static int
match_bits(const void *a, const void *b, uint8_t len)
{
	const uint8_t	*x = a, *y = b;

	if (memcmp(x, y, len / 8) != 0)
		return (0);
	return (len % 8 == 0 ||
	    ((x[len / 8] ^ y[len / 8]) >> (8 - len % 8)) == 0);
}

static int
match(const struct gw_pattern *p, const struct socks_dest *d,
    const char *name)
{
	if (p->port != 0 && p->port != d->port)
		return (0);
	if (p->family == AF_UNSPEC)
		return (p->name[0] == '\0' ||
		    (name != NULL && match_name(p, name)));
	return (p->family == d->family && match_bits(&p->addr, &d->v6,
	    p->len));
}

int
acl_all_upstream(const struct acl *acl)
{
	const struct acl_rule	*r;

	for (r = acl->rules; r < acl->rules + acl->nrules; r++) {
		if (r->way != ACL_UPSTREAM)
			return (0);
		if (r->pattern.family == AF_UNSPEC && r->pattern.port == 0 &&
		    r->pattern.name[0] == '\0')
			return (1);
	}
	return (0);
}

const struct acl_rule *
acl_find(const struct acl *acl, const struct socks_dest *d)
{
	const struct acl_rule	*r;

	for (r = acl->rules; r < acl->rules + acl->nrules; r++)
		if (match(&r->pattern, d, d->family == AF_UNSPEC ? d->name :
		    NULL))
			return (r);
	return (NULL);
}

static const struct builtin *
builtin_find(const struct builtin *b, int family, const void *addr)
{
	struct in6_addr	 prefix;

	for (; b->prefix != NULL; b++) {
		inet_pton(family, b->prefix, &prefix);
		if (match_bits(addr, &prefix, b->len))
			return (b);
	}
	return (NULL);
}

static int
is_own(const struct acl *acl, const struct in6_addr *addr)
{
	size_t	 i;

	for (i = 0; i < acl->nown; i++)
		if (IN6_ARE_ADDR_EQUAL(&acl->own[i], addr))
			return (1);
	return (0);
}

struct in6_addr
acl_mapped(struct in_addr v4)
{
	struct in6_addr	 addr = IN6ADDR_ANY_INIT;

	addr.s6_addr[10] = addr.s6_addr[11] = 0xff;
	memcpy(&addr.s6_addr[12], &v4, sizeof(v4));
	return (addr);
}

static const char *
refused4(const struct acl *acl, struct in_addr v4)
{
	const struct builtin	*b = builtin_find(builtin4, AF_INET, &v4);
	struct in6_addr		 addr = acl_mapped(v4);

	if (b != NULL)
		return (b->why);
	return (is_own(acl, &addr) ? "an address of this machine" : NULL);
}

/*
 * The IPv4 address that a translator or relay would send to: NAT64 (RFC 6052),
 * 6to4 (RFC 3056), Teredo (RFC 4380, where it is written inverted).
 */
static int
embedded(const struct acl *acl, const struct in6_addr *addr,
    struct in_addr *v4)
{
	const uint8_t	*b = addr->s6_addr;

	if (nat64_extract(&nat64_well_known, addr, v4) ||
	    nat64_extract(&acl->nat64, addr, v4))
		return (1);
	if (b[0] == 0x20 && b[1] == 0x02)
		memcpy(v4, b + 2, sizeof(*v4));
	else if (b[0] == 0x20 && b[1] == 0x01 && b[2] == 0 && b[3] == 0) {
		memcpy(v4, b + 12, sizeof(*v4));
		v4->s_addr = ~v4->s_addr;
	} else
		return (0);
	return (1);
}

static const char *
refused6(const struct acl *acl, const struct in6_addr *addr)
{
	const struct builtin	*b = builtin_find(builtin6, AF_INET6, addr);
	struct in_addr		 v4;

	if (b != NULL)
		return (b->why);
	if (is_own(acl, addr))
		return ("an address of this machine");
	if (embedded(acl, addr, &v4) && (refused4(acl, v4) != NULL ||
	    builtin_find(private4, AF_INET, &v4) != NULL))
		return ("it holds a private IPv4 address");
	return (NULL);
}

/* the first of the list that fits, or NULL */
static const struct gw_pattern *
listed(const struct gw_pattern *list, size_t n, const struct socks_dest *d,
    const char *name)
{
	const struct gw_pattern	*p;

	for (p = list; p < list + n; p++)
		if (match(p, d, name))
			return (p);
	return (NULL);
}

/* by what stands in deny, for an IPv4 address that is written in it as well */
static const struct gw_pattern *
denied(const struct acl *acl, const struct socks_dest *d, const char *name)
{
	struct socks_dest		 inner = { .port = d->port };
	const struct gw_pattern	*p;

	p = listed(acl->deny, acl->ndeny, d, name);
	if (p != NULL || d->family != AF_INET6 ||
	    !embedded(acl, &d->v6, &inner.v4))
		return (p);
	inner.family = AF_INET;
	return (listed(acl->deny, acl->ndeny, &inner, NULL));
}

static const char *
denied_by(const struct gw_pattern *p)
{
	static char	 why[sizeof("deny = ") + GW_HOST_SIZE + 8] = "deny = ";

	acl_pattern_text(p, why + 7, sizeof(why) - 7);
	return (why);
}

/* nonzero if the operator's lists decide: *why, or NULL */
static int
decided(const struct acl *acl, const struct socks_dest *d, const char *name,
    const char **why)
{
	const struct gw_pattern	*p;

	*why = NULL;
	if ((p = denied(acl, d, name)) != NULL)
		*why = denied_by(p);
	return (p != NULL ||
	    listed(acl->allow, acl->nallow, d, name) != NULL);
}

const char *
acl_refused(const struct acl *acl, const struct socks_dest *d,
    const char *name)
{
	const char	*why;

	if (decided(acl, d, name, &why))
		return (why);
	return (d->family == AF_INET ? refused4(acl, d->v4) :
	    refused6(acl, &d->v6));
}

const char *
acl_refused_upstream(const struct acl *acl, const struct socks_dest *d)
{
	static const struct gw_pattern	 localhost = { .below = 1,
					    .name = "localhost" };
	const char			*name = NULL, *why;

	if (d->family == AF_UNSPEC)
		name = d->name;
	if (decided(acl, d, name, &why))
		return (why);
	if (name != NULL)
		return (match_name(&localhost, name) ?
		    "a name of the own machine (RFC 6761)" : NULL);
	why = d->family == AF_INET ? refused4(acl, d->v4) :
	    refused6(acl, &d->v6);
	if (why == NULL && builtin_find(d->family == AF_INET ? private4 :
	    private6, d->family, &d->v6) != NULL)
		why = "a private address, of another network there";
	return (why);
}
