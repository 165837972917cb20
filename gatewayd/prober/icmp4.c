/*
 * ICMPv4 errors about packets that carry a tunnel.  Runs in the prober
 * (_gatewayd, chroot, no capabilities).
 *
 * No checksum is verified: what is believed carries our tag, and for a hint
 * it makes no difference.
 */
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <errno.h>
#include <string.h>

#include "icmp4.h"

/* copies the header at the front; its length with options, 0: none there */
static size_t
header_get(const uint8_t *data, size_t len, struct ip *ip)
{
	size_t	 hlen;

	if (len < sizeof(*ip))
		return (0);
	memcpy(ip, data, sizeof(*ip));
	hlen = (size_t)ip->ip_hl * 4;
	if (ip->ip_v != 4 || hlen < sizeof(*ip) || hlen > len)
		return (0);
	return (hlen);
}

static int
is_error(uint8_t type, uint8_t code)
{
	return ((type == ICMP_UNREACH && code != ICMP_UNREACH_NEEDFRAG) ||
	    type == ICMP_TIMXCEED);
}

/* what follows the quoted header, if it is the front of a packet at all */
static int
quoted_payload(const struct ip *ip, const uint8_t *data, size_t len,
    struct icmp4_error *e)
{
	struct udphdr	 udp;
	int		 front = (ntohs(ip->ip_off) & IP_OFFMASK) == 0;

	switch (ip->ip_p) {
	case IPPROTO_IPV6:
		e->inner = data;
		e->inner_len = front ? len : 0;
		return (0);
	case IPPROTO_UDP:
		if (!front || len < sizeof(udp))
			return (-1);
		memcpy(&udp, data, sizeof(udp));
		e->port = ntohs(udp.uh_dport);
		return (0);
	default:
		return (-1);
	}
}

int
icmp4_parse(const uint8_t *data, size_t len, struct icmp4_error *e)
{
	struct ip	 ip;
	size_t		 hlen;

	memset(e, 0, sizeof(*e));
	hlen = header_get(data, len, &ip);
	if (hlen == 0 || ip.ip_p != IPPROTO_ICMP || len - hlen < ICMP_MINLEN)
		return (-1);
	e->from = ip.ip_src;
	e->type = data[hlen];
	e->code = data[hlen + 1];
	if (!is_error(e->type, e->code))
		return (-1);
	data += hlen + ICMP_MINLEN;
	len -= hlen + ICMP_MINLEN;
	if ((hlen = header_get(data, len, &ip)) == 0)
		return (-1);
	e->protocol = ip.ip_p;
	e->local = ip.ip_src;
	e->remote = ip.ip_dst;
	return (quoted_payload(&ip, data + hlen, len - hlen, e));
}

int
icmp4_errno(const struct icmp4_error *e)
{
	if (e->type != ICMP_UNREACH)
		return (EHOSTUNREACH);
	switch (e->code) {
	case ICMP_UNREACH_PROTOCOL:
	case ICMP_UNREACH_PORT:
		return (ECONNREFUSED);
	case ICMP_UNREACH_NET_PROHIB:
	case ICMP_UNREACH_HOST_PROHIB:
	case ICMP_UNREACH_FILTER_PROHIB:
		return (EACCES);
	case ICMP_UNREACH_NET:
	case ICMP_UNREACH_NET_UNKNOWN:
	case ICMP_UNREACH_TOSNET:
		return (ENETUNREACH);
	default:
		return (EHOSTUNREACH);
	}
}
