/*
 * imsg(3) over AF_UNIX SOCK_SEQPACKET: one record is one message and carries
 * at most one descriptor.  Names and meanings follow OpenBSD's imsg_init(3)
 * as far as records allow: nothing has to be reassembled, so reading and
 * getting are one step.
 */
#ifndef GW_IMSG_H
#define GW_IMSG_H

#include <sys/types.h>
#include <sys/queue.h>
#include <stddef.h>
#include <stdint.h>

#define IMSG_SIZE_MAX	16384		/* header and payload */
#define IMSG_QUEUE_MAX	(4 * 1024 * 1024)	/* bytes waiting to be sent */

struct imsg_hdr {
	uint32_t	type;
	uint32_t	id;
};

struct imsg {
	struct imsg_hdr	hdr;
	const uint8_t	*data;		/* until the next imsg_get() */
	size_t		 len;
	int		 fd;		/* -1, or use imsg_get_fd() */
};

struct imsg_out;
TAILQ_HEAD(imsg_queue, imsg_out);

struct imsgbuf {
	int			 fd;
	int			 allow_fd;
	struct imsg_queue	 queue;
	size_t			 queued;	/* bytes in the queue */
};

/* takes over fd, a non-blocking SEQPACKET socket; never fails */
void	 imsgbuf_init(struct imsgbuf *, int fd);
/* lets descriptors in; without it a message with one is an error */
void	 imsgbuf_allow_fdpass(struct imsgbuf *);
/* drops what is queued and closes the descriptor */
void	 imsgbuf_clear(struct imsgbuf *);
/* sends what is queued; 0 sent or would block, -1 with errno: dead */
int	 imsgbuf_write(struct imsgbuf *);

/*
 * Sends or queues one message.  fd, or -1, belongs to the queue from here on
 * if 0 is returned, and is closed once it was sent.  -1 with errno: EMSGSIZE
 * (too long), ENOBUFS (the queue is full), or the peer is gone; fd is then
 * still the caller's.
 */
int	 imsg_compose(struct imsgbuf *, uint32_t type, uint32_t id, int fd,
	    const void *data, size_t len);
/*
 * Receives one message.  1: got one; 0: nothing there; -1 with errno: EPIPE
 * (closed by the peer), EBADMSG (short, or a descriptor that was not asked
 * for), EMFILE (a descriptor was lost to a full table), or another.
 */
int	 imsg_get(struct imsgbuf *, struct imsg *);
/* copies the payload if it has exactly len bytes, else -1 with EBADMSG */
int	 imsg_get_data(const struct imsg *, void *, size_t len);
/* hands the descriptor to the caller, -1 if there is none */
int	 imsg_get_fd(struct imsg *);
/* closes a descriptor nobody took */
void	 imsg_free(struct imsg *);

#endif
