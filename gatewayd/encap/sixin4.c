/*
 * The rules of IPv6 in IPv4.  Process encap (no privilege): pure functions on
 * packets that anybody on the Internet may have written.
 */
#include <arpa/inet.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <string.h>

#include "addr.h"
#include "csum.h"
#include "sixin4.h"

#define IP6_HDR		sizeof(struct ip6_hdr)
#define ECN_MASK	0x03
#define ECN_CE		3
#define EXT_MAX		8	/* extension headers looked through */

const char *
sixin4_drop_name(enum sixin4_drop drop)
{
	static const char *const	 names[SIXIN4_DROPS] = {
		"passed", "link_local", "malformed", "outer_address",
		"source", "destination", "ecn", "too_big", "aggregate",
		"queue_full", "unsent", "no_device"
	};

	return (names[drop]);
}

static void
sixin4_addr(struct in6_addr *addr, const uint8_t *from)
{
	memcpy(addr, from, sizeof(*addr));
}

/* the packet's own length, 0 if it is no IPv6 packet of at most len bytes */
static size_t
sixin4_length(const uint8_t *pkt, size_t len)
{
	size_t		 own;

	if (len < IP6_HDR || pkt[0] >> 4 != 6)
		return (0);
	own = IP6_HDR + (pkt[4] << 8 | pkt[5]);
	/* a jumbogram has no place in an IPv4 datagram */
	if (own > len || (own == IP6_HDR && pkt[6] == IPPROTO_HOPOPTS))
		return (0);
	return (own);
}

static int
sixin4_ours(const struct imsg_encap *conf, const struct in6_addr *addr,
    unsigned int first)
{
	unsigned int	 i;

	for (i = first; i < conf->nprefixes; i++)
		if (prefix_match(addr, &conf->prefixes[i], conf->lens[i]))
			return (1);
	return (0);
}

/*
 * Router solicitations, MLD reports, duplicate address detection: a kernel
 * sends them on any interface, but this link has no link-local addresses, and
 * a forged router advertisement would need one.
 */
static int
sixin4_linklocal(const struct in6_addr *src)
{
	return (IN6_IS_ADDR_LINKLOCAL(src) || IN6_IS_ADDR_UNSPECIFIED(src));
}

enum sixin4_drop
sixin4_check(const struct imsg_encap *conf, const uint8_t *pkt, size_t len)
{
	struct in6_addr	 src;

	if (len == 0 || sixin4_length(pkt, len) != len)
		return (SIXIN4_MALFORMED);
	sixin4_addr(&src, pkt + offsetof(struct ip6_hdr, ip6_src));
	if (sixin4_linklocal(&src))
		return (SIXIN4_LINKLOCAL);
	if (IN6_IS_ADDR_MULTICAST(&src) || !sixin4_ours(conf, &src, 0))
		return (SIXIN4_SOURCE);
	return (SIXIN4_PASS);
}

/*
 * RFC 4213, sections 3.6 and 5.  Beyond it: our own address and the prefixes
 * routed to us, which only a forger or a routing loop brings back.  The
 * tunnel's own prefix must pass: its gateway lives there.
 */
static int
sixin4_source_ok(const struct imsg_encap *conf, const struct in6_addr *src)
{
	if (IN6_IS_ADDR_MULTICAST(src) || IN6_IS_ADDR_LOOPBACK(src) ||
	    IN6_IS_ADDR_V4COMPAT(src) || IN6_IS_ADDR_V4MAPPED(src))
		return (0);
	return (memcmp(src, &conf->address, sizeof(*src)) != 0 &&
	    !sixin4_ours(conf, src, 1));
}

/*
 * Only our own prefixes are reached through the tunnel: anything else would
 * have this host forward for whoever forges the server's IPv4 address, or
 * (multicast) configure itself from there.  A hairpin, from us through the
 * server back to a routed prefix, stops at the source above.
 */
static enum sixin4_drop
sixin4_inner(const struct imsg_encap *conf, const uint8_t *pkt)
{
	struct in6_addr	 src, dst;

	sixin4_addr(&src, pkt + offsetof(struct ip6_hdr, ip6_src));
	sixin4_addr(&dst, pkt + offsetof(struct ip6_hdr, ip6_dst));
	if (sixin4_linklocal(&src))
		return (SIXIN4_LINKLOCAL);
	if (!sixin4_source_ok(conf, &src))
		return (SIXIN4_SOURCE);
	if (IN6_IS_ADDR_MULTICAST(&dst) || !sixin4_ours(conf, &dst, 0))
		return (SIXIN4_DESTINATION);
	return (SIXIN4_PASS);
}

/* the outer header's length, 0 with *drop set if it is not for us */
static size_t
sixin4_outer(const struct imsg_encap *conf, const uint8_t *dgram, size_t len,
    enum sixin4_drop *drop)
{
	struct ip	 ip;
	size_t		 hlen;

	*drop = SIXIN4_MALFORMED;
	if (len < sizeof(ip))
		return (0);
	memcpy(&ip, dgram, sizeof(ip));
	hlen = ip.ip_hl * 4U;
	if (ip.ip_v != 4 || hlen < sizeof(ip) || ip.ip_p != IPPROTO_IPV6 ||
	    ntohs(ip.ip_len) < hlen || ntohs(ip.ip_len) > len)
		return (0);
	*drop = SIXIN4_OUTER;
	if (ip.ip_src.s_addr != conf->remote.s_addr ||
	    (conf->local.s_addr != INADDR_ANY &&
	    ip.ip_dst.s_addr != conf->local.s_addr))
		return (0);
	return (hlen);
}

