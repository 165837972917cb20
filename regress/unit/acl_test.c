/*
 * acl.c: what is refused by itself, what allow and deny change, which rule
 * is the first that fits.
 */
#include <arpa/inet.h>
#include <err.h>
#include <stdio.h>
#include <string.h>

#include "acl.h"

static struct acl	 acl;

static struct socks_dest
dest(const char *text, in_port_t port)
{
	struct socks_dest	 d = { .port = port };

	if (inet_pton(AF_INET, text, &d.v4) == 1)
		d.family = AF_INET;
	else if (inet_pton(AF_INET6, text, &d.v6) == 1)
		d.family = AF_INET6;
	else
		strlcpy(d.name, text, sizeof(d.name));
	return (d);
}

static void
test_builtin(void)
{
	static const char *const refused[] = { "0.0.0.0", "0.1.2.3",
	    "127.0.0.1", "127.255.255.255", "169.254.169.254", "224.0.0.1",
	    "239.1.1.1", "240.0.0.1", "255.255.255.255", "192.0.2.77", "::",
	    "::1", "::192.0.2.1", "::ffff:192.0.2.1", "::ffff:127.0.0.1",
	    "fe80::1", "febf::1", "ff02::1", "2001:db8::77",
	    "64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::192.0.2.77",
	    "2001:db8:64::192.168.0.1", "2002:7f00:1::1", "2002:a00:1::1",
	    "2002:c0a8:101::", "2001:0:1:2:3:4:f5ff:fffe",
	    "2001::80ff:fffe" };
	static const char *const good[] = { "192.0.2.1", "10.0.0.1",
	    "192.168.1.1", "100.64.0.1", "1.0.0.1", "223.255.255.255",
	    "2001:db8::1", "fd00::1", "fec0::1", "64:ff9b::192.0.2.1",
	    "2001:db8:64::192.0.2.1", "2002:c000:201::1",
	    "2001::3fff:fdfe", "2001:1::1" };
	struct socks_dest	 d;
	size_t			 i;

	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		d = dest(refused[i], 80);
		if (acl_refused(&acl, &d, "example.org") == NULL)
			errx(1, "%s is let through", refused[i]);
	}
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		d = dest(good[i], 80);
		if (acl_refused(&acl, &d, NULL) != NULL)
			errx(1, "%s is refused: %s", good[i],
			    acl_refused(&acl, &d, NULL));
	}
}

static void
test_lists(void)
{
	static const struct {
		const char	*item, *addr, *name;
		in_port_t	 port;
		int		 fits;
	} cases[] = {
		{ "127.0.0.1", "127.0.0.1", NULL, 80, 1 },
		{ "127.0.0.1", "127.0.0.2", NULL, 80, 0 },
		{ "127.0.0.0/8", "127.9.9.9", NULL, 80, 1 },
		{ "0.0.0.0/0", "127.9.9.9", NULL, 80, 1 },
		{ "::/0", "127.9.9.9", NULL, 80, 0 },
		{ "127.0.0.0/8:80", "127.9.9.9", NULL, 80, 1 },
		{ "127.0.0.0/8:80", "127.9.9.9", NULL, 81, 0 },
		{ "fe80::/10", "fe80::7", NULL, 80, 1 },
		{ "[fe80::/10]:22", "fe80::7", NULL, 22, 1 },
		{ "[fe80::/10]:22", "fe80::7", NULL, 80, 0 },
		{ "[::1]:22", "::1", NULL, 22, 1 },
		{ ".example.org", "127.0.0.1", "a.example.org", 1, 1 },
		{ ".example.org", "127.0.0.1", "example.org", 1, 1 },
		{ ".example.org", "127.0.0.1", "EXAMPLE.org.", 1, 1 },
		{ ".example.org", "127.0.0.1", "badexample.org", 1, 0 },
		{ ".example.org", "127.0.0.1", NULL, 1, 0 },
		{ ".example.org:443", "127.0.0.1", "a.example.org", 443, 1 },
		{ ".example.org:443", "127.0.0.1", "a.example.org", 80, 0 },
	};
	struct gw_pattern	 p;
	struct socks_dest	 d;
	size_t			 i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (pattern_parse(cases[i].item, &p) == -1)
			errx(1, "%s: no pattern", cases[i].item);
		d = dest(cases[i].addr, cases[i].port);
		acl.allow = &p;
		acl.nallow = 1;
		if ((acl_refused(&acl, &d, cases[i].name) == NULL) !=
		    cases[i].fits)
			errx(1, "allow = %s: %s port %u", cases[i].item,
			    cases[i].addr, cases[i].port);
		/* deny goes before allow */
		acl.deny = &p;
		acl.ndeny = 1;
		if (acl_refused(&acl, &d, cases[i].name) == NULL)
			errx(1, "deny = %s: %s port %u", cases[i].item,
			    cases[i].addr, cases[i].port);
		acl.nallow = acl.ndeny = 0;
	}
}

