/*
 * The doctor's pure parts: kinds of addresses, makers of routes, lines of
 * /proc/net, answers to its pings, and the report.
 */
#include <arpa/inet.h>
#include <linux/rtnetlink.h>

#include <err.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "classify.h"
#include "echo.h"
#include "listeners.h"
#include "report.h"
#include "unit.h"

static const struct {
	const char	*addr;
	enum addr4_kind	 kind;
} kinds[] = {
	{ "9.255.255.255", ADDR4_PUBLIC },
	{ "10.0.0.0", ADDR4_PRIVATE },
	{ "10.255.255.255", ADDR4_PRIVATE },
	{ "11.0.0.0", ADDR4_PUBLIC },
	{ "172.15.255.255", ADDR4_PUBLIC },
	{ "172.16.0.0", ADDR4_PRIVATE },
	{ "172.31.255.255", ADDR4_PRIVATE },
	{ "172.32.0.0", ADDR4_PUBLIC },
	{ "192.167.255.255", ADDR4_PUBLIC },
	{ "192.168.0.1", ADDR4_PRIVATE },
	{ "192.169.0.0", ADDR4_PUBLIC },
	{ "100.63.255.255", ADDR4_PUBLIC },
	{ "100.64.0.0", ADDR4_CGNAT },
	{ "100.127.255.255", ADDR4_CGNAT },
	{ "100.128.0.0", ADDR4_PUBLIC },
	{ "169.253.255.255", ADDR4_PUBLIC },
	{ "169.254.0.1", ADDR4_LINK_LOCAL },
	{ "169.255.0.0", ADDR4_PUBLIC },
	{ "192.0.2.2", ADDR4_PUBLIC },
};

static void
test_kinds(void)
{
	struct in_addr	 a;
	size_t		 i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		CHECK(inet_pton(AF_INET, kinds[i].addr, &a) == 1);
		if (addr4_kind(a) != kinds[i].kind)
			errx(1, "%s", kinds[i].addr);
	}
}

static void
test_makers(void)
{
	const char	*stop;

	CHECK(strstr(route_maker(RTPROT_DHCP, &stop), "dhcpcd") != NULL);
	CHECK(strstr(stop, "nmcli") != NULL);
	CHECK(strstr(route_maker(RTPROT_RA, &stop), "advertisement") != NULL);
	CHECK(strstr(stop, "accept_ra") != NULL);
	CHECK(strstr(route_maker(RTPROT_STATIC, &stop), "NetworkManager"));
	CHECK(strcmp(route_maker(RTPROT_BIRD, &stop), "BIRD") == 0);
	CHECK(strcmp(route_maker(201, &stop), "gatewayd") == 0);
	CHECK(stop == NULL);
	CHECK(strstr(route_maker(0, &stop), "protocol 0") != NULL);
	CHECK(strstr(route_maker(255, &stop), "protocol 255") != NULL);
	CHECK(stop == NULL);
}

#define TAIL(inode)	" 00000000:00000000 00:00000000 00000000  1000 " \
			"       0 " inode " 1 0000000000000000 100 0 0 10 0"

static void
test_listeners(void)
{
	struct listener_socket	 s;
	struct in6_addr		 a;

	CHECK(listener_parse("   0: 0100007F:21C2 00000000:0000 0A"
	    TAIL("4711"), IPPROTO_TCP, AF_INET, &s) == 1);
	CHECK(s.port == 8642 && s.uid == 1000 && s.inode == 4711);
	CHECK(s.addr.s6_addr[0] == 127 && s.addr.s6_addr[3] == 1);
	CHECK(listener_parse("  12: B80D0120000000000000000001000000:0035 "
	    "00000000000000000000000000000000:0000 07" TAIL("9"),
	    IPPROTO_UDP, AF_INET6, &s) == 1);
	CHECK(inet_pton(AF_INET6, "2001:db8::1", &a) == 1);
	CHECK(memcmp(&a, &s.addr, sizeof(a)) == 0 && s.port == 53);
	/* connected ones, and other lines */
	CHECK(listener_parse("   0: 0100007F:21C2 0100007F:0050 01"
	    TAIL("1"), IPPROTO_TCP, AF_INET, &s) == 0);
	CHECK(listener_parse("   0: 0100007F:21C2 0100007F:0050 01"
	    TAIL("1"), IPPROTO_UDP, AF_INET, &s) == 0);
	CHECK(listener_parse("  sl  local_address rem_address   st",
	    IPPROTO_TCP, AF_INET, &s) == 0);
	CHECK(listener_parse("   0: 0100007F:21C2 00000000:0000 0A"
	    TAIL("1"), IPPROTO_TCP, AF_INET6, &s) == 0);
	CHECK(listener_parse("   0: 0100007F:121C2 00000000:0000 0A"
	    TAIL("1"), IPPROTO_TCP, AF_INET, &s) == 0);
	CHECK(listener_parse("", IPPROTO_TCP, AF_INET, &s) == 0);
}

