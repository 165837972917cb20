/*
 * ICMPv6 echo with a keyed payload, and the kernel's messages about it.
 * Runs in the prober (_gatewayd, chroot, no capabilities).
 *
 * The tag is SHA-256 over a secret prefix, cut to half.  The input has one
 * fixed length, so the extension of a longer message that plain prefix
 * hashing is open to cannot happen, and HMAC would buy nothing.
 */
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <endian.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/ip6.h>
#include <sha2.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <linux/errqueue.h>

#include "icmp6.h"

#define ICMP6_MAX	65535	/* more than any message takes */

/* what is on the wire, network byte order */
struct echo_wire {
	struct icmp6_hdr	 hdr;
	uint32_t		 tunnel;
	uint32_t		 seq;
	uint64_t		 time_us;
	uint8_t			 tag[ICMP6_TAG_LEN];
};
_Static_assert(sizeof(struct echo_wire) == ICMP6_ECHO_LEN, "padding");

void
icmp6_key_init(struct icmp6_key *key)
{
	arc4random_buf(key->secret, sizeof(key->secret));
	arc4random_buf(&key->id, sizeof(key->id));
}

static void
echo_tag(const struct icmp6_key *key, const struct echo_wire *w,
    const struct in6_addr *target, uint8_t tag[ICMP6_TAG_LEN])
{
	uint8_t		 digest[SHA256_DIGEST_LENGTH];
	SHA2_CTX	 ctx;

	SHA256Init(&ctx);
	SHA256Update(&ctx, key->secret, sizeof(key->secret));
	SHA256Update(&ctx, target->s6_addr, sizeof(target->s6_addr));
	SHA256Update(&ctx, (const uint8_t *)&w->tunnel, sizeof(w->tunnel));
	SHA256Update(&ctx, (const uint8_t *)&w->seq, sizeof(w->seq));
	SHA256Update(&ctx, (const uint8_t *)&w->time_us, sizeof(w->time_us));
	SHA256Final(digest, &ctx);
	memcpy(tag, digest, ICMP6_TAG_LEN);
}

void
icmp6_build(const struct icmp6_key *key, const struct icmp6_echo *echo,
    uint8_t buf[ICMP6_ECHO_LEN])
{
	struct echo_wire	 w;

	memset(&w, 0, sizeof(w));
	w.hdr.icmp6_type = ICMP6_ECHO_REQUEST;
	w.hdr.icmp6_id = key->id;
	w.hdr.icmp6_seq = htons((uint16_t)echo->seq);
	w.tunnel = htonl(echo->tunnel);
	w.seq = htonl(echo->seq);
	w.time_us = htobe64(echo->time_us);
	echo_tag(key, &w, &echo->target, w.tag);
	memcpy(buf, &w, sizeof(w));
}

/* in a time that does not tell where they differ */
static int
tag_equal(const uint8_t *a, const uint8_t *b)
{
	unsigned int	 diff = 0, i;

	for (i = 0; i < ICMP6_TAG_LEN; i++)
		diff |= a[i] ^ b[i];
	return (diff == 0);
}

enum icmp6_verdict
icmp6_parse(const struct icmp6_key *key, uint8_t type, const uint8_t *data,
    size_t len, const struct in6_addr *addr, struct icmp6_echo *echo)
{
	struct echo_wire	 w;
	uint8_t			 tag[ICMP6_TAG_LEN];

	if (len < sizeof(w))
		return (ICMP6_FOREIGN);
	memcpy(&w, data, sizeof(w));
	if (w.hdr.icmp6_type != type || w.hdr.icmp6_code != 0 ||
	    w.hdr.icmp6_id != key->id)
		return (ICMP6_FOREIGN);
	echo->target = *addr;
	echo->tunnel = ntohl(w.tunnel);
	echo->seq = ntohl(w.seq);
	echo->time_us = be64toh(w.time_us);
	echo_tag(key, &w, addr, tag);
	if (!tag_equal(tag, w.tag) ||
	    ntohs(w.hdr.icmp6_seq) != (uint16_t)echo->seq)
		return (ICMP6_FORGED);
	return (ICMP6_OURS);
}

