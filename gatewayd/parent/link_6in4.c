/*
 * What 6in4 tunnels have of their own: the kernel's sit, or what encap needs
 * to run one, its parameters, the TUN and the raw socket.  Runs in the parent
 * (CAP_NET_ADMIN, CAP_NET_RAW).
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "addr.h"
#include "link_int.h"
#include "sit.h"
#include "tun.h"

#define SIT_OVERHEAD	20	/* the outer IPv4 header */
#define SIT_MTU_MAX	1480	/* what the broker expects */

/* another sit has our pair of addresses */
static int
link_sit_taken(struct gw_link *l)
{
	struct rt_link	 k;

	if (sit_holder(&l->iface, &k) == -1)
		return (0);
	l->foreign = k.ifindex;
	return (link_stop(l, LINK_ERROR, 1, "%s (ifindex %d) already is the "
	    "tunnel from %s to %s: delete it, or use another local_ipv4.",
	    k.name, k.ifindex, l->iface.local.s_addr == INADDR_ANY ? "any" :
	    addr4_text(l->iface.local), addr4_text(l->iface.remote)));
}

static void
link_tun_params(const struct gw_link *l, struct imsg_encap *m)
{
	const struct gw_tunnel	*t = l->conf;
	uint32_t		 i;

	memset(m, 0, sizeof(*m));
	m->local = l->iface.local;
	m->remote = l->iface.remote;
	m->address = t->address;
	m->mtu = l->iface.mtu;
	m->ttl = l->iface.ttl;
	memcpy(m->name, t->name, sizeof(m->name));
	m->prefixes[0] = t->address;
	m->lens[0] = t->prefix_len;
	for (i = 0; i < t->nrouted; i++) {
		m->prefixes[i + 1] = t->routed[i].addr;
		m->lens[i + 1] = t->routed[i].len;
	}
	m->nprefixes = (uint8_t)(t->nrouted + 1);
	for (i = 0; i < m->nprefixes; i++)
		prefix_mask(&m->prefixes[i], m->lens[i]);
}

/* tells encap the parameters, if they are news to it */
static void
link_tun_tell(struct gw_link *l)
{
	struct imsg_encap	 m;

	link_tun_params(l, &m);
	if (memcmp(&m, &l->encap, sizeof(m)) == 0)
		return;
	if (m.local.s_addr != l->encap.local.s_addr ||
	    m.remote.s_addr != l->encap.remote.s_addr ||
	    m.ttl != l->encap.ttl)
		l->raw = 0;
	l->encap = m;
	links_ops->encap_set(l->id, &m);
}

static int
link_tun_open(struct gw_link *l, int exists)
{
	struct imsg_encap_tun	 m;
	int			 fd;

	memset(&m, 0, sizeof(m));
	if ((fd = tun_open(l->iface.name, exists, &m.offloads)) == -1)
		return (link_tun_failed(l, exists));
	link_tun_tell(l);
	links_ops->encap_tun(l->id, fd, &m);
	return (0);
}

/* makes the interface; link_tun_adopt() then finds it in encap's hands */
static int
link_tun_make(struct gw_link *l)
{
	int	 rc;

	if ((rc = link_tun_open(l, 0)) != 0)
		return (rc);
	l->tun_ifindex = -1;
	return (0);
}

static int
link_tun_adopt(struct gw_link *l)
{
	if (l->tun_ifindex != l->ifindex && l->tun_ifindex != -1 &&
	    link_tun_open(l, 1) != 0)
		return (-1);
	l->tun_ifindex = l->ifindex;
	return (0);
}

static int
link_tun_set(struct gw_link *l)
{
	int	 fd;

	link_tun_tell(l);
	if (l->raw && l->raw_underlay == l->iface.underlay)
		return (0);
	fd = tun_raw_open(l->iface.local, l->iface.remote, l->iface.ttl,
	    l->conf->wan);
	if (fd == -1)
		return (link_stop(l, LINK_ERROR, 1, "Cannot open a raw "
		    "socket from %s to %s: %s.", addr4_text(l->iface.local),
		    addr4_text(l->iface.remote), strerror(errno)));
	l->raw = 1;
	l->raw_underlay = l->iface.underlay;
	links_ops->encap_raw(l->id, fd);
	return (0);
}

static int
link_tun_configure(struct gw_link *l)
{
	if (l->driver != GW_DRIVER_USERSPACE)
		return (0);
	return (link_tun_adopt(l) == -1 ? -1 : link_tun_set(l));
}

static void
link_tun_forget(struct gw_link *l)
{
	if (l->tun_ifindex != 0 || l->raw)
		links_ops->encap_del(l->id);
	memset(&l->encap, 0, sizeof(l->encap));
	l->tun_ifindex = l->raw = 0;
}

const struct link_type	 link_6in4 = {
	.kind = "sit",
	.protocol = IPPROTO_IPV6,
	.overhead = SIT_OVERHEAD,
	.mtu_max = SIT_MTU_MAX,
	.create = sit_create,
	.taken = link_sit_taken,
	.differs = sit_differs,
	.change = sit_change,
	.make = link_tun_make,
	.configure = link_tun_configure,
	.forget = link_tun_forget,
};
