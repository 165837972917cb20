/*
 * IPv6 in IPv4: what passes, the whole ECN table, Packet Too Big, and
 * datagrams cut short or bent at every byte.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sixin4.h"
#include "unit.h"

#define OURS		"2001:db8:1::2"
#define GATEWAY		"2001:db8:1::1"
#define ROUTED		"2001:db8:2::5"
#define INTERNET	"2001:db8:f00d::1"

static struct imsg_encap	 conf;

static void
prefix(int i, const char *text, uint8_t len)
{
	conf.prefixes[i] = addr6(text);
	conf.lens[i] = len;
	conf.nprefixes = (uint8_t)(i + 1);
}

static void
setup(void)
{
	conf.local.s_addr = inet_addr("192.0.2.2");
	conf.remote.s_addr = inet_addr("198.51.100.1");
	conf.address = addr6(OURS);
	conf.mtu = 1480;
	prefix(0, "2001:db8:1::", 64);
	prefix(1, "2001:db8:2::", 48);
}

/* an ICMPv6 echo request with n bytes behind its header */
static size_t
make6(uint8_t *pkt, const char *src, const char *dst, size_t n)
{
	struct in6_addr	 addr;

	memset(pkt, 0, 40 + 8 + n);
	pkt[0] = 0x60;
	pkt[4] = (uint8_t)((8 + n) >> 8);
	pkt[5] = (uint8_t)(8 + n);
	pkt[6] = IPPROTO_ICMPV6;
	pkt[7] = 64;
	addr = addr6(src);
	memcpy(pkt + 8, &addr, 16);
	addr = addr6(dst);
	memcpy(pkt + 24, &addr, 16);
	pkt[40] = 128;
	return (40 + 8 + n);
}

/* the same behind the outer header of a datagram from the endpoint */
static size_t
make4(uint8_t *dgram, const char *src, const char *dst)
{
	size_t	 len = 20 + make6(dgram + 20, src, dst, 0);

	memset(dgram, 0, 20);
	dgram[0] = 0x45;
	dgram[3] = (uint8_t)len;
	dgram[8] = 64;
	dgram[9] = IPPROTO_IPV6;
	memcpy(dgram + 12, &conf.remote, 4);
	memcpy(dgram + 16, &conf.local, 4);
	return (len);
}

static void
expect(enum sixin4_drop got, enum sixin4_drop want, const char *what)
{
	if (got != want)
		errx(1, "%s: %s, not %s", what, sixin4_drop_name(got),
		    sixin4_drop_name(want));
}

static const struct {
	const char		*src;
	const char		*dst;
	enum sixin4_drop	 in;	/* from the endpoint */
	enum sixin4_drop	 out;	/* from our interface */
} pairs[] = {
	{ INTERNET, OURS, SIXIN4_PASS, SIXIN4_SOURCE },
	{ INTERNET, ROUTED, SIXIN4_PASS, SIXIN4_SOURCE },
	{ GATEWAY, OURS, SIXIN4_PASS, SIXIN4_PASS },
	{ OURS, INTERNET, SIXIN4_SOURCE, SIXIN4_PASS },
	{ ROUTED, INTERNET, SIXIN4_SOURCE, SIXIN4_PASS },
	{ ROUTED, OURS, SIXIN4_SOURCE, SIXIN4_PASS },
	{ OURS, OURS, SIXIN4_SOURCE, SIXIN4_PASS },
	{ INTERNET, INTERNET, SIXIN4_DESTINATION, SIXIN4_SOURCE },
	{ INTERNET, "ff02::1", SIXIN4_DESTINATION, SIXIN4_SOURCE },
	{ INTERNET, "ff0e::1", SIXIN4_DESTINATION, SIXIN4_SOURCE },
	{ INTERNET, "fe80::1", SIXIN4_DESTINATION, SIXIN4_SOURCE },
	{ INTERNET, "::1", SIXIN4_DESTINATION, SIXIN4_SOURCE },
	{ INTERNET, "::", SIXIN4_DESTINATION, SIXIN4_SOURCE },
	{ "::", OURS, SIXIN4_LINKLOCAL, SIXIN4_LINKLOCAL },
	{ "::1", OURS, SIXIN4_SOURCE, SIXIN4_SOURCE },
	{ "::192.0.2.1", OURS, SIXIN4_SOURCE, SIXIN4_SOURCE },
	{ "::ffff:192.0.2.1", OURS, SIXIN4_SOURCE, SIXIN4_SOURCE },
	{ "fe80::1", OURS, SIXIN4_LINKLOCAL, SIXIN4_LINKLOCAL },
	{ "ff02::1", OURS, SIXIN4_SOURCE, SIXIN4_SOURCE },
	{ "2001:db8:1:1::1", OURS, SIXIN4_PASS, SIXIN4_SOURCE },
	{ "2001:db8:2:ffff::1", OURS, SIXIN4_SOURCE, SIXIN4_PASS },
};

