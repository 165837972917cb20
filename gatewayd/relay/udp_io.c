/*
 * Datagrams by the batch: see udp_io.h.  Runs in the relay (_gwrelay,
 * chroot).
 */
#include <netinet/udp.h>

#include <errno.h>
#include <string.h>

#include "relay_int.h"
#include "udp_io.h"

#define BATCH		32		/* messages of one system call */
#define SIZE		65536		/* no datagram is longer */
#define SEGMENTS	64		/* of one message, as udp(7) allows */
#define TOTAL		65507		/* bytes of all of them */
#define IOVS		2048		/* a head and data each */

/* pages of a buffer that no datagram was long enough for are never touched */
static struct {
	uint8_t		 buf[BATCH][SIZE];
	union udp_addr	 from[BATCH];
	struct {
		_Alignas(struct cmsghdr)
		char	 buf[CMSG_SPACE(sizeof(int))];
	} control[BATCH];
	struct iovec	 iov[BATCH];
	struct mmsghdr	 msgs[BATCH];
} in;

/* messages of one socket; several datagrams are one if they are segments */
static struct {
	struct udp_sock	*sock;
	unsigned int	 n;
	size_t		 niov;
	struct mmsghdr	 msgs[BATCH];
	struct {
		size_t	 size;		/* of a segment */
		size_t	 total;
		int	 ended;		/* by one that is shorter */
		_Alignas(struct cmsghdr)
		char	 control[CMSG_SPACE(sizeof(uint16_t))];
	} of[BATCH];
	struct iovec	 iov[IOVS];
} out;

static int	 plain;

socklen_t
udp_addr_len(const union udp_addr *a)
{
	return (a->sa.sa_family == AF_INET ? sizeof(a->v4) : sizeof(a->v6));
}

void
udp_addr_dest(const union udp_addr *a, struct socks_dest *d)
{
	memset(d, 0, sizeof(*d));
	d->family = a->sa.sa_family;
	if (d->family == AF_INET) {
		d->v4 = a->v4.sin_addr;
		d->port = ntohs(a->v4.sin_port);
	} else {
		d->v6 = a->v6.sin6_addr;
		d->port = ntohs(a->v6.sin6_port);
	}
}

int
udp_addr_equal(const union udp_addr *a, const union udp_addr *b)
{
	if (a->sa.sa_family != b->sa.sa_family)
		return (0);
	if (a->sa.sa_family == AF_INET)
		return (a->v4.sin_port == b->v4.sin_port &&
		    a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr);
	return (a->v6.sin6_port == b->v6.sin6_port &&
	    a->v6.sin6_scope_id == b->v6.sin6_scope_id &&
	    IN6_ARE_ADDR_EQUAL(&a->v6.sin6_addr, &b->v6.sin6_addr));
}

void
udp_io_plain(void)
{
	plain = 1;
}

void
udp_sock_init(struct udp_sock *s, int fd)
{
	int	 on = 1;

	s->fd = fd;
	/* a kernel without it delivers one by one */
	s->no_gso = plain || setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on,
	    sizeof(on)) == -1;
}

static unsigned int
read_batch(int fd)
{
	struct msghdr	*h;
	int		 i, n;

	for (i = 0; i < BATCH; i++) {
		in.iov[i].iov_base = in.buf[i];
		in.iov[i].iov_len = SIZE;
		h = &in.msgs[i].msg_hdr;
		h->msg_iov = &in.iov[i];
		h->msg_iovlen = 1;
		h->msg_name = &in.from[i];
		h->msg_namelen = sizeof(in.from[i]);
		h->msg_control = in.control[i].buf;
		h->msg_controllen = sizeof(in.control[i].buf);
		h->msg_flags = 0;
	}
	/* an error is what ICMP said of a datagram before, and is read so */
	n = recvmmsg(fd, in.msgs, BATCH, MSG_DONTWAIT, NULL);
	return (n == -1 ? 0 : (unsigned int)n);
}

/* the size of the datagrams that the kernel has put together in the message */
static size_t
segment_size(struct msghdr *h, size_t len)
{
	struct cmsghdr	*c;
	int		 size;

	for (c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c))
		if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
			memcpy(&size, CMSG_DATA(c), sizeof(size));
			if (size > 0)
				return ((size_t)size);
		}
	return (len);
}

void
udp_receive(struct udp_sock *s, udp_got *got, void *arg)
{
	unsigned int	 i, n = read_batch(s->fd);
	size_t		 len, off, size, part;

	for (i = 0; i < n; i++) {
		if (in.msgs[i].msg_hdr.msg_flags & MSG_TRUNC) {
			stats_refused(REFUSED_UDP_SIZE);
			continue;
		}
		len = in.msgs[i].msg_len;
		size = segment_size(&in.msgs[i].msg_hdr, len);
		off = 0;
		do {
			part = len - off < size ? len - off : size;
			got(arg, &in.from[i], in.buf[i] + off, part);
			off += part;
		} while (off < len);
	}
	udp_flush();
}