/* who may not reach an IPv4 address may not by a translator either */
static void
test_denied_inside(void)
{
	static const char *const in[] = { "192.0.2.1", "64:ff9b::192.0.2.1",
	    "2001:db8:64::192.0.2.1", "2002:c000:201::1" };
	struct gw_pattern	 p;
	struct socks_dest	 d;
	size_t			 i;

	pattern_parse("192.0.2.0/24:80", &p);
	acl.deny = &p;
	acl.ndeny = 1;
	for (i = 0; i < sizeof(in) / sizeof(in[0]); i++) {
		d = dest(in[i], 80);
		if (acl_refused(&acl, &d, NULL) == NULL)
			errx(1, "%s gets around deny", in[i]);
		d.port = 81;
		if (acl_refused(&acl, &d, NULL) != NULL)
			errx(1, "%s, another port", in[i]);
	}
	acl.ndeny = 0;
}

static void
test_no_patterns(void)
{
	static const char *const bad[] = { "", ".", "*.", "127.0.0.1/33",
	    "::/129", "127.0.0.0/", "127.0.0.0/x", "[::1]:0", "[::1]:65536",
	    "[::1]:", "a:b", "[example.org]:80", "127.0.0.1/-1", "[]:1",
	    "[:1" };
	struct gw_pattern	 p;
	size_t			 i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (pattern_parse(bad[i], &p) == 0)
			errx(1, "\"%s\" is a pattern", bad[i]);
}

static void
test_upstream(void)
{
	static const char *const refused[] = { "127.0.0.1", "10.0.0.1",
	    "172.31.255.255", "192.168.1.1", "100.127.0.1", "192.0.2.77",
	    "::1", "::ffff:192.0.2.1", "fd00::1", "fc00::1", "2001:db8::77",
	    "64:ff9b::10.0.0.1", "localhost", "LocalHost.", "x.localhost",
	    "bad.example", "www.bad.example" };
	static const char *const good[] = { "192.0.2.1", "172.32.0.1",
	    "2001:db8::1", "fe00::1", "good.example", "a.onion", "a.exit.",
	    "localhost.example", "notlocalhost", "192.168.9.9",
	    "printer.localhost" };
	struct gw_pattern	 deny, allow[2];
	struct socks_dest	 d;
	size_t			 i;

	pattern_parse(".bad.example", &deny);
	pattern_parse("192.168.9.0/24", &allow[0]);
	pattern_parse(".printer.localhost", &allow[1]);
	acl.deny = &deny;
	acl.allow = allow;
	acl.ndeny = 1;
	acl.nallow = 2;
	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		d = dest(refused[i], 80);
		if (acl_refused_upstream(&acl, &d) == NULL)
			errx(1, "%s is let through", refused[i]);
	}
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		d = dest(good[i], 80);
		if (acl_refused_upstream(&acl, &d) != NULL)
			errx(1, "%s is refused: %s", good[i],
			    acl_refused_upstream(&acl, &d));
	}
	acl.nallow = acl.ndeny = 0;
}