static void
test_addresses(void)
{
	uint8_t		 dgram[256], *pkt;
	char		 what[128];
	size_t		 i, len;

	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		snprintf(what, sizeof(what), "%s > %s", pairs[i].src,
		    pairs[i].dst);
		len = make4(dgram, pairs[i].src, pairs[i].dst);
		pkt = dgram;
		expect(sixin4_decap(&conf, &pkt, &len), pairs[i].in, what);
		len = make6(dgram, pairs[i].src, pairs[i].dst, 0);
		expect(sixin4_check(&conf, dgram, len), pairs[i].out, what);
	}
}

/* RFC 6040, figure 4, written down as it stands there */
static void
test_ecn(void)
{
	static const char	*const names[] = { "Not-ECT", "ECT(1)",
				    "ECT(0)", "CE" };
	static const int	 figure[4][4] = {
		/* outer:    Not-ECT ECT(1) ECT(0) CE */
		/* Not-ECT */ { 0, 0, 0, -1 },
		/* ECT(1)  */ { 1, 1, 1, 3 },
		/* ECT(0)  */ { 2, 1, 2, 3 },
		/* CE      */ { 3, 3, 3, 3 },
	};
	uint8_t			 dgram[256], *pkt;
	size_t			 len;
	int			 dscp, inner, outer, got, want;

	for (dscp = 0; dscp < 64; dscp++)
		for (inner = 0; inner < 4; inner++)
			for (outer = 0; outer < 4; outer++) {
				len = make4(dgram, INTERNET, OURS);
				dgram[1] = (uint8_t)((63 - dscp) << 2 | outer);
				dgram[20] |= dscp >> 2;
				dgram[21] = (uint8_t)((dscp & 3) << 6 |
				    inner << 4 | 0xa);
				pkt = dgram;
				want = figure[inner][outer];
				got = sixin4_decap(&conf, &pkt, &len);
				if (want == -1) {
					expect(got, SIXIN4_ECN, "CE");
					continue;
				}
				expect(got, SIXIN4_PASS, "ECN");
				if (pkt[0] != (0x60 | dscp >> 2) || pkt[1] !=
				    ((dscp & 3) << 6 | want << 4 | 0xa))
					errx(1, "outer %s inner %s dscp %d: "
					    "%02x%02x", names[outer],
					    names[inner], dscp, pkt[0], pkt[1]);
				if (sixin4_tos(pkt) != want)
					errx(1, "tos %d", sixin4_tos(pkt));
			}
}