enum icmp6_verdict
icmp6_parse_quoted(const struct icmp6_key *key, const uint8_t *data,
    size_t len, struct icmp6_echo *echo)
{
	struct ip6_hdr	 ip6;

	if (len < sizeof(ip6))
		return (ICMP6_FOREIGN);
	memcpy(&ip6, data, sizeof(ip6));
	if ((ip6.ip6_vfc & 0xf0) != 0x60 || ip6.ip6_nxt != IPPROTO_ICMPV6 ||
	    ntohs(ip6.ip6_plen) < ICMP6_ECHO_LEN)
		return (ICMP6_FOREIGN);
	return (icmp6_parse(key, ICMP6_ECHO_REQUEST, data + sizeof(ip6),
	    len - sizeof(ip6), &ip6.ip6_dst, echo));
}

int
icmp6_send(int fd, const struct in6_addr *addr, uint32_t ifindex,
    uint8_t buf[ICMP6_ECHO_LEN], size_t len)
{
	/* never written to, so all of it is one page of the kernel's */
	static uint8_t		 zeros[ICMP6_MAX];
	struct sockaddr_in6	 sin6;
	struct iovec		 iov[] = { { buf, ICMP6_ECHO_LEN },
				    { zeros, len - ICMP6_ECHO_LEN } };
	struct msghdr		 msg;

	memset(&sin6, 0, sizeof(sin6));
	sin6.sin6_family = AF_INET6;
	sin6.sin6_addr = *addr;
	if (IN6_IS_ADDR_LINKLOCAL(addr))
		sin6.sin6_scope_id = ifindex;
	memset(&msg, 0, sizeof(msg));
	msg.msg_name = &sin6;
	msg.msg_namelen = sizeof(sin6);
	msg.msg_iov = iov;
	msg.msg_iovlen = len > ICMP6_ECHO_LEN ? 2 : 1;
	return (sendmsg(fd, &msg, MSG_NOSIGNAL) == -1 ? -1 : 0);
}

static void
rx_control(struct msghdr *msg, struct icmp6_rx *rx)
{
	struct {
		struct sock_extended_err	 ee;
		struct sockaddr_in6		 offender;
	}			 err;
	struct timespec		 ts;
	struct cmsghdr		*cmsg;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg != NULL;
	    cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level == SOL_SOCKET &&
		    cmsg->cmsg_type == SCM_TIMESTAMPNS &&
		    cmsg->cmsg_len >= CMSG_LEN(sizeof(ts))) {
			memcpy(&ts, CMSG_DATA(cmsg), sizeof(ts));
			rx->real_ns = (uint64_t)ts.tv_sec * 1000000000 +
			    (uint64_t)ts.tv_nsec;
		} else if (cmsg->cmsg_level == IPPROTO_IPV6 &&
		    cmsg->cmsg_type == IPV6_RECVERR &&
		    cmsg->cmsg_len >= CMSG_LEN(sizeof(err))) {
			memcpy(&err, CMSG_DATA(cmsg), sizeof(err));
			rx->error = (int)err.ee.ee_errno;
			rx->local = err.ee.ee_origin == SO_EE_ORIGIN_LOCAL;
			rx->mtu = err.ee.ee_info;
			rx->offender = err.offender.sin6_addr;
		}
	}
}

static ssize_t
rx_message(int fd, struct icmp6_rx *rx, int flags)
{
	union {
		struct cmsghdr	 hdr;
		uint8_t		 buf[256];
	}			 control;
	struct sockaddr_in6	 sin6;
	struct iovec		 iov = { rx->data, sizeof(rx->data) };
	struct msghdr		 msg;
	ssize_t			 n;

	memset(&msg, 0, sizeof(msg));
	memset(&sin6, 0, sizeof(sin6));
	msg.msg_name = &sin6;
	msg.msg_namelen = sizeof(sin6);
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = control.buf;
	msg.msg_controllen = sizeof(control.buf);
	rx->real_ns = 0;
	rx->error = rx->local = 0;
	rx->mtu = 0;
	rx->offender = in6addr_any;
	if ((n = recvmsg(fd, &msg, flags | MSG_DONTWAIT)) == -1)
		return (-1);
	rx->len = (size_t)n;
	rx->addr = sin6.sin6_addr;
	rx_control(&msg, rx);
	return (n);
}

int
icmp6_recv(int fd, struct icmp6_rx *rx)
{
	/* the length of the whole although only its front is copied */
	if (rx_message(fd, rx, MSG_TRUNC) != -1)
		return (1);
	if (errno == EAGAIN || errno == EINTR)
		return (0);
	return (-1);
}

int
icmp6_recv_error(int fd, struct icmp6_rx *rx)
{
	return (rx_message(fd, rx, MSG_ERRQUEUE) != -1);
}
