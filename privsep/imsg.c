/*
 * imsg over SOCK_SEQPACKET: see imsg.h.  No privilege; any process.
 *
 * Linux drops a passed descriptor without failing recvmsg(2) when the table is
 * full, and sets MSG_CTRUNC: that is an error here, not a message without its
 * descriptor.
 */
#include <sys/socket.h>
#include <sys/uio.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "imsg.h"

struct imsg_out {
	TAILQ_ENTRY(imsg_out)	 entry;
	int			 fd;
	size_t			 len;
	uint8_t			 data[];
};

union control {
	struct cmsghdr	 hdr;
	char		 buf[CMSG_SPACE(sizeof(int))];
};

/* a message lives until the next one is read: one buffer serves them all */
static _Alignas(8) uint8_t	 inbuf[IMSG_SIZE_MAX];

void
imsgbuf_init(struct imsgbuf *ib, int fd)
{
	memset(ib, 0, sizeof(*ib));
	ib->fd = fd;
	TAILQ_INIT(&ib->queue);
}

void
imsgbuf_allow_fdpass(struct imsgbuf *ib)
{
	ib->allow_fd = 1;
}

static void
out_free(struct imsgbuf *ib, struct imsg_out *out)
{
	TAILQ_REMOVE(&ib->queue, out, entry);
	ib->queued -= out->len;
	if (out->fd != -1)
		close(out->fd);
	free(out);
}

void
imsgbuf_clear(struct imsgbuf *ib)
{
	struct imsg_out	*out;

	while ((out = TAILQ_FIRST(&ib->queue)) != NULL)
		out_free(ib, out);
	if (ib->fd != -1)
		close(ib->fd);
	ib->fd = -1;
}

/* 1: sent; 0: would block; -1 with errno */
static int
send_record(int sock, struct iovec *iov, size_t niov, int fd)
{
	struct msghdr	 msg;
	struct cmsghdr	*cmsg;
	union control	 control;
	ssize_t		 n;

	memset(&msg, 0, sizeof(msg));
	msg.msg_iov = iov;
	msg.msg_iovlen = niov;
	if (fd != -1) {
		memset(&control, 0, sizeof(control));
		msg.msg_control = control.buf;
		msg.msg_controllen = sizeof(control.buf);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	}
	do {
		n = sendmsg(sock, &msg,
		    MSG_DONTWAIT | MSG_NOSIGNAL | MSG_EOR);
	} while (n == -1 && errno == EINTR);
	if (n != -1)
		return (1);
	/* ENOBUFS: the receiver's queue of descriptors or memory is full */
	if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)
		return (0);
	return (-1);
}

int
imsgbuf_write(struct imsgbuf *ib)
{
	struct imsg_out	*out;
	struct iovec	 iov;
	int		 r;

	while ((out = TAILQ_FIRST(&ib->queue)) != NULL) {
		iov.iov_base = out->data;
		iov.iov_len = out->len;
		if ((r = send_record(ib->fd, &iov, 1, out->fd)) != 1)
			return (r);
		out_free(ib, out);
	}
	return (0);
}

static int
enqueue(struct imsgbuf *ib, const struct imsg_hdr *hdr, int fd,
    const void *data, size_t len)
{
	struct imsg_out	*out;
	size_t		 total = sizeof(*hdr) + len;

	if (ib->queued + total > IMSG_QUEUE_MAX) {
		errno = ENOBUFS;
		return (-1);
	}
	if ((out = malloc(sizeof(*out) + total)) == NULL)
		return (-1);
	out->fd = fd;
	out->len = total;
	memcpy(out->data, hdr, sizeof(*hdr));
	if (len > 0)
		memcpy(out->data + sizeof(*hdr), data, len);
	TAILQ_INSERT_TAIL(&ib->queue, out, entry);
	ib->queued += total;
	return (0);
}

int
imsg_compose(struct imsgbuf *ib, uint32_t type, uint32_t id, int fd,
    const void *data, size_t len)
{
	struct imsg_hdr	 hdr = { type, id };
	struct iovec	 iov[2];

	if (sizeof(hdr) + len > IMSG_SIZE_MAX) {
		errno = EMSGSIZE;
		return (-1);
	}
	if (TAILQ_EMPTY(&ib->queue)) {
		iov[0].iov_base = &hdr;
		iov[0].iov_len = sizeof(hdr);
		/* sendmsg(2) does not write to it */
		memcpy(&iov[1].iov_base, &data, sizeof(data));
		iov[1].iov_len = len;
		switch (send_record(ib->fd, iov, len > 0 ? 2 : 1, fd)) {
		case 1:
			if (fd != -1)
				close(fd);
			return (0);
		case -1:
			return (-1);
		}
	}
	return (enqueue(ib, &hdr, fd, data, len));
}

/*
 * The descriptor in the record, -1 if there is none.  A cmsg that has room for
 * one int has room for two on 64-bit machines: others are closed here.
 */
static int
take_fd(struct msghdr *msg)
{
	struct cmsghdr	*cmsg;
	size_t		 i, n;
	int		 fd = -1, one;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg != NULL;
	    cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET ||
		    cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(one);
		for (i = 0; i < n; i++) {
			memcpy(&one, CMSG_DATA(cmsg) + i * sizeof(one),
			    sizeof(one));
			if (fd == -1)
				fd = one;
			else {
				close(one);
				msg->msg_flags |= MSG_TRUNC;
			}
		}
	}
	return (fd);
}

static int
bad_record(int fd, int error)
{
	if (fd != -1)
		close(fd);
	errno = error;
	return (-1);
}

int
imsg_get(struct imsgbuf *ib, struct imsg *imsg)
{
	struct msghdr	 msg;
	struct iovec	 iov = { inbuf, sizeof(inbuf) };
	union control	 control;
	ssize_t		 n;
	int		 fd;

	memset(&msg, 0, sizeof(msg));
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = control.buf;
	msg.msg_controllen = sizeof(control.buf);
	do {
		n = recvmsg(ib->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (n == -1 && errno == EINTR);
	if (n == -1)
		return (errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1);
	fd = take_fd(&msg);
	/* a record of no bytes cannot be told from the end */
	if (n == 0)
		return (bad_record(fd, EPIPE));
	if (msg.msg_flags & MSG_CTRUNC)
		return (bad_record(fd, EMFILE));
	if ((msg.msg_flags & MSG_TRUNC) ||
	    (size_t)n < sizeof(struct imsg_hdr) ||
	    (fd != -1 && !ib->allow_fd))
		return (bad_record(fd, EBADMSG));
	memcpy(&imsg->hdr, inbuf, sizeof(imsg->hdr));
	imsg->data = inbuf + sizeof(imsg->hdr);
	imsg->len = (size_t)n - sizeof(imsg->hdr);
	imsg->fd = fd;
	return (1);
}

int
imsg_get_data(const struct imsg *imsg, void *data, size_t len)
{
	if (imsg->len != len) {
		errno = EBADMSG;
		return (-1);
	}
	memcpy(data, imsg->data, len);
	return (0);
}

int
imsg_get_fd(struct imsg *imsg)
{
	int	 fd = imsg->fd;

	imsg->fd = -1;
	return (fd);
}

void
imsg_free(struct imsg *imsg)
{
	if (imsg->fd != -1)
		close(imsg->fd);
	imsg->fd = -1;
}
