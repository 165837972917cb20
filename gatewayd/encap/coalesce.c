/*
 * Coalescing of received packets.  Process encap (no privilege): pure
 * functions on packets that anybody on the Internet may have written.
 *
 * Only what segment.c could take apart again into the very same packets is
 * put together, and only after its checksum proved right: the super-packet
 * carries none, so an error would go unnoticed from here on.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>

#include "coalesce.h"
#include "csum.h"
#include "encap.h"

#define IP6_HDR		sizeof(struct ip6_hdr)
#define TCP_ECE		0x40
#define TCP_CWR		0x80
#define TCP_OFF		12	/* data offset */
#define TCP_FLAGS	13
#define LEN_MAX		65535	/* of a super-packet */

/* what is known of a packet */
struct coalesce_pkt {
	uint8_t		*pkt;
	size_t		 len;
	size_t		 hdrlen;	/* IPv6 and TCP or UDP */
	uint8_t		 proto;
	int		 flow;		/* TCP or UDP, headers complete */
	int		 joins;		/* may be part of a run */
};

enum csum_state {
	CSUM_GOOD,
	CSUM_PARTIAL,		/* only the pseudo-header is in it yet */
	CSUM_BAD
};

static size_t
coalesce_field(uint8_t proto)
{
	return (IP6_HDR + (proto == IPPROTO_TCP ?
	    offsetof(struct tcphdr, th_sum) : offsetof(struct udphdr, uh_sum)));
}

static void
coalesce_parse(const struct coalesce *c, struct coalesce_pkt *p, uint8_t *pkt,
    size_t len)
{
	uint8_t		*l4 = pkt + IP6_HDR;

	memset(p, 0, sizeof(*p));
	p->pkt = pkt;
	p->len = len;
	p->proto = pkt[6];
	if (p->proto == IPPROTO_TCP && len >= IP6_HDR + sizeof(struct tcphdr)) {
		p->hdrlen = IP6_HDR + (l4[TCP_OFF] >> 4) * 4U;
		p->flow = p->hdrlen <= len &&
		    p->hdrlen >= IP6_HDR + sizeof(struct tcphdr);
		/* the low half of the offset's byte: reserved and AE bits */
		p->joins = c->tcp && (l4[TCP_OFF] & 0x0f) == 0 &&
		    (l4[TCP_FLAGS] & ~(TH_PUSH | TCP_ECE)) == TH_ACK;
	} else if (p->proto == IPPROTO_UDP &&
	    len >= IP6_HDR + sizeof(struct udphdr)) {
		p->hdrlen = IP6_HDR + sizeof(struct udphdr);
		p->flow = (size_t)(l4[4] << 8 | l4[5]) == len - IP6_HDR;
		p->joins = c->udp && (l4[6] | l4[7]) != 0;
	}
	if (!p->flow || len > c->mtu || p->hdrlen == len)
		p->joins = 0;
}

static enum csum_state
coalesce_check(const struct coalesce_pkt *p)
{
	uint64_t	 pseudo;
	uint16_t	 check;

	pseudo = csum_pseudo6(p->pkt, (uint32_t)(p->len - IP6_HDR), p->proto);
	if (csum_fold(csum_add(pseudo, p->pkt + IP6_HDR,
	    p->len - IP6_HDR)) == 0xffff)
		return (CSUM_GOOD);
	memcpy(&check, p->pkt + coalesce_field(p->proto), sizeof(check));
	return (check == csum_fold(pseudo) ? CSUM_PARTIAL : CSUM_BAD);
}

/* as coalesce_check() == CSUM_PARTIAL, seldom looking at the payload */
static int
coalesce_partial(const struct coalesce_pkt *p)
{
	uint16_t	 check;

	memcpy(&check, p->pkt + coalesce_field(p->proto), sizeof(check));
	return (check == csum_fold(csum_pseudo6(p->pkt,
	    (uint32_t)(p->len - IP6_HDR), p->proto)) &&
	    coalesce_check(p) == CSUM_PARTIAL);
}

static void
coalesce_vnet(struct virtio_net_hdr *vnet, uint8_t proto)
{
	vnet->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	vnet->csum_start = IP6_HDR;
	vnet->csum_offset = (uint16_t)(coalesce_field(proto) - IP6_HDR);
}