static void
test_outer(void)
{
	struct imsg_encap	 any = conf;
	uint8_t			 good[256], bad[256], *pkt;
	size_t			 len, n;
	int			 i;
	static const struct {
		int			 at;
		uint8_t			 value;
		enum sixin4_drop	 want;
	} bytes[] = {
		{ 0, 0x65, SIXIN4_MALFORMED }, { 0, 0x44, SIXIN4_MALFORMED },
		{ 0, 0x4f, SIXIN4_MALFORMED }, { 2, 1, SIXIN4_MALFORMED },
		{ 3, 19, SIXIN4_MALFORMED }, { 3, 67, SIXIN4_MALFORMED },
		{ 3, 69, SIXIN4_MALFORMED }, { 9, 4, SIXIN4_MALFORMED },
		{ 15, 2, SIXIN4_OUTER }, { 19, 3, SIXIN4_OUTER },
		{ 20, 0x40, SIXIN4_MALFORMED }, { 25, 9, SIXIN4_MALFORMED },
		{ 24, 1, SIXIN4_MALFORMED }, { 25, 7, SIXIN4_PASS },
	};

	len = make4(good, INTERNET, OURS);
	for (i = 0; i < (int)(sizeof(bytes) / sizeof(bytes[0])); i++) {
		memcpy(bad, good, len);
		bad[bytes[i].at] = bytes[i].value;
		pkt = bad;
		n = len;
		expect(sixin4_decap(&conf, &pkt, &n), bytes[i].want, "outer");
	}
	/* the packet's own length counts, not the datagram's */
	if (n != 47)
		errx(1, "trailing byte: %zu", n);
	for (n = 0; n < len; n++) {
		uint8_t	*cut = malloc(n + 1);
		size_t	 size = n;

		memcpy(cut, good, n);
		pkt = cut;
		expect(sixin4_decap(&conf, &pkt, &size), SIXIN4_MALFORMED,
		    "cut");
		free(cut);
	}
	any.local.s_addr = INADDR_ANY;
	good[19] = 77;
	pkt = good;
	expect(sixin4_decap(&any, &pkt, &len), SIXIN4_PASS, "any local");
}

static void
test_lengths(void)
{
	uint8_t	 pkt[256];
	size_t	 len;

	len = make6(pkt, OURS, INTERNET, 16);
	expect(sixin4_check(&conf, pkt, len - 1), SIXIN4_MALFORMED, "short");
	expect(sixin4_check(&conf, pkt, len + 1), SIXIN4_MALFORMED, "long");
	expect(sixin4_check(&conf, pkt, 39), SIXIN4_MALFORMED, "header");
	expect(sixin4_check(&conf, pkt, 0), SIXIN4_MALFORMED, "nothing");
	expect(sixin4_check(&conf, pkt, len), SIXIN4_PASS, "right");
	memset(pkt + 4, 0, 2);
	pkt[6] = IPPROTO_NONE;
	expect(sixin4_check(&conf, pkt, 40), SIXIN4_PASS, "empty");
	pkt[6] = IPPROTO_HOPOPTS;
	expect(sixin4_check(&conf, pkt, 40), SIXIN4_MALFORMED, "jumbogram");
}

/* an independent checksum: bytes, big-endian */
static unsigned int
naive_sum(const uint8_t *p, size_t len)
{
	unsigned int	 sum = 0;
	size_t		 i;

	for (i = 0; i < len; i++)
		sum += i % 2 ? p[i] : (unsigned int)p[i] << 8;
	while (sum >> 16)
		sum = (sum >> 16) + (sum & 0xffff);
	return (sum);
}

static void
check_toobig(const uint8_t *buf, size_t len, const uint8_t *orig, size_t n)
{
	uint8_t		 pseudo[SIXIN4_MTU_MIN + 8];
	struct in6_addr	 ours = addr6(OURS);
	size_t		 quoted = n < 1232 ? n : 1232;

	if (len != 48 + quoted || buf[0] != 0x60 || buf[6] != IPPROTO_ICMPV6 ||
	    (size_t)(buf[4] << 8 | buf[5]) != len - 40 ||
	    memcmp(buf + 8, &ours, 16) != 0 ||
	    memcmp(buf + 24, orig + 8, 16) != 0 || buf[40] != 2 ||
	    buf[41] != 0 || buf[46] != 1400 >> 8 || buf[47] != (1400 & 0xff) ||
	    memcmp(buf + 48, orig, quoted) != 0)
		errx(1, "Packet Too Big about %zu bytes", n);
	memset(pseudo, 0, 8);
	memcpy(pseudo, buf + 8, 32);
	pseudo[34] = buf[4];
	pseudo[35] = buf[5];
	pseudo[32] = pseudo[33] = pseudo[36] = pseudo[37] = pseudo[38] = 0;
	pseudo[39] = IPPROTO_ICMPV6;
	memcpy(pseudo + 40, buf + 40, len - 40);
	if (naive_sum(pseudo, len) != 0xffff)
		errx(1, "Packet Too Big: checksum");
}

