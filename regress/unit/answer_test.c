/*
 * answer.c: what name servers may say.
 */
#include <sys/socket.h>

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <ares.h>
#include <err.h>
#include <string.h>

#include "answer.h"

/* a message under construction */
static uint8_t	 msg[4096];
static size_t	 len;

static void
put(uint32_t v, size_t n)
{
	while (n-- > 0)
		msg[len++] = (uint8_t)(v >> (8 * n));
}

/* one label and the root, or a pointer to the question */
static void
put_name(const char *label)
{
	if (label == NULL) {
		put(0xc00c, 2);
		return;
	}
	put((uint32_t)strlen(label), 1);
	memcpy(msg + len, label, strlen(label));
	len += strlen(label);
	put(0, 1);
}

static void
begin(uint32_t type, uint32_t answers, uint32_t authority)
{
	len = 0;
	put(1, 2);
	put(0x8180, 2);
	put(1, 2);
	put(answers, 2);
	put(authority, 2);
	put(0, 2);
	put_name("a");
	put(type, 2);
	put(ns_c_in, 2);
}

static void
put_rr(const char *owner, uint32_t type, uint32_t ttl, const void *data,
    size_t n)
{
	put_name(owner);
	put(type, 2);
	put(ns_c_in, 2);
	put(ttl, 4);
	put((uint32_t)n, 2);
	memcpy(msg + len, data, n);
	len += n;
}

static void
put_soa(uint32_t ttl, uint32_t minimum)
{
	uint8_t	 data[22] = { 0 };

	minimum = htonl(minimum);
	memcpy(data + 18, &minimum, 4);
	put_rr(NULL, ns_t_soa, ttl, data, sizeof(data));
}

static void
expect(const char *what, int family, int status, int error, uint32_t n,
    uint32_t ttl)
{
	struct cache_answer	 a;

	answer_read(&a, family, status, msg, len);
	if (a.error != error || a.n != n || a.ttl != ttl)
		errx(1, "%s: error %d, %u addresses, ttl %u", what, a.error,
		    a.n, a.ttl);
}

static void
test_addresses(void)
{
	uint8_t	 addr[16] = { 0x20, 0x01, 0x0d, 0xb8 };
	int	 i;

	begin(ns_t_aaaa, 2, 0);
	put_rr(NULL, ns_t_aaaa, 300, addr, 16);
	addr[15] = 1;
	put_rr(NULL, ns_t_aaaa, 77, addr, 16);
	expect("two", AF_INET6, ARES_SUCCESS, 0, 2, 77);
	expect("of the other family", AF_INET, ARES_SUCCESS, ARES_ENODATA, 0,
	    0);

	begin(ns_t_a, 20, 0);
	for (i = 0; i < 20; i++) {
		addr[3] = (uint8_t)i;
		put_rr(NULL, ns_t_a, 300, addr, 4);
	}
	expect("twenty", AF_INET, ARES_SUCCESS, 0, WIRE_ADDRS, 300);

	begin(ns_t_a, 2, 0);
	put_rr(NULL, ns_t_cname, 9, "\1b", 3);
	put_rr("b", ns_t_a, 300, addr, 4);
	expect("chain", AF_INET, ARES_SUCCESS, 0, 1, 9);

	begin(ns_t_a, 1, 0);
	put_rr(NULL, ns_t_a, 0xffffffff, addr, 4);
	expect("negative TTL", AF_INET, ARES_SUCCESS, 0, 1, 0);
	len--;
	expect("cut", AF_INET, ARES_SUCCESS, ARES_EBADRESP, 0, 0);
	begin(ns_t_a, 1, 0);
	put_rr(NULL, ns_t_a, 300, addr, 3);
	expect("three bytes of address", AF_INET, ARES_SUCCESS, ARES_ENODATA,
	    0, 0);
}

static void
test_negative(void)
{
	begin(ns_t_a, 0, 1);
	put_soa(300, 40);
	expect("minimum", AF_INET, ARES_ENODATA, ARES_ENODATA, 0, 40);
	expect("no such name", AF_INET, ARES_ENOTFOUND, ARES_ENOTFOUND, 0,
	    40);
	expect("failure", AF_INET, ARES_ETIMEOUT, ARES_ETIMEOUT, 0, 0);
	begin(ns_t_a, 1, 1);
	put_rr(NULL, ns_t_cname, 9, "\1b", 3);
	put_soa(30, 40);
	expect("chain to nothing", AF_INET, ARES_SUCCESS, ARES_ENODATA, 0, 30);
	begin(ns_t_a, 0, 0);
	expect("no SOA", AF_INET, ARES_ENODATA, ARES_ENODATA, 0, 0);
	len = 0;
	expect("no message", AF_INET, ARES_ENOTFOUND, ARES_ENOTFOUND, 0, 0);
}

/* cut anywhere, a negative answer has no TTL, and nothing is read behind it */
static void
test_cut(void)
{
	size_t	 whole;

	begin(ns_t_a, 0, 1);
	put_soa(300, 40);
	for (whole = len; len-- > 0;)
		expect("cut", AF_INET, ARES_ENODATA, ARES_ENODATA, 0, 0);
	len = whole;
	msg[7] = msg[6] = msg[8] = msg[9] = 0xff;
	expect("counts", AF_INET, ARES_ENODATA, ARES_ENODATA, 0, 0);
}

int
main(void)
{
	test_addresses();
	test_negative();
	test_cut();
	return (0);
}
