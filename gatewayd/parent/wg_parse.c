/*
 * Readers of WireGuard's answers (WG_CMD_GET_DEVICE).  Pure functions; they
 * run in the parent.  The kernel is the sender, but lengths are checked all
 * the same.
 */
#include <sys/socket.h>
#include <linux/wireguard.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <string.h>

#include "wg.h"

static const struct nla_policy device_policy[WGDEVICE_A_MAX + 1] = {
	[WGDEVICE_A_LISTEN_PORT]	= { .type = NLA_U16 },
	[WGDEVICE_A_FWMARK]		= { .type = NLA_U32 },
	[WGDEVICE_A_PEERS]		= { .type = NLA_NESTED },
};

static const struct nla_policy peer_policy[WGPEER_A_MAX + 1] = {
	[WGPEER_A_PUBLIC_KEY]		= { .minlen = WG_KEY_LEN },
	[WGPEER_A_PRESHARED_KEY]	= { .minlen = WG_KEY_LEN },
	[WGPEER_A_ENDPOINT]		= { .minlen = sizeof(struct sockaddr) },
	[WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL] = { .type = NLA_U16 },
	[WGPEER_A_LAST_HANDSHAKE_TIME]	= { .minlen = 2 * sizeof(int64_t) },
	[WGPEER_A_ALLOWEDIPS]		= { .type = NLA_NESTED },
};

static const struct nla_policy range_policy[WGALLOWEDIP_A_MAX + 1] = {
	[WGALLOWEDIP_A_FAMILY]		= { .type = NLA_U16 },
	[WGALLOWEDIP_A_IPADDR]		= { .minlen = sizeof(struct in_addr) },
	[WGALLOWEDIP_A_CIDR_MASK]	= { .type = NLA_U8 },
};

/* the device's attributes; 0 or -1 */
static int
wg_parse_device(const struct nlmsghdr *h, struct nlattr **tb)
{
	return (genlmsg_parse((struct nlmsghdr *)(uintptr_t)h, 0, tb,
	    WGDEVICE_A_MAX, device_policy) < 0 ? -1 : 0);
}

static uint64_t
wg_parse_handshake(const struct nlattr *nla)
{
	int64_t	 sec;

	if (nla == NULL)
		return (0);
	memcpy(&sec, nla_data(nla), sizeof(sec));
	return (sec < 0 ? 0 : (uint64_t)sec);
}

static void
wg_parse_range(struct wg_dev *d, struct nlattr *nla)
{
	struct nlattr	*tb[WGALLOWEDIP_A_MAX + 1];
	struct wg_range	*r;
	size_t		 len;

	if (nla_parse_nested(tb, WGALLOWEDIP_A_MAX, nla, range_policy) < 0 ||
	    tb[WGALLOWEDIP_A_FAMILY] == NULL ||
	    tb[WGALLOWEDIP_A_IPADDR] == NULL ||
	    tb[WGALLOWEDIP_A_CIDR_MASK] == NULL)
		return;
	r = wg_dev_range(d);
	r->peer = d->npeers - 1;
	r->allowed.family = nla_get_u16(tb[WGALLOWEDIP_A_FAMILY]);
	r->allowed.len = nla_get_u8(tb[WGALLOWEDIP_A_CIDR_MASK]);
	len = (size_t)nla_len(tb[WGALLOWEDIP_A_IPADDR]);
	memcpy(&r->allowed.addr, nla_data(tb[WGALLOWEDIP_A_IPADDR]),
	    len < sizeof(r->allowed.addr) ? len : sizeof(r->allowed.addr));
}

/* the settings of a peer, which come with its first part only */
static void
wg_parse_peer_settings(struct wg_devpeer *p, struct nlattr **tb)
{
	const struct sockaddr	*sa;

	if (tb[WGPEER_A_PRESHARED_KEY] != NULL)
		memcpy(p->preshared_key, nla_data(tb[WGPEER_A_PRESHARED_KEY]),
		    WG_KEY_LEN);
	if (tb[WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL] != NULL)
		p->keepalive_s = nla_get_u16(
		    tb[WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL]);
	p->handshake = wg_parse_handshake(tb[WGPEER_A_LAST_HANDSHAKE_TIME]);
	if (tb[WGPEER_A_ENDPOINT] == NULL)
		return;
	sa = nla_data(tb[WGPEER_A_ENDPOINT]);
	if (sa->sa_family == AF_INET)
		memcpy(&p->endpoint, sa, sizeof(p->endpoint));
}

/* a peer that does not fit into one message goes on in the next */
static void
wg_parse_peer(struct wg_dev *d, struct nlattr *nla)
{
	struct nlattr		*tb[WGPEER_A_MAX + 1], *range;
	struct wg_devpeer	*p;
	const void		*key;
	int			 left;

	if (nla_parse_nested(tb, WGPEER_A_MAX, nla, peer_policy) < 0 ||
	    tb[WGPEER_A_PUBLIC_KEY] == NULL)
		return;
	key = nla_data(tb[WGPEER_A_PUBLIC_KEY]);
	if (d->npeers == 0 || memcmp(d->peers[d->npeers - 1].public_key, key,
	    WG_KEY_LEN) != 0) {
		p = wg_dev_peer(d);
		memcpy(p->public_key, key, WG_KEY_LEN);
		wg_parse_peer_settings(p, tb);
	}
	if (tb[WGPEER_A_ALLOWEDIPS] != NULL)
		nla_for_each_nested(range, tb[WGPEER_A_ALLOWEDIPS], left)
			wg_parse_range(d, range);
}

void
wg_parse(const struct nlmsghdr *h, void *arg)
{
	struct nlattr	*tb[WGDEVICE_A_MAX + 1], *peer;
	struct wg_dev	*d = arg;
	int		 left;

	if (wg_parse_device(h, tb) == -1)
		return;
	if (tb[WGDEVICE_A_PRIVATE_KEY] != NULL &&
	    nla_len(tb[WGDEVICE_A_PRIVATE_KEY]) == WG_KEY_LEN)
		memcpy(d->private_key, nla_data(tb[WGDEVICE_A_PRIVATE_KEY]),
		    WG_KEY_LEN);
	if (tb[WGDEVICE_A_LISTEN_PORT] != NULL)
		d->listen_port = nla_get_u16(tb[WGDEVICE_A_LISTEN_PORT]);
	if (tb[WGDEVICE_A_FWMARK] != NULL)
		d->fwmark = nla_get_u32(tb[WGDEVICE_A_FWMARK]);
	if (tb[WGDEVICE_A_PEERS] != NULL)
		nla_for_each_nested(peer, tb[WGDEVICE_A_PEERS], left)
			wg_parse_peer(d, peer);
}

void
wg_parse_last(const struct nlmsghdr *h, void *arg)
{
	struct nlattr	*tb[WGDEVICE_A_MAX + 1], *ptb[WGPEER_A_MAX + 1], *peer;
	uint64_t	*last = arg, t;
	int		 left;

	if (wg_parse_device(h, tb) == -1 || tb[WGDEVICE_A_PEERS] == NULL)
		return;
	nla_for_each_nested(peer, tb[WGDEVICE_A_PEERS], left) {
		if (nla_parse_nested(ptb, WGPEER_A_MAX, peer,
		    peer_policy) < 0)
			continue;
		t = wg_parse_handshake(ptb[WGPEER_A_LAST_HANDSHAKE_TIME]);
		if (t > *last)
			*last = t;
	}
}