static void
coalesce_gso(struct virtio_net_hdr *vnet, const struct coalesce_pkt *p,
    size_t mss)
{
	vnet->gso_type = p->proto == IPPROTO_TCP ?
	    VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_UDP_L4;
	if (p->proto == IPPROTO_TCP &&
	    p->pkt[IP6_HDR + TCP_FLAGS] & TCP_CWR)
		vnet->gso_type |= VIRTIO_NET_HDR_GSO_ECN;
	vnet->gso_size = (uint16_t)mss;
	vnet->hdr_len = (uint16_t)p->hdrlen;
}

/*
 * A packet by itself.  Between machines on one host, and behind the kernel's
 * own GRO, a raw socket sees what no wire would carry: checksums not filled
 * in, and TCP super-packets, whose segment size it is not told.  Every IPv6
 * link takes 1280 bytes, so segments of that size are always right.
 * Of merged UDP datagrams the boundaries are lost.
 */
static void
coalesce_single(struct coalesce *c, const struct coalesce_pkt *p)
{
	struct virtio_net_hdr	 vnet;
	struct iovec		 iov[2];

	memset(&vnet, 0, sizeof(vnet));
	if (p->flow && coalesce_partial(p)) {
		coalesce_vnet(&vnet, p->proto);
		if (p->len > c->mtu && p->proto == IPPROTO_UDP) {
			if (c->drop != NULL)
				c->drop(c->arg);
			return;
		}
		if (p->len > c->mtu && p->len > 1280)
			coalesce_gso(&vnet, p, 1280 - p->hdrlen);
	}
	iov[0].iov_base = &vnet;
	iov[0].iov_len = sizeof(vnet);
	iov[1].iov_base = p->pkt;
	iov[1].iov_len = p->len;
	c->emit(c->arg, iov, 2);
}

static void
coalesce_emit(struct coalesce *c, struct coalesce_run *r)
{
	struct virtio_net_hdr	 vnet;
	struct coalesce_pkt	 p;
	uint16_t		 len, check;

	coalesce_parse(c, &p, r->pkt, r->iov[1].iov_len);
	if (r->nsegs == 1) {
		coalesce_single(c, &p);
		return;
	}
	memset(&vnet, 0, sizeof(vnet));
	coalesce_vnet(&vnet, r->proto);
	coalesce_gso(&vnet, &p, r->mss);
	len = htons((uint16_t)(r->len - IP6_HDR));
	memcpy(r->pkt + 4, &len, sizeof(len));
	if (r->proto == IPPROTO_TCP)
		r->pkt[IP6_HDR + TCP_FLAGS] = r->flags;
	else
		memcpy(r->pkt + IP6_HDR + 4, &len, sizeof(len));
	check = csum_fold(csum_pseudo6(r->pkt, (uint32_t)(r->len - IP6_HDR),
	    r->proto));
	memcpy(r->pkt + coalesce_field(r->proto), &check, sizeof(check));
	r->iov[0].iov_base = &vnet;
	r->iov[0].iov_len = sizeof(vnet);
	c->emit(c->arg, r->iov, 1 + (int)r->nsegs);
}

/* emits a run and frees its place */
static void
coalesce_close(struct coalesce *c, struct coalesce_run *r)
{
	coalesce_emit(c, r);
	r->nsegs = 0;
}

static void
coalesce_open(struct coalesce *c, const struct coalesce_pkt *p)
{
	struct coalesce_run	*r = NULL;
	unsigned int		 i;
	uint32_t		 seq;

	for (i = 0; i < COALESCE_RUNS && r == NULL; i++)
		if (c->runs[i].nsegs == 0)
			r = &c->runs[i];
	if (r == NULL) {
		r = &c->runs[c->oldest];
		c->oldest = (c->oldest + 1) % COALESCE_RUNS;
		coalesce_close(c, r);
	}
	r->pkt = p->pkt;
	r->len = p->len;
	r->hdrlen = p->hdrlen;
	r->mss = p->len - p->hdrlen;
	r->nsegs = 1;
	r->proto = p->proto;
	r->checked = 0;
	r->iov[1].iov_base = p->pkt;
	r->iov[1].iov_len = p->len;
	if (p->proto == IPPROTO_TCP) {
		memcpy(&seq, p->pkt + IP6_HDR + 4, sizeof(seq));
		r->next_seq = ntohl(seq) + (uint32_t)r->mss;
		r->flags = p->pkt[IP6_HDR + TCP_FLAGS];
	}
}

