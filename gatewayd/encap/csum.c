/*
 * The Internet checksum.  Process encap (no privilege): pure functions.
 */
#include <arpa/inet.h>
#include <netinet/ip6.h>
#include <stddef.h>
#include <string.h>

#include "csum.h"

static uint64_t
csum_carry(uint64_t sum, uint64_t word)
{
	sum += word;
	return (sum + (sum < word));
}

static uint64_t
csum_load(const uint8_t *p)
{
	uint64_t	 word;

	memcpy(&word, p, sizeof(word));
	return (word);
}

uint64_t
csum_add(uint64_t sum, const void *buf, size_t len)
{
	const uint8_t	*p = buf;
	uint64_t	 a = 0, b = 0, c = 0, tail;

	/* four sums, so that no addition waits for the one before it */
	for (; len >= 32; p += 32, len -= 32) {
		sum = csum_carry(sum, csum_load(p));
		a = csum_carry(a, csum_load(p + 8));
		b = csum_carry(b, csum_load(p + 16));
		c = csum_carry(c, csum_load(p + 24));
	}
	sum = csum_carry(csum_carry(sum, a), csum_carry(b, c));
	for (; len >= 8; p += 8, len -= 8)
		sum = csum_carry(sum, csum_load(p));
	if (len > 0) {
		tail = 0;
		memcpy(&tail, p, len);
		sum = csum_carry(sum, tail);
	}
	return (sum);
}

uint16_t
csum_fold(uint64_t sum)
{
	sum = (sum >> 32) + (sum & 0xffffffff);
	sum = (sum >> 16) + (sum & 0xffff);
	sum = (sum >> 16) + (sum & 0xffff);
	sum = (sum >> 16) + (sum & 0xffff);
	return ((uint16_t)sum);
}

uint64_t
csum_pseudo6(const uint8_t *ip6, uint32_t len, uint8_t proto)
{
	return (csum_add((uint64_t)htonl(len) + htonl(proto),
	    ip6 + offsetof(struct ip6_hdr, ip6_src), 32));
}
