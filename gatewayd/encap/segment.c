/*
 * Segmentation of super-packets.  Process encap (no privilege): pure
 * functions on packets that our own kernel made.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>

#include "csum.h"
#include "encap.h"
#include "segment.h"

#define TCP_FLAGS	13	/* offset of the flags in a TCP header */
#define TCP_CWR		0x80

int
segment_checksum(const struct virtio_net_hdr *vnet, uint8_t *pkt, size_t len)
{
	size_t		 at;
	uint16_t	 sum;

	at = (size_t)vnet->csum_start + vnet->csum_offset;
	if (vnet->csum_start < sizeof(struct ip6_hdr) ||
	    at + sizeof(sum) > len)
		return (-1);
	/* the field holds the pseudo-header's sum */
	sum = ~csum_fold(csum_add(0, pkt + vnet->csum_start,
	    len - vnet->csum_start));
	if (sum == 0)		/* in UDP it would mean "none"; TCP: equal */
		sum = 0xffff;
	memcpy(pkt + at, &sum, sizeof(sum));
	return (0);
}

static size_t
segment_l4len(const struct segment *s)
{
	const struct tcphdr	*th;

	if (s->udp)
		return (sizeof(struct udphdr));
	if (s->l4 + sizeof(*th) > s->len)
		return (0);
	return ((s->pkt[s->l4 + 12] >> 4) * 4U);
}

/* the pseudo-header's sum is in the checksum field: take its length out, so
 * that a routing header's final destination need not be looked for */
static uint64_t
segment_pseudo(const struct segment *s, size_t field)
{
	uint32_t	 len;
	uint16_t	 sum;

	memcpy(&sum, s->pkt + s->l4 + field, sizeof(sum));
	len = htonl((uint32_t)(s->len - s->l4));
	return ((uint64_t)sum + (uint16_t)~csum_fold(len));
}

int
segment_init(struct segment *s, const struct virtio_net_hdr *vnet,
    const uint8_t *pkt, size_t len)
{
	size_t		 field, l4len;

	memset(s, 0, sizeof(*s));
	s->pkt = pkt;
	s->len = len;
	s->l4 = vnet->csum_start;
	s->mss = vnet->gso_size;
	switch (vnet->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_TCPV6:
		field = offsetof(struct tcphdr, th_sum);
		break;
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		field = offsetof(struct udphdr, uh_sum);
		s->udp = 1;
		break;
	default:
		return (-1);
	}
	if (!(vnet->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) ||
	    vnet->csum_offset != field || s->mss == 0 ||
	    s->l4 < sizeof(struct ip6_hdr))
		return (-1);
	l4len = segment_l4len(s);
	s->hdrlen = s->l4 + l4len;
	if (l4len < sizeof(struct udphdr) ||
	    (!s->udp && l4len < sizeof(struct tcphdr)) ||
	    s->hdrlen > SEGMENT_HDR_MAX || s->hdrlen >= len)
		return (-1);
	s->off = s->hdrlen;
	s->pseudo = segment_pseudo(s, field);
	return (0);
}

size_t
segment_size(const struct segment *s)
{
	size_t		 payload = s->len - s->hdrlen;

	return (s->hdrlen + (payload < s->mss ? payload : s->mss));
}

/* sequence number; CWR on the first, FIN and PSH on the last only */
static void
segment_tcp(const struct segment *s, uint8_t *th, int last)
{
	uint32_t	 seq;

	memcpy(&seq, th + 4, sizeof(seq));
	seq = htonl(ntohl(seq) + (uint32_t)(s->off - s->hdrlen));
	memcpy(th + 4, &seq, sizeof(seq));
	if (s->off != s->hdrlen)
		th[TCP_FLAGS] &= ~TCP_CWR;
	if (!last)
		th[TCP_FLAGS] &= ~(TH_FIN | TH_PUSH);
}

static void
segment_sum(const struct segment *s, uint8_t *l4, size_t field,
    const uint8_t *payload, size_t len)
{
	uint64_t	 sum;
	uint16_t	 check = 0;
	size_t		 l4len = s->hdrlen - s->l4;

	memcpy(l4 + field, &check, sizeof(check));
	sum = s->pseudo + htonl((uint32_t)(l4len + len));
	sum = csum_add(csum_add(sum, l4, l4len), payload, len);
	check = ~csum_fold(sum);
	if (check == 0)
		check = 0xffff;
	memcpy(l4 + field, &check, sizeof(check));
}

int
segment_next(struct segment *s, uint8_t *hdr, struct iovec iov[2])
{
	const uint8_t	*payload = s->pkt + s->off;
	uint8_t		*l4 = hdr + s->l4;
	size_t		 left = s->len - s->off, n, field;
	uint16_t	 len;

	if (left == 0)
		return (0);
	n = left < s->mss ? left : s->mss;
	memcpy(hdr, s->pkt, s->hdrlen);
	len = htons((uint16_t)(s->hdrlen - sizeof(struct ip6_hdr) + n));
	memcpy(hdr + 4, &len, sizeof(len));
	if (s->udp) {
		len = htons((uint16_t)(sizeof(struct udphdr) + n));
		memcpy(l4 + 4, &len, sizeof(len));
		field = offsetof(struct udphdr, uh_sum);
	} else {
		segment_tcp(s, l4, n == left);
		field = offsetof(struct tcphdr, th_sum);
	}
	segment_sum(s, l4, field, payload, n);
	iov[0].iov_base = hdr;
	iov[0].iov_len = s->hdrlen;
	/* sendmmsg(2) only reads it */
	iov[1].iov_base = (uint8_t *)(uintptr_t)payload;
	iov[1].iov_len = n;
	s->off += n;
	return (1);
}
