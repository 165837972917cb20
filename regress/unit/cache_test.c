/*
 * cache.c and flight.c under a fake clock.
 */
#include <sys/socket.h>

#include <ares.h>
#include <err.h>
#include <stdio.h>
#include <string.h>

#include "cache.h"
#include "flight.h"

static struct cache	 cache;

static void
put(const char *name, int family, int error, uint32_t ttl, uint32_t n,
    uint64_t now)
{
	struct cache_answer	 a;
	struct cache_key	 key;
	uint32_t		 i;

	memset(&a, 0, sizeof(a));
	a.error = error;
	a.ttl = ttl;
	a.n = n;
	for (i = 0; i < n; i++)
		a.addrs[i].s6_addr[0] = (uint8_t)(i + 1);
	cache_key(&key, family, name);
	cache_put(&cache, &key, &a, now);
}

/* what is left to an answer, 0: there is none */
static uint32_t
left(const char *name, int family, uint64_t now)
{
	struct cache_answer	 a;
	struct cache_key	 key;
	uint32_t		 i;

	cache_key(&key, family, name);
	if (!cache_get(&cache, &key, &a, now))
		return (0);
	for (i = 0; i < a.n; i++)
		if (a.addrs[i].s6_addr[0] != i + 1)
			errx(1, "%s: address %u", name, i);
	if ((a.error == 0) != (a.n > 0))
		errx(1, "%s: error %d, %u addresses", name, a.error, a.n);
	return (a.ttl);
}

static void
expect(const char *what, uint32_t got, uint32_t want)
{
	if (got != want)
		errx(1, "%s: %u, not %u", what, got, want);
}

static void
test_ttl(void)
{
	cache_init(&cache);
	put("a.example", AF_INET6, 0, 300, 2, 1000);
	expect("new", left("a.example", AF_INET6, 1000), 300);
	expect("the other family", left("a.example", AF_INET, 1000), 0);
	expect("another name", left("b.example", AF_INET6, 1000), 0);
	expect("with a dot", left("a.example.", AF_INET6, 1000), 0);
	expect("case", left("A.Example", AF_INET6, 1000), 300);
	expect("later", left("a.example", AF_INET6, 101000), 200);
	expect("the last moment", left("a.example", AF_INET6, 300999), 1);
	expect("over", left("a.example", AF_INET6, 301000), 0);
	expect("forgotten", cache.n, 0);

	put("low", AF_INET, 0, 0, 1, 0);
	put("high", AF_INET, 0, UINT32_MAX, 16, 0);
	expect("low", left("low", AF_INET, 0), 5);
	expect("high", left("high", AF_INET, 0), 3600);
	put("high", AF_INET, 0, 10, 1, 7000);
	expect("replaced", left("high", AF_INET, 7000), 10);
	expect("entries", cache.n, 2);
	cache_drop(&cache);
	expect("dropped", left("high", AF_INET, 7000) + cache.n, 0);
}

static void
test_negative(void)
{
	cache_init(&cache);
	put("none", AF_INET, ARES_ENOTFOUND, 0, 0, 0);
	put("nodata", AF_INET6, ARES_ENODATA, 900, 0, 0);
	put("middle", AF_INET6, ARES_ENODATA, 30, 0, 0);
	put("failed", AF_INET, ARES_ECONNREFUSED, 900, 0, 0);
	put("silent", AF_INET, ARES_ETIMEOUT, 900, 0, 0);
	expect("at least", left("none", AF_INET, 0), 5);
	expect("at most", left("nodata", AF_INET6, 0), 60);
	expect("as it says", left("middle", AF_INET6, 0), 30);
	expect("no server", left("failed", AF_INET, 999), 1);
	expect("no server, later", left("failed", AF_INET, 1000), 0);
	expect("time-out, later", left("silent", AF_INET, 1000), 0);
	cache_drop(&cache);
}

static void
test_room(void)
{
	char	 name[32];
	int	 i;

	cache_init(&cache);
	for (i = 0; i < CACHE_MAX; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		put(name, i % 2 ? AF_INET : AF_INET6, 0, 600, 1, 0);
	}
	/* the oldest one is asked for, and stays */
	expect("first", left("n0", AF_INET6, 1000), 599);
	put("one more", AF_INET, 0, 600, 1, 2000);
	expect("entries", cache.n, CACHE_MAX);
	expect("used", left("n0", AF_INET6, 2000), 598);
	expect("not used", left("n1", AF_INET, 2000), 0);
	expect("the next", left("n2", AF_INET6, 2000), 598);
	cache_drop(&cache);
	expect("empty", cache.n, 0);
}

static uint32_t	 told[4];
static int	 ntold;			/* in all */

static void
tell(uint32_t id, void *arg)
{
	if (arg != told)
		errx(1, "argument");
	if (ntold < 4)
		told[ntold] = id;
	ntold++;
}

static void
test_flights(void)
{
	struct cache_key	 key4, key6;
	struct flights		 fs;
	struct flight		 one, two;
	uint32_t		 i;

	flights_init(&fs);
	cache_key(&key4, AF_INET, "A.example");
	cache_key(&key6, AF_INET6, "a.example");
	flight_start(&fs, &one, &key4);
	if (flight_find(&fs, &key4) != &one ||
	    flight_find(&fs, &key6) != NULL)
		errx(1, "find");
	flight_start(&fs, &two, &key6);
	if (flight_wait(&fs, &one, 7) == -1 ||
	    flight_wait(&fs, &two, 8) == -1 ||
	    flight_wait(&fs, &one, 9) == -1)
		errx(1, "wait");
	flight_end(&fs, &one, tell, told);
	if (ntold != 2 || told[0] != 7 || told[1] != 9 ||
	    flight_find(&fs, &key4) != NULL ||
	    flight_find(&fs, &key6) != &two)
		errx(1, "end");
	for (i = 1; i < FLIGHT_WAITERS; i++)
		if (flight_wait(&fs, &two, i) == -1)
			errx(1, "room for %u", i);
	if (flight_wait(&fs, &two, i) == 0)
		errx(1, "one too many");
	ntold = 0;
	flight_end(&fs, &two, tell, told);
	if (ntold != FLIGHT_WAITERS)
		errx(1, "%d were told", ntold);
}

int
main(void)
{
	test_ttl();
	test_negative();
	test_room();
	test_flights();
	return (0);
}
