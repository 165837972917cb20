/*
 * he.c under a fake clock: a world of DNS answers and hosts, and after how
 * many milliseconds which family connects.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "he.h"

#define NEVER		100000
#define BASE		1000		/* the clock does not start at 0 */

/* a host: it connects, or fails with error, after ms */
struct host {
	uint32_t	 ms;
	int		 error;
};

struct world {
	const char	*what;
	uint32_t	 aaaa_ms;	/* the answer's arrival */
	uint32_t	 a_ms;
	uint32_t	 naaaa;		/* addresses in it */
	uint32_t	 na;
	struct host	 v6[4];
	struct host	 v4[4];
	/* what must come of it */
	int		 family;	/* 6, 4; 0: it fails */
	uint32_t	 ms;
	int		 error;
};

static const struct world	 worlds[] = {
	{ "all is well", 1, 1, 1, 1, { { 1, 0 } }, { { 1, 0 } }, 6, 2, 0 },
	{ "AAAA black-holed", 1, 1, 1, 1, { { NEVER, 0 } }, { { 1, 0 } },
	    4, 252, 0 },
	{ "AAAA refused", 1, 1, 1, 1, { { 1, ECONNREFUSED } }, { { 1, 0 } },
	    4, 3, 0 },
	{ "prohibited", 1, 1, 1, 1, { { 2, EACCES } }, { { 1, 0 } }, 4, 4, 0 },
	{ "three dead AAAA", 1, 1, 3, 1, { { NEVER, 0 }, { NEVER, 0 },
	    { NEVER, 0 } }, { { 1, 0 } }, 4, 252, 0 },
	{ "AAAA 200 ms late", 200, 1, 1, 1, { { 1, 0 } }, { { 1, 0 } }, 4, 52,
	    0 },
	{ "AAAA 40 ms late", 40, 1, 1, 1, { { 1, 0 } }, { { 1, 0 } }, 6, 41,
	    0 },
	{ "AAAA never answered", NEVER, 1, 1, 1, { { 1, 0 } }, { { 1, 0 } },
	    4, 52, 0 },
	{ "no AAAA", 1, 1, 0, 1, { { 0, 0 } }, { { 1, 0 } }, 4, 2, 0 },
	{ "A late", 1, 2000, 1, 1, { { 1, 0 } }, { { 1, 0 } }, 6, 2, 0 },
	{ "A never answered", 1, NEVER, 1, 1, { { 1, 0 } }, { { 1, 0 } }, 6,
	    2, 0 },
	{ "A never answered, no AAAA", 1, NEVER, 0, 1, { { 0, 0 } },
	    { { 1, 0 } }, 0, 15000, 0 },
	{ "AAAA late and A dead", 200, 1, 1, 1, { { 1, 0 } }, { { NEVER, 0 } },
	    6, 302, 0 },
	{ "AAAA late and A refused", 200, 1, 1, 1, { { 1, 0 } },
	    { { 1, ECONNREFUSED } }, 6, 201, 0 },
	{ "AAAA dead, A 500 ms late", 1, 500, 1, 1, { { NEVER, 0 } },
	    { { 1, 0 } }, 4, 501, 0 },
	{ "no address", 1, 2, 0, 0, { { 0, 0 } }, { { 0, 0 } }, 0, 2, 0 },
	{ "a dead name server", NEVER, NEVER, 1, 1, { { 1, 0 } },
	    { { 1, 0 } }, 0, 15000, 0 },
	{ "all refuse", 1, 1, 2, 2, { { 1, EHOSTUNREACH },
	    { 1, EHOSTUNREACH } }, { { 1, ECONNREFUSED }, { 1, ETIMEDOUT } },
	    0, 5, ECONNREFUSED },
	{ "all are silent", 1, 1, 2, 2, { { NEVER, 0 }, { NEVER, 0 } },
	    { { NEVER, 0 }, { NEVER, 0 } }, 0, 15000, 0 },
	{ "the second AAAA", 1, 1, 2, 1, { { NEVER, 0 }, { 1, 0 } },
	    { { NEVER, 0 } }, 6, 502, 0 },
};

