/*
 * ICMPv4 errors (RFC 792) about packets that carry a tunnel.  Pure parsing of
 * what anybody may have sent.  Runs in the prober (_gatewayd, chroot, no
 * capabilities).
 *
 * The parent opens one raw ICMPv4 socket for all tunnels, with a locked
 * filter: destination unreachable but for "fragmentation needed", and time
 * exceeded, that quote IPv4 with protocol 41 or UDP.
 */
#ifndef GW_ICMP4_H
#define GW_ICMP4_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

/* RFC 1812, section 4.3.2.3: routers quote up to this size in all */
#define ICMP4_ERROR_MAX	576

struct icmp4_error {
	struct in_addr	 from;		/* who says so */
	uint8_t		 type;
	uint8_t		 code;
	/* of the packet that it quotes */
	uint8_t		 protocol;	/* IPPROTO_IPV6 or IPPROTO_UDP */
	uint16_t	 port;		/* UDP: destination, host byte order */
	struct in_addr	 local;
	struct in_addr	 remote;
	const uint8_t	*inner;		/* protocol 41: the IPv6 packet, */
	size_t		 inner_len;	/* as much as is quoted of it */
};

/*
 * Reads what a raw ICMPv4 socket gives: a packet with its IPv4 header.  0, or
 * -1 if it is nothing of the above or too short to say about whom it is.
 * inner points into the packet.
 */
int	 icmp4_parse(const uint8_t *data, size_t len, struct icmp4_error *);
/* what it means for the sender, as connect(2) would say it */
int	 icmp4_errno(const struct icmp4_error *);

#endif
