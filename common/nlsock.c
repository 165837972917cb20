/*
 * netlink transport.  No privilege of its own: in the parent it has
 * CAP_NET_ADMIN, in the doctor and gatewayctl, which only read, none.
 *
 * libnl builds the messages and owns the sockets; they are read here, since
 * its receive path hides the kernel's error texts and blocks for a dump.
 */
#include <sys/socket.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netlink/netlink.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "nlsock.h"

#ifndef NETLINK_GET_STRICT_CHK
#define NETLINK_GET_STRICT_CHK	12	/* Linux 4.20 */
#endif

#define NL_BUFFER	32768		/* what the kernel fills in a dump */

/* a request under way */
struct nlsock_reply {
	uint32_t	 seq;
	int		 interrupted;	/* the dump is not consistent */
	int		 error;
	nlsock_fn	 fn;
	void		*arg;
};

static char		 nl_text[128];
static char		 nl_buf[NL_BUFFER]
			    __attribute__((aligned(NLMSG_ALIGNTO)));

int
nlsock_open(struct nlsock *s, int protocol, int secret)
{
	int	 fd, one = 1;

	if ((s->sk = nl_socket_alloc()) == NULL)
		fatalx("nl_socket_alloc: out of memory");
	s->secret = secret;
	/* nl_connect() leaves errno as socket(2) or bind(2) set it */
	if (nl_connect(s->sk, protocol) < 0 ||
	    fcntl(fd = nl_socket_get_fd(s->sk), F_SETFD, FD_CLOEXEC) == -1 ||
	    nl_socket_set_nonblocking(s->sk) < 0) {
		nlsock_close(s);
		return (-1);
	}
	/* both make answers better, neither is needed */
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &one,
	    sizeof(one));
	return (0);
}

void
nlsock_close(struct nlsock *s)
{
	int	 saved = errno;

	nl_socket_free(s->sk);
	s->sk = NULL;
	errno = saved;
}

int
nlsock_fd(const struct nlsock *s)
{
	return (nl_socket_get_fd(s->sk));
}

struct nl_msg *
nlsock_msg_new(size_t size, uint16_t type, int flags)
{
	struct nl_msg	*msg;

	if ((msg = nlmsg_alloc_size(size)) == NULL)
		fatalx("nlmsg_alloc: out of memory");
	nlmsg_hdr(msg)->nlmsg_type = type;
	nlmsg_hdr(msg)->nlmsg_flags = (uint16_t)flags;
	return (msg);
}

void
nlsock_put(struct nl_msg *msg, int attr, const void *data, size_t len)
{
	if (nla_put(msg, attr, (int)len, data) < 0)
		fatalx("netlink attribute %d does not fit", attr);
}

void
nlsock_put_u8(struct nl_msg *msg, int attr, uint8_t value)
{
	nlsock_put(msg, attr, &value, sizeof(value));
}

void
nlsock_put_u32(struct nl_msg *msg, int attr, uint32_t value)
{
	nlsock_put(msg, attr, &value, sizeof(value));
}

void *
nlsock_header(struct nl_msg *msg, size_t len)
{
	void	*p;

	if ((p = nlmsg_reserve(msg, len, NLMSG_ALIGNTO)) == NULL)
		fatalx("netlink header does not fit");
	memset(p, 0, len);
	return (p);
}

const char *
nlsock_error(void)
{
	return (nl_text);
}

/* takes the errno of an NLMSG_ERROR or NLMSG_DONE, and the text with it */
int
nlsock_result(const struct nlmsghdr *h)
{
	const struct nlmsgerr	*e;
	struct nlattr		*tb[NLMSGERR_ATTR_MAX + 1], *head;
	int			 hdrlen = sizeof(*e), error;

	if (nlmsg_datalen(h) < (int)sizeof(int))
		return (EBADMSG);
	memcpy(&error, nlmsg_data(h), sizeof(error));
	nl_text[0] = '\0';
	if (error == 0)
		return (0);
	/* NLMSG_DONE has the errno alone before its attributes */
	if (h->nlmsg_type == NLMSG_DONE)
		hdrlen = sizeof(int);
	else if (nlmsg_datalen(h) >= (int)sizeof(*e) &&
	    !(h->nlmsg_flags & NLM_F_CAPPED)) {
		e = nlmsg_data(h);
		if (e->msg.nlmsg_len >= sizeof(e->msg))
			hdrlen += (int)(e->msg.nlmsg_len - sizeof(e->msg));
	}
	if ((h->nlmsg_flags & NLM_F_ACK_TLVS) && hdrlen > 0 &&
	    hdrlen <= nlmsg_datalen(h)) {
		head = nlmsg_attrdata(h, hdrlen);
		if (nla_parse(tb, NLMSGERR_ATTR_MAX, head,
		    nlmsg_attrlen(h, hdrlen), NULL) == 0 &&
		    tb[NLMSGERR_ATTR_MSG] != NULL)
			nla_strlcpy(nl_text, tb[NLMSGERR_ATTR_MSG],
			    sizeof(nl_text));
	}
	return (-error);
}