static void
answers(struct he *h, const struct world *w, uint32_t t, uint64_t now)
{
	struct in6_addr	 v6[4];
	struct in_addr	 v4[4];
	uint32_t	 i;

	memset(v6, 0, sizeof(v6));
	for (i = 0; i < 4; i++) {
		inet_pton(AF_INET6, "2001:db8::", &v6[i]);
		v6[i].s6_addr[15] = (uint8_t)i;
		v4[i].s_addr = htonl(0xc0000200 + i);
	}
	if (t == w->aaaa_ms)
		he_answer6(h, v6, w->naaaa, now);
	if (t == w->a_ms)
		he_answer4(h, v4, w->na, now);
}

static const struct host *
host_of(const struct world *w, const struct he_candidate *c)
{
	return (c->family == HE_V6 ? &w->v6[c->v6.s6_addr[15]] :
	    &w->v4[ntohl(c->v4.s_addr) & 0xff]);
}

/* nonzero if one connects now; those that fail are told of */
static int
hosts(struct he *h, const struct world *w, uint32_t t, uint64_t now)
{
	const struct host	*host;
	uint32_t		 i;

	for (i = 0; i < h->n; i++) {
		host = host_of(w, &h->list[i]);
		if (h->list[i].try != HE_RUNNING ||
		    t < h->list[i].started_ms + host->ms)
			continue;
		if (host->error == 0)
			return (h->list[i].family == HE_V6 ? 6 : 4);
		he_failed(h, i, host->error, now);
	}
	return (0);
}

/* runs it to its end: the family, and when */
static int
run(const struct world *w, const struct he_policy *policy, uint32_t *t,
    int *error)
{
	enum he_action	 action;
	struct he	 h;
	uint32_t	 i;
	int		 family;

	he_init(&h, policy, BASE);
	for (*t = 0;; (*t)++) {
		answers(&h, w, *t, BASE + *t);
		if ((family = hosts(&h, w, *t, BASE + *t)) != 0)
			return (family);
		while ((action = he_next(&h, BASE + *t, &i)) == HE_CONNECT)
			if (h.running > policy->in_flight)
				errx(1, "%s: too many at once", w->what);
		*error = he_error(&h);
		if (action != HE_WAIT)
			return (0);
		if (he_due(&h) <= BASE + *t)
			errx(1, "%s: due at %ju, now %u", w->what,
			    (uintmax_t)he_due(&h), BASE + *t);
	}
}

static void
test_worlds(void)
{
	const struct world	*w;
	uint32_t		 t;
	size_t			 i;
	int			 family, error = 0;

	for (i = 0; i < sizeof(worlds) / sizeof(worlds[0]); i++) {
		w = &worlds[i];
		family = run(w, &he_default, &t, &error);
		if (family != w->family || t != w->ms ||
		    (family == 0 && error != w->error))
			errx(1, "%s: IPv%d after %u ms, %s", w->what, family,
			    t, strerror(error));
	}
}

static void
test_policies(void)
{
	static const struct world	 well = { "well", 1, 1, 1, 1,
	    { { 1, 0 } }, { { 1, 0 } }, 0, 0, 0 };
	static const struct world	 dead = { "IPv4 alone lives", 1, 1, 1,
	    1, { { NEVER, 0 } }, { { 1, 0 } }, 0, 0, 0 };
	struct he_policy		 p = he_default;
	uint32_t			 t;
	int				 error;

	p.first = HE_V4;
	if (run(&well, &p, &t, &error) != 4 || t != 2)
		errx(1, "IPv4 first");
	p.families = 1 << HE_V6;
	if (run(&dead, &p, &t, &error) != 0 || t != 15000)
		errx(1, "IPv6 only falls back");
	if (run(&well, &p, &t, &error) != 6 || t != 2)
		errx(1, "IPv6 only");
	p = he_default;
	p.families = 1 << HE_V4;
	if (run(&well, &p, &t, &error) != 4 || t != 2)
		errx(1, "IPv4 only, and IPv6 first: %u", t);
}

