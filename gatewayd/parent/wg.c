/*
 * WireGuard in the kernel.  Runs in the parent (CAP_NET_ADMIN).  Every
 * message may hold keys: the transport wipes them.
 */
#include <net/if.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/rtnetlink.h>
#include <linux/wireguard.h>
#include <netlink/netlink.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <string.h>

#include "log.h"
#include "nlsock.h"
#include "rtsock.h"
#include "wg.h"

#define WG_MESSAGE	16384	/* its nested list has to stay below 64 KiB */
#define WG_PEER_ROOM	192	/* of a peer without its ranges */
#define WG_RANGE_ROOM	64
#define WG_QUERY	128

static struct nlsock	 wg_nl;
static uint16_t		 wg_family;	/* 0: not known, or no more */

int
wg_open(void)
{
	return (nlsock_open(&wg_nl, NETLINK_GENERIC, 1));
}

void
wg_close(void)
{
	nlsock_close(&wg_nl);
	wg_family = 0;
}

int
wg_create(const struct iface_want *w)
{
	struct ifinfomsg	*ifi;
	struct nl_msg		*msg;
	struct nlattr		*info;

	msg = rtsock_msg_new(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
	ifi = nlsock_header(msg, sizeof(*ifi));
	ifi->ifi_family = AF_UNSPEC;
	nlsock_put(msg, IFLA_IFNAME, w->name, strlen(w->name) + 1);
	nlsock_put_u32(msg, IFLA_MTU, w->mtu);
	if ((info = nla_nest_start(msg, IFLA_LINKINFO)) == NULL)
		fatalx("netlink message is full");
	nlsock_put(msg, IFLA_INFO_KIND, WG_GENL_NAME, strlen(WG_GENL_NAME));
	nla_nest_end(msg, info);
	return (rtsock_request(msg, NULL, NULL));
}

static struct nl_msg *
wg_msg(size_t size, uint16_t family, uint8_t cmd, uint8_t version, int flags)
{
	struct genlmsghdr	*g;
	struct nl_msg		*msg;

	msg = nlsock_msg_new(size, family, flags);
	g = nlsock_header(msg, sizeof(*g));
	g->cmd = cmd;
	g->version = version;
	return (msg);
}

static void
wg_family_answer(const struct nlmsghdr *h, void *arg)
{
	struct nlattr	*tb[CTRL_ATTR_MAX + 1];

	(void)arg;
	if (genlmsg_parse((struct nlmsghdr *)(uintptr_t)h, 0, tb,
	    CTRL_ATTR_MAX, NULL) == 0 && tb[CTRL_ATTR_FAMILY_ID] != NULL &&
	    nla_len(tb[CTRL_ATTR_FAMILY_ID]) == sizeof(wg_family))
		wg_family = nla_get_u16(tb[CTRL_ATTR_FAMILY_ID]);
}

/* the number of the family, which is another each time the module is loaded */
static int
wg_find_family(void)
{
	struct nl_msg	*msg;

	if (wg_family != 0)
		return (0);
	msg = wg_msg(WG_QUERY, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1, 0);
	nlsock_put(msg, CTRL_ATTR_FAMILY_NAME, WG_GENL_NAME,
	    strlen(WG_GENL_NAME) + 1);
	if (nlsock_request(&wg_nl, msg, wg_family_answer, NULL) == -1)
		return (-1);
	if (wg_family != 0)
		return (0);
	errno = ENOENT;
	return (-1);
}

static int
wg_request(struct nl_msg *msg, nlsock_fn fn, void *arg)
{
	if (nlsock_request(&wg_nl, msg, fn, arg) == 0)
		return (0);
	wg_family = 0;
	return (-1);
}

/* reads the device once; whoever calls again begins anew */
static int
wg_query(int ifindex, nlsock_fn fn, void *arg)
{
	struct nl_msg	*msg;

	if (wg_find_family() == -1)
		return (-1);
	msg = wg_msg(WG_QUERY, wg_family, WG_CMD_GET_DEVICE, WG_GENL_VERSION,
	    NLM_F_DUMP);
	nlsock_put_u32(msg, WGDEVICE_A_IFINDEX, (uint32_t)ifindex);
	return (wg_request(msg, fn, arg));
}

int
wg_get(int ifindex, struct wg_dev *d)
{
	int	 try, error = -1;

	memset(d, 0, sizeof(*d));
	for (try = 0; try < 3; try++) {
		wg_dev_free(d);
		if ((error = wg_query(ifindex, wg_parse, d)) == 0 ||
		    errno != EINTR)
			break;
	}
	wg_dev_sort(d);
	return (error);
}

int
wg_handshake(int ifindex, uint64_t *last)
{
	*last = 0;
	/* EINTR: the list changed meanwhile, which hardly matters here */
	if (wg_query(ifindex, wg_parse_last, last) == -1 &&
	    errno != EINTR)
		return (-1);
	return (0);
}

/* a message under construction; a peer may be continued in the next one */
struct wg_writer {
	int		 ifindex;
	struct nl_msg	*msg;		/* NULL: none is begun */
	struct nlattr	*peers;
	struct nlattr	*peer;
	struct nlattr	*ranges;
};

static size_t
wg_room(const struct wg_writer *w)
{
	return (WG_MESSAGE - nlmsg_hdr(w->msg)->nlmsg_len);
}

static struct nlattr *
wg_nest(struct wg_writer *w, int attr)
{
	struct nlattr	*nest;

	if ((nest = nla_nest_start(w->msg, attr)) == NULL)
		fatalx("netlink message is full");
	return (nest);
}

static void
wg_begin(struct wg_writer *w)
{
	w->msg = wg_msg(WG_MESSAGE, wg_family, WG_CMD_SET_DEVICE,
	    WG_GENL_VERSION, 0);
	nlsock_put_u32(w->msg, WGDEVICE_A_IFINDEX, (uint32_t)w->ifindex);
}

/* closes what is open and sends it */
static int
wg_send(struct wg_writer *w)
{
	struct nl_msg	*msg = w->msg;

	if (w->ranges != NULL)
		nla_nest_end(msg, w->ranges);
	if (w->peer != NULL)
		nla_nest_end(msg, w->peer);
	if (w->peers != NULL)
		nla_nest_end(msg, w->peers);
	w->msg = NULL;
	w->ranges = w->peer = w->peers = NULL;
	return (wg_request(msg, NULL, NULL));
}

/* so much more will fit, in this message or in the next */
static int
wg_need(struct wg_writer *w, size_t room)
{
	if (wg_room(w) >= room)
		return (0);
	if (wg_send(w) == -1)
		return (-1);
	wg_begin(w);
	return (0);
}

static void
wg_open_peer(struct wg_writer *w, const struct wg_devpeer *p)
{
	if (w->peers == NULL)
		w->peers = wg_nest(w, WGDEVICE_A_PEERS);
	w->peer = wg_nest(w, 0);
	nlsock_put(w->msg, WGPEER_A_PUBLIC_KEY, p->public_key, WG_KEY_LEN);
}

static void
wg_put_u16(struct wg_writer *w, int attr, uint16_t value)
{
	nlsock_put(w->msg, attr, &value, sizeof(value));
}

static void
wg_put_device(struct wg_writer *w, const struct wg_dev *d)
{
	if (d->replace)
		nlsock_put_u32(w->msg, WGDEVICE_A_FLAGS,
		    WGDEVICE_F_REPLACE_PEERS);
	if (d->set_key)
		nlsock_put(w->msg, WGDEVICE_A_PRIVATE_KEY, d->private_key,
		    WG_KEY_LEN);
	if (d->set_port)
		wg_put_u16(w, WGDEVICE_A_LISTEN_PORT, d->listen_port);
	if (d->set_fwmark)
		nlsock_put_u32(w->msg, WGDEVICE_A_FWMARK, d->fwmark);
}

static int
wg_put_range(struct wg_writer *w, const struct wg_devpeer *p,
    const struct wg_allowed *a)
{
	struct nlattr	*item;

	if (wg_need(w, WG_RANGE_ROOM) == -1)
		return (-1);
	/* the peer goes on in a new message, without its flags */
	if (w->peer == NULL)
		wg_open_peer(w, p);
	if (w->ranges == NULL)
		w->ranges = wg_nest(w, WGPEER_A_ALLOWEDIPS);
	item = wg_nest(w, 0);
	wg_put_u16(w, WGALLOWEDIP_A_FAMILY, a->family);
	nlsock_put(w->msg, WGALLOWEDIP_A_IPADDR, &a->addr,
	    a->family == AF_INET ? sizeof(struct in_addr) : sizeof(a->addr));
	nlsock_put_u8(w->msg, WGALLOWEDIP_A_CIDR_MASK, a->len);
	nla_nest_end(w->msg, item);
	return (0);
}

static uint32_t
wg_peer_flags(const struct wg_devpeer *p)
{
	if (p->change & WG_REMOVE)
		return (WGPEER_F_REMOVE_ME);
	return ((p->change & WG_RANGES ? WGPEER_F_REPLACE_ALLOWEDIPS : 0) |
	    (p->change & WG_NEW ? 0 : WGPEER_F_UPDATE_ONLY));
}

static int
wg_put_peer(struct wg_writer *w, const struct wg_dev *d,
    const struct wg_devpeer *p)
{
	size_t	 i;

	if (wg_need(w, WG_PEER_ROOM) == -1)
		return (-1);
	wg_open_peer(w, p);
	nlsock_put_u32(w->msg, WGPEER_A_FLAGS, wg_peer_flags(p));
	if (p->change & WG_PRESHARED)
		nlsock_put(w->msg, WGPEER_A_PRESHARED_KEY, p->preshared_key,
		    WG_KEY_LEN);
	if (p->change & WG_ENDPOINT)
		nlsock_put(w->msg, WGPEER_A_ENDPOINT, &p->endpoint,
		    sizeof(p->endpoint));
	if (p->change & WG_KEEPALIVE)
		wg_put_u16(w, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL,
		    p->keepalive_s);
	if (p->change & WG_RANGES)
		for (i = 0; i < p->nranges; i++)
			if (wg_put_range(w, p,
			    &d->ranges[p->first + i].allowed) == -1)
				return (-1);
	if (w->ranges != NULL)
		nla_nest_end(w->msg, w->ranges);
	if (w->peer != NULL)
		nla_nest_end(w->msg, w->peer);
	w->ranges = w->peer = NULL;
	return (0);
}

int
wg_set(int ifindex, const struct wg_dev *d)
{
	struct wg_writer	 w = { .ifindex = ifindex };
	size_t			 i;

	if (wg_find_family() == -1)
		return (-1);
	wg_begin(&w);
	wg_put_device(&w, d);
	for (i = 0; i < d->npeers; i++)
		if (d->peers[i].change != 0 &&
		    wg_put_peer(&w, d, &d->peers[i]) == -1)
			return (-1);
	return (wg_send(&w));
}
