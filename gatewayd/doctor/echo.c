/*
 * ICMP and ICMPv6 echo.  Runs in the doctor (_gwrelay, Landlock) and in
 * gatewayctl.
 *
 * An answer is known by the random bytes it repeats: the kernel chooses the
 * identifier of a ping socket, and anybody may see a raw one's.
 */
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "echo.h"
#include "util.h"
#include "wait.h"

#define ECHO_HEADER	8
#define PACKET_MAX	65535

static socklen_t
sockaddr_len(const struct sockaddr *sa)
{
	return (sa->sa_family == AF_INET ? sizeof(struct sockaddr_in) :
	    sizeof(struct sockaddr_in6));
}

/* RFC 1071; ping sockets and ICMPv6 have it from the kernel */
static uint16_t
checksum(const uint8_t *p, size_t len)
{
	uint32_t	 sum = 0;
	size_t		 i;

	for (i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)(p[i] << 8 | p[i + 1]);
	if (len & 1)
		sum += (uint32_t)p[len - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (htons((uint16_t)~sum));
}

static int
echo_socket(const struct sockaddr *to, const struct sockaddr *src)
{
	int	 family = to->sa_family, fd;
	int	 protocol = family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;

	fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    protocol);
	/* net.ipv4.ping_group_range is without us */
	if (fd == -1 && errno == EACCES)
		fd = socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
		    protocol);
	if (fd == -1)
		return (-1);
	if ((src == NULL || bind(fd, src, sockaddr_len(src)) == 0) &&
	    connect(fd, to, sockaddr_len(to)) == 0)
		return (fd);
	return (close_failed(fd));
}

static int
echo_whole(int fd, int family)
{
	int	 probe = family == AF_INET ? IP_PMTUDISC_DO :
		    IPV6_PMTUDISC_DO;

	return (family == AF_INET ?
	    setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &probe,
	    sizeof(probe)) : setsockopt(fd, IPPROTO_IPV6,
	    IPV6_MTU_DISCOVER, &probe, sizeof(probe)));
}

static int
path_mtu(int fd)
{
	socklen_t	 len = sizeof(int);
	int		 mtu;

	if (getsockopt(fd, IPPROTO_IPV6, IPV6_MTU, &mtu, &len) == -1)
		return (0);
	return (mtu);
}

static int
send_request(int fd, int family, const struct echo *e)
{
	uint8_t		*p;
	uint16_t	 sum;
	ssize_t		 n;

	if ((p = calloc(1, e->size)) == NULL)
		return (-1);
	p[0] = family == AF_INET ? ICMP_ECHO : ICMP6_ECHO_REQUEST;
	memcpy(p + ECHO_HEADER, e->nonce, ECHO_NONCE);
	if (family == AF_INET) {
		sum = checksum(p, e->size);
		memcpy(p + 2, &sum, sizeof(sum));
	}
	n = send(fd, p, e->size, 0);
	free(p);
	return (n == -1 ? -1 : 0);
}

/* raw ICMPv4 sockets see the IPv4 header as well */
int
echo_is_answer(const struct echo *e, const uint8_t *p, size_t len)
{
	if (len > 0 && p[0] >> 4 == IPVERSION) {
		if (len < (size_t)(p[0] & 0xf) * 4)
			return (0);
		len -= (size_t)(p[0] & 0xf) * 4;
		p += (p[0] & 0xf) * 4;
	}
	return (len >= ECHO_HEADER + ECHO_NONCE &&
	    (p[0] == ICMP_ECHOREPLY || p[0] == ICMP6_ECHO_REPLY) &&
	    memcmp(p + ECHO_HEADER, e->nonce, ECHO_NONCE) == 0);
}

static enum wait_verdict
echo_event(void *arg, int fd, int ready, unsigned int ms)
{
	static uint8_t	 buf[PACKET_MAX];
	struct echo	*e = arg;
	ssize_t		 n;

	if (!ready) {
		e->done(e, ETIMEDOUT, ms, path_mtu(fd));
		return (WAIT_DONE);
	}
	n = recv(fd, buf, sizeof(buf), 0);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return (WAIT_MORE);
	if (n == -1)
		e->done(e, errno, ms, path_mtu(fd));
	else if (echo_is_answer(e, buf, (size_t)n))
		e->done(e, 0, ms, path_mtu(fd));
	else
		return (WAIT_MORE);
	return (WAIT_DONE);
}

void
echo_send(struct doctor *d, struct echo *e, const struct sockaddr *to,
    const struct sockaddr *src)
{
	int	 fd, saved, mtu;

	arc4random_buf(e->nonce, sizeof(e->nonce));
	if ((fd = echo_socket(to, src)) == -1) {
		e->done(e, errno, 0, 0);
		return;
	}
	if ((e->whole && echo_whole(fd, to->sa_family) == -1) ||
	    send_request(fd, to->sa_family, e) == -1) {
		saved = errno;
		mtu = path_mtu(fd);
		close(fd);
		e->done(e, saved, 0, mtu);
		return;
	}
	wait_fd(d, fd, EV_READ, ECHO_WAIT_MS, echo_event, e);
}