enum sixin4_drop
sixin4_decap(const struct imsg_encap *conf, uint8_t **pktp, size_t *lenp)
{
	uint8_t		*dgram = *pktp, *pkt;
	enum sixin4_drop drop;
	size_t		 hlen, len;
	int		 ecn;

	if ((hlen = sixin4_outer(conf, dgram, *lenp, &drop)) == 0)
		return (drop);
	pkt = dgram + hlen;
	len = sixin4_length(pkt, (size_t)(dgram[2] << 8 | dgram[3]) - hlen);
	if (len == 0)
		return (SIXIN4_MALFORMED);
	if ((drop = sixin4_inner(conf, pkt)) != SIXIN4_PASS)
		return (drop);
	ecn = sixin4_ecn(dgram[1] & ECN_MASK, pkt[1] >> 4 & ECN_MASK);
	if (ecn == -1)
		return (SIXIN4_ECN);
	pkt[1] = (pkt[1] & ~(ECN_MASK << 4)) | ecn << 4;
	*pktp = pkt;
	*lenp = len;
	return (SIXIN4_PASS);
}

uint8_t
sixin4_tos(const uint8_t *pkt)
{
	return (pkt[1] >> 4 & ECN_MASK);
}

int
sixin4_ecn(unsigned int outer, unsigned int inner)
{
	/* [inner][outer], 0 Not-ECT, 1 ECT(1), 2 ECT(0), 3 CE */
	static const signed char	 table[4][4] = {
		{ 0, 0, 0, -1 },
		{ 1, 1, 1, ECN_CE },
		{ 2, 1, 2, ECN_CE },
		{ ECN_CE, ECN_CE, ECN_CE, ECN_CE }
	};

	return (table[inner & ECN_MASK][outer & ECN_MASK]);
}

uint32_t
sixin4_limit(uint32_t path_mtu)
{
	if (path_mtu < SIXIN4_MTU_MIN + SIXIN4_OVERHEAD)
		return (SIXIN4_MTU_MIN);
	return (path_mtu - SIXIN4_OVERHEAD);
}

/* nonzero if pkt is, or may be, an ICMPv6 error or redirect */
static int
sixin4_icmp_error(const uint8_t *pkt, size_t len)
{
	uint8_t		 next = pkt[6];
	size_t		 off = IP6_HDR;
	int		 i;

	for (i = 0; i < EXT_MAX && off + 8 <= len; i++) {
		switch (next) {
		case IPPROTO_ICMPV6:
			return (pkt[off] < ICMP6_ECHO_REQUEST ||
			    pkt[off] == ND_REDIRECT);
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_DSTOPTS:
			next = pkt[off];
			off += (pkt[off + 1] + 1U) * 8;
			break;
		case IPPROTO_FRAGMENT:
			/* a later fragment does not say what it is of */
			if (pkt[off + 2] != 0 || (pkt[off + 3] & 0xf8) != 0)
				return (pkt[off] == IPPROTO_ICMPV6);
			next = pkt[off];
			off += sizeof(struct ip6_frag);
			break;
		default:
			return (0);
		}
	}
	return (1);
}

static size_t
sixin4_copy(uint8_t *buf, size_t size, const struct iovec *iov, int iovcnt)
{
	size_t		 len = 0, n;
	int		 i;

	for (i = 0; i < iovcnt && len < size; i++) {
		n = iov[i].iov_len;
		if (n > size - len)
			n = size - len;
		memcpy(buf + len, iov[i].iov_base, n);
		len += n;
	}
	return (len);
}

size_t
sixin4_toobig(const struct imsg_encap *conf, uint8_t *buf, uint32_t mtu,
    const struct iovec *pkt, int iovcnt)
{
	const uint8_t	*orig = pkt[0].iov_base;
	struct icmp6_hdr icmp;
	struct ip6_hdr	 ip6;
	size_t		 len;

	/* RFC 4443 would allow one about multicast; nobody here needs it */
	if (orig[offsetof(struct ip6_hdr, ip6_dst)] == 0xff ||
	    sixin4_icmp_error(orig, pkt[0].iov_len))
		return (0);
	len = sizeof(icmp) + sixin4_copy(buf + IP6_HDR + sizeof(icmp),
	    SIXIN4_MTU_MIN - IP6_HDR - sizeof(icmp), pkt, iovcnt);
	memset(&ip6, 0, sizeof(ip6));
	ip6.ip6_vfc = 6 << 4;
	ip6.ip6_plen = htons((uint16_t)len);
	ip6.ip6_nxt = IPPROTO_ICMPV6;
	ip6.ip6_hlim = 64;
	ip6.ip6_src = conf->address;
	sixin4_addr(&ip6.ip6_dst, orig + offsetof(struct ip6_hdr, ip6_src));
	memcpy(buf, &ip6, sizeof(ip6));
	memset(&icmp, 0, sizeof(icmp));
	icmp.icmp6_type = ICMP6_PACKET_TOO_BIG;
	icmp.icmp6_mtu = htonl(mtu);
	memcpy(buf + IP6_HDR, &icmp, sizeof(icmp));
	icmp.icmp6_cksum = ~csum_fold(csum_add(csum_pseudo6(buf,
	    (uint32_t)len, IPPROTO_ICMPV6), buf + IP6_HDR, len));
	memcpy(buf + IP6_HDR, &icmp, sizeof(icmp));
	return (IP6_HDR + len);
}
