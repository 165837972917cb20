/*
 * IPv4 behind IPv6: see nat64.h.  Runs in the relay (_gwrelay, chroot).
 */
#include <string.h>

#include "addr.h"
#include "nat64.h"

#define U_OCTET	8	/* of an address: always 0, RFC 6052, section 2.2 */

const struct nat64	 nat64_well_known = {
	{ { { 0x00, 0x64, 0xff, 0x9b } } }, 96
};

static const uint8_t	 lens[] = { 32, 40, 48, 56, 64, 96 };

/* where byte i of the IPv4 address stands */
static unsigned int
place(uint8_t len, unsigned int i)
{
	unsigned int	 at = len / 8U + i;

	return (len <= 8 * U_OCTET && at >= U_OCTET ? at + 1 : at);
}

struct in6_addr
nat64_embed(const struct nat64 *p, struct in_addr v4)
{
	const uint8_t	*bytes = (const uint8_t *)&v4;
	struct in6_addr	 addr = p->prefix;
	unsigned int	 i;

	for (i = 0; i < sizeof(v4); i++)
		addr.s6_addr[place(p->len, i)] = bytes[i];
	return (addr);
}

int
nat64_extract(const struct nat64 *p, const struct in6_addr *addr,
    struct in_addr *v4)
{
	uint8_t		*bytes = (uint8_t *)v4;
	unsigned int	 i;

	if (p->len == 0 || !prefix_match(addr, &p->prefix, p->len))
		return (0);
	for (i = 0; i < sizeof(*v4); i++)
		bytes[i] = addr->s6_addr[place(p->len, i)];
	return (1);
}

/* the prefix in front of 192.0.0.170 or 171, which are the name's addresses */
static int
find_in(struct nat64 *p, const struct in6_addr *addr)
{
	struct nat64	 try;
	struct in_addr	 v4;
	unsigned int	 i, found = 0;

	for (i = 0; i < sizeof(lens); i++) {
		try.prefix = *addr;
		try.len = lens[i];
		prefix_mask(&try.prefix, try.len);
		nat64_extract(&try, addr, &v4);
		if ((ntohl(v4.s_addr) & ~1U) != 0xc00000aa ||
		    addr->s6_addr[U_OCTET] != 0)
			continue;
		*p = try;
		found++;
	}
	return (found == 1);	/* twice: nobody knows which is meant */
}

int
nat64_find(struct nat64 *p, const struct in6_addr *addrs, uint32_t n)
{
	uint32_t	 i;

	for (i = 0; i < n; i++)
		if (find_in(p, &addrs[i]))
			return (1);
	memset(p, 0, sizeof(*p));
	return (0);
}
