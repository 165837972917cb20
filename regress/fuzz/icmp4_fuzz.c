/*
 * An ICMPv4 error: what it says about a tunnel lies inside of it, and it is
 * proof only if it quotes what icmp6_build() made.
 *
 * Input: flags (bit 0: flip the bits of an error that quotes a probe of ours),
 * then the packet as a raw socket gives it, or the bits to flip.
 */
#include <netinet/icmp6.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <stdlib.h>
#include <string.h>

#include "icmp4.h"
#include "icmp6.h"

#define QUOTE	28		/* where the quoted header begins */
#define INNER	48		/* and the IPv6 packet */
#define ECHO	88		/* and the probe in it */

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static const struct icmp6_key	 key = { "a secret for tests", 0x1234 };

static void
own_error(uint8_t packet[ECHO + ICMP6_ECHO_LEN])
{
	struct icmp6_echo	 echo;

	memset(packet, 0, ECHO);
	packet[0] = packet[QUOTE] = 0x45;
	packet[9] = IPPROTO_ICMP;
	packet[20] = ICMP_UNREACH;
	packet[21] = ICMP_UNREACH_PROTOCOL;
	packet[QUOTE + 9] = IPPROTO_IPV6;
	packet[INNER] = 0x60;
	packet[INNER + 5] = ICMP6_ECHO_LEN;
	packet[INNER + 6] = IPPROTO_ICMPV6;
	memset(&echo, 0, sizeof(echo));
	echo.target.s6_addr[0] = 0x20;
	echo.tunnel = 1;
	echo.seq = 70000;
	memcpy(packet + INNER + 24, &echo.target, sizeof(echo.target));
	icmp6_build(&key, &echo, packet + ECHO);
}

/* type, code, id, sequence and payload are all as they were made */
static void
check_proof(const struct icmp4_error *e)
{
	struct icmp6_echo	 echo;
	uint8_t			 own[ICMP6_ECHO_LEN];
	const uint8_t		*quoted = e->inner + sizeof(struct ip6_hdr);

	if (icmp6_parse_quoted(&key, e->inner, e->inner_len, &echo) !=
	    ICMP6_OURS)
		return;
	icmp6_build(&key, &echo, own);
	if (e->inner_len < sizeof(struct ip6_hdr) + sizeof(own) ||
	    memcmp(own, quoted, 2) != 0 ||
	    memcmp(own + 4, quoted + 4, sizeof(own) - 4) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct icmp4_error	 e;
	uint8_t			 packet[ICMP4_ERROR_MAX];
	uint8_t			 own[ECHO + ICMP6_ECHO_LEN];
	size_t			 i;

	if (len < 1 || len - 1 > sizeof(packet))
		return (0);
	memset(packet, 0, sizeof(packet));
	memcpy(packet, data + 1, --len);
	if (data[0] & 1) {
		own_error(own);
		for (i = 0; i < sizeof(own); i++)
			packet[i] ^= own[i];
		if (len < sizeof(own))
			len = sizeof(own);
	}
	if (icmp4_parse(packet, len, &e) == -1)
		return (0);
	if (e.protocol != IPPROTO_IPV6 && e.protocol != IPPROTO_UDP)
		abort();
	if (icmp4_errno(&e) == 0)
		abort();
	if (e.protocol == IPPROTO_IPV6) {
		if (e.inner < packet + INNER ||
		    e.inner + e.inner_len > packet + len)
			abort();
		check_proof(&e);
	}
	return (0);
}
