/*
 * Raw ICMPv6 sockets for the prober.  Runs in the parent (CAP_NET_RAW).
 *
 * The filter and the binding are locked before the descriptor leaves: the
 * prober then receives echo replies of its own tunnel and nothing else.
 */
#include <sys/socket.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <errno.h>
#include <linux/filter.h>
#include <string.h>
#include <unistd.h>

#include "probe_sock.h"
#include "prober/icmp6.h"

/* an echo reply of the one length we send; raw ICMPv6 starts at its type */
static const struct sock_filter probe_filter[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ICMP6_ECHO_LEN, 0, 3),
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ICMP6_ECHO_REPLY, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	BPF_STMT(BPF_RET | BPF_K, 0),
};

static int
probe_sock_filter(int fd)
{
	struct icmp6_filter	 types;
	struct sock_fprog	 prog = {
		.len = sizeof(probe_filter) / sizeof(probe_filter[0]),
		.filter = (struct sock_filter *)(uintptr_t)probe_filter
	};

	ICMP6_FILTER_SETBLOCKALL(&types);
	ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &types);
	if (setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &types,
	    sizeof(types)) == -1)
		return (-1);
	return (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
	    sizeof(prog)));
}

static int
probe_sock_bind(int fd, const char *iface, const struct in6_addr *source)
{
	struct sockaddr_in6	 sin6;

	memset(&sin6, 0, sizeof(sin6));
	sin6.sin6_family = AF_INET6;
	sin6.sin6_addr = *source;
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, iface,
	    (socklen_t)strlen(iface) + 1) == -1)
		return (-1);
	return (bind(fd, (struct sockaddr *)&sin6, sizeof(sin6)));
}

static int
probe_sock_options(int fd)
{
	int	 one = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one,
	    sizeof(one)) == -1 || setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR,
	    &one, sizeof(one)) == -1)
		return (-1);
	return (setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &one,
	    sizeof(one)));
}

int
probe_sock_open(const char *iface, const struct in6_addr *source,
    const char **what)
{
	int	 fd, saved;

	*what = "socket";
	fd = socket(AF_INET6, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    IPPROTO_ICMPV6);
	if (fd == -1)
		return (-1);
	*what = "filter";
	if (probe_sock_filter(fd) == 0) {
		*what = "bind";
		if (probe_sock_bind(fd, iface, source) == 0) {
			*what = "option";
			if (probe_sock_options(fd) == 0)
				return (fd);
		}
	}
	saved = errno;
	close(fd);
	errno = saved;
	return (-1);
}
