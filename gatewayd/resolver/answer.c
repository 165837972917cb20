/*
 * What a name server's answer says: see answer.h.  Runs in the resolver
 * (_gwrelay, Landlock).
 *
 * c-ares reads the addresses.  It keeps the authority section to itself, so
 * the record that says how long there will be nothing is looked for here.
 */
#include <sys/socket.h>

#include <ares.h>
#include <arpa/nameser.h>
#include <string.h>

#include "answer.h"

#define NUMBERS_OF_SOA	20	/* bytes: serial to minimum */

struct reader {
	const uint8_t	*msg;
	size_t		 len;
	size_t		 at;
};

static uint32_t
number(const uint8_t *p, size_t n)
{
	uint32_t	 v = 0;

	while (n-- > 0)
		v = v << 8 | *p++;
	return (v);
}

/* 0, or -1 if the message ends within the name, which is left unread */
static int
skip_name(struct reader *r)
{
	uint8_t	 n;

	while (r->at < r->len) {
		n = r->msg[r->at++];
		if (n == 0)
			return (0);
		if ((n & NS_CMPRSFLGS) == NS_CMPRSFLGS) {
			r->at++;	/* the rest is elsewhere */
			return (r->at <= r->len ? 0 : -1);
		}
		r->at += n;
	}
	return (-1);
}

struct rr {
	uint32_t	 type;
	uint32_t	 ttl;
	size_t		 end;		/* of its data; they begin at at */
};

static int
read_rr(struct reader *r, struct rr *rr)
{
	const uint8_t	*p;

	if (skip_name(r) == -1 || r->len - r->at < NS_RRFIXEDSZ)
		return (-1);
	p = r->msg + r->at;
	r->at += NS_RRFIXEDSZ;
	rr->type = number(p, 2);
	rr->ttl = number(p + 4, 4);
	rr->end = r->at + number(p + 8, 2);
	return (rr->end <= r->len ? 0 : -1);
}

/* how long a negative answer holds: RFC 2308, section 5 */
static uint32_t
negative_ttl(const uint8_t *msg, size_t len)
{
	struct reader	 r = { msg, len, NS_HFIXEDSZ };
	struct rr	 rr;
	uint32_t	 i, questions, answers, authority, minimum;

	if (len < NS_HFIXEDSZ)
		return (0);
	questions = number(msg + 4, 2);
	answers = number(msg + 6, 2);
	authority = number(msg + 8, 2);
	for (i = 0; i < questions; i++) {
		if (skip_name(&r) == -1 || r.len - r.at < NS_QFIXEDSZ)
			return (0);
		r.at += NS_QFIXEDSZ;
	}
	for (i = 0; i < answers + authority; i++) {
		if (read_rr(&r, &rr) == -1)
			return (0);
		if (i >= answers && rr.type == ns_t_soa &&
		    rr.end - r.at >= NUMBERS_OF_SOA) {
			minimum = number(msg + rr.end - 4, 4);
			return (rr.ttl < minimum ? rr.ttl : minimum);
		}
		r.at = rr.end;
	}
	return (0);
}

/* c-ares has signed TTLs: what RFC 2181, section 8, takes for 0 */
static void
add(struct cache_answer *a, const void *addr, size_t len, int ttl)
{
	uint32_t	 t = ttl < 0 ? 0 : (uint32_t)ttl;

	memcpy(&a->addrs[a->n], addr, len);
	if (a->n++ == 0 || t < a->ttl)
		a->ttl = t;
}

static int
read_a(struct cache_answer *a, const uint8_t *msg, size_t len)
{
	struct ares_addrttl	 ttls[WIRE_ADDRS];
	int			 i, n = WIRE_ADDRS, status;

	status = ares_parse_a_reply(msg, (int)len, NULL, ttls, &n);
	for (i = 0; status == ARES_SUCCESS && i < n; i++)
		add(a, &ttls[i].ipaddr, sizeof(ttls[i].ipaddr), ttls[i].ttl);
	return (status);
}

static int
read_aaaa(struct cache_answer *a, const uint8_t *msg, size_t len)
{
	struct ares_addr6ttl	 ttls[WIRE_ADDRS];
	int			 i, n = WIRE_ADDRS, status;

	status = ares_parse_aaaa_reply(msg, (int)len, NULL, ttls, &n);
	for (i = 0; status == ARES_SUCCESS && i < n; i++)
		add(a, &ttls[i].ip6addr, sizeof(ttls[i].ip6addr),
		    ttls[i].ttl);
	return (status);
}

void
answer_read(struct cache_answer *a, int family, int status,
    const uint8_t *msg, size_t len)
{
	memset(a, 0, sizeof(*a));
	if (status == ARES_SUCCESS)
		status = family == AF_INET ? read_a(a, msg, len) :
		    read_aaaa(a, msg, len);
	if (status == ARES_SUCCESS && a->n == 0)
		status = ARES_ENODATA;
	a->error = status;
	if (status == ARES_ENODATA || status == ARES_ENOTFOUND)
		a->ttl = negative_ttl(msg, len);
}

int
answer_given(const struct cache_answer *a)
{
	return (a->error == ARES_SUCCESS || a->error == ARES_ENODATA ||
	    a->error == ARES_ENOTFOUND);
}

void
answer_from_hosts(struct cache_answer *a, int family,
    const struct ares_addrinfo *ai)
{
	const struct ares_addrinfo_node	*n;
	const struct sockaddr_in6	*sin6;
	const struct sockaddr_in	*sin;

	memset(a, 0, sizeof(*a));
	for (n = ai->nodes; n != NULL && a->n < WIRE_ADDRS; n = n->ai_next) {
		if (n->ai_family != family)
			continue;
		sin = (const void *)n->ai_addr;
		sin6 = (const void *)n->ai_addr;
		if (family == AF_INET)
			add(a, &sin->sin_addr, sizeof(sin->sin_addr), 0);
		else
			add(a, &sin6->sin6_addr, sizeof(sin6->sin6_addr), 0);
	}
	a->error = a->n > 0 ? ARES_SUCCESS : ARES_ENODATA;
}
