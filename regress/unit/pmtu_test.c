/*
 * pmtu.c against paths of every size, with losses, lies and odd targets, in
 * time that is made up.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pmtu.h"

#define TARGETS		4
#define RTT_MS		40
#define TIMEOUT_MS	200

enum says {
	NOTHING,		/* a black hole */
	ALWAYS,			/* a router on the way */
	LATER			/* sit: the first one only tells the kernel */
};

struct path {
	uint32_t	 mtu;
	enum says	 says;
	unsigned int	 loss;		/* percent, both ways together */
	uint32_t	 ntargets;
	uint32_t	 limits[TARGETS]; /* largest each answers; 0: mtu */
	uint32_t	 lie;		/* said of everything above 1280 */
};

struct run {
	uint32_t	 probes;
	uint32_t	 ms;
	uint32_t	 said;		/* what is too big was said */
};

static uint32_t		 state;

/* the same numbers in every run: xorshift32 */
static uint32_t
number(void)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return (state);
}

/* one probe, until its answer, an error or the time-out */
static void
probe(struct pmtu *p, const struct path *path, struct run *r)
{
	uint32_t	 limit = path->limits[p->target], size = p->size;

	if (p->target >= path->ntargets || size < PMTU_MIN || size > p->max)
		errx(1, "a probe of %u bytes to target %u", size, p->target);
	pmtu_sent(p);
	r->probes++;
	r->ms += RTT_MS;
	if (path->lie != 0 && size > PMTU_MIN && pmtu_too_big(p, path->lie))
		return;
	if (size > path->mtu) {
		if (path->says == ALWAYS || r->said) {
			if (!pmtu_too_big(p, path->mtu))
				errx(1, "what a router says is not believed");
			return;
		}
		r->said = path->says == LATER;
	} else if (size <= (limit != 0 ? limit : path->mtu) &&
	    number() % 100 >= path->loss) {
		pmtu_answered(p, p->target);
		return;
	}
	r->ms += TIMEOUT_MS - RTT_MS;
	pmtu_lost(p);
}

static uint32_t
search(struct pmtu *p, const struct path *path, uint32_t max, struct run *r)
{
	memset(r, 0, sizeof(*r));
	pmtu_start(p, max, path->ntargets);
	while (p->size != 0) {
		probe(p, path, r);
		if (r->probes > PMTU_PROBES)
			errx(1, "mtu %u of %u: more than %d probes",
			    path->mtu, max, PMTU_PROBES);
	}
	return (pmtu_result(p));
}

static void
expect(const struct path *path, uint32_t max, uint32_t low, uint32_t high,
    int told)
{
	struct pmtu	 p;
	struct run	 r;
	uint32_t	 got;

	got = search(&p, path, max, &r);
	if (got < low || got > high || pmtu_told(&p) != told)
		errx(1, "mtu %u of %u, mode %d: %u after %u probes, told %d",
		    path->mtu, max, path->says, got, r.probes,
		    pmtu_told(&p));
}

/* exactly where it is said, else less than a step below */
static void
test_every_size(void)
{
	static const uint32_t	 maxes[] = { 1280, 1281, 1420, 1480, 1500, 9000,
				    65535 };
	struct path		 path;
	uint32_t		 low, got;
	size_t			 i;

	for (i = 0; i < sizeof(maxes) / sizeof(maxes[0]); i++) {
		for (got = 1280; got <= 9000; got++) {
			memset(&path, 0, sizeof(path));
			path.ntargets = 1;
			path.mtu = got < maxes[i] ? got : maxes[i];
			low = path.mtu == maxes[i] ? path.mtu :
			    path.mtu - (PMTU_STEP - 1);
			if (low < PMTU_MIN)
				low = PMTU_MIN;
			expect(&path, maxes[i], low, path.mtu, 0);
			path.says = ALWAYS;
			expect(&path, maxes[i], path.mtu, path.mtu,
			    path.mtu < maxes[i]);
			path.says = LATER;
			expect(&path, maxes[i], path.mtu, path.mtu,
			    path.mtu < maxes[i]);
		}
	}
}