/* the same addresses, protocol and ports: must stay in order */
static struct coalesce_run *
coalesce_find(struct coalesce *c, const struct coalesce_pkt *p)
{
	struct coalesce_run	*r;
	unsigned int		 i;

	for (i = 0; i < COALESCE_RUNS; i++) {
		r = &c->runs[i];
		if (r->nsegs != 0 && r->proto == p->proto &&
		    memcmp(r->pkt + 8, p->pkt + 8, 36) == 0)
			return (r);
	}
	return (NULL);
}

/* nonzero if all that segmentation copies from the first packet is equal */
static int
coalesce_same(const struct coalesce_run *r, const struct coalesce_pkt *p)
{
	const uint8_t	*a = r->pkt, *b = p->pkt;
	uint32_t	 seq;

	if (memcmp(a, b, 4) != 0 || a[7] != b[7] || r->hdrlen != p->hdrlen)
		return (0);
	if (p->proto == IPPROTO_UDP)
		return (1);
	a += IP6_HDR;
	b += IP6_HDR;
	memcpy(&seq, b + 4, sizeof(seq));
	/* acknowledgement, offset, flags, window, urgent pointer, options */
	return (ntohl(seq) == r->next_seq && memcmp(a + 8, b + 8, 5) == 0 &&
	    a[TCP_FLAGS] == (b[TCP_FLAGS] & ~TH_PUSH) &&
	    memcmp(a + 14, b + 14, 2) == 0 &&
	    memcmp(a + 18, b + 18, p->hdrlen - IP6_HDR - 18) == 0);
}

/* the run's first packet, whose checksum nobody needed so far */
static int
coalesce_first_ok(const struct coalesce *c, struct coalesce_run *r)
{
	struct coalesce_pkt	 p;

	if (!r->checked) {
		coalesce_parse(c, &p, r->pkt, r->len);
		r->checked = coalesce_check(&p) != CSUM_BAD;
	}
	return (r->checked);
}

/* 1 if the packet is now part of the run */
static int
coalesce_append(struct coalesce *c, struct coalesce_run *r,
    const struct coalesce_pkt *p)
{
	size_t		 n = p->len - p->hdrlen;

	if (n > r->mss || r->nsegs == COALESCE_SEGS || r->len + n > LEN_MAX ||
	    !coalesce_same(r, p) || !coalesce_first_ok(c, r) ||
	    coalesce_check(p) == CSUM_BAD)
		return (0);
	r->nsegs++;
	r->iov[r->nsegs].iov_base = p->pkt + p->hdrlen;
	r->iov[r->nsegs].iov_len = n;
	r->len += n;
	r->next_seq += (uint32_t)n;
	if (p->proto == IPPROTO_TCP)
		r->flags = p->pkt[IP6_HDR + TCP_FLAGS];
	/* a short packet or PSH is the last of its super-packet */
	if (n < r->mss || (p->proto == IPPROTO_TCP && r->flags & TH_PUSH))
		coalesce_close(c, r);
	return (1);
}

void
coalesce_init(struct coalesce *c, size_t mtu, uint32_t offloads,
    void (*emit)(void *, const struct iovec *, int), void (*drop)(void *),
    void *arg)
{
	unsigned int	 i;

	c->emit = emit;
	c->drop = drop;
	c->arg = arg;
	c->mtu = mtu;
	c->tcp = (offloads & TUN_F_TSO6) != 0;
	c->udp = (offloads & TUN_F_USO6) != 0;
	c->oldest = 0;
	for (i = 0; i < COALESCE_RUNS; i++)
		c->runs[i].nsegs = 0;
}

void
coalesce_add(struct coalesce *c, uint8_t *pkt, size_t len)
{
	struct coalesce_run	*r = NULL;
	struct coalesce_pkt	 p;

	coalesce_parse(c, &p, pkt, len);
	if (p.flow && (r = coalesce_find(c, &p)) != NULL) {
		if (p.joins && coalesce_append(c, r, &p))
			return;
		coalesce_close(c, r);
	}
	if (p.joins && (p.proto == IPPROTO_UDP ||
	    !(pkt[IP6_HDR + TCP_FLAGS] & TH_PUSH)))
		coalesce_open(c, &p);
	else
		coalesce_single(c, &p);
}

void
coalesce_flush(struct coalesce *c)
{
	unsigned int	 i;

	for (i = 0; i < COALESCE_RUNS; i++)
		if (c->runs[i].nsegs != 0)
			coalesce_close(c, &c->runs[i]);
}
