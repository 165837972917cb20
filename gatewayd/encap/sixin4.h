/*
 * IPv6 in IPv4, protocol 41 (RFC 4213): what may pass, ECN (RFC 6040) and
 * Packet Too Big (RFC 4443).  Pure functions without I/O.
 */
#ifndef GW_SIXIN4_H
#define GW_SIXIN4_H

#include <sys/uio.h>
#include <stddef.h>
#include <stdint.h>

#include "wire_driver.h"

#define SIXIN4_OVERHEAD		20	/* the outer header we send */
#define SIXIN4_MTU_MIN		1280	/* RFC 8200, section 5 */
#define SIXIN4_PACKET_MAX	(40 + 65535)

/* why a packet was dropped; also the index of its counter */
enum sixin4_drop {
	SIXIN4_PASS,
	SIXIN4_LINKLOCAL,	/* what kernels say to a LAN, no offence */
	SIXIN4_MALFORMED,	/* version, length, not protocol 41 */
	SIXIN4_OUTER,		/* IPv4 addresses are not the tunnel's */
	SIXIN4_SOURCE,		/* inner source may not come from there */
	SIXIN4_DESTINATION,	/* inner destination is not ours */
	SIXIN4_ECN,		/* congestion, and the sender has no ECN */
	SIXIN4_TOOBIG,		/* does not fit into the path */
	SIXIN4_AGGREGATE,	/* datagrams merged beyond recovery */
	SIXIN4_NOBUFS,		/* the send queue is full */
	SIXIN4_UNSENT,		/* the kernel refused to send */
	SIXIN4_NODEV,		/* the interface is gone */
	SIXIN4_DROPS
};

/* one word for the log: "malformed", ... */
const char	*sixin4_drop_name(enum sixin4_drop);

/*
 * May this packet, read from our own interface, go into the tunnel?  Router
 * solicitations and MLD reports, which any interface sends, are LINKLOCAL.
 */
enum sixin4_drop sixin4_check(const struct imsg_encap *, const uint8_t *pkt,
		    size_t len);
/*
 * Takes a datagram with its IPv4 header apart: *pkt and *len become the inner
 * packet, its ECN field set from both headers.
 */
enum sixin4_drop sixin4_decap(const struct imsg_encap *, uint8_t **pkt,
		    size_t *len);

/* the outer TOS for an inner packet: its ECN field, DSCP 0 (normal mode) */
uint8_t		 sixin4_tos(const uint8_t *pkt);
/* the inner ECN field behind the tunnel (RFC 6040, figure 4); -1: drop */
int		 sixin4_ecn(unsigned int outer, unsigned int inner);

/* the largest inner packet for an IPv4 path MTU (RFC 4213, section 3.2.2) */
uint32_t	 sixin4_limit(uint32_t path_mtu);
/*
 * Writes a Packet Too Big about pkt (iovcnt pieces, the first holding all
 * headers), from conf's address to its sender, into buf (SIXIN4_MTU_MIN
 * bytes).  Its length, or 0 if RFC 4443, section 2.4, forbids one.
 */
size_t		 sixin4_toobig(const struct imsg_encap *, uint8_t *buf,
		    uint32_t mtu, const struct iovec *pkt, int iovcnt);

#endif