static void
test_cost(void)
{
	struct path	 path = { .mtu = 1480, .ntargets = 1 };
	struct pmtu	 p;
	struct run	 r;
	uint32_t	 most = 0;

	search(&p, &path, 1480, &r);
	if (r.probes != 2)
		errx(1, "%u probes where nothing is wrong", r.probes);
	for (path.mtu = 1280; path.mtu < 1480; path.mtu++) {
		search(&p, &path, 1480, &r);
		most = r.probes > most ? r.probes : most;
	}
	if (most > 25)
		errx(1, "%u probes for a black hole", most);
	for (most = 0, path.mtu = 1280; path.mtu < 9000; path.mtu++) {
		search(&p, &path, 9000, &r);
		most = r.ms > most ? r.ms : most;
	}
	printf("at most %u ms for 9000, RTT %d ms\n", most, RTT_MS);
	if (most > PMTU_PROBES * TIMEOUT_MS)
		errx(1, "%u ms", most);
	path.says = ALWAYS;
	path.mtu = 1472;
	search(&p, &path, 1480, &r);
	if (r.probes != 3)
		errx(1, "%u probes where a router says it", r.probes);
}

/* searches in a thousand that lost a size by chance, of ten thousand */
static unsigned int
lowered(unsigned int loss, uint32_t mtu, uint32_t max, uint32_t ntargets)
{
	struct path	 path = { .mtu = mtu, .loss = loss,
			    .ntargets = ntargets };
	struct pmtu	 p;
	struct run	 r;
	unsigned int	 i, n = 0;

	state = 20231 + mtu;
	for (i = 0; i < 10000; i++)
		n += search(&p, &path, max, &r) + PMTU_STEP <= mtu;
	return (n / 10);
}

/* none at 5 %, one in a thousand at 20 % */
static void
test_losses(void)
{
	static const uint32_t	 cases[][2] = { { 1480, 1480 },
				    { 1472, 1480 }, { 1300, 1480 },
				    { 8000, 9000 } };
	unsigned int		 five, twenty;
	size_t			 i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		five = lowered(5, cases[i][0], cases[i][1], 2);
		twenty = lowered(20, cases[i][0], cases[i][1], 2);
		printf("mtu %u of %u: %u and %u of 1000 too low\n",
		    cases[i][0], cases[i][1], five, twenty);
		if (five > 0 || twenty > 1)
			errx(1, "losses lower the result");
	}
}

static void
test_targets(void)
{
	struct path	 path = { .mtu = 1480, .ntargets = 3 };

	/* the first two answer nothing, then nobody does */
	path.limits[0] = path.limits[1] = 1;
	expect(&path, 1480, 1480, 1480, 0);
	path.limits[2] = 1;
	expect(&path, 1480, 0, 0, 0);
	/* one that answers no large packets is no black hole */
	memset(path.limits, 0, sizeof(path.limits));
	path.limits[0] = 1300;
	expect(&path, 1480, 1480, 1480, 0);
	path.limits[1] = 1;
	expect(&path, 1480, 1480, 1480, 0);
	path.mtu = 1400;
	expect(&path, 1480, 1393, 1400, 0);
}

/* believed only downwards, not below 1280, and only if it is so */
static void
test_lies(void)
{
	struct path	 path = { .mtu = 1480, .ntargets = 1 };
	struct pmtu	 p;

	path.lie = 1279;
	expect(&path, 1480, 1480, 1480, 0);
	path.lie = 0xffffffff;
	expect(&path, 1480, 1480, 1480, 0);
	path.lie = 1480;
	expect(&path, 1480, 1480, 1480, 0);
	/* whoever says that it is 1400 is on the way and may well make it so */
	path.lie = 1400;
	expect(&path, 1480, 1400, 1400, 1);
	/* said to be larger than it is: the black hole is found all the same */
	path.mtu = 1350;
	expect(&path, 1480, 1343, 1350, 0);

	pmtu_start(&p, 1480, 1);
	pmtu_sent(&p);
	if (pmtu_too_big(&p, 1280) || pmtu_too_big(&p, 1400))
		errx(1, "too big for the smallest");
	pmtu_answered(&p, 0);
	pmtu_sent(&p);
	if (!pmtu_too_big(&p, 1280) || p.size != 0 ||
	    pmtu_result(&p) != 1280 || !pmtu_told(&p))
		errx(1, "1280 is all there is");
}

int
main(void)
{
	test_every_size();
	test_cost();
	test_losses();
	test_targets();
	test_lies();
	return (0);
}
