/*
 * rtnetlink transport.  Runs in the parent (CAP_NET_ADMIN).
 *
 * libnl builds the messages and owns the sockets; they are read here, since
 * its receive path hides the kernel's error texts and blocks for a dump.
 */
#include <sys/socket.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "rtsock.h"

#ifndef NETLINK_GET_STRICT_CHK
#define NETLINK_GET_STRICT_CHK	12	/* Linux 4.20 */
#endif

#define RT_MESSAGE	512		/* more than any request of ours */
#define RT_BUFFER	32768		/* what the kernel fills in a dump */
#define RT_EVENT_BUFFER	(1024 * 1024)

/* a request under way */
struct rtsock_reply {
	uint32_t	 seq;
	int		 interrupted;	/* the dump is not consistent */
	int		 error;
	rtsock_fn		 fn;
	void		*arg;
};

static struct nl_sock	*rt_req;	/* requests */
static struct nl_sock	*rt_ev;		/* events */
static char		 rt_text[128];
static char		 rt_buf[RT_BUFFER]
			    __attribute__((aligned(NLMSG_ALIGNTO)));

static const uint32_t	 rt_groups[] = {
	RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
	RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE
};

/*
 * Routes of a busy router must not wake us: of IPv6 only defaults and our own
 * can matter, of IPv4 not the local table, which repeats the addresses.  A
 * filter loads half-words big-endian, the kernel writes the type as the host
 * does: NLTYPE() tells them apart.
 */
#define NLTYPE(t)	(__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? (t) : \
			    (uint32_t)(t) << 8)
#define RTM_AT(field)	(NLMSG_HDRLEN + (uint32_t)offsetof(struct rtmsg, field))
static const struct sock_filter rt_filter[] = {
	BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_type)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NLTYPE(RTM_NEWROUTE), 1, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NLTYPE(RTM_DELROUTE), 0, 9),
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, RTM_AT(rtm_family)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 2, 0),
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, RTM_AT(rtm_table)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, RT_TABLE_LOCAL, 4, 5),
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, RTM_AT(rtm_dst_len)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 3, 0),
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, RTM_AT(rtm_protocol)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, RTPROT_GATEWAYD, 1, 0),
	BPF_STMT(BPF_RET | BPF_K, 0),
	BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
};

static struct nl_sock *
rtsock_socket(void)
{
	struct nl_sock	*sk;

	if ((sk = nl_socket_alloc()) == NULL)
		fatalx("nl_socket_alloc: out of memory");
	/* nl_connect() leaves errno as socket(2) or bind(2) set it */
	if (nl_connect(sk, NETLINK_ROUTE) < 0 ||
	    fcntl(nl_socket_get_fd(sk), F_SETFD, FD_CLOEXEC) == -1 ||
	    nl_socket_set_nonblocking(sk) < 0) {
		nl_socket_free(sk);
		return (NULL);
	}
	return (sk);
}

static int
rtsock_open_events(void)
{
	struct sock_fprog	 prog = {
		.len = sizeof(rt_filter) / sizeof(rt_filter[0]),
		.filter = (struct sock_filter *)(uintptr_t)rt_filter
	};
	size_t			 i;
	int			 fd, size = RT_EVENT_BUFFER;

	if ((rt_ev = rtsock_socket()) == NULL)
		return (-1);
	fd = nl_socket_get_fd(rt_ev);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size,
	    sizeof(size)) == -1)
		log_warn("SO_RCVBUFFORCE on the netlink event socket");
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
	    sizeof(prog)) == -1)
		return (-1);
	for (i = 0; i < sizeof(rt_groups) / sizeof(rt_groups[0]); i++)
		if (nl_socket_add_membership(rt_ev, (int)rt_groups[i]) < 0)
			return (-1);
	return (0);
}

int
rtsock_open(void)
{
	int	 fd, one = 1;

	if ((rt_req = rtsock_socket()) == NULL)
		return (-1);
	fd = nl_socket_get_fd(rt_req);
	/* both make answers better, neither is needed */
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &one,
	    sizeof(one));
	if (rtsock_open_events() == -1) {
		rtsock_close();
		return (-1);
	}
	return (0);
}

void
rtsock_close(void)
{
	int	 saved = errno;

	nl_socket_free(rt_req);
	nl_socket_free(rt_ev);
	rt_req = rt_ev = NULL;
	errno = saved;
}

struct nl_msg *
rtsock_msg_new(uint16_t type, int flags)
{
	struct nl_msg	*msg;

	if ((msg = nlmsg_alloc_size(RT_MESSAGE)) == NULL)
		fatalx("nlmsg_alloc: out of memory");
	nlmsg_hdr(msg)->nlmsg_type = type;
	nlmsg_hdr(msg)->nlmsg_flags = (uint16_t)flags;
	return (msg);
}

