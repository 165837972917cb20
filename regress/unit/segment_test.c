/*
 * Segmentation against a naive reference, coalescing against segmentation
 * (together they are the identity), checksums against a routine of our own.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <err.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "coalesce.h"
#include "csum.h"
#include "encap.h"
#include "segment.h"

#define PKT_MAX	65600
#define MTU	1480

static uint8_t	 super[PKT_MAX];

/* what coalescing gave back */
static struct output {
	struct virtio_net_hdr	 vnet;
	uint8_t			 pkt[PKT_MAX];
	size_t			 len;
} out[COALESCE_SEGS + 1];
static int	 nout, ndrop;

static unsigned int
naive_sum(unsigned int sum, const uint8_t *p, size_t len)
{
	size_t		 i;

	for (i = 0; i < len; i++) {
		sum += i % 2 ? p[i] : (unsigned int)p[i] << 8;
		sum = (sum >> 16) + (sum & 0xffff);
	}
	return (sum);
}

static unsigned int
naive_pseudo(const uint8_t *pkt, size_t l4len, uint8_t proto)
{
	uint8_t		 tail[8] = { 0, 0, (uint8_t)(l4len >> 8),
			    (uint8_t)l4len, 0, 0, 0, proto };

	return (naive_sum(naive_sum(0, pkt + 8, 32), tail, sizeof(tail)));
}

