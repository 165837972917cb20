/*
 * Descriptors for the userspace drivers.  Runs in the parent (CAP_NET_ADMIN,
 * CAP_NET_RAW).
 */
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <net/if.h>
#include <netinet/in.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "encap/encap.h"
#include "tun.h"
#include "util.h"

#ifndef IFF_TUN_EXCL
#define IFF_TUN_EXCL	0x8000
#endif

static int
tun_device(void)
{
	return (open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
}

static int
tun_attach(const char *iface, int exists, int flags)
{
	struct ifreq	 ifr;
	int		 fd;

	if ((fd = tun_device()) == -1)
		return (-1);
	memset(&ifr, 0, sizeof(ifr));
	memcpy(ifr.ifr_name, iface, strnlen(iface, IFNAMSIZ - 1));
	/* else the kernel attaches to whatever took the name meanwhile */
	ifr.ifr_flags = (short)(exists ? flags : flags | IFF_TUN_EXCL);
	if (ioctl(fd, TUNSETIFF, &ifr) == -1)
		return (close_failed(fd));
	return (fd);
}

/* the interface, its addresses and routes survive who serves it */
static int
tun_persist(int fd)
{
	return (ioctl(fd, TUNSETPERSIST, 1UL));
}

static int
tun_offload(int fd, uint32_t *offloads)
{
	*offloads = ENCAP_OFFLOADS | ENCAP_OFFLOADS_UDP;
	if (ioctl(fd, TUNSETOFFLOAD, (unsigned long)*offloads) == 0)
		return (0);
	*offloads = ENCAP_OFFLOADS;
	return (ioctl(fd, TUNSETOFFLOAD, (unsigned long)*offloads));
}

int
tun_open(const char *iface, int exists, uint32_t *offloads)
{
	int	 fd, hdrlen = ENCAP_VNET_HDR_SIZE;

	if ((fd = tun_attach(iface, exists, ENCAP_TUN_FLAGS)) == -1)
		return (-1);
	if (ioctl(fd, TUNSETVNETHDRSZ, &hdrlen) == -1 ||
	    tun_offload(fd, offloads) == -1 || tun_persist(fd) == -1)
		return (close_failed(fd));
	return (fd);
}

/* closed again: the interface is free for the next descriptor */
static int
tun_prepare_wg(const char *iface, int exists)
{
	int	 fd, hdrlen = (int)sizeof(struct virtio_net_hdr);

	if ((fd = tun_attach(iface, exists, IFF_TUN | IFF_NO_PI)) == -1)
		return (-1);
	/* what another driver of the interface may have left */
	if (ioctl(fd, TUNSETOFFLOAD, 0UL) == -1 ||
	    ioctl(fd, TUNSETVNETHDRSZ, &hdrlen) == -1 ||
	    tun_persist(fd) == -1)
		return (close_failed(fd));
	close(fd);
	return (0);
}

int
tun_open_wg(const char *iface, int exists)
{
	if (tun_prepare_wg(iface, exists) == -1)
		return (-1);
	return (tun_device());
}

static int
tun_raw_options(int fd, uint8_t ttl)
{
	int	 pmtu = IP_PMTUDISC_DO, one = 1, hops = ttl;
	int	 rcvbuf = ENCAP_RCVBUF, sndbuf = ENCAP_SNDBUF;

	if (setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &pmtu,
	    sizeof(pmtu)) == -1 || setsockopt(fd, IPPROTO_IP, IP_RECVERR,
	    &one, sizeof(one)) == -1 || setsockopt(fd, IPPROTO_IP, IP_TTL,
	    &hops, sizeof(hops)) == -1)
		return (-1);
	/* larger buffers are an optimisation: without them it works too */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &rcvbuf,
	    sizeof(rcvbuf));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &sndbuf,
	    sizeof(sndbuf));
	return (0);
}

int
tun_raw_open(struct in_addr local, struct in_addr remote, uint8_t ttl,
    const char *device)
{
	struct sockaddr_in	 sin;
	int			 fd;

	fd = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    IPPROTO_IPV6);
	if (fd == -1)
		return (-1);
	if (tun_raw_options(fd, ttl) == -1 || (device[0] != '\0' &&
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device,
	    (socklen_t)strlen(device) + 1) == -1))
		return (close_failed(fd));
	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr = local;
	if (local.s_addr != INADDR_ANY &&
	    bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1)
		return (close_failed(fd));
	sin.sin_addr = remote;
	if (connect(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1)
		return (close_failed(fd));
	return (fd);
}