static void
test_toobig(void)
{
	uint8_t		 pkt[2048], buf[SIXIN4_MTU_MIN];
	struct iovec	 iov[2];
	size_t		 n, len;

	for (n = 0; n < 1500; n += 37) {
		len = make6(pkt, OURS, INTERNET, n);
		memset(pkt + 48, (int)n, n);
		iov[0].iov_base = pkt;
		iov[0].iov_len = len;
		check_toobig(buf, sixin4_toobig(&conf, buf, 1400, iov, 1), pkt,
		    len);
		iov[0].iov_len = 48;
		iov[1].iov_base = pkt + 48;
		iov[1].iov_len = len - 48;
		check_toobig(buf, sixin4_toobig(&conf, buf, 1400, iov, 2), pkt,
		    len);
	}
}

static size_t
toobig(uint8_t *pkt, size_t len)
{
	uint8_t		 buf[SIXIN4_MTU_MIN];
	struct iovec	 iov = { pkt, len };

	return (sixin4_toobig(&conf, buf, 1400, &iov, 1));
}

static void
test_toobig_never(void)
{
	uint8_t	 pkt[2048];
	size_t	 len;
	int	 type;

	for (type = 0; type < 256; type++) {
		len = make6(pkt, OURS, INTERNET, 64);
		pkt[40] = (uint8_t)type;
		if ((toobig(pkt, len) == 0) != (type < 128 || type == 137))
			errx(1, "about ICMPv6 type %d", type);
	}
	len = make6(pkt, OURS, "ff0e::1", 64);
	if (toobig(pkt, len) != 0)
		errx(1, "about multicast");
	/* an error behind options, and in fragments */
	len = make6(pkt, OURS, INTERNET, 64);
	pkt[6] = IPPROTO_DSTOPTS;
	memcpy(pkt + 40, "\x3a\0\1\4\0\0\0\0\1", 9);
	if (toobig(pkt, len) != 0)
		errx(1, "about an error behind options");
	pkt[48] = 129;
	if (toobig(pkt, len) == 0)
		errx(1, "not about an echo behind options");
	pkt[6] = IPPROTO_FRAGMENT;
	memcpy(pkt + 40, "\x3a\0\0\x09\0\0\0\1\x81", 9);
	if (toobig(pkt, len) != 0)
		errx(1, "about a fragment that may be an error's");
	pkt[43] = 1;
	if (toobig(pkt, len) == 0)
		errx(1, "not about a first fragment");
	pkt[40] = IPPROTO_UDP;
	pkt[43] = 9;
	if (toobig(pkt, len) == 0)
		errx(1, "not about a fragment of UDP");
	/* options without end */
	pkt[6] = IPPROTO_DSTOPTS;
	memset(pkt + 40, 0, 72);
	for (type = 0; type < 9; type++)
		pkt[40 + 8 * type] = IPPROTO_DSTOPTS;
	if (toobig(pkt, len) != 0)
		errx(1, "about what cannot be told");
}

static void
test_limit(void)
{
	static const uint32_t	 limits[][2] = { { 68, 1280 }, { 1280, 1280 },
				    { 1299, 1280 }, { 1300, 1280 },
				    { 1301, 1281 }, { 1500, 1480 },
				    { 9000, 8980 } };
	size_t			 i;

	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		if (sixin4_limit(limits[i][0]) != limits[i][1])
			errx(1, "path MTU %u: %u", limits[i][0],
			    sixin4_limit(limits[i][0]));
}

int
main(void)
{
	setup();
	test_addresses();
	test_ecn();
	test_outer();
	test_lengths();
	test_toobig();
	test_toobig_never();
	test_limit();
	return (0);
}
