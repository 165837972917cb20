/*
 * Happy Eyeballs: see he.h.  Runs in the relay (_gwrelay, chroot).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "addr.h"
#include "he.h"

const struct he_policy	 he_default = {
	.resolution_delay_ms = 50,
	.attempt_delay_ms = 250,
	.total_ms = 15000,
	.first_count = 1,
	.in_flight = 4,
	.families = HE_BOTH,
	.first = HE_V6,
};

/* the policy table of RFC 6724, section 2.1, without IPv4's line */
static const struct {
	const char	*prefix;
	uint8_t		 len;
	uint8_t		 precedence;
	uint8_t		 label;
} table[] = {
	{ "::1", 128, 50, 0 },
	{ "::", 96, 1, 3 },
	{ "2001::", 32, 5, 5 },		/* Teredo */
	{ "2002::", 16, 30, 2 },	/* 6to4 */
	{ "3ffe::", 16, 1, 12 },
	{ "fec0::", 10, 1, 11 },
	{ "fc00::", 7, 3, 13 },		/* unique local */
	{ "::", 0, 40, 1 },
};

static unsigned int
table_row(const struct in6_addr *addr)
{
	struct in6_addr	 prefix;
	unsigned int	 i;

	for (i = 0; table[i].len != 0; i++) {
		inet_pton(AF_INET6, table[i].prefix, &prefix);
		if (prefix_match(addr, &prefix, table[i].len))
			break;
	}
	return (i);
}

static int
common_bits(const struct in6_addr *a, const struct in6_addr *b)
{
	int	 i;

	for (i = 0; i < 64 && (((a->s6_addr[i / 8] ^ b->s6_addr[i / 8]) >>
	    (7 - i % 8)) & 1) == 0; i++)
		;
	return (i);
}

/* RFC 4007; a unique local address has global scope */
static int
scope(const struct in6_addr *addr)
{
	if (IN6_IS_ADDR_MULTICAST(addr))
		return (addr->s6_addr[1] & 0xf);
	if (IN6_IS_ADDR_LINKLOCAL(addr) || IN6_IS_ADDR_LOOPBACK(addr))
		return (2);
	return (IN6_IS_ADDR_SITELOCAL(addr) ? 5 : 14);
}

/*
 * How good an address is: rules 2 (same scope as the source), 5 (same label),
 * 6 (precedence), 8 (smaller scope) and 9 (longest prefix in common with the
 * source) of RFC 6724, section 6, in one number.  Rule 1 needs none:
 * connect(2) fails at once where there is no route, and the next one is due.
 * Nothing distinguishes what one source reaches by rules 3, 4 and 7.
 *
 * IPv6 addresses are sorted among themselves only: "prefer IPv6" means that
 * unique local, Teredo and 6to4 ones, which the RFC ranks below IPv4, are not
 * put behind it.
 */
static int
rank(const struct in6_addr *addr, const struct in6_addr *source)
{
	unsigned int	 row = table_row(addr);
	int		 value = table[row].precedence << 12 |
			    (15 - scope(addr)) << 8;

	if (IN6_IS_ADDR_UNSPECIFIED(source))
		return (value);
	return ((scope(addr) == scope(source)) << 19 |
	    (table[row].label == table[table_row(source)].label) << 18 |
	    value | common_bits(addr, source));
}

void
he_init(struct he *h, const struct he_policy *policy, uint64_t now)
{
	memset(h, 0, sizeof(*h));
	h->policy = *policy;
	h->began = now;
}

/* 1 if this is the family's first answer, and it was asked */
static int
answered(struct he *h, enum he_family family, uint32_t n, uint64_t now)
{
	if (h->answered & 1U << family ||
	    (h->policy.families & 1U << family) == 0)
		return (0);
	h->answered |= 1U << family;
	h->answered_at[family] = now;
	if (n > 0)
		h->positive |= 1U << family;
	return (1);
}

/* puts a candidate at place i of the list */
static void
insert(struct he *h, uint32_t i, const struct he_candidate *c)
{
	memmove(&h->list[i + 1], &h->list[i], (h->n - i) * sizeof(*c));
	h->list[i] = *c;
	h->n++;
}

void
he_answer4(struct he *h, const struct in_addr *addrs, uint32_t n, uint64_t now)
{
	struct he_candidate	 c = { .family = HE_V4 };
	uint32_t		 i, j, first;

	if (!answered(h, HE_V4, n, now))
		return;
	first = h->n;
	for (i = 0; i < n && h->n - first < HE_FAMILY_MAX; i++) {
		c.v4 = addrs[i];
		for (j = first; j < h->n; j++)
			if (h->list[j].v4.s_addr == c.v4.s_addr)
				break;
		if (j == h->n)
			insert(h, j, &c);
	}
}

