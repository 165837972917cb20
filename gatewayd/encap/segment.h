/*
 * What a network card would do for the kernel: completing a checksum, and
 * cutting a TCP or UDP super-packet into packets of the path's size
 * (virtio-net header: VIRTIO 1.2, section 5.1.6.2).  No I/O.
 */
#ifndef GW_SEGMENT_H
#define GW_SEGMENT_H

#include <sys/uio.h>
#include <linux/virtio_net.h>
#include <stddef.h>
#include <stdint.h>

#define SEGMENT_HDR_MAX	256	/* IPv6, extension and TCP headers */

struct segment {
	const uint8_t	*pkt;
	size_t		 len;
	size_t		 l4;		/* offset of the TCP or UDP header */
	size_t		 hdrlen;	/* all headers */
	size_t		 mss;		/* payload of one segment */
	size_t		 off;		/* of the next segment's payload */
	uint64_t	 pseudo;	/* its sum, without length */
	int		 udp;
};

/*
 * Writes the checksum that NEEDS_CSUM leaves to us into the packet.  0, or -1
 * if the header points outside of it.
 */
int	 segment_checksum(const struct virtio_net_hdr *, uint8_t *pkt,
	    size_t len);
/*
 * Prepares to cut an IPv6 packet, which stays the caller's and must live
 * until the last segment was sent.  0, or -1 if packet and header disagree.
 */
int	 segment_init(struct segment *, const struct virtio_net_hdr *,
	    const uint8_t *pkt, size_t len);
/* bytes of the largest segment, headers included */
size_t	 segment_size(const struct segment *);
/*
 * The next segment: its headers, written to hdr (SEGMENT_HDR_MAX bytes), and
 * its payload inside the packet.  1, or 0 if there is none left.
 */
int	 segment_next(struct segment *, uint8_t *hdr, struct iovec iov[2]);

#endif
