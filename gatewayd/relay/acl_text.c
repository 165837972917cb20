/*
 * Rules in words: see acl.h.  Runs in the relay (_gwrelay, chroot).
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "acl.h"

static const char *const families[] = {
	[GW_FAMILY_AUTO] = "auto",
	[GW_FAMILY_IPV6] = "ipv6",
	[GW_FAMILY_IPV4] = "ipv4",
	[GW_FAMILY_PREFER_IPV4] = "prefer-ipv4"
};

const char *
acl_family_word(enum gw_family family)
{
	return (families[family]);
}

int
acl_family(const char *word, enum gw_family *family)
{
	size_t	 i;

	for (i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		if (strcmp(word, families[i]) == 0) {
			*family = (enum gw_family)i;
			return (0);
		}
	return (-1);
}

/* "192.0.2.0/24"; one address alone has no length */
static void
prefix_text(const struct gw_pattern *p, char *buf, size_t size)
{
	char	 addr[INET6_ADDRSTRLEN];

	inet_ntop(p->family, &p->addr, addr, sizeof(addr));
	if (p->len == (p->family == AF_INET ? 32 : 128))
		strlcpy(buf, addr, size);
	else
		snprintf(buf, size, "%s/%u", addr, p->len);
}

void
acl_pattern_text(const struct gw_pattern *p, char *buf, size_t size)
{
	char	 prefix[INET6_ADDRSTRLEN + 4], port[8] = "";
	int	 brackets = p->family == AF_INET6 && p->port != 0;

	if (p->port != 0)
		snprintf(port, sizeof(port), ":%u", p->port);
	if (p->family == AF_UNSPEC) {
		snprintf(buf, size, "%s%s%s%s", p->below ? "*" : "",
		    p->below && p->name[0] != '\0' ? "." : "", p->name, port);
		return;
	}
	prefix_text(p, prefix, sizeof(prefix));
	snprintf(buf, size, "%s%s%s%s", brackets ? "[" : "", prefix,
	    brackets ? "]" : "", port);
}

void
acl_rule_text(const struct acl_rule *r, char *buf, size_t size)
{
	acl_pattern_text(&r->pattern, buf, size);
	strlcat(buf, " ", size);
	strlcat(buf, r->any ? "any" : acl_family_word(r->family), size);
	if (r->way == ACL_ACTIVE)
		return;
	strlcat(buf, " via ", size);
	strlcat(buf, r->way == ACL_UPSTREAM ? "upstream" : r->tunnel, size);
}
