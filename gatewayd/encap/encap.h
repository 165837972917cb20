/*
 * What the parent must do to the descriptors before it hands them to process
 * encap, which has no right to do it itself.
 *
 * TUN (ENCAP_TUN), in this order:
 *	open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC)
 *	TUNSETIFF	ENCAP_TUN_FLAGS and the interface's name
 *	TUNSETVNETHDRSZ	ENCAP_VNET_HDR_SIZE
 *	TUNSETOFFLOAD	ENCAP_OFFLOADS | ENCAP_OFFLOADS_UDP; on EINVAL (before
 *			Linux 6.2) ENCAP_OFFLOADS; what was accepted goes into
 *			imsg_encap_tun.offloads.  The kernel takes TUN_F_USO4
 *			and TUN_F_USO6 only together.
 *	TUNSETPERSIST	1, so that interface, addresses and routes survive
 *
 * Raw socket (ENCAP_RAW), in this order:
 *	socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
 *	    IPPROTO_IPV6)
 *	IP_HDRINCL	left off: the kernel writes the outer header
 *	IP_MTU_DISCOVER	IP_PMTUDISC_DO; encap clears DF where RFC 4213,
 *			section 3.2.2, asks for it
 *	IP_RECVERR	1
 *	IP_TTL		the tunnel's ttl
 *	IP_TOS		left 0: encap gives the ECN bits by message
 *	SO_RCVBUFFORCE	ENCAP_RCVBUF
 *	SO_SNDBUFFORCE	ENCAP_SNDBUF
 *	bind()		the local address (unless it is any)
 *	connect()	the endpoint: only its packets are received
 *
 * A descriptor replaces the one given before for the same tunnel.  ENCAP_SET
 * goes first whenever local, remote, ttl, mtu or the prefixes change;
 * prefixes[0] is the tunnel's own prefix, the others are routed to us.
 */
#ifndef GW_ENCAP_H
#define GW_ENCAP_H

#include <linux/if_tun.h>
#include <linux/virtio_net.h>

/* Linux 6.2; not in the headers of Debian 12 */
#ifndef TUN_F_USO4
#define TUN_F_USO4	0x20
#define TUN_F_USO6	0x40
#endif
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4	5
#endif

#define ENCAP_TUN_FLAGS		(IFF_TUN | IFF_NO_PI | IFF_VNET_HDR)
#define ENCAP_VNET_HDR_SIZE	((int)sizeof(struct virtio_net_hdr))
#define ENCAP_OFFLOADS		(TUN_F_CSUM | TUN_F_TSO6 | TUN_F_TSO_ECN)
#define ENCAP_OFFLOADS_UDP	(TUN_F_USO4 | TUN_F_USO6)

/*
 * A burst of half a second at 64 Mbit/s in, and no more than what a WAN sends
 * in a moment out: what does not fit waits in the TUN device's own queue.
 */
#define ENCAP_RCVBUF		(4 * 1024 * 1024)
#define ENCAP_SNDBUF		(1024 * 1024)

#endif
