/*
 * What a name server's answer says.  No I/O; the answer is hostile input.
 * Runs in the resolver (_gwrelay, Landlock).
 */
#ifndef GW_ANSWER_H
#define GW_ANSWER_H

#include <stddef.h>
#include <stdint.h>

#include "cache.h"

struct ares_addrinfo;

/*
 * Reads the answer to a query for addresses of that family: status as c-ares
 * has judged it, and the message (len bytes, 0 if there is none).  At most
 * WIRE_ADDRS addresses count.  ttl is the shortest one of the chain that
 * leads to them; of a negative answer the one that RFC 2308 gives it, 0 if it
 * has none.
 */
void	 answer_read(struct cache_answer *, int family, int status,
	    const uint8_t *msg, size_t len);
/* nonzero if it is one of a server that knows, and be it that there is none */
int	 answer_given(const struct cache_answer *);
/*
 * The same of what hosts(5) says, addresses of both families, with a TTL of 0.
 * A name that stands there with addresses of the other one only has none in
 * this: the DNS is not asked.
 */
void	 answer_from_hosts(struct cache_answer *, int family,
	    const struct ares_addrinfo *);

#endif