/* puts the datagram behind those of the last message, if it can be one */
static int
join(const union udp_addr *to, size_t len)
{
	struct msghdr	*h;
	unsigned int	 i;

	if (out.n == 0 || out.sock->no_gso)
		return (0);
	i = out.n - 1;
	h = &out.msgs[i].msg_hdr;
	if (h->msg_name != to || out.of[i].ended || len == 0 ||
	    len > out.of[i].size || out.of[i].total + len > TOTAL ||
	    h->msg_iovlen == 2 * SEGMENTS)
		return (0);
	out.of[i].ended = len < out.of[i].size;
	out.of[i].total += len;
	h->msg_iovlen += 2;
	return (1);
}

static void
message(const union udp_addr *to, size_t len)
{
	struct msghdr	*h = &out.msgs[out.n].msg_hdr;

	memset(h, 0, sizeof(*h));
	/* it is sent to, and not written */
	memcpy(&h->msg_name, &to, sizeof(to));
	h->msg_namelen = to == NULL ? 0 : udp_addr_len(to);
	h->msg_iov = out.iov + out.niov;
	h->msg_iovlen = 2;
	out.of[out.n].size = out.of[out.n].total = len;
	out.of[out.n].ended = 0;
	out.n++;
}

static void
iov_put(const void *data, size_t len)
{
	memcpy(&out.iov[out.niov].iov_base, &data, sizeof(data));
	out.iov[out.niov++].iov_len = len;
}

void
udp_send(struct udp_sock *s, const union udp_addr *to, const void *head,
    size_t head_len, const void *data, size_t len)
{
	if (out.sock != s || out.niov + 2 > IOVS)
		udp_flush();
	out.sock = s;
	if (!join(to, head_len + len)) {
		if (out.n == BATCH) {
			udp_flush();
			out.sock = s;
		}
		message(to, head_len + len);
	}
	iov_put(head, head_len);
	iov_put(data, len);
}

/* says how long the segments of a message with several are */
static void
set_segments(unsigned int i)
{
	struct msghdr	*h = &out.msgs[i].msg_hdr;
	struct cmsghdr	*c;
	uint16_t	 size = (uint16_t)out.of[i].size;

	if (h->msg_iovlen == 2)
		return;
	h->msg_control = out.of[i].control;
	h->msg_controllen = sizeof(out.of[i].control);
	c = CMSG_FIRSTHDR(h);
	c->cmsg_level = IPPROTO_UDP;
	c->cmsg_type = UDP_SEGMENT;
	c->cmsg_len = CMSG_LEN(sizeof(size));
	memcpy(CMSG_DATA(c), &size, sizeof(size));
}

/* the datagrams of a message whose segments the kernel does not make */
static void
send_singly(const struct msghdr *all)
{
	struct msghdr	 h = *all;
	size_t		 i;

	h.msg_control = NULL;
	h.msg_controllen = 0;
	h.msg_iovlen = 2;
	for (i = 0; i < all->msg_iovlen; i += 2) {
		h.msg_iov = all->msg_iov + i;
		if (sendmsg(out.sock->fd, &h, MSG_DONTWAIT | MSG_NOSIGNAL) ==
		    -1)
			stats_refused(REFUSED_UDP_LOST);
	}
}

/*
 * Message i was not sent.  Its segments are longer than the way's MTU, or the
 * interface cannot do checksums (EINVAL, EMSGSIZE, EIO): then this socket's go
 * one by one from now on.
 */
static void
failed(unsigned int i, int error)
{
	const struct msghdr	*h = &out.msgs[i].msg_hdr;
	size_t			 n;

	if (h->msg_iovlen > 2 && (error == EINVAL || error == EMSGSIZE ||
	    error == EIO)) {
		out.sock->no_gso = 1;
		send_singly(h);
		return;
	}
	for (n = 0; n < h->msg_iovlen; n += 2)
		stats_refused(REFUSED_UDP_LOST);
}

/* an error may be what ICMP said of one before: each message has two tries */
void
udp_flush(void)
{
	unsigned int	 i, done = 0, tried = UINT32_MAX;
	int		 n;

	for (i = 0; i < out.n; i++)
		set_segments(i);
	while (done < out.n) {
		n = sendmmsg(out.sock->fd, out.msgs + done, out.n - done,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0)
			done += (unsigned int)n;
		else if (tried != done && errno != EAGAIN && errno != ENOBUFS)
			tried = done;
		else
			failed(done++, errno);
	}
	out.sock = NULL;
	out.n = 0;
	out.niov = 0;
}
