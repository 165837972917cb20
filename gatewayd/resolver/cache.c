/*
 * What was learnt about names: see cache.h.  Runs in the resolver (_gwrelay,
 * Landlock).
 */
#include <ares.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "cache.h"
#include "util.h"

struct cache_entry {
	RB_ENTRY(cache_entry)	 node;
	TAILQ_ENTRY(cache_entry) entry;
	struct cache_key	 key;
	uint64_t		 ends;		/* ms */
	int			 error;
	uint32_t		 n;
	struct in6_addr		 addrs[];
};

static int
entry_cmp(struct cache_entry *a, struct cache_entry *b)
{
	return (cache_key_cmp(&a->key, &b->key));
}

RB_PROTOTYPE(cache_tree, cache_entry, node, entry_cmp)
RB_GENERATE(cache_tree, cache_entry, node, entry_cmp)

void
cache_key(struct cache_key *key, int family, const char *name)
{
	size_t	 i;

	memset(key, 0, sizeof(*key));
	key->family = family;
	for (i = 0; name[i] != '\0' && i < sizeof(key->name) - 1; i++)
		key->name[i] = (char)tolower((unsigned char)name[i]);
}

int
cache_key_cmp(const struct cache_key *a, const struct cache_key *b)
{
	if (a->family != b->family)
		return (a->family < b->family ? -1 : 1);
	return (strcmp(a->name, b->name));
}

void
cache_init(struct cache *c)
{
	RB_INIT(&c->tree);
	TAILQ_INIT(&c->used);
	c->n = 0;
}

static void
entry_free(struct cache *c, struct cache_entry *e)
{
	RB_REMOVE(cache_tree, &c->tree, e);
	TAILQ_REMOVE(&c->used, e, entry);
	c->n--;
	free(e);
}

static struct cache_entry *
entry_find(struct cache *c, const struct cache_key *key)
{
	struct cache_entry	 e;

	e.key = *key;
	return (RB_FIND(cache_tree, &c->tree, &e));
}

int
cache_get(struct cache *c, const struct cache_key *key,
    struct cache_answer *a, uint64_t now)
{
	struct cache_entry	*e = entry_find(c, key);

	if (e == NULL)
		return (0);
	if (now >= e->ends) {
		entry_free(c, e);
		return (0);
	}
	TAILQ_REMOVE(&c->used, e, entry);
	TAILQ_INSERT_HEAD(&c->used, e, entry);
	memset(a, 0, sizeof(*a));
	a->error = e->error;
	a->ttl = (uint32_t)((e->ends - now + 999) / 1000);
	a->n = e->n;
	memcpy(a->addrs, e->addrs, e->n * sizeof(a->addrs[0]));
	return (1);
}

static uint32_t
clamp(uint32_t n, uint32_t min, uint32_t max)
{
	return (n < min ? min : n > max ? max : n);
}

/* seconds that an answer is kept */
static uint32_t
keep_for(const struct cache_answer *a)
{
	switch (a->error) {
	case ARES_SUCCESS:
		return (clamp(a->ttl, CACHE_TTL_MIN, CACHE_TTL_MAX));
	case ARES_ENOTFOUND:
	case ARES_ENODATA:
		return (clamp(a->ttl, CACHE_NEG_MIN, CACHE_NEG_MAX));
	default:
		return (CACHE_FAILED);
	}
}

void
cache_put(struct cache *c, const struct cache_key *key,
    struct cache_answer *a, uint64_t now)
{
	struct cache_entry	*e;
	size_t			 len = a->n * sizeof(a->addrs[0]);

	if ((e = entry_find(c, key)) != NULL)
		entry_free(c, e);
	else if (c->n == CACHE_MAX)
		entry_free(c, TAILQ_LAST(&c->used, cache_list));
	a->ttl = keep_for(a);
	e = xmalloc(sizeof(*e) + len);
	e->key = *key;
	e->ends = now + a->ttl * 1000ULL;
	e->error = a->error;
	e->n = a->n;
	memcpy(e->addrs, a->addrs, len);
	RB_INSERT(cache_tree, &c->tree, e);
	TAILQ_INSERT_HEAD(&c->used, e, entry);
	c->n++;
}

void
cache_drop(struct cache *c)
{
	while (!TAILQ_EMPTY(&c->used))
		entry_free(c, TAILQ_FIRST(&c->used));
}