static void
test_echo(void)
{
	struct echo	 e = { .nonce = "a random number" };
	uint8_t		 p[20 + 8 + ECHO_NONCE];

	memset(p, 0, sizeof(p));
	memcpy(p + 28, e.nonce, ECHO_NONCE);
	/* a ping socket, a raw one, and one of IPv6 */
	CHECK(echo_is_answer(&e, p + 20, sizeof(p) - 20));
	p[0] = 0x45;
	CHECK(echo_is_answer(&e, p, sizeof(p)));
	p[20] = 129;
	CHECK(echo_is_answer(&e, p + 20, sizeof(p) - 20));
	/* too short, a request, another's, a header that is longer than all */
	CHECK(!echo_is_answer(&e, p + 20, sizeof(p) - 21));
	CHECK(!echo_is_answer(&e, p, 20));
	CHECK(!echo_is_answer(&e, p, 0));
	p[20] = 128;
	CHECK(!echo_is_answer(&e, p + 20, sizeof(p) - 20));
	p[20] = 129;
	p[28] ^= 1;
	CHECK(!echo_is_answer(&e, p + 20, sizeof(p) - 20));
	p[28] ^= 1;
	p[0] = 0x4f;
	CHECK(!echo_is_answer(&e, p, sizeof(p)));
}

static const char *
value(const json_t *root, size_t i, const char *key)
{
	return (json_string_value(json_object_get(json_array_get(
	    json_object_get(root, "checks"), i), key)));
}

/* in the order of the checks, whenever they are answered */
static void
test_report(void)
{
	struct report	*r = report_new();
	struct finding	*f;
	json_t		*root;
	char		*json;
	size_t		 len;

	report_add(r, 5, FINDING_OK, "late", NULL, "%s", "fine");
	f = report_add(r, 1, FINDING_FAIL, "early", "he", "b%cd", 'a');
	finding_evidence(f, "%s", "\033[31m \xff \"x\"\n");
	finding_remedy(f, "%s", "first");
	finding_remedy(f, "%s", "second");
	report_add(r, 1, FINDING_WARN, "early", NULL, "%s", "next");
	CHECK(r->count[FINDING_OK] == 1 && r->count[FINDING_FAIL] == 1);
	json = report_json(r, &len);
	CHECK(strlen(json) == len && json[len - 1] == '\n');
	root = json_loads(json, 0, NULL);
	CHECK(root != NULL);
	CHECK(strcmp(value(root, 0, "summary"), "bad") == 0);
	CHECK(strcmp(value(root, 0, "evidence"), "?[31m ? \"x\"?") == 0);
	CHECK(strcmp(value(root, 0, "remedy"), "second") == 0);
	CHECK(strcmp(value(root, 0, "tunnel"), "he") == 0);
	CHECK(strcmp(value(root, 0, "status"), "fail") == 0);
	CHECK(strcmp(value(root, 1, "summary"), "next") == 0);
	CHECK(strcmp(value(root, 2, "id"), "late") == 0);
	CHECK(value(root, 2, "evidence") == NULL);
	CHECK(json_integer_value(json_object_get(root, "warn")) == 1);
	CHECK(json_integer_value(json_object_get(root, "skip")) == 0);
	json_decref(root);
	free(json);
	report_free(r);
}

int
main(void)
{
	test_kinds();
	test_makers();
	test_listeners();
	test_echo();
	test_report();
	return (0);
}
