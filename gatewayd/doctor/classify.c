/*
 * What numbers mean.  Pure functions; run in the doctor (_gwrelay, Landlock)
 * and in gatewayctl.
 */
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdio.h>

#include "classify.h"
#include "rtparse.h"

enum addr4_kind
addr4_kind(struct in_addr addr)
{
	uint32_t	 a = ntohl(addr.s_addr);

	if (a >> 24 == 10 || a >> 20 == (172 << 4 | 1) ||
	    a >> 16 == (192 << 8 | 168))
		return (ADDR4_PRIVATE);
	if (a >> 22 == (100 << 2 | 1))
		return (ADDR4_CGNAT);
	if (a >> 16 == (169 << 8 | 254))
		return (ADDR4_LINK_LOCAL);
	return (ADDR4_PUBLIC);
}

/* as rt_protos of iproute2 and linux/rtnetlink.h have them */
static const struct {
	uint8_t		 protocol;
	const char	*maker;
	const char	*stop;
} makers[] = {
	{ RTPROT_KERNEL, "the kernel", NULL },
	{ RTPROT_BOOT, "somebody with ip(8), or ifupdown",
	    "see /etc/network/interfaces" },
	{ RTPROT_STATIC, "an administrator, NetworkManager or "
	    "systemd-networkd", "see 'nmcli connection show', 'networkctl "
	    "status' and /etc/network/interfaces" },
	{ RTPROT_RA, "a router advertisement (the kernel, systemd-networkd "
	    "or NetworkManager took it)", "see 'networkctl status' and "
	    "'nmcli device show'; the kernel's are governed by "
	    "net.ipv6.conf.IFACE.accept_ra" },
	{ RTPROT_DHCP, "a DHCP client (dhcpcd, NetworkManager or "
	    "systemd-networkd)", "see 'networkctl status', 'nmcli device "
	    "show' and dhcpcd.conf(5)" },
	{ RTPROT_ZEBRA, "FRR or Quagga", "see 'vtysh -c \"show ipv6 route\"'" },
	{ RTPROT_BIRD, "BIRD", "see 'birdc show route'" },
	{ RTPROT_BABEL, "babeld", "see its configuration" },
	{ RTPROT_BGP, "a BGP daemon", "see its configuration" },
	{ RTPROT_OSPF, "an OSPF daemon", "see its configuration" },
	{ RTPROT_KEEPALIVED, "keepalived", "see keepalived.conf(5)" },
	{ RTPROT_GATEWAYD, "gatewayd", NULL },
};

const char *
route_maker(uint8_t protocol, const char **stop)
{
	static char	 other[48];
	size_t		 i;

	for (i = 0; i < sizeof(makers) / sizeof(makers[0]); i++)
		if (makers[i].protocol == protocol) {
			*stop = makers[i].stop;
			return (makers[i].maker);
		}
	*stop = NULL;
	snprintf(other, sizeof(other), "a program with route protocol %u",
	    protocol);
	return (other);
}
