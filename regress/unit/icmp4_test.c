/*
 * icmp4.c: which ICMPv4 errors are read, and what they say.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/ip_icmp.h>
#include <stdlib.h>
#include <string.h>

#include "icmp4.h"

#define QUOTE	28		/* where the quoted header begins */
#define PAYLOAD	48		/* and what follows it */

static uint8_t	packet[PAYLOAD + 80];

static void
put_header(uint8_t *p, uint8_t protocol, const char *src, const char *dst)
{
	memset(p, 0, 20);
	p[0] = 0x45;
	p[8] = 64;
	p[9] = protocol;
	inet_pton(AF_INET, src, p + 12);
	inet_pton(AF_INET, dst, p + 16);
}

static void
setup(uint8_t type, uint8_t code, uint8_t protocol)
{
	memset(packet, 0, sizeof(packet));
	put_header(packet, IPPROTO_ICMP, "203.0.113.9", "192.0.2.2");
	packet[20] = type;
	packet[21] = code;
	put_header(packet + QUOTE, protocol, "192.0.2.2", "198.51.100.1");
	/* as UDP, ports 51820 to 51821 */
	memcpy(packet + PAYLOAD, "\xca\x6c\xca\x6d", 4);
}

static int
parse(size_t len, struct icmp4_error *e)
{
	return (icmp4_parse(packet, len, e));
}

static void
test_6in4(void)
{
	struct icmp4_error	 e;
	char			 from[INET_ADDRSTRLEN], to[INET_ADDRSTRLEN];

	setup(ICMP_UNREACH, ICMP_UNREACH_PROTOCOL, IPPROTO_IPV6);
	if (parse(sizeof(packet), &e) == -1)
		errx(1, "protocol unreachable is refused");
	inet_ntop(AF_INET, &e.from, from, sizeof(from));
	inet_ntop(AF_INET, &e.remote, to, sizeof(to));
	if (strcmp(from, "203.0.113.9") != 0 ||
	    strcmp(to, "198.51.100.1") != 0 ||
	    memcmp(&e.local, packet + QUOTE + 12, 4) != 0 ||
	    e.type != 3 || e.code != 2 || e.protocol != 41)
		errx(1, "it says something else: from %s about %s", from, to);
	if (e.inner != packet + PAYLOAD || e.inner_len != 80)
		errx(1, "inner packet at %td, %zu bytes", e.inner - packet,
		    e.inner_len);
	/* RFC 792: 8 bytes are enough to say about whom, and even none are */
	if (parse(PAYLOAD + 8, &e) == -1 || e.inner_len != 8 ||
	    parse(PAYLOAD, &e) == -1 || e.inner_len != 0)
		errx(1, "a short quote is refused");
	/* a later fragment: what follows is no header */
	packet[QUOTE + 7] = 100;
	if (parse(sizeof(packet), &e) == -1 || e.inner_len != 0)
		errx(1, "the middle of a packet is taken for its front");
}

static void
test_udp(void)
{
	struct icmp4_error	 e;

	setup(ICMP_UNREACH, ICMP_UNREACH_PORT, IPPROTO_UDP);
	if (parse(PAYLOAD + 8, &e) == -1 || e.protocol != IPPROTO_UDP ||
	    e.port != 51821 || e.inner_len != 0)
		errx(1, "UDP to port %u", e.port);
	if (parse(PAYLOAD + 7, &e) != -1)
		errx(1, "a port is read from half a header");
	packet[QUOTE + 7] = 1;
	if (parse(PAYLOAD + 8, &e) != -1)
		errx(1, "a port is read from the middle of a packet");
}

static void
test_options(void)
{
	struct icmp4_error	 e;

	/* 4 bytes of options each */
	setup(ICMP_TIMXCEED, 0, IPPROTO_IPV6);
	memmove(packet + 24 + 8 + 24, packet + PAYLOAD, 64);
	memmove(packet + 24 + 8, packet + QUOTE, 20);
	memmove(packet + 24, packet + 20, 8);
	packet[0] = packet[32] = 0x46;
	if (parse(sizeof(packet), &e) == -1 || e.type != ICMP_TIMXCEED ||
	    e.inner != packet + 56)
		errx(1, "options are not skipped");
	packet[32] = 0x4f;
	if (parse(32 + 59, &e) != -1)
		errx(1, "options end beyond the packet");
}

static void
test_refused(void)
{
	static const uint8_t	 wrong[][2] = {
		{ 0, 0x65 }, { 0, 0x44 }, { 9, 6 }, { 20, ICMP_ECHOREPLY },
		{ 20, ICMP_PARAMPROB }, { 20, ICMP_REDIRECT },
		{ 21, ICMP_UNREACH_NEEDFRAG }, { QUOTE, 0x65 },
		{ QUOTE, 0x44 }, { QUOTE + 9, IPPROTO_TCP }
	};
	struct icmp4_error	 e;
	size_t			 i, len;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		setup(ICMP_UNREACH, ICMP_UNREACH_HOST, IPPROTO_IPV6);
		packet[wrong[i][0]] = wrong[i][1];
		if (parse(sizeof(packet), &e) != -1)
			errx(1, "%u at %u is read", wrong[i][1], wrong[i][0]);
	}
	setup(ICMP_UNREACH, ICMP_UNREACH_HOST, IPPROTO_IPV6);
	for (len = 0; len < PAYLOAD; len++)
		if (parse(len, &e) != -1)
			errx(1, "%zu bytes are enough", len);
}

static void
test_errno(void)
{
	static const struct {
		uint8_t	 type;
		uint8_t	 code;
		int	 error;
	} known[] = {
		{ 3, 0, ENETUNREACH }, { 3, 1, EHOSTUNREACH },
		{ 3, 2, ECONNREFUSED }, { 3, 3, ECONNREFUSED },
		{ 3, 6, ENETUNREACH }, { 3, 7, EHOSTUNREACH },
		{ 3, 9, EACCES }, { 3, 10, EACCES }, { 3, 13, EACCES },
		{ 3, 200, EHOSTUNREACH }, { 11, 0, EHOSTUNREACH },
		{ 11, 2, EHOSTUNREACH }
	};
	struct icmp4_error	 e;
	size_t			 i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		setup(known[i].type, known[i].code, IPPROTO_IPV6);
		if (parse(sizeof(packet), &e) == -1 ||
		    icmp4_errno(&e) != known[i].error)
			errx(1, "type %u code %u: %s", known[i].type,
			    known[i].code, strerror(icmp4_errno(&e)));
	}
}

int
main(void)
{
	test_6in4();
	test_udp();
	test_options();
	test_refused();
	test_errno();
	return (0);
}