static void
test_rules(void)
{
	static const char *const texts[] = { "*.onion any via upstream",
	    "relay.example.org ipv6 via he", "*.example.org prefer-ipv4",
	    "2001:db8::/32 ipv6", "192.0.2.0/24 ipv4", "* auto" };
	static const char *const bad[] = { "", "a", "a sometimes", "a any via",
	    "a any by he", "a any via 123456789012345678901234567890123" };
	static const struct {
		const char	*dest;
		size_t		 rule;
	} cases[] = {
		{ "x.onion", 0 }, { "onion", 0 }, { "relay.example.org", 1 },
		{ "a.relay.example.org", 2 }, { "example.org", 2 },
		{ "2001:db8::9", 3 }, { "192.0.2.9", 4 }, { "192.0.3.9", 5 },
		{ "example.net", 5 },
	};
	struct acl_rule		 rules[6], r;
	struct socks_dest	 d;
	size_t			 i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (acl_rule(texts[i], &rules[i]) == -1)
			errx(1, "%s: no rule", texts[i]);
	acl.rules = rules;
	acl.nrules = sizeof(texts) / sizeof(texts[0]);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		d = dest(cases[i].dest, 80);
		if (acl_find(&acl, &d) != &rules[cases[i].rule])
			errx(1, "%s: another rule", cases[i].dest);
	}
	if (rules[0].way != ACL_UPSTREAM || !rules[0].any ||
	    rules[1].way != ACL_TUNNEL || strcmp(rules[1].tunnel, "he") != 0 ||
	    rules[1].family != GW_FAMILY_IPV6 ||
	    rules[2].family != GW_FAMILY_PREFER_IPV4)
		errx(1, "what the rules say");
	acl.nrules--;
	d = dest("example.net", 80);
	if (acl_find(&acl, &d) != NULL)
		errx(1, "a rule out of nothing");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (acl_rule(bad[i], &r) == 0)
			errx(1, "\"%s\" is a rule", bad[i]);
}

/* written out and read again, a rule is the same one */
static void
test_texts(void)
{
	static const char *const texts[] = { "*.onion any via upstream",
	    "relay.example.org:443 ipv6 via he", "* prefer-ipv4",
	    "2001:db8::/32 ipv6", "[2001:db8::1]:22 auto",
	    "[2001:db8::/48]:22 auto", "192.0.2.0/24:80 ipv4",
	    "192.0.2.1 ipv4" };
	struct gw_pattern	 deny;
	struct acl		 a = { .deny = &deny, .ndeny = 1 };
	struct socks_dest	 d = dest("2001:db8::7", 80);
	struct acl_rule		 r;
	char			 buf[512];
	const char		*why;
	size_t			 i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (acl_rule(texts[i], &r) == -1)
			errx(1, "%s: no rule", texts[i]);
		acl_rule_text(&r, buf, sizeof(buf));
		if (strcmp(buf, texts[i]) != 0)
			errx(1, "%s is written %s", texts[i], buf);
	}
	/* a refusal names it */
	if (pattern_parse("2001:db8::/32", &deny) == -1 ||
	    (why = acl_refused(&a, &d, NULL)) == NULL ||
	    strcmp(why, "deny = 2001:db8::/32") != 0)
		errx(1, "the refusal does not say which");
}

int
main(void)
{
	struct in6_addr	 own[2];

	inet_pton(AF_INET6, "2001:db8::77", &own[0]);
	inet_pton(AF_INET6, "::ffff:192.0.2.77", &own[1]);
	acl.own = own;
	acl.nown = 2;
	inet_pton(AF_INET6, "2001:db8:64::", &acl.nat64.prefix);
	acl.nat64.len = 96;
	test_builtin();
	test_lists();
	test_denied_inside();
	test_no_patterns();
	test_upstream();
	test_rules();
	test_texts();
	return (0);
}