void
he_answer6(struct he *h, const struct in6_addr *addrs, uint32_t n,
    uint64_t now)
{
	struct he_candidate	 c = { .family = HE_V6 };
	uint32_t		 i, j, first, place;

	if (!answered(h, HE_V6, n, now))
		return;
	first = h->n;
	for (i = 0; i < n && h->n - first < HE_FAMILY_MAX; i++) {
		c.v6 = addrs[i];
		place = h->n;
		for (j = first; j < h->n; j++) {
			if (IN6_ARE_ADDR_EQUAL(&h->list[j].v6, &c.v6))
				break;
			if (place == h->n && rank(&h->list[j].v6,
			    &h->policy.source) < rank(&c.v6,
			    &h->policy.source))
				place = j;
		}
		if (j == h->n)
			insert(h, place, &c);
	}
}

void
he_failed(struct he *h, uint32_t i, int error, uint64_t now)
{
	struct he_candidate	*c = &h->list[i];

	if (c->try != HE_RUNNING)
		return;
	c->try = HE_FAILED;
	c->error = error;
	c->ended_ms = now - h->began;
	h->running--;
}

/* the family's next candidate, n if there is none */
static uint32_t
waiting(const struct he *h, enum he_family family)
{
	uint32_t	 i;

	for (i = 0; i < h->n; i++)
		if (h->list[i].family == family &&
		    h->list[i].try == HE_WAITING)
			break;
	return (i);
}

/*
 * Section 4: first_count of the first family, then the families by turns, of
 * those addresses that are there by now.  No list is kept of that order: what
 * an answer adds while attempts run takes its place in it by itself.
 */
static uint32_t
candidate(const struct he *h)
{
	enum he_family	 family = h->policy.first;
	uint32_t	 i;

	if (h->tried[HE_V6] + h->tried[HE_V4] > 0 &&
	    !(h->last_family == h->policy.first &&
	    h->tried[h->policy.first] < h->policy.first_count))
		family = h->last_family == HE_V6 ? HE_V4 : HE_V6;
	i = waiting(h, family);
	return (i < h->n ? i : waiting(h, family == HE_V6 ? HE_V4 : HE_V6));
}

/* candidate i is tried */
static void
try_now(struct he *h, uint32_t i, uint64_t now)
{
	struct he_candidate	*c = &h->list[i];

	c->try = HE_RUNNING;
	c->started_ms = now - h->began;
	c->turn = h->tried[HE_V6] + h->tried[HE_V4] + 1;
	h->tried[c->family]++;
	h->last_family = c->family;
	h->last = now;
	h->running++;
}

uint32_t
he_order(const struct he *h, uint32_t order[HE_MAX])
{
	struct he	 copy = *h;
	uint32_t	 i;

	while ((i = candidate(&copy)) < copy.n)
		try_now(&copy, i, 0);
	for (i = 0; i < copy.n; i++)
		order[copy.list[i].turn - 1] = i;
	return (copy.n);
}

/* who is asked and has not answered */
static uint32_t
missing(const struct he *h)
{
	return (h->policy.families & ~h->answered);
}

/*
 * Section 3: from when on the first attempt may be made; UINT64_MAX: not
 * without another answer.
 */
static uint64_t
start_at(const struct he *h)
{
	enum he_family	 second = h->policy.first == HE_V6 ? HE_V4 : HE_V6;
	uint32_t	 first = 1U << h->policy.first;

	if (h->positive & first)
		return (h->answered_at[h->policy.first]);
	if ((h->positive & 1U << second) == 0)
		return (UINT64_MAX);
	if ((missing(h) & first) == 0)
		return (h->answered_at[second]);
	return (h->answered_at[second] + h->policy.resolution_delay_ms);
}

/* when the next attempt may be made, whoever it is to */
static uint64_t
attempt_at(const struct he *h)
{
	if (candidate(h) == h->n || h->running >= h->policy.in_flight)
		return (UINT64_MAX);
	if (h->tried[HE_V6] + h->tried[HE_V4] == 0)
		return (start_at(h));
	return (h->running == 0 ? 0 : h->last + h->policy.attempt_delay_ms);
}

uint64_t
he_due(const struct he *h)
{
	uint64_t	 at = attempt_at(h), end;

	end = h->began + h->policy.total_ms;
	return (at < end ? at : end);
}

enum he_action
he_next(struct he *h, uint64_t now, uint32_t *i)
{
	if (now >= h->began + h->policy.total_ms)
		return (HE_TIMEOUT);
	if (now >= attempt_at(h)) {
		*i = candidate(h);
		try_now(h, *i, now);
		return (HE_CONNECT);
	}
	if (h->running == 0 && candidate(h) == h->n && missing(h) == 0)
		return (HE_EXHAUSTED);
	return (HE_WAIT);
}

/* a refusal is an answer; the rest says the less the later it came */
int
he_error(const struct he *h)
{
	const struct he_candidate	*c;
	int				 error = 0;

	for (c = h->list; c < h->list + h->n; c++) {
		if (c->try == HE_FAILED && c->error == ECONNREFUSED)
			return (c->error);
		if (c->try == HE_FAILED && error == 0)
			error = c->error;
	}
	return (error);
}
