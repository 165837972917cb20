/*
 * Whose a socket is: see sock_uid.h.  Runs in the frontend and
 * the relay; no privilege.
 */
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>

#include <string.h>

#include "sock_uid.h"

#define ANSWER_MAX	4096		/* one message; a socket's is 200 */

struct request {
	struct nlmsghdr			 hdr;
	struct inet_diag_req_v2		 diag;
};

/* port and address into places of inet_diag_sockid */
static void
fill_end(const struct sockaddr_storage *ss, __be16 *port, __be32 addr[4])
{
	const struct sockaddr_in	*sin = (const void *)ss;
	const struct sockaddr_in6	*sin6 = (const void *)ss;

	if (ss->ss_family == AF_INET) {
		*port = sin->sin_port;
		memcpy(addr, &sin->sin_addr, sizeof(sin->sin_addr));
	} else {
		*port = sin6->sin6_port;
		memcpy(addr, &sin6->sin6_addr, sizeof(sin6->sin6_addr));
	}
}

int
sock_uid_parse(const void *answer, size_t len, uint32_t seq, uid_t *uid)
{
	struct nlmsghdr		 hdr;
	struct inet_diag_msg	 msg;

	if (len < sizeof(hdr))
		return (-1);
	memcpy(&hdr, answer, sizeof(hdr));
	if (hdr.nlmsg_type != SOCK_DIAG_BY_FAMILY || hdr.nlmsg_seq != seq ||
	    hdr.nlmsg_len > len || hdr.nlmsg_len < NLMSG_LENGTH(sizeof(msg)))
		return (-1);
	memcpy(&msg, (const char *)answer + NLMSG_HDRLEN, sizeof(msg));
	/* one that was closed belongs to nobody, and says root */
	if (msg.idiag_inode == 0)
		return (-1);
	*uid = msg.idiag_uid;
	return (0);
}

/* asks for the socket with these ends, in the order of its protocol */
static int
ask(int fd, uint8_t protocol, const struct sockaddr_storage *src,
    const struct sockaddr_storage *dst, uid_t *uid)
{
	static uint32_t	 seq;
	struct request	 r;
	char		 answer[ANSWER_MAX];
	ssize_t		 n;

	memset(&r, 0, sizeof(r));
	r.hdr.nlmsg_len = sizeof(r);
	r.hdr.nlmsg_type = SOCK_DIAG_BY_FAMILY;
	r.hdr.nlmsg_flags = NLM_F_REQUEST;
	r.hdr.nlmsg_seq = ++seq;
	r.diag.sdiag_family = (uint8_t)src->ss_family;
	r.diag.sdiag_protocol = protocol;
	r.diag.idiag_states = UINT32_MAX;
	r.diag.id.idiag_cookie[0] = r.diag.id.idiag_cookie[1] =
	    INET_DIAG_NOCOOKIE;
	fill_end(src, &r.diag.id.idiag_sport, r.diag.id.idiag_src);
	fill_end(dst, &r.diag.id.idiag_dport, r.diag.id.idiag_dst);
	if (src->ss_family != dst->ss_family ||
	    send(fd, &r, sizeof(r), MSG_DONTWAIT) != (ssize_t)sizeof(r))
		return (-1);
	/* an answer that was given up once may still be there */
	while ((n = recv(fd, answer, sizeof(answer), MSG_DONTWAIT)) > 0)
		if (sock_uid_parse(answer, (size_t)n, seq, uid) == 0)
			return (0);
	return (-1);
}

int
sock_uid(int fd, const struct sockaddr_storage *local,
    const struct sockaddr_storage *peer, uid_t *uid)
{
	return (ask(fd, IPPROTO_TCP, local, peer, uid));
}

/* here the kernel looks for who would receive a datagram from src to dst */
int
sock_uid_udp(int fd, const struct sockaddr_storage *local,
    const struct sockaddr_storage *peer, uid_t *uid)
{
	return (ask(fd, IPPROTO_UDP, peer, local, uid));
}
