/*
 * Rules of the relay: what is read is written, and read again as the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "acl.h"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* what a client may ask for that the pattern is about */
static void
look_up(struct acl_rule *r)
{
	struct acl		 acl = { .rules = r, .nrules = 1 };
	struct socks_dest	 dest;

	memset(&dest, 0, sizeof(dest));
	dest.family = r->pattern.family;
	dest.port = r->pattern.port;
	if (dest.family == AF_UNSPEC)
		strlcpy(dest.name, r->pattern.name, sizeof(dest.name));
	else
		memcpy(&dest.v6, &r->pattern.addr, sizeof(dest.v6));
	if (acl_find(&acl, &dest) != r)
		abort();
	acl.deny = &r->pattern;
	acl.ndeny = 1;
	if (dest.family != AF_UNSPEC &&
	    acl_refused(&acl, &dest, NULL) == NULL)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct acl_rule	 r, again;
	char		 text[2048], out[2048];

	if (len >= sizeof(text))
		return (0);
	memcpy(text, data, len);
	text[len] = '\0';
	if (acl_rule(text, &r) == -1)
		return (0);
	acl_rule_text(&r, out, sizeof(out));
	if (acl_rule(out, &again) == -1 ||
	    memcmp(&r.pattern.addr, &again.pattern.addr,
	    sizeof(r.pattern.addr)) != 0 ||
	    strcmp(r.pattern.name, again.pattern.name) != 0 ||
	    r.pattern.port != again.pattern.port ||
	    r.pattern.len != again.pattern.len || r.way != again.way ||
	    r.family != again.family || r.any != again.any)
		abort();
	look_up(&r);
	return (0);
}
