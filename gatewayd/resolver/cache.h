/*
 * What was learnt about names, for a while.  No I/O; the clock is an argument,
 * in milliseconds of any origin.  Runs in the resolver (_gwrelay, Landlock).
 *
 * Names are told apart as they are written, but for the case: one that ends
 * in a dot is not completed by resolv.conf's search list.  A and AAAA are two
 * entries.  When there is no room, what was not asked for longest goes.
 */
#ifndef GW_CACHE_H
#define GW_CACHE_H

#include <sys/queue.h>
#include <sys/tree.h>
#include <netinet/in.h>
#include <stdint.h>

#include "conf.h"
#include "wire_resolve.h"

#define CACHE_MAX	4096	/* entries */

/* seconds that an answer is kept, whatever its own TTL */
#define CACHE_TTL_MIN	5
#define CACHE_TTL_MAX	3600
/* there is no such name, or no such record (RFC 2308) */
#define CACHE_NEG_MIN	5
#define CACHE_NEG_MAX	60
/*
 * No server has an answer.  It is remembered as shortly as RFC 9520 allows:
 * a crowd that wants a dead name asks once, and nobody is told of a failure
 * that is over.
 */
#define CACHE_FAILED	1

/* what is asked: a name in lower case, in one family */
struct cache_key {
	int	 family;		/* AF_INET or AF_INET6 */
	char	 name[GW_HOST_SIZE];
};

struct cache_answer {
	int		 error;		/* 0, or ARES_*: then n is 0 */
	uint32_t	 ttl;		/* seconds from now */
	uint32_t	 n;
	struct in6_addr	 addrs[WIRE_ADDRS];	/* IPv4 in the first four
						 * bytes */
};

struct cache_entry;
RB_HEAD(cache_tree, cache_entry);
TAILQ_HEAD(cache_list, cache_entry);

struct cache {
	struct cache_tree	 tree;
	struct cache_list	 used;	/* the last one first */
	uint32_t		 n;
};

/* the name in the form that keys have; it fits, name_error() has seen it */
void	 cache_key(struct cache_key *, int family, const char *name);
/* an order of keys: less than, equal to or greater than 0 */
int	 cache_key_cmp(const struct cache_key *, const struct cache_key *);

void	 cache_init(struct cache *);
/* nonzero, and the answer with the time that is left to it; or 0 */
int	 cache_get(struct cache *, const struct cache_key *,
	    struct cache_answer *, uint64_t now);
/* keeps a copy; the answer's ttl becomes the one it is kept for */
void	 cache_put(struct cache *, const struct cache_key *,
	    struct cache_answer *, uint64_t now);
/* forgets everything */
void	 cache_drop(struct cache *);

#endif
