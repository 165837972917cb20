/*
 * Raw sockets for the prober.  Runs in the parent (CAP_NET_RAW).
 *
 * Filter and binding are locked before a descriptor leaves: the prober then
 * receives echo replies of its own tunnels, ICMPv4 errors that quote a packet
 * of protocol 41 or UDP, and nothing else.
 */
#include <sys/socket.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <linux/filter.h>
#include <linux/icmp.h>
#include <string.h>
#include <unistd.h>

#include "probe_sock.h"
#include "prober/icmp6.h"
#include "util.h"

/* an echo reply of the length of probes, or of those that search the path MTU;
 * raw ICMPv6 starts at its type */
static const struct sock_filter probe_filter[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ICMP6_ECHO_LEN, 1, 0),
	BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, ICMP6_BIG_LEN, 0, 3),
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ICMP6_ECHO_REPLY, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	BPF_STMT(BPF_RET | BPF_K, 0),
};

/*
 * Raw ICMPv4 starts at the IPv4 header; X is its length.  Destination
 * unreachable, but for "fragmentation needed", which the kernel and the path
 * MTU probes see to; time exceeded; and the header quoted behind the 8 bytes
 * of ICMP.
 */
static const struct sock_filter icmp4_filter[] = {
	BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
	BPF_STMT(BPF_LD | BPF_B | BPF_IND, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ICMP_TIME_EXCEEDED, 3, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ICMP_DEST_UNREACH, 0, 9),
	BPF_STMT(BPF_LD | BPF_B | BPF_IND, 1),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ICMP_FRAG_NEEDED, 7, 0),
	BPF_STMT(BPF_LD | BPF_B | BPF_IND, 8),
	BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xf0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x40, 0, 4),
	BPF_STMT(BPF_LD | BPF_B | BPF_IND, 8 + 9),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_IPV6, 1, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	BPF_STMT(BPF_RET | BPF_K, 0),
};

/* for good */
static int
filter_lock(int fd, const struct sock_filter *filter, size_t len)
{
	struct sock_fprog	 prog = {
		.len = (unsigned short)len,
		.filter = (struct sock_filter *)(uintptr_t)filter
	};
	int			 one = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
	    sizeof(prog)) == -1)
		return (-1);
	return (setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &one,
	    sizeof(one)));
}

static int
probe_sock_filter(int fd)
{
	struct icmp6_filter	 types;

	ICMP6_FILTER_SETBLOCKALL(&types);
	ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &types);
	if (setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &types,
	    sizeof(types)) == -1)
		return (-1);
	return (filter_lock(fd, probe_filter,
	    sizeof(probe_filter) / sizeof(probe_filter[0])));
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
	static const struct {
		int	 level;
		int	 name;
		int	 value;
	} options[] = {
		{ SOL_SOCKET, SO_TIMESTAMPNS, 1 },
		{ IPPROTO_IPV6, IPV6_RECVERR, 1 },
		{ IPPROTO_IPV6, IPV6_DONTFRAG, 1 },
		{ IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE }
	};
	size_t	 i;

	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (setsockopt(fd, options[i].level, options[i].name,
		    &options[i].value, sizeof(options[i].value)) == -1)
			return (-1);
	return (0);
}

int
probe_sock_open(const char *iface, const struct in6_addr *source,
    const char **what)
{
	int	 fd;

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
	return (close_failed(fd));
}

static int
icmp4_sock_filter(int fd)
{
	/* other types are not even copied for us */
	struct icmp_filter	 types = {
		~(1U << ICMP_DEST_UNREACH | 1U << ICMP_TIME_EXCEEDED)
	};

	if (setsockopt(fd, SOL_RAW, ICMP_FILTER, &types,
	    sizeof(types)) == -1)
		return (-1);
	return (filter_lock(fd, icmp4_filter,
	    sizeof(icmp4_filter) / sizeof(icmp4_filter[0])));
}

int
probe_sock_icmp4(void)
{
	int	 fd;

	fd = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    IPPROTO_ICMP);
	if (fd == -1)
		return (-1);
	if (icmp4_sock_filter(fd) == 0)
		return (fd);
	return (close_failed(fd));
}
