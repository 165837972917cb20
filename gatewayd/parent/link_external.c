/*
 * Tunnels of somebody else: watched, probed and selected.  Runs in the parent
 * (CAP_NET_ADMIN).  Interface and addresses are only read here; the routes of
 * protocol 201 are all that is ours.
 */
#include <errno.h>
#include <string.h>

#include "addr.h"
#include "ifaddr.h"
#include "link_int.h"
#include "rtsock.h"

static int
link_external_iface(struct gw_link *l)
{
	struct rt_link	 k;

	if (iface_get(l->conf->iface, &k) == -1) {
		link_forget(l);
		if (errno != ENODEV)
			return (link_stop(l, LINK_ERROR, 1, "Cannot look up "
			    "%s: %s.", l->conf->iface, nlsock_error()));
		return (link_stop(l, LINK_DOWN, 0, "There is no interface "
		    "%s.", l->conf->iface));
	}
	if (k.ifindex != l->ifindex)
		link_forget(l);
	l->ifindex = k.ifindex;
	l->iface.mtu = k.mtu;
	l->mtu6 = k.mtu6 != 0 ? k.mtu6 : k.mtu;
	if (!(k.flags & IFF_UP))
		return (link_stop(l, LINK_DOWN, 0, "%s is down.", k.name));
	if (!(k.flags & IFF_RUNNING))
		return (link_stop(l, LINK_DOWN, 0, "%s has no carrier: the "
		    "program behind it does not run.", k.name));
	return (0);
}

/*
 * The configured address; v6_prefix may also have named a prefix only, so
 * another address in it will do; without one, any global address.
 */
static int
link_external_address(struct gw_link *l)
{
	struct ifaddr_want	 w;
	struct rt_ifaddr	 a;

	memset(&w, 0, sizeof(w));
	w.ifindex = l->ifindex;
	w.any = !l->conf->has_address;
	w.addr = l->conf->address;
	w.prefix_len = l->conf->prefix_len;
	w.in_prefix = 1;
	if (ifaddr_find(&w, &a) == -1) {
		l->has_address = 0;
		if (w.any)
			return (link_stop(l, LINK_DOWN, 0, "%s has no global "
			    "IPv6 address.", l->conf->iface));
		return (link_stop(l, LINK_DOWN, 0, "%s has neither the "
		    "address %s nor another in its /%u.", l->conf->iface,
		    addr6_text(&w.addr), w.prefix_len));
	}
	if (!IN6_ARE_ADDR_EQUAL(&a.addr, &l->address))
		link_flows_clear(l);
	/* a default with this src has lost it while the address was away */
	if (!l->has_address || !IN6_ARE_ADDR_EQUAL(&a.addr, &l->address))
		l->default_lost = 1;
	l->has_address = 1;
	l->address = a.addr;
	l->prefix_len = w.any ? a.prefix_len : w.prefix_len;
	return (0);
}

int
link_external(struct gw_link *l)
{
	if (link_external_iface(l) == -1 || link_external_address(l) == -1)
		return (-1);
	return (link_routes(l));
}
