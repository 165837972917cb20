/*
 * What the active tunnel has and the others have not: the plain default and
 * a preferred address.  Runs in the parent (CAP_NET_ADMIN).
 *
 * The address of every other tunnel of ours is deprecated (RFC 6724, rule 3),
 * so that new flows take the active one's, while established ones go on with
 * the address they have.  Addresses of external tunnels are never changed.
 */
#include <string.h>

#include "ifaddr.h"
#include "link_int.h"
#include "util.h"

uint32_t
link_preferred(const struct gw_link *l)
{
	return (links_active == l &&
	    (links_conf->exposure.modes & GW_EXPOSE_KERNEL) ?
	    IFADDR_PREFERRED : IFADDR_DEPRECATED);
}

/* sets the lifetime of an address that is there; 0 or -1 with errno */
static int
link_lifetime(const struct gw_link *l)
{
	if (l->conf->type == GW_EXTERNAL ||
	    !(links_conf->exposure.modes & GW_EXPOSE_KERNEL))
		return (0);
	return (ifaddr_set(l->ifindex, &l->address, l->prefix_len,
	    link_preferred(l)));
}

/* nonzero if all but these three things is as it has to be */
static int
link_complete(const struct gw_link *l)
{
	return (l->state == LINK_READY && l->suspect == 0 &&
	    l->ifindex != 0 && l->has_address);
}

/*
 * New default, new address preferred, old address deprecated: three requests
 * in one breath, because packets are lost until the first is done.  Whatever
 * else may differ is looked at later.
 */
int
link_switch(struct gw_link *l, struct gw_link *old)
{
	uint64_t	 begin = monotime_us();
	int		 put;

	link_event_drain();
	if (!link_complete(l) || route_sync() == -1)
		return (-1);
	link_flows(l);
	if ((put = link_default_put(l)) == -1 || link_lifetime(l) == -1)
		return (-1);
	/* if that fails, its own run finds out */
	if (old != NULL && old->ifindex != 0 && old->has_address)
		(void)link_lifetime(old);
	if (link_default_alone(l) == -1)
		return (-1);
	if (put)
		link_default_log(l, monotime_us() - begin);
	l->settled = 1;
	link_suspect(l, SUSPECT_ALL);
	if (old != NULL)
		link_suspect(old, SUSPECT_ALL);
	return (0);
}

void
link_retreat(struct gw_link *l)
{
	struct ifaddr_want	 w;
	struct rt_ifaddr	 a;

	if (l->ifindex == 0)
		return;
	link_default_drop(l);
	if (l->conf->type == GW_EXTERNAL ||
	    link_preferred(l) != IFADDR_DEPRECATED)
		return;
	memset(&w, 0, sizeof(w));
	w.ifindex = l->ifindex;
	w.addr = l->conf->address;
	if (ifaddr_find(&w, &a) == 0 && a.preferred != IFADDR_DEPRECATED)
		(void)ifaddr_set(l->ifindex, &a.addr, a.prefix_len,
		    IFADDR_DEPRECATED);
}