static void
add(char got[64], const struct he_candidate *c)
{
	snprintf(got + strlen(got), 64 - strlen(got), "%s%x",
	    c->family == HE_V6 ? "v" : "d",
	    c->family == HE_V6 ? c->v6.s6_addr[15] :
	    ntohl(c->v4.s_addr) & 0xff);
}

/* what he_order() says */
static void
expect_plan(const struct he *h, const char *want)
{
	char		 got[64] = "";
	uint32_t	 order[HE_MAX], i, n = he_order(h, order);

	for (i = 0; i < n; i++)
		add(got, &h->list[order[i]]);
	if (strcmp(got, want) != 0)
		errx(1, "the plan %s is not %s", got, want);
}

/* and what is done */
static void
expect_order(struct he *h, const char *want)
{
	char		 got[64] = "";
	uint32_t	 i;
	uint64_t	 now = BASE;

	expect_plan(h, want);
	while (he_next(h, now, &i) == HE_CONNECT) {
		add(got, &h->list[i]);
		he_failed(h, i, ETIMEDOUT, now);
		expect_plan(h, want);
	}
	if (strcmp(got, want) != 0)
		errx(1, "%s is not %s", got, want);
}

static void
list6(struct he *h, const char **text, uint32_t n)
{
	struct in6_addr	 list[HE_MAX];
	uint32_t	 i;

	for (i = 0; i < n; i++)
		if (inet_pton(AF_INET6, text[i], &list[i]) != 1)
			errx(1, "%s", text[i]);
	he_answer6(h, list, n, BASE);
}

static void
list4(struct he *h, uint32_t n)
{
	struct in_addr	 list[HE_MAX];
	uint32_t	 i;

	for (i = 0; i < n; i++)
		list[i].s_addr = htonl(0xc0000200 + i + 1);
	he_answer4(h, list, n, BASE);
}

static void
test_order(void)
{
	static const char	*plain[] = { "2001:db8::1", "2001:db8::2",
				    "2001:db8::1", "2001:db8::3" };
	static const char	*mixed[] = { "fd00::1", "2002:c000:201::2",
				    "2001::3", "2001:db8:5::4",
				    "2001:db8:9::5" };
	struct he_policy	 p = he_default;
	struct he		 h;

	p.in_flight = 20;
	he_init(&h, &p, BASE);
	list6(&h, plain, 4);
	list4(&h, 2);
	expect_order(&h, "v1d1v2d2v3");
	p.first_count = 2;
	he_init(&h, &p, BASE);
	list4(&h, 1);
	list6(&h, plain, 4);
	expect_order(&h, "v1v2d1v3");
	p = he_default;
	/* unique local, 6to4 and Teredo are last, and still before IPv4 */
	he_init(&h, &p, BASE);
	list6(&h, mixed, 5);
	list4(&h, 1);
	expect_order(&h, "v4d1v5v2v3v1");
	inet_pton(AF_INET6, "2001:db8:9::77", &p.source);
	he_init(&h, &p, BASE);
	list6(&h, mixed, 5);
	list4(&h, 0);
	expect_order(&h, "v5v4v2v3v1");
	inet_pton(AF_INET6, "fd00::77", &p.source);
	he_init(&h, &p, BASE);
	list6(&h, mixed, 5);
	list4(&h, 0);
	expect_order(&h, "v1v4v5v2v3");
}

/* rules 2, 8 and 9 of RFC 6724, section 6 */
static void
test_scopes(void)
{
	static const char	*mixed[] = { "fe80::1", "2001:db8:1:1::2",
				    "fec0::3", "2001:db8:1:2::4",
				    "2001:db8:1:2::5" };
	struct he_policy	 p = he_default;
	struct he		 h;

	/* the source's own scope, and there what is nearest to it */
	inet_pton(AF_INET6, "2001:db8:1:2::77", &p.source);
	he_init(&h, &p, BASE);
	list6(&h, mixed, 5);
	list4(&h, 0);
	expect_order(&h, "v4v5v2v1v3");
	inet_pton(AF_INET6, "fe80::77", &p.source);
	he_init(&h, &p, BASE);
	list6(&h, mixed, 5);
	list4(&h, 0);
	expect_order(&h, "v1v2v4v5v3");
}

