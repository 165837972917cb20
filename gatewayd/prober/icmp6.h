/*
 * ICMPv6 echo (RFC 4443) with a payload that nobody can forge, and what the
 * kernel tells about it.  Runs in the prober (_gatewayd, chroot, no
 * capabilities): the socket comes from the parent.
 *
 * The prober cannot set what needs a privilege, so the parent hands down a
 * socket with exactly this done, in this order:
 *
 *	socket(AF_INET6, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
 *	    IPPROTO_ICMPV6)
 *	ICMP6_FILTER		pass ICMP6_ECHO_REPLY, block the rest
 *	SO_ATTACH_FILTER	ICMPv6 type 129, whole message of ICMP6_ECHO_LEN
 *				or at least ICMP6_BIG_LEN
 *	SO_LOCK_FILTER		1
 *	SO_BINDTODEVICE		the tunnel's interface
 *	bind(2)			the tunnel's own address
 *	SO_TIMESTAMPNS		1, for SCM_TIMESTAMPNS
 *	IPV6_RECVERR		1, for the error queue
 *	IPV6_DONTFRAG		1, for large ones
 *	IPV6_MTU_DISCOVER	IPV6_PMTUDISC_PROBE, so that the interface alone
 *				limits them, whatever is known of the path
 *
 * A socket is dead once its interface is gone, so a new interface means a
 * new socket; the same interface with the same address does not.
 */
#ifndef GW_ICMP6_H
#define GW_ICMP6_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#define ICMP6_KEY_LEN	32
#define ICMP6_TAG_LEN	16
#define ICMP6_ECHO_LEN	40	/* 8 of header, 32 of payload */
#define ICMP6_BIG_LEN	1240	/* at least: packets of 1280 and more */
#define ICMP6_BIG	0x80000000U	/* in seq: a large probe */

/* drawn anew at every start */
struct icmp6_key {
	uint8_t		 secret[ICMP6_KEY_LEN];
	uint16_t	 id;	/* of the echo header, network byte order */
};

/* what a probe says about itself, under the tag; host byte order */
struct icmp6_echo {
	struct in6_addr	 target;
	uint32_t	 tunnel;
	uint32_t	 seq;
	uint64_t	 time_us;	/* of sending */
};

enum icmp6_verdict {
	ICMP6_OURS,			/* our tag for that address is there */
	ICMP6_FOREIGN,			/* it does not even claim to be one */
	ICMP6_FORGED			/* the id of this run and a wrong tag */
};

/* one message from a socket */
struct icmp6_rx {
	uint8_t		 data[128];	/* the front of it */
	size_t		 len;		/* of the whole */
	struct in6_addr	 addr;		/* sender, or whom an error is about */
	uint64_t	 real_ns;	/* kernel's CLOCK_REALTIME, 0: none */
	/* icmp6_recv_error() */
	int		 error;		/* errno */
	int		 local;		/* the kernel's, about a packet not
					 * sent, which it does not quote */
	uint32_t	 mtu;		/* EMSGSIZE: what fits */
	struct in6_addr	 offender;	/* whose ICMPv6 it was, or :: */
};

/* a random one */
void	 icmp6_key_init(struct icmp6_key *);
/* writes an echo request; the kernel fills in the checksum */
void	 icmp6_build(const struct icmp6_key *, const struct icmp6_echo *,
	    uint8_t[ICMP6_ECHO_LEN]);
/*
 * Reads the front of a message of that ICMPv6 type (echo reply, or our own
 * request as an error quotes it) that came from, or went to, addr.  How long
 * the whole is, which the tag does not say, is the caller's business.
 * ICMP6_FORGED leaves in echo what it claims to be.
 */
enum icmp6_verdict icmp6_parse(const struct icmp6_key *, uint8_t type,
	    const uint8_t *data, size_t len, const struct in6_addr *addr,
	    struct icmp6_echo *);
/* the same for our own request as an ICMPv4 error quotes it: in IPv6 */
enum icmp6_verdict icmp6_parse_quoted(const struct icmp6_key *,
	    const uint8_t *data, size_t len, struct icmp6_echo *);
/*
 * Sends len bytes to addr, by ifindex if addr is link-local: what was built
 * and zeros.  0, or -1 with the errno of sendmsg(2), which may be one that an
 * earlier packet left on the socket.
 */
int	 icmp6_send(int fd, const struct in6_addr *addr, uint32_t ifindex,
	    uint8_t[ICMP6_ECHO_LEN], size_t len);
/* one message; 1, 0 if there is none, -1 with errno: see the error queue */
int	 icmp6_recv(int fd, struct icmp6_rx *);
/*
 * One entry of the error queue (IPV6_RECVERR, ipv6(7)); 1, or 0 if empty.
 * len is what there is of data, not the length of what it quotes.
 */
int	 icmp6_recv_error(int fd, struct icmp6_rx *);

#endif
