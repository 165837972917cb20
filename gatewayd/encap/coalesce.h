/*
 * The reverse of segment.h, as the kernel's GRO does it: consecutive packets
 * of one TCP or UDP flow become one super-packet, so that the kernel's stack
 * is walked once for all of them.  No I/O: what is ready goes to emit().
 */
#ifndef GW_COALESCE_H
#define GW_COALESCE_H

#include <sys/uio.h>
#include <linux/virtio_net.h>
#include <stddef.h>
#include <stdint.h>

#define COALESCE_RUNS	8	/* flows at a time */
#define COALESCE_SEGS	64	/* packets in one; UDP_MAX_SEGMENTS */

struct coalesce_run {
	uint8_t		*pkt;		/* the first packet, ours to change */
	size_t		 len;		/* headers and all payloads */
	size_t		 hdrlen;
	size_t		 mss;
	uint32_t	 next_seq;	/* TCP: that fits behind */
	unsigned int	 nsegs;
	uint8_t		 proto;
	int		 checked;	/* the first packet's checksum */
	uint8_t		 flags;		/* TCP: of the last */
	struct iovec	 iov[1 + COALESCE_SEGS]; /* [0]: vnet header */
};

struct coalesce {
	/*
	 * iov[0] is the virtio-net header, the others are the packet.  Must
	 * be done with all of it when it returns.
	 */
	void		(*emit)(void *arg, const struct iovec *, int iovcnt);
	/* a packet that nobody can make sense of was dropped; or NULL */
	void		(*drop)(void *arg);
	void		*arg;
	size_t		 mtu;		/* longer ones are the kernel's work */
	int		 tcp;		/* may we? */
	int		 udp;
	unsigned int	 oldest;	/* run to close when all are taken */
	struct coalesce_run runs[COALESCE_RUNS];
};

/* forgets all runs; mtu and offloads (TUN_F_*) of the interface */
void	 coalesce_init(struct coalesce *, size_t mtu, uint32_t offloads,
	    void (*emit)(void *, const struct iovec *, int),
	    void (*drop)(void *), void *arg);
/*
 * Takes an IPv6 packet whose length is right.  It must stay until
 * coalesce_flush() and may be changed.
 */
void	 coalesce_add(struct coalesce *, uint8_t *pkt, size_t len);
/* emits everything that still waits */
void	 coalesce_flush(struct coalesce *);

#endif
