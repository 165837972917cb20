/*
 * icmp6.c: what the prober sends is recognised, and nothing else is.
 */
#include <arpa/inet.h>
#include <netinet/icmp6.h>
#include <netinet/ip6.h>
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "icmp6.h"

static struct icmp6_key		 key;
static struct icmp6_echo	 echo;
static uint8_t			 reply[ICMP6_ECHO_LEN];

static void
setup(void)
{
	icmp6_key_init(&key);
	inet_pton(AF_INET6, "2001:db8::1", &echo.target);
	echo.tunnel = 7;
	echo.seq = 0x12345678;
	echo.time_us = 0x1122334455667788;
	icmp6_build(&key, &echo, reply);
	reply[0] = ICMP6_ECHO_REPLY;
}

static enum icmp6_verdict
parse(const uint8_t *data, size_t len, const struct in6_addr *from)
{
	struct icmp6_echo	 e;

	return (icmp6_parse(&key, ICMP6_ECHO_REPLY, data, len, from, &e));
}

static void
test_roundtrip(void)
{
	struct icmp6_echo	 e;

	memset(&e, 0xff, sizeof(e));
	if (icmp6_parse(&key, ICMP6_ECHO_REPLY, reply, sizeof(reply),
	    &echo.target, &e) != ICMP6_OURS)
		errx(1, "a reply to our own probe is refused");
	if (memcmp(&e.target, &echo.target, sizeof(e.target)) != 0 ||
	    e.tunnel != echo.tunnel || e.seq != echo.seq ||
	    e.time_us != echo.time_us)
		errx(1, "the probe says something else than was put in");
	if (reply[6] != 0x56 || reply[7] != 0x78)
		errx(1, "sequence %02x%02x", reply[6], reply[7]);
	if (icmp6_parse(&key, ICMP6_ECHO_REQUEST, reply, sizeof(reply),
	    &echo.target, &e) != ICMP6_FOREIGN)
		errx(1, "a reply is taken for a request");
}

/* every bit but the checksum's, which the kernel has verified */
static void
test_flipped_bits(void)
{
	enum icmp6_verdict	 want;
	uint8_t			 bad[ICMP6_ECHO_LEN];
	size_t			 i;

	for (i = 0; i < 8 * sizeof(bad); i++) {
		if (i / 8 == 2 || i / 8 == 3)
			continue;
		memcpy(bad, reply, sizeof(bad));
		bad[i / 8] ^= 1 << i % 8;
		/* type, code and id: then it is somebody else's */
		want = i / 8 < 2 || (i / 8 >= 4 && i / 8 < 6) ?
		    ICMP6_FOREIGN : ICMP6_FORGED;
		if (parse(bad, sizeof(bad), &echo.target) != want)
			errx(1, "bit %zu may be flipped", i);
	}
}

static void
test_foreign(void)
{
	struct in6_addr		 other = echo.target;
	struct icmp6_key	 next;
	struct icmp6_echo	 e;
	size_t			 len;

	other.s6_addr[15] ^= 1;
	if (parse(reply, sizeof(reply), &other) != ICMP6_FORGED)
		errx(1, "another host may answer");
	for (len = 0; len < sizeof(reply); len++)
		if (parse(reply, len, &echo.target) != ICMP6_FOREIGN)
			errx(1, "%zu bytes are taken", len);
	icmp6_key_init(&next);
	next.id = key.id;
	if (icmp6_parse(&next, ICMP6_ECHO_REPLY, reply, sizeof(reply),
	    &echo.target, &e) != ICMP6_FORGED)
		errx(1, "a reply to an earlier run's probe is taken");
	if (memcmp(next.secret, key.secret, sizeof(key.secret)) == 0)
		errx(1, "two runs draw the same key");
}

/* as an ICMPv4 error quotes it, whole or cut */
static void
test_quoted(void)
{
	struct icmp6_echo	 e;
	struct ip6_hdr		 ip6;
	uint8_t			 packet[sizeof(ip6) + ICMP6_ECHO_LEN + 48];
	const size_t		 whole = sizeof(ip6) + ICMP6_ECHO_LEN;
	size_t			 len;

	memset(packet, 0, sizeof(packet));
	memset(&ip6, 0, sizeof(ip6));
	ip6.ip6_vfc = 0x60;
	ip6.ip6_nxt = IPPROTO_ICMPV6;
	ip6.ip6_plen = htons(ICMP6_ECHO_LEN);
	ip6.ip6_dst = echo.target;
	memcpy(packet, &ip6, sizeof(ip6));
	icmp6_build(&key, &echo, packet + sizeof(ip6));
	for (len = 0; len <= sizeof(packet); len++)
		if ((icmp6_parse_quoted(&key, packet, len, &e) ==
		    ICMP6_OURS) != (len >= whole))
			errx(1, "a quote of %zu bytes", len);
	if (e.seq != echo.seq ||
	    memcmp(&e.target, &echo.target, sizeof(e.target)) != 0)
		errx(1, "the quote says something else");
	packet[sizeof(ip6) - 1] ^= 1;
	if (icmp6_parse_quoted(&key, packet, whole, &e) != ICMP6_FORGED)
		errx(1, "a quote of a probe to another target is taken");
	packet[sizeof(ip6) - 1] ^= 1;
	packet[6] = IPPROTO_UDP;
	if (icmp6_parse_quoted(&key, packet, whole, &e) != ICMP6_FOREIGN)
		errx(1, "UDP is taken for a probe");
}

int
main(void)
{
	setup();
	test_roundtrip();
	test_flipped_bits();
	test_foreign();
	test_quoted();
	return (0);
}