/* one datagram from the kernel into nl_buf: its length, or -1 with errno */
static ssize_t
nlsock_recv(const struct nlsock *s)
{
	struct sockaddr_nl	 from;
	struct iovec		 iov = { nl_buf, sizeof(nl_buf) };
	struct msghdr		 msg = {
		.msg_name = &from, .msg_namelen = sizeof(from),
		.msg_iov = &iov, .msg_iovlen = 1
	};
	ssize_t			 n;

	do {
		memset(&from, 0, sizeof(from));
		msg.msg_namelen = sizeof(from);
		n = recvmsg(nlsock_fd(s), &msg, MSG_DONTWAIT);
		/* another process may send to our port: not the kernel's */
	} while ((n == -1 && errno == EINTR) || (n != -1 && from.nl_pid != 0));
	if (n != -1 && (msg.msg_flags & MSG_TRUNC)) {
		errno = EMSGSIZE;
		return (-1);
	}
	return (n);
}

/* the answers in one datagram; 1: finished, 0: more follows */
static int
nlsock_answers(ssize_t len, struct nlsock_reply *r)
{
	struct nlmsghdr	*h = (struct nlmsghdr *)(void *)nl_buf;
	int		 left = (int)len;

	for (; nlmsg_ok(h, left); h = nlmsg_next(h, &left)) {
		if (h->nlmsg_seq != r->seq)
			continue;	/* of a request given up before */
		if (h->nlmsg_flags & NLM_F_DUMP_INTR)
			r->interrupted = 1;
		if (h->nlmsg_type == NLMSG_ERROR ||
		    h->nlmsg_type == NLMSG_DONE) {
			r->error = nlsock_result(h);
			if (r->error == 0 && r->interrupted)
				r->error = EINTR;
			return (1);
		}
		if (h->nlmsg_type >= NLMSG_MIN_TYPE && r->fn != NULL)
			r->fn(h, r->arg);
	}
	return (0);
}

/* what held a key holds it no longer than it is needed */
static void
nlsock_wipe(const struct nlsock *s, void *p, size_t len)
{
	if (s->secret)
		explicit_bzero(p, len);
}

uint32_t
nlsock_send(struct nlsock *s, struct nl_msg *msg)
{
	struct nlmsghdr	*h = nlmsg_hdr(msg);
	uint32_t	 seq;
	int		 saved;

	/* asks for an ACK as well, unless the socket is set not to */
	nl_complete_msg(s->sk, msg);
	seq = h->nlmsg_seq;	/* counts on from the time of day */
	if (send(nlsock_fd(s), h, h->nlmsg_len, 0) == -1)
		seq = 0;
	saved = errno;
	nlsock_wipe(s, h, h->nlmsg_len);
	nlmsg_free(msg);
	errno = saved;
	return (seq);
}

int
nlsock_request(struct nlsock *s, struct nl_msg *msg, nlsock_fn fn, void *arg)
{
	struct nlsock_reply	 r = { .fn = fn, .arg = arg };
	ssize_t			 n;
	int			 done = 0;

	nl_text[0] = '\0';
	if ((r.seq = nlsock_send(s, msg)) == 0)
		r.error = errno;
	while (r.error == 0 && !done) {
		if ((n = nlsock_recv(s)) == -1)
			r.error = errno;
		else {
			done = nlsock_answers(n, &r);
			nlsock_wipe(s, nl_buf, (size_t)n);
		}
	}
	if (r.error == 0)
		return (0);
	if (nl_text[0] == '\0')
		snprintf(nl_text, sizeof(nl_text), "%s", strerror(r.error));
	errno = r.error;
	return (-1);
}

int
nlsock_read(struct nlsock *s, nlsock_fn fn, void *arg)
{
	struct nlmsghdr	*h = (struct nlmsghdr *)(void *)nl_buf;
	ssize_t		 n;
	int		 left;

	if ((n = nlsock_recv(s)) == -1)
		return (errno == EAGAIN ? 0 : -1);
	left = (int)n;
	for (; nlmsg_ok(h, left); h = nlmsg_next(h, &left))
		fn(h, arg);
	return (1);
}

int
nlsock_events(struct nlsock *s, int max, nlsock_fn fn, void *arg)
{
	int	 rc;

	while (max-- > 0) {
		if ((rc = nlsock_read(s, fn, arg)) == 1)
			continue;
		if (rc == -1 && errno == ENOBUFS)
			return (-1);
		if (rc == -1)
			log_warn("netlink event");
		return (0);
	}
	return (1);
}