void
rtsock_put(struct nl_msg *msg, int attr, const void *data, size_t len)
{
	if (nla_put(msg, attr, (int)len, data) < 0)
		fatalx("netlink attribute %d does not fit", attr);
}

void
rtsock_put_u8(struct nl_msg *msg, int attr, uint8_t value)
{
	rtsock_put(msg, attr, &value, sizeof(value));
}

void
rtsock_put_u32(struct nl_msg *msg, int attr, uint32_t value)
{
	rtsock_put(msg, attr, &value, sizeof(value));
}

void *
rtsock_header(struct nl_msg *msg, size_t len)
{
	void	*p;

	if ((p = nlmsg_reserve(msg, len, NLMSG_ALIGNTO)) == NULL)
		fatalx("netlink header does not fit");
	memset(p, 0, len);
	return (p);
}

const char *
rtsock_error(void)
{
	return (rt_text);
}

/* takes the errno of an NLMSG_ERROR or NLMSG_DONE, and the text with it */
static int
rtsock_parse_error(const struct nlmsghdr *h)
{
	const struct nlmsgerr	*e;
	struct nlattr		*tb[NLMSGERR_ATTR_MAX + 1], *head;
	int			 hdrlen = sizeof(*e), error;

	if (nlmsg_datalen(h) < (int)sizeof(int))
		return (EBADMSG);
	memcpy(&error, nlmsg_data(h), sizeof(error));
	rt_text[0] = '\0';
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
			nla_strlcpy(rt_text, tb[NLMSGERR_ATTR_MSG],
			    sizeof(rt_text));
	}
	return (-error);
}

/* one datagram from the kernel into rt_buf: its length, or -1 with errno */
static ssize_t
rtsock_recv(struct nl_sock *sk)
{
	struct sockaddr_nl	 from;
	struct iovec		 iov = { rt_buf, sizeof(rt_buf) };
	struct msghdr		 msg = {
		.msg_name = &from, .msg_namelen = sizeof(from),
		.msg_iov = &iov, .msg_iovlen = 1
	};
	ssize_t			 n;

	do {
		memset(&from, 0, sizeof(from));
		msg.msg_namelen = sizeof(from);
		n = recvmsg(nl_socket_get_fd(sk), &msg, MSG_DONTWAIT);
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
rtsock_answers(ssize_t len, struct rtsock_reply *r)
{
	struct nlmsghdr	*h = (struct nlmsghdr *)(void *)rt_buf;
	int		 left = (int)len;

	for (; nlmsg_ok(h, left); h = nlmsg_next(h, &left)) {
		if (h->nlmsg_seq != r->seq)
			continue;	/* of a request given up before */
		if (h->nlmsg_flags & NLM_F_DUMP_INTR)
			r->interrupted = 1;
		if (h->nlmsg_type == NLMSG_ERROR ||
		    h->nlmsg_type == NLMSG_DONE) {
			r->error = rtsock_parse_error(h);
			if (r->error == 0 && r->interrupted)
				r->error = EINTR;
			return (1);
		}
		if (h->nlmsg_type >= NLMSG_MIN_TYPE && r->fn != NULL)
			r->fn(h, r->arg);
	}
	return (0);
}

int
rtsock_request(struct nl_msg *msg, rtsock_fn fn, void *arg)
{
	struct rtsock_reply	 r = { .fn = fn, .arg = arg };
	struct nlmsghdr	*h = nlmsg_hdr(msg);
	ssize_t		 n;

	rt_text[0] = '\0';
	nl_complete_msg(rt_req, msg);	/* asks for an ACK as well */
	r.seq = h->nlmsg_seq;
	if (send(nl_socket_get_fd(rt_req), h, h->nlmsg_len, 0) == -1)
		r.error = errno;
	nlmsg_free(msg);
	while (r.error == 0) {
		if ((n = rtsock_recv(rt_req)) == -1)
			r.error = errno;
		else if (rtsock_answers(n, &r))
			break;
	}
	if (r.error == 0)
		return (0);
	if (rt_text[0] == '\0')
		snprintf(rt_text, sizeof(rt_text), "%s", strerror(r.error));
	errno = r.error;
	return (-1);
}

int
rtsock_event_fd(void)
{
	return (nl_socket_get_fd(rt_ev));
}

int
rtsock_event_read(int max, rtsock_fn fn, void *arg)
{
	struct nlmsghdr	*h;
	ssize_t		 n;
	int		 left;

	while (max-- > 0) {
		if ((n = rtsock_recv(rt_ev)) == -1) {
			if (errno == ENOBUFS)
				return (-1);
			if (errno != EAGAIN)
				log_warn("netlink event");
			return (0);
		}
		h = (struct nlmsghdr *)(void *)rt_buf;
		left = (int)n;
		for (; nlmsg_ok(h, left); h = nlmsg_next(h, &left))
			if (h->nlmsg_type >= NLMSG_MIN_TYPE)
				fn(h, arg);
	}
	return (1);
}
