/*
 * TUN to raw socket.  Process encap (no privilege): reads packets of our own
 * kernel, forwarded ones among them.
 */
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <linux/sockios.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "batch.h"
#include "log.h"
#include "path.h"

#define TRANSMIT_ERRORS_MAX	4	/* then the rest of a batch is lost */

/* after these, trying the next message is a waste */
static int
transmit_full(int error)
{
	return (error == EAGAIN || error == EWOULDBLOCK);
}

static size_t
transmit_length(const struct msghdr *msg)
{
	size_t	 len = 0, i;

	for (i = 0; i < msg->msg_iovlen; i++)
		len += msg->msg_iov[i].iov_len;
	return (len);
}

/*
 * A message could not be sent: 1 if it should be tried again.  The error may
 * be an old one, of an ICMP message, that the socket only reports now.
 */
static int
transmit_failed(struct path *p, const struct msghdr *msg, int error,
    int *retried)
{
	path_errors(p);
	if (transmit_length(msg) > sixin4_limit(p->path_mtu)) {
		path_too_big(p, msg->msg_iov, (int)msg->msg_iovlen);
		return (0);
	}
	if (!*retried && error != ENOBUFS) {
		*retried = 1;
		return (1);
	}
	p->stats.drops[error == ENOBUFS ? SIXIN4_NOBUFS : SIXIN4_UNSENT]++;
	log_record(LL_DEBUG, p->conf.name, "sendmmsg: %s", strerror(error));
	return (0);
}

static void
transmit_flush(struct path *p, struct batch *b)
{
	unsigned int	 done = 0;
	int		 errors = 0, n, retried = 0;

	while (done < b->nsend && errors < TRANSMIT_ERRORS_MAX && !p->paused) {
		n = sendmmsg(p->raw, b->send + done, b->nsend - done,
		    MSG_DONTWAIT);
		if (n > 0) {
			p->stats.sent += (unsigned int)n;
			done += (unsigned int)n;
			retried = 0;
		} else if (n == 0 || transmit_full(errno))
			path_pause(p);
		else if (!transmit_failed(p, &b->send[done].msg_hdr, errno,
		    &retried)) {
			done++;
			errors++;
			retried = 0;
		}
	}
	p->stats.drops[p->paused ? SIXIN4_NOBUFS : SIXIN4_UNSENT] +=
	    b->nsend - done;
	b->nsend = 0;
}

/* the next free message of the batch, with the ECN field of pkt */
static struct msghdr *
transmit_message(struct path *p, struct batch *b, const uint8_t *pkt)
{
	struct msghdr	*msg;
	uint8_t		 tos = sixin4_tos(pkt);

	if (b->nsend == BATCH_MSGS)
		transmit_flush(p, b);
	msg = &b->send[b->nsend++].msg_hdr;
	msg->msg_control = tos == 0 ? NULL : &b->tos[tos];
	msg->msg_controllen = tos == 0 ? 0 : sizeof(b->tos[tos]);
	return (msg);
}

static void
transmit_single(struct path *p, struct batch *b,
    const struct virtio_net_hdr *vnet, uint8_t *pkt, size_t len)
{
	struct iovec	 iov;
	struct msghdr	*msg;

	iov.iov_base = pkt;
	iov.iov_len = len;
	if (len > sixin4_limit(p->path_mtu)) {
		path_too_big(p, &iov, 1);
		return;
	}
	if (vnet->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM &&
	    segment_checksum(vnet, pkt, len) == -1) {
		p->stats.drops[SIXIN4_MALFORMED]++;
		return;
	}
	msg = transmit_message(p, b, pkt);
	msg->msg_iov[0] = iov;
	msg->msg_iovlen = 1;
}

static void
transmit_super(struct path *p, struct batch *b,
    const struct virtio_net_hdr *vnet, uint8_t *pkt, size_t len)
{
	struct segment	 s;
	struct iovec	 iov[2];
	struct msghdr	*msg;
	uint8_t		*hdr;

	if (segment_init(&s, vnet, pkt, len) == -1) {
		p->stats.drops[SIXIN4_MALFORMED]++;
		return;
	}
	if (segment_size(&s) > sixin4_limit(p->path_mtu)) {
		iov[0].iov_base = pkt;
		iov[0].iov_len = len;
		path_too_big(p, iov, 1);
		return;
	}
	while (s.off < s.len) {
		msg = transmit_message(p, b, pkt);
		hdr = b->send_hdr[b->nsend - 1];
		segment_next(&s, hdr, msg->msg_iov);
		msg->msg_iovlen = 2;
	}
}

static void
transmit_packet(struct path *p, struct batch *b, uint8_t *buf, size_t len)
{
	enum sixin4_drop	 drop;
	struct virtio_net_hdr	 vnet;
	uint8_t			*pkt = buf + sizeof(vnet);

	if (len < sizeof(vnet)) {
		p->stats.drops[SIXIN4_MALFORMED]++;
		return;
	}
	memcpy(&vnet, buf, sizeof(vnet));
	len -= sizeof(vnet);
	drop = sixin4_check(&p->conf, pkt, len);
	if (drop != SIXIN4_PASS) {
		p->stats.drops[drop]++;
		return;
	}
	if (vnet.gso_type == VIRTIO_NET_HDR_GSO_NONE)
		transmit_single(p, b, &vnet, pkt, len);
	else
		transmit_super(p, b, &vnet, pkt, len);
}

/*
 * Waits before the send buffer is full, at the mark from which the socket
 * counts as writable: so the next batch finds room and nothing is lost.
 */
static void
transmit_backpressure(struct path *p)
{
	int	 queued;

	if (p->raw != -1 && ioctl(p->raw, SIOCOUTQ, &queued) == 0 &&
	    queued >= p->sndbuf / 2)
		path_pause(p);
}

void
transmit_event(evutil_socket_t fd, short events, void *arg)
{
	struct path	*p = arg;
	struct batch	*b = batch_get(p->base);
	size_t		 used = 0;
	ssize_t		 n = 0;
	unsigned int	 reads = 0;

	path_mtu_recheck(p);
	while (reads < BATCH_MSGS && b->nsend < BATCH_MSGS && !p->paused &&
	    used + BATCH_READ <= sizeof(b->send_buf)) {
		n = read(fd, b->send_buf + used + BATCH_LEAD,
		    BATCH_READ - BATCH_LEAD);
		if (n <= 0)
			break;
		reads++;
		transmit_packet(p, b, b->send_buf + used + BATCH_LEAD,
		    (size_t)n);
		used = (used + BATCH_LEAD + (size_t)n + 63) & ~(size_t)63;
	}
	/* EBADFD, EFAULT: the device is not there any more */
	if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR))
		path_lose_tun(p);
	transmit_flush(p, b);
	if (reads == BATCH_MSGS || used > sizeof(b->send_buf) / 4)
		transmit_backpressure(p);
	batch_used(used > 16384 ? BATCH_MSGS : reads);
	path_report(p);
}