static void
put16(uint8_t *p, unsigned int v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void
put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

static uint32_t
get32(const uint8_t *p)
{
	return ((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3]);
}

/* a super-packet as the kernel hands it over: extra bytes of destination
 * options, then TCP with opts bytes of options, or UDP */
static size_t
make(struct virtio_net_hdr *vnet, uint8_t proto, size_t extra, size_t opts,
    size_t payload, size_t mss, uint8_t flags)
{
	size_t	 l4 = 40 + extra, hdr, len, i;

	hdr = l4 + (proto == IPPROTO_TCP ? 20 + opts : 8);
	len = hdr + payload;
	for (i = 0; i < len; i++)
		super[i] = (uint8_t)random();
	super[0] = 0x60;
	put16(super + 4, (unsigned int)(len - 40));
	super[6] = extra ? IPPROTO_DSTOPTS : proto;
	if (extra) {
		super[40] = proto;
		super[41] = (uint8_t)(extra / 8 - 1);
	}
	if (proto == IPPROTO_TCP) {
		super[l4 + 12] = (uint8_t)((20 + opts) / 4 << 4);
		super[l4 + 13] = flags;
	} else
		put16(super + l4 + 4, (unsigned int)(len - l4));
	put16(super + l4 + (proto == IPPROTO_TCP ? 16 : 6),
	    naive_pseudo(super, len - l4, proto));
	memset(vnet, 0, sizeof(*vnet));
	vnet->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	vnet->gso_type = proto == IPPROTO_TCP ? VIRTIO_NET_HDR_GSO_TCPV6 :
	    VIRTIO_NET_HDR_GSO_UDP_L4;
	vnet->gso_size = (uint16_t)mss;
	vnet->csum_start = (uint16_t)l4;
	vnet->csum_offset = proto == IPPROTO_TCP ? 16 : 6;
	return (len);
}

/* the segment at payload offset off, by the book */
static size_t
naive_segment(uint8_t *seg, const struct virtio_net_hdr *vnet, size_t len,
    size_t off)
{
	int	 tcp = vnet->gso_type == VIRTIO_NET_HDR_GSO_TCPV6;
	size_t	 l4 = vnet->csum_start, hdr, n;
	uint8_t	*h = seg + l4;

	hdr = l4 + (tcp ? (super[l4 + 12] >> 4) * 4U : 8);
	n = len - hdr - off;
	if (n > vnet->gso_size)
		n = vnet->gso_size;
	memcpy(seg, super, hdr);
	memcpy(seg + hdr, super + hdr + off, n);
	put16(seg + 4, (unsigned int)(hdr - 40 + n));
	if (tcp) {
		put32(h + 4, get32(h + 4) + (uint32_t)off);
		if (off > 0)
			h[13] &= 0x7f;
		if (hdr + off + n < len)
			h[13] &= (uint8_t)~(TH_FIN | TH_PUSH);
	} else
		put16(h + 4, (unsigned int)(8 + n));
	put16(h + vnet->csum_offset, 0);
	put16(h + vnet->csum_offset, ~naive_sum(naive_pseudo(seg,
	    hdr - l4 + n, tcp ? IPPROTO_TCP : IPPROTO_UDP), h, hdr - l4 + n));
	if (h[vnet->csum_offset] == 0 && h[vnet->csum_offset + 1] == 0)
		put16(h + vnet->csum_offset, 0xffff);
	return (hdr + n);
}

static size_t
flatten(uint8_t *to, const struct iovec *iov, int iovcnt)
{
	size_t	 len = 0;
	int	 i;

	for (i = 0; i < iovcnt; i++) {
		memcpy(to + len, iov[i].iov_base, iov[i].iov_len);
		len += iov[i].iov_len;
	}
	return (len);
}

static void
collect(void *arg, const struct iovec *iov, int iovcnt)
{
	if (nout > COALESCE_SEGS)
		errx(1, "more packets out than in");
	memcpy(&out[nout].vnet, iov[0].iov_base, sizeof(out[nout].vnet));
	out[nout].len = flatten(out[nout].pkt, iov + 1, iovcnt - 1);
	nout++;
}

static void
count_drop(void *arg)
{
	ndrop++;
}

/* cuts super and compares with the reference; the segments stay in segs */
static unsigned int
check_segments(const struct virtio_net_hdr *vnet, size_t len,
    uint8_t (*segs)[PKT_MAX], size_t *lens, unsigned int max)
{
	static uint8_t	 want[PKT_MAX], got[PKT_MAX];
	uint8_t		 hdr[SEGMENT_HDR_MAX];
	struct segment	 s;
	struct iovec	 iov[2];
	size_t		 n, m, off = 0;
	unsigned int	 count = 0;

	if (segment_init(&s, vnet, super, len) == -1)
		errx(1, "segment_init refused %zu bytes", len);
	while (segment_next(&s, hdr, iov)) {
		n = flatten(got, iov, 2);
		m = naive_segment(want, vnet, len, off);
		if (n != m || memcmp(got, want, n) != 0)
			errx(1, "segment at %zu of %zu, mss %u", off, len,
			    vnet->gso_size);
		if (n > segment_size(&s))
			errx(1, "segment_size: %zu", segment_size(&s));
		if (count < max) {
			memcpy(segs[count], got, n);
			lens[count] = n;
		}
		count++;
		off += iov[1].iov_len;
	}
	return (count);
}

static void
test_segment(void)
{
	static const size_t	 sizes[] = { 1, 2, 1439, 1440, 1441, 2880,
				    10007, 64000 };
	static const size_t	 mss[] = { 1, 88, 1220, 1427, 1440, 9000 };
	struct virtio_net_hdr	 vnet;
	size_t			 i, j, k, len;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		for (j = 0; j < sizeof(mss) / sizeof(mss[0]); j++)
			for (k = 0; k < 8; k++) {
				len = make(&vnet, k % 4 ? IPPROTO_TCP :
				    IPPROTO_UDP, k > 4 ? 24 : 0, 12 * (k % 3),
				    sizes[i], mss[j], (uint8_t)random());
				check_segments(&vnet, len, NULL, NULL, 0);
			}
}

static void
test_refused(void)
{
	struct virtio_net_hdr	 good, v;
	struct segment		 s;
	size_t			 len, n;

	len = make(&good, IPPROTO_TCP, 0, 12, 3000, 1400, TH_ACK);
	for (n = 0; n <= 72; n++)
		if (segment_init(&s, &good, super, n) != -1)
			errx(1, "accepted %zu bytes", n);
	v = good;
	v.gso_size = 0;
	if (segment_init(&s, &v, super, len) != -1)
		errx(1, "accepted a segment size of 0");
	v = good;
	v.flags = 0;
	if (segment_init(&s, &v, super, len) != -1)
		errx(1, "accepted a super-packet without NEEDS_CSUM");
	v = good;
	v.csum_start = 39;
	if (segment_init(&s, &v, super, len) != -1 ||
	    segment_checksum(&v, super, len) != -1)
		errx(1, "accepted a checksum inside the IPv6 header");
	v.csum_start = (uint16_t)(len - 17);
	if (segment_checksum(&v, super, len) != -1)
		errx(1, "accepted a checksum behind the end");
	v = good;
	v.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
	if (segment_init(&s, &v, super, len) != -1)
		errx(1, "accepted IPv4");
	super[40 + 12] = 0x40;
	if (segment_init(&s, &good, super, len) != -1)
		errx(1, "accepted a TCP header of 16 bytes");
}

static void
test_checksum(void)
{
	struct virtio_net_hdr	 vnet;
	size_t			 len, n;
	int			 udp;

	for (n = 1; n < 200; n++)
		for (udp = 0; udp < 2; udp++) {
			len = make(&vnet, udp ? IPPROTO_UDP : IPPROTO_TCP, 0,
			    0, n, 1, TH_ACK);
			if (segment_checksum(&vnet, super, len) == -1)
				errx(1, "segment_checksum");
			if (naive_sum(naive_pseudo(super, len - 40,
			    udp ? IPPROTO_UDP : IPPROTO_TCP), super + 40,
			    len - 40) != 0xffff)
				errx(1, "checksum of %zu bytes", n);
		}
	for (n = 0; n < 300; n++)
		if (ntohs(csum_fold(csum_add(0, super + n % 7, n))) !=
		    naive_sum(0, super + n % 7, n))
			errx(1, "csum_add of %zu bytes", n);
}

static uint8_t	 segs[COALESCE_SEGS][PKT_MAX];
static size_t	 lens[COALESCE_SEGS];

static void
coalesce_all(unsigned int n, size_t mtu, uint32_t offloads)
{
	static struct coalesce	 c;
	unsigned int		 i;

	nout = ndrop = 0;
	coalesce_init(&c, mtu, offloads, collect, count_drop, NULL);
	for (i = 0; i < n; i++)
		coalesce_add(&c, segs[i], lens[i]);
	coalesce_flush(&c);
}

/* segment, coalesce: one packet comes out, and it is the one that went in */
static void
test_identity(void)
{
	static const uint8_t	 flags[] = { TH_ACK, TH_ACK | TH_PUSH };
	struct virtio_net_hdr	 vnet;
	size_t			 i, len, payload, mss;
	unsigned int		 n;
	uint8_t			 proto;

	for (i = 0; i < 400; i++) {
		proto = i % 3 ? IPPROTO_TCP : IPPROTO_UDP;
		mss = 1 + (size_t)random() % 1400;
		payload = mss + 1 + (size_t)random() % (mss * 60);
		if (payload > 65000)
			payload = 65000;
		len = make(&vnet, proto, 0, 12 * (i % 2), payload, mss,
		    flags[i % 2]);
		n = check_segments(&vnet, len, segs, lens, COALESCE_SEGS);
		coalesce_all(n, MTU, TUN_F_TSO6 | TUN_F_USO6);
		vnet.hdr_len = out[0].vnet.hdr_len;
		if (nout != 1 || out[0].len != len ||
		    memcmp(out[0].pkt, super, len) != 0)
			errx(1, "%u segments of %zu: %d packets", n, mss, nout);
		if (memcmp(&out[0].vnet, &vnet, sizeof(vnet)) != 0 ||
		    vnet.hdr_len != (proto == IPPROTO_TCP ?
		    60 + 12 * (i % 2) : 48))
			errx(1, "virtio-net header");
	}
}

/* without the offload, or with something in it that must stay visible, every
 * packet comes out as it went in */
static void
check_untouched(unsigned int n, uint32_t offloads, const char *what)
{
	static uint8_t	 before[COALESCE_SEGS][PKT_MAX];
	unsigned int	 i;

	memcpy(before, segs, sizeof(before));
	coalesce_all(n, MTU, offloads);
	if (nout != (int)n)
		errx(1, "%s: %d of %u packets", what, nout, n);
	for (i = 0; i < n; i++)
		if (out[i].len != lens[i] || out[i].vnet.gso_type != 0 ||
		    memcmp(out[i].pkt, before[i], lens[i]) != 0)
			errx(1, "%s: packet %u changed", what, i);
}

static void
resum(unsigned int i)
{
	int	 at = segs[i][6] == IPPROTO_TCP ? 56 : 46;

	put16(segs[i] + at, 0);
	put16(segs[i] + at, ~naive_sum(naive_pseudo(segs[i], lens[i] - 40,
	    segs[i][6]), segs[i] + 40, lens[i] - 40));
}

static unsigned int
two(uint8_t proto)
{
	struct virtio_net_hdr	 vnet;
	size_t			 len;

	len = make(&vnet, proto, 0, 12, 2000, 1000, TH_ACK);
	return (check_segments(&vnet, len, segs, lens, COALESCE_SEGS));
}

static void
test_not_joined(void)
{
	/* a byte of the second of two TCP packets, what to turn in it */
	static const struct {
		int		 at;
		uint8_t		 bits;
		const char	*what;
	} turns[] = {
		{ 0, 0x01, "traffic class" }, { 1, 0x10, "ECN" },
		{ 3, 0x01, "flow label" }, { 7, 0x01, "hop limit" },
		{ 47, 0x01, "sequence" }, { 51, 0x01, "acknowledgement" },
		{ 52, 0x01, "AE" }, { 53, TH_FIN, "FIN" },
		{ 53, TH_SYN, "SYN" }, { 53, TH_RST, "RST" },
		{ 53, TH_URG, "URG" }, { 53, 0x40, "ECE" },
		{ 53, 0x80, "CWR" }, { 53, TH_ACK, "no ACK" },
		{ 55, 0x01, "window" }, { 59, 0x01, "urgent pointer" },
		{ 61, 0x01, "options" },
	};
	size_t	 i;

	for (i = 0; i < sizeof(turns) / sizeof(turns[0]); i++) {
		two(IPPROTO_TCP);
		segs[1][turns[i].at] ^= turns[i].bits;
		resum(1);
		check_untouched(2, TUN_F_TSO6, turns[i].what);
	}
	for (i = 0; i < 2; i++) {
		two(IPPROTO_TCP);
		segs[i][500] ^= 1;
		check_untouched(2, TUN_F_TSO6, "wrong checksum");
		two(IPPROTO_UDP);
		segs[i][500] ^= 1;
		check_untouched(2, TUN_F_USO6, "wrong UDP checksum");
	}
	check_untouched(two(IPPROTO_TCP), TUN_F_USO6, "no TSO6");
	check_untouched(two(IPPROTO_UDP), TUN_F_TSO6, "no USO6");
	two(IPPROTO_TCP);
	segs[0][53] |= TH_PUSH;
	resum(0);
	check_untouched(2, TUN_F_TSO6, "PSH first");
	two(IPPROTO_UDP);
	segs[1][45]--;
	coalesce_all(2, MTU, TUN_F_USO6);
	if (nout != 2)
		errx(1, "UDP length: %d of 2 packets", nout);
}

/* packets of more flows than there are runs: none lost, each flow in order */
static void
test_many_flows(void)
{
	struct virtio_net_hdr	 vnet;
	unsigned int		 i, flow, seen[16];
	uint32_t		 next[16];
	size_t			 len;

	memset(seen, 0, sizeof(seen));
	len = make(&vnet, IPPROTO_TCP, 0, 0, 4 * 500, 500, TH_ACK);
	check_segments(&vnet, len, segs, lens, 4);
	for (i = 0; i < COALESCE_SEGS; i++) {
		flow = i % 16;
		memcpy(segs[i], segs[i / 16], lens[i / 16]);
		lens[i] = lens[i / 16];
		put32(segs[i] + 44, 500 * (i / 16));
		segs[i][41] = (uint8_t)flow;
		resum(i);
	}
	memset(next, 0, sizeof(next));
	coalesce_all(COALESCE_SEGS, MTU, TUN_F_TSO6);
	for (i = 0; i < (unsigned int)nout; i++) {
		flow = out[i].pkt[41];
		if (flow >= 16 || get32(out[i].pkt + 44) != next[flow])
			errx(1, "flow %u out of order", flow);
		next[flow] += (uint32_t)(out[i].len - 60);
		seen[flow] += (unsigned int)((out[i].len - 60) / 500);
	}
	for (flow = 0; flow < 16; flow++)
		if (seen[flow] != 4)
			errx(1, "flow %u: %u of 4", flow, seen[flow]);
}

/* what the kernel's own offloads leave of a packet on the way to us */
static void
test_aggregate(void)
{
	struct virtio_net_hdr	 vnet;
	size_t			 len;

	lens[0] = make(&vnet, IPPROTO_TCP, 0, 12, 1000, 1, TH_ACK);
	memcpy(segs[0], super, lens[0]);
	coalesce_all(1, MTU, 0);
	if (nout != 1 || out[0].vnet.flags != VIRTIO_NET_HDR_F_NEEDS_CSUM ||
	    out[0].vnet.csum_start != 40 || out[0].vnet.csum_offset != 16 ||
	    out[0].vnet.gso_type != 0)
		errx(1, "a packet without a checksum");
	len = lens[0] = make(&vnet, IPPROTO_TCP, 0, 12, 30000, 1, TH_ACK);
	memcpy(segs[0], super, len);
	coalesce_all(1, MTU, 0);
	if (nout != 1 || out[0].len != len || out[0].vnet.gso_type !=
	    VIRTIO_NET_HDR_GSO_TCPV6 || out[0].vnet.gso_size != 1280 - 72)
		errx(1, "a TCP super-packet");
	resum(0);
	check_untouched(1, TUN_F_TSO6, "a large packet with a checksum");
	lens[0] = make(&vnet, IPPROTO_UDP, 0, 0, 30000, 1, 0);
	memcpy(segs[0], super, lens[0]);
	coalesce_all(1, MTU, 0);
	if (nout != 0 || ndrop != 1)
		errx(1, "merged UDP datagrams: %d out", nout);
}

int
main(void)
{
	srandom(1);
	test_segment();
	test_refused();
	test_checksum();
	test_identity();
	test_not_joined();
	test_many_flows();
	test_aggregate();
	return (0);
}
