/*
 * Raw socket to TUN.  Process encap (no privilege): reads what anybody who
 * forges the endpoint's IPv4 address may have sent.
 */
#include <sys/socket.h>
#include <sys/uio.h>
#include <errno.h>

#include "batch.h"
#include "path.h"

/* coalesce's emit: one packet or super-packet goes to the kernel */
static void
receive_emit(void *arg, const struct iovec *iov, int iovcnt)
{
	struct path	*p = arg;

	if (p->tun != -1 && writev(p->tun, iov, iovcnt) != -1)
		return;
	/* EIO: set down; EBADFD: deleted, no use to try again */
	p->stats.drops[SIXIN4_NODEV]++;
	if (p->tun != -1 && errno == EBADFD)
		path_lose_tun(p);
}

static void
receive_drop(void *arg)
{
	struct path	*p = arg;

	p->stats.drops[SIXIN4_AGGREGATE]++;
}

static void
receive_batch(struct path *p, struct batch *b, unsigned int n)
{
	enum sixin4_drop drop;
	uint8_t		*pkt;
	size_t		 len;
	unsigned int	 i;

	coalesce_init(&b->coalesce, p->conf.mtu, p->offloads, receive_emit,
	    receive_drop, p);
	for (i = 0; i < n; i++) {
		pkt = b->recv_buf[i];
		len = b->recv[i].msg_len;
		drop = sixin4_decap(&p->conf, &pkt, &len);
		if (drop == SIXIN4_PASS)
			coalesce_add(&b->coalesce, pkt, len);
		else
			p->stats.drops[drop]++;
	}
	coalesce_flush(&b->coalesce);
}

void
receive_event(evutil_socket_t fd, short events, void *arg)
{
	struct path	*p = arg;
	struct batch	*b = batch_get(p->base);
	int		 n;

	n = recvmmsg(fd, b->recv, BATCH_MSGS, MSG_DONTWAIT, NULL);
	if (n > 0) {
		p->stats.received += (unsigned int)n;
		receive_batch(p, b, (unsigned int)n);
		batch_used((unsigned int)n);
	} else
		/* an ICMP error, or an error queue that woke us up */
		path_errors(p);
	path_report(p);
}
