/*
 * common/addr: text, prefixes and classes of addresses.
 */
#include <sys/un.h>
#include <arpa/inet.h>
#include <err.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "unit.h"

static void
same(const char *what, const char *got, const char *want)
{
	if (strcmp(got, want) != 0)
		errx(1, "%s: %s, not %s", what, got, want);
}

/* the examples of RFC 5952, section 4 */
static void
test_text(void)
{
	static const char *const pairs[][2] = {
		{ "2001:0db8:0000:0000:0001:0000:0000:0001",
		    "2001:db8::1:0:0:1" },
		{ "2001:db8:0:0:0:0:2:1", "2001:db8::2:1" },
		{ "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1" },
		{ "2001:DB8::ABCD", "2001:db8::abcd" },
		{ "2001:0:0:1:0:0:0:1", "2001:0:0:1::1" },
		{ "::", "::" }, { "::1", "::1" },
	};
	struct in6_addr addr;
	size_t i;

	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		addr = addr6(pairs[i][0]);
		same(pairs[i][0], addr6_text(&addr), pairs[i][1]);
	}
	same("addr4_text", addr4_text(addr4("192.0.2.1")), "192.0.2.1");
}

/* eight results live side by side */
static void
test_text_buffers(void)
{
	const char *texts[8];
	char want[ADDR_TEXT_SIZE];
	struct in_addr addr;
	uint32_t i;

	for (i = 0; i < 8; i++) {
		addr.s_addr = htonl(0xc0000200 + i);
		texts[i] = addr4_text(addr);
	}
	for (i = 0; i < 8; i++) {
		snprintf(want, sizeof(want), "192.0.2.%u", i);
		same("buffer", texts[i], want);
	}
}

static void
check_sockaddr(const char *text, int family, const char *want)
{
	struct sockaddr_storage ss;

	if (sockaddr_parse(text, &ss) == -1)
		errx(1, "sockaddr_parse: %s", text);
	if (ss.ss_family != family)
		errx(1, "%s: family %d", text, ss.ss_family);
	same(text, sockaddr_text((struct sockaddr *)&ss), want);
}

static void
test_sockaddr(void)
{
	static const char *const wrong[] = {
		"", ":", ":80", "1080", "192.0.2.1", "192.0.2.1:",
		"192.0.2.1:0", "192.0.2.1:65536", "192.0.2.1:+1",
		"192.0.2.1:-1", "192.0.2.1: 1", "192.0.2.1:1x",
		"192.0.2.256:1", "[192.0.2.1]:1", "2001:db8::1:80x",
		"[2001:db8::1]", "[2001:db8::1]80", "[2001:db8::1:80",
		"[2001:db8::1]x:80", "[]:80", "[:80", "name:80", "unix:",
		"unix:relative", "[::%lo]:1",
		"192.0.2.1:99999999999999999999999",
	};
	struct sockaddr_storage ss;
	struct sockaddr_un *sun = (void *)&ss;
	char path[8 + sizeof(sun->sun_path)] = "unix:/";
	size_t i;

	check_sockaddr("192.0.2.1:80", AF_INET, "192.0.2.1:80");
	check_sockaddr("[2001:DB8::1]:65535", AF_INET6,
	    "[2001:db8::1]:65535");
	check_sockaddr("unix:/run/x:1", AF_UNIX, "/run/x:1");
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (sockaddr_parse(wrong[i], &ss) == 0)
			errx(1, "sockaddr_parse takes \"%s\"", wrong[i]);
	/* the longest path that leaves room for its NUL, and one more */
	memset(path + 6, 'x', sizeof(sun->sun_path) - 2);
	if (sockaddr_parse(path, &ss) == -1)
		errx(1, "sockaddr_parse: longest path");
	strcat(path, "x");
	if (sockaddr_parse(path, &ss) == 0)
		errx(1, "sockaddr_parse takes a path too long");
}

/* names a kernel may hand out: unnamed, abstract, without a NUL */
static void
test_unix_text(void)
{
	struct sockaddr_un sun;
	const char *text;

	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	same("unnamed", sockaddr_text((struct sockaddr *)&sun), "");
	memcpy(sun.sun_path, "\0abc", 4);
	same("abstract", sockaddr_text((struct sockaddr *)&sun), "@abc");
	memset(sun.sun_path, 'x', sizeof(sun.sun_path));
	text = sockaddr_text((struct sockaddr *)&sun);
	if (strlen(text) != sizeof(sun.sun_path))
		errx(1, "full path: %zu characters", strlen(text));
	sun.sun_family = 99;
	same("family", sockaddr_text((struct sockaddr *)&sun),
	    "unknown address family");
}

