/*
 * The buffers of batched system calls.  One set serves all tunnels, one after
 * the other: nothing stays in it between two events.
 */
#ifndef GW_BATCH_H
#define GW_BATCH_H

#include <sys/socket.h>
#include <sys/uio.h>
#include <event2/event.h>
#include <stddef.h>
#include <stdint.h>

#include "coalesce.h"
#include "encap.h"
#include "segment.h"
#include "sixin4.h"

#define BATCH_MSGS	COALESCE_SEGS	/* a batch fits into one run */
/* keeps the packet behind its virtio-net header on a 16-byte boundary */
#define BATCH_LEAD	(16 - ENCAP_VNET_HDR_SIZE)
#define BATCH_READ	(16 + SIXIN4_PACKET_MAX)
#define BATCH_SEND_SIZE	(132 * 1024)	/* one of the largest, and small ones */
/* one datagram; no power of two, or all would share their cache lines */
#define BATCH_RECV_SIZE	(69 * 1024)

/* the ancillary data that gives a datagram its ECN field */
union batch_tos {
	struct cmsghdr	 hdr;
	uint8_t		 space[CMSG_SPACE(sizeof(int))];
};

struct batch {
	int		 ready;		/* the tables are filled in */
	/* TUN to raw socket */
	unsigned int	 nsend;
	struct mmsghdr	 send[BATCH_MSGS];
	struct iovec	 send_iov[BATCH_MSGS][2];
	union batch_tos	 tos[4];	/* by ECN field */
	/* raw socket to TUN */
	struct mmsghdr	 recv[BATCH_MSGS];
	struct iovec	 recv_iov[BATCH_MSGS];
	struct coalesce	 coalesce;
	_Alignas(4096)
	uint8_t		 send_hdr[BATCH_MSGS][SEGMENT_HDR_MAX];
	uint8_t		 send_buf[BATCH_SEND_SIZE];
	uint8_t		 recv_buf[BATCH_MSGS][BATCH_RECV_SIZE];
};

/*
 * The process's batch.  Its memory is reserved at the first call and becomes
 * real page by page as it is written to.  Fatal if there is none.
 */
struct batch	*batch_get(struct event_base *);
/* so many packets passed: gives memory back some time after a burst */
void		 batch_used(unsigned int packets);

#endif
