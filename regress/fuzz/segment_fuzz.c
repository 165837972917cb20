/*
 * A virtio-net header and a packet: checksum and segmentation.  Then the rest
 * of the input as packets of two bytes length each: coalescing, which must
 * neither lose nor invent a byte of payload.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "coalesce.h"
#include "encap.h"
#include "segment.h"

#define MTU	1480

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static size_t	 bytes_out;

static void
fuzz_emit(void *arg, const struct iovec *iov, int iovcnt)
{
	struct virtio_net_hdr	 vnet;
	size_t			 len = 0;
	int			 i;

	memcpy(&vnet, iov[0].iov_base, sizeof(vnet));
	for (i = 1; i < iovcnt; i++)
		len += iov[i].iov_len;
	if (len > 65575 || (iovcnt > 2 && vnet.gso_size == 0))
		abort();
	bytes_out += len;
	/* the headers that a super-packet has only once */
	if (iovcnt > 2)
		bytes_out += (size_t)(iovcnt - 2) * vnet.hdr_len;
}

static void
fuzz_drop(void *arg)
{
	bytes_out += *(size_t *)arg;
}

static void
fuzz_segment(const uint8_t *data, size_t size)
{
	struct virtio_net_hdr	 vnet;
	struct segment		 s;
	struct iovec		 iov[2];
	uint8_t			*pkt, hdr[SEGMENT_HDR_MAX];
	size_t			 len, payload = 0;

	if (size < sizeof(vnet))
		return;
	memcpy(&vnet, data, sizeof(vnet));
	len = size - sizeof(vnet);
	if ((pkt = malloc(len + 1)) == NULL)
		return;
	memcpy(pkt, data + sizeof(vnet), len);
	if (segment_init(&s, &vnet, pkt, len) == 0) {
		while (segment_next(&s, hdr, iov)) {
			if (iov[0].iov_len + iov[1].iov_len > segment_size(&s))
				abort();
			payload += iov[1].iov_len;
		}
		if (payload != len - s.hdrlen)
			abort();
	}
	segment_checksum(&vnet, pkt, len);
	free(pkt);
}

static void
fuzz_coalesce(const uint8_t *data, size_t size)
{
	static struct coalesce	 c;
	uint8_t			*pkts[COALESCE_SEGS];
	size_t			 bytes_in = 0, len;
	int			 i, n = 0;

	bytes_out = 0;
	coalesce_init(&c, MTU, TUN_F_TSO6 | TUN_F_USO6, fuzz_emit, fuzz_drop,
	    &len);
	while (size >= 2 && n < COALESCE_SEGS) {
		len = (size_t)(data[0] << 8 | data[1]);
		data += 2;
		size -= 2;
		/* sixin4_decap() lets nothing else pass */
		if (len < 40 || len > size)
			break;
		if ((pkts[n] = malloc(len)) == NULL)
			break;
		memcpy(pkts[n], data, len);
		coalesce_add(&c, pkts[n], len);
		n++;
		bytes_in += len;
		data += len;
		size -= len;
	}
	coalesce_flush(&c);
	if (bytes_in != bytes_out)
		abort();
	for (i = 0; i < n; i++)
		free(pkts[i]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t	 first;

	if (size < 2)
		return (0);
	first = (size_t)(data[0] << 8 | data[1]);
	if (first > size - 2)
		first = size - 2;
	fuzz_segment(data + 2, first);
	fuzz_coalesce(data + 2 + first, size - 2 - first);
	return (0);
}