static void
test_mask(void)
{
	static const struct {
		uint8_t		 len;
		const char	*want;
	} cases[] = {
		{ 0, "::" }, { 1, "8000::" }, { 7, "fe00::" },
		{ 8, "ff00::" }, { 9, "ff80::" },
		{ 64, "ffff:ffff:ffff:ffff::" },
		{ 127, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe" },
		{ 128, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
		{ 200, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
	};
	struct in6_addr addr;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(&addr, 0xff, sizeof(addr));
		prefix_mask(&addr, cases[i].len);
		same("prefix_mask", addr6_text(&addr), cases[i].want);
	}
}

static void
check_match(const char *a, const char *p, uint8_t len, int want)
{
	struct in6_addr addr = addr6(a), prefix = addr6(p);

	if (prefix_match(&addr, &prefix, len) != want)
		errx(1, "%s in %s/%u: not %d", a, p, len, want);
}

static void
test_prefix(void)
{
	struct in6_addr addr;

	check_match("2001:db8::1", "2001:db8::", 64, 1);
	check_match("2001:db8:0:1::1", "2001:db8::", 64, 0);
	check_match("2001:db8:0:1::1", "2001:db8::", 63, 1);
	check_match("2001:db8::3", "2001:db8::2", 127, 1);
	check_match("2001:db8::3", "2001:db8::2", 128, 0);
	check_match("ff02::1", "2001:db8::", 0, 1);
	addr = addr6("2001:db8:1:2:3:4:5:6");
	addr = prefix_host(&addr, 64, 2);
	same("prefix_host", addr6_text(&addr), "2001:db8:1:2::2");
	addr = addr6("2001:db8::ffff");
	addr = prefix_host(&addr, 126, 1);
	same("prefix_host", addr6_text(&addr), "2001:db8::fffd");
}

static void
test_classes(void)
{
	static const char *const good4[] = {
		"1.0.0.0", "10.1.2.3", "126.255.255.255", "128.0.0.1",
		"192.0.2.1", "223.255.255.255",
	}, *const bad4[] = {
		"0.0.0.0", "0.255.255.255", "127.0.0.0", "127.255.255.255",
		"224.0.0.0", "239.255.255.255", "240.0.0.0", "255.255.255.254",
		"255.255.255.255",
	}, *const good6[] = { "2001:db8::1", "fd00::1", "64:ff9b::1" },
	    *const bad6[] = {
		"::", "::1", "ff00::", "ff02::1", "fe80::1", "febf::1",
		"::ffff:192.0.2.1",
	};
	struct in6_addr addr;
	size_t i;

	for (i = 0; i < sizeof(good4) / sizeof(good4[0]); i++)
		if (addr4_endpoint_error(addr4(good4[i])) != NULL)
			errx(1, "%s is refused", good4[i]);
	for (i = 0; i < sizeof(bad4) / sizeof(bad4[0]); i++)
		if (addr4_endpoint_error(addr4(bad4[i])) == NULL)
			errx(1, "%s is taken", bad4[i]);
	for (i = 0; i < sizeof(good6) / sizeof(good6[0]); i++) {
		addr = addr6(good6[i]);
		if (addr6_unicast_error(&addr) != NULL)
			errx(1, "%s is refused", good6[i]);
	}
	for (i = 0; i < sizeof(bad6) / sizeof(bad6[0]); i++) {
		addr = addr6(bad6[i]);
		if (addr6_unicast_error(&addr) == NULL)
			errx(1, "%s is taken", bad6[i]);
	}
}

static void
check_loopback(const char *text, int want)
{
	struct sockaddr_storage ss;

	if (sockaddr_parse(text, &ss) == -1 ||
	    !sockaddr_loopback((struct sockaddr *)&ss) != !want)
		errx(1, "loopback %s: not %d", text, want);
}

static void
test_loopback(void)
{
	check_loopback("127.0.0.1:1", 1);
	check_loopback("127.255.0.1:1", 1);
	check_loopback("128.0.0.1:1", 0);
	check_loopback("0.0.0.0:1", 0);
	check_loopback("[::1]:1", 1);
	check_loopback("[::]:1", 0);
	check_loopback("[::2]:1", 0);
	check_loopback("[::ffff:127.0.0.1]:1", 1);
	check_loopback("[::ffff:192.0.2.1]:1", 0);
	check_loopback("unix:/x", 0);
}

int
main(void)
{
	test_text();
	test_text_buffers();
	test_sockaddr();
	test_unix_text();
	test_mask();
	test_prefix();
	test_classes();
	test_loopback();
	return (0);
}
