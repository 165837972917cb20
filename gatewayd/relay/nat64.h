/*
 * IPv4 behind IPv6: addresses in which a translator finds the IPv4 address to
 * send to (RFC 6052), and how its prefix is found (RFC 7050).  No I/O.  Runs
 * in the relay (_gwrelay, chroot).
 */
#ifndef GW_NAT64_H
#define GW_NAT64_H

#include <netinet/in.h>
#include <stdint.h>

/* a name that has no AAAA record but those that a translator's server makes */
#define NAT64_NAME	"ipv4only.arpa."

struct nat64 {
	struct in6_addr	 prefix;
	uint8_t		 len;		/* 32, 40, 48, 56, 64, 96; 0: none */
};

/* 64:ff9b::/96, the well-known one */
extern const struct nat64	 nat64_well_known;

/*
 * The prefix that AAAA records of NAT64_NAME tell: nonzero, or 0 and none.
 * Any prefix may come out of it: what is made with it has to be judged.
 */
int		 nat64_find(struct nat64 *, const struct in6_addr *,
		    uint32_t n);
/* that IPv4 address behind the prefix, which is one */
struct in6_addr	 nat64_embed(const struct nat64 *, struct in_addr);
/* nonzero if the address lies behind the prefix, and the IPv4 one in it */
int		 nat64_extract(const struct nat64 *, const struct in6_addr *,
		    struct in_addr *);

#endif