/* what comes while attempts run is sorted and put between what waits */
static void
test_late(void)
{
	static const char	*late[] = { "fd00::1", "2001:db8::2",
				    "2001:db8::3" };
	struct he_policy	 p = he_default;
	struct he		 h;
	uint32_t		 i;

	he_init(&h, &p, BASE);
	list4(&h, 3);
	if (he_next(&h, BASE + 49, &i) != HE_WAIT ||
	    he_next(&h, BASE + 50, &i) != HE_CONNECT)
		errx(1, "the resolution delay");
	expect_plan(&h, "d1d2d3");
	list6(&h, late, 3);
	expect_plan(&h, "d1v2d2v3d3v1");
	if (he_next(&h, BASE + 299, &i) != HE_WAIT ||
	    he_next(&h, BASE + 300, &i) != HE_CONNECT)
		errx(1, "the attempt delay");
	he_failed(&h, i, ECONNREFUSED, BASE + 301);
	/* the first one still runs */
	if (he_next(&h, BASE + 301, &i) != HE_WAIT ||
	    he_due(&h) != BASE + 550)
		errx(1, "the next one does not wait");
	he_failed(&h, 0, ECONNREFUSED, BASE + 302);
	if (he_next(&h, BASE + 302, &i) != HE_CONNECT)
		errx(1, "the last one failed: the next one waits");
	expect_plan(&h, "d1v2d2v3d3v1");
	/* First Address Family Count 2 */
	p.first_count = 2;
	he_init(&h, &p, BASE);
	list4(&h, 2);
	he_next(&h, BASE + 50, &i);
	list6(&h, late, 3);
	expect_plan(&h, "d1v2v3d2v1");
}

/* the delays are the policy's */
static void
test_delays(void)
{
	static const struct world	 late = { "AAAA late", 200, 1, 1, 1,
	    { { 1, 0 } }, { { 1, 0 } }, 0, 0, 0 };
	static const struct world	 dead = { "AAAA dead", 1, 1, 1, 1,
	    { { NEVER, 0 } }, { { 1, 0 } }, 0, 0, 0 };
	struct he_policy		 p = he_default;
	uint32_t			 t;
	int				 error;

	p.resolution_delay_ms = 0;
	if (run(&late, &p, &t, &error) != 4 || t != 2)
		errx(1, "no resolution delay: %u ms", t);
	p.resolution_delay_ms = 1000;
	if (run(&late, &p, &t, &error) != 6 || t != 201)
		errx(1, "a resolution delay of 1 s: %u ms", t);
	p.attempt_delay_ms = 100;
	if (run(&dead, &p, &t, &error) != 4 || t != 102)
		errx(1, "an attempt delay of 100 ms: %u ms", t);
	p.attempt_delay_ms = 2000;
	if (run(&dead, &p, &t, &error) != 4 || t != 2002)
		errx(1, "an attempt delay of 2 s: %u ms", t);
}

/* more than is taken, and answers nobody waits for */
static void
test_bounds(void)
{
	struct in6_addr	 v6[64];
	struct in_addr	 v4[64];
	struct he	 h;
	uint32_t	 i;

	memset(v6, 0, sizeof(v6));
	for (i = 0; i < 64; i++) {
		v6[i].s6_addr[0] = 0x20;
		v6[i].s6_addr[15] = (uint8_t)i;
		v4[i].s_addr = htonl(0xc0000200 + i);
	}
	he_init(&h, &he_default, BASE);
	he_answer6(&h, v6, 64, BASE);
	he_answer4(&h, v4, 64, BASE);
	he_answer4(&h, v4, 64, BASE);
	he_answer6(&h, v6 + 10, 5, BASE);
	if (h.n != HE_MAX)
		errx(1, "%u candidates", h.n);
	he_failed(&h, 3, ETIMEDOUT, BASE);
	if (h.running != 0 || h.list[3].try != HE_WAITING)
		errx(1, "one that does not run has failed");
}

int
main(void)
{
	test_worlds();
	test_policies();
	test_order();
	test_scopes();
	test_late();
	test_delays();
	test_bounds();
	return (0);
}
