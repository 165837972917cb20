/*
 * nat64.c: the examples of RFC 6052, section 2.4, and what servers may tell.
 */
#include <arpa/inet.h>
#include <err.h>
#include <string.h>

#include "nat64.h"
#include "unit.h"

static void
test_embed(void)
{
	static const struct {
		const char	*prefix;
		uint8_t		 len;
		const char	*want;
	} cases[] = {
		{ "2001:db8::", 32, "2001:db8:c000:221::" },
		{ "2001:db8:100::", 40, "2001:db8:1c0:2:21::" },
		{ "2001:db8:122::", 48, "2001:db8:122:c000:2:2100::" },
		{ "2001:db8:122:300::", 56, "2001:db8:122:3c0:0:221::" },
		{ "2001:db8:122:344::", 64, "2001:db8:122:344:c0:2:2100::" },
		{ "2001:db8:122:344::", 96, "2001:db8:122:344::192.0.2.33" },
		{ "64:ff9b::", 96, "64:ff9b::192.0.2.33" },
	};
	struct nat64	 p;
	struct in6_addr	 got, want;
	struct in_addr	 v4, back;
	size_t		 i;

	inet_pton(AF_INET, "192.0.2.33", &v4);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		p.prefix = addr6(cases[i].prefix);
		p.len = cases[i].len;
		got = nat64_embed(&p, v4);
		want = addr6(cases[i].want);
		if (!IN6_ARE_ADDR_EQUAL(&got, &want))
			errx(1, "%s", cases[i].want);
		if (!nat64_extract(&p, &got, &back) ||
		    back.s_addr != v4.s_addr)
			errx(1, "back from %s", cases[i].want);
		want.s6_addr[1] ^= 1;
		if (nat64_extract(&p, &want, &back))
			errx(1, "not behind %s", cases[i].prefix);
		/* the same place holds the well-known address */
		inet_pton(AF_INET, "192.0.0.171", &back);
		want = nat64_embed(&p, back);
		memset(&p, 0xff, sizeof(p));
		if (!nat64_find(&p, &want, 1) || p.len != cases[i].len)
			errx(1, "find %s", cases[i].prefix);
		want = addr6(cases[i].prefix);
		if (!IN6_ARE_ADDR_EQUAL(&p.prefix, &want))
			errx(1, "found %s", cases[i].prefix);
	}
	memset(&p, 0, sizeof(p));
	if (nat64_extract(&p, &want, &back))
		errx(1, "no prefix");
}

static void
test_find(void)
{
	static const char *const bad[] = {
		"2001:db8::1", "::", "64:ff9b::192.0.0.172",
		"64:ff9b::192.0.1.170",
		"2001:db8:122:344:1c0:0:aa00:0",	/* bits 64 to 71 */
		"2001:db8:c000:aa::192.0.0.170",	/* /32 or /96? */
	};
	struct in6_addr	 list[2];
	struct nat64	 p;
	size_t		 i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		list[0] = addr6(bad[i]);
		if (nat64_find(&p, list, 1) || p.len != 0)
			errx(1, "%s", bad[i]);
		list[1] = addr6("64:ff9b::192.0.0.170");
		if (!nat64_find(&p, list, 2) || p.len != 96)
			errx(1, "after %s", bad[i]);
	}
	if (nat64_find(&p, list, 0))
		errx(1, "nothing");
}

int
main(void)
{
	test_embed();
	test_find();
	return (0);
}
