/*
 * The IPv4 way to a tunnel's endpoint, and what follows from it.  Runs in the
 * parent; asks, changes nothing.
 */
#include <string.h>

#include "addr.h"
#include "link_int.h"

#define LINK_WAN_MTU		1480	/* of a way that is not known */
#define LINK_MTU_MIN		1280	/* RFC 8200 */

static enum wan_result
link_wan_lookup(const struct gw_link *l, struct wan *w, char *reason,
    size_t size)
{
	struct gw_link		*over;
	struct wan_query	 q;
	enum wan_result		 result;

	memset(&q, 0, sizeof(q));
	q.remote = l->remote;
	q.pin = l->conf->wan;
	if (l->conf->local_mode == GW_LOCAL_ADDR)
		q.src = l->conf->local;
	if (l->conf->wg != NULL)
		q.mark = l->conf->wg->fwmark;
	result = wan_lookup(&q, w, reason, size);
	if (result == WAN_OK && (over = link_by_ifindex(w->oif)) != NULL &&
	    over->conf->type != GW_EXTERNAL) {
		snprintf(reason, size, "The route to the endpoint %s leads "
		    "into the tunnel %s; add a route by the WAN.",
		    addr4_text(l->remote), over->conf->name);
		return (WAN_BAD);
	}
	return (result);
}

static uint32_t
link_mtu(const struct gw_link *l)
{
	const struct link_type	*type = link_type(l);

	if (l->conf->mtu != 0)
		return (l->conf->mtu);
	if (l->wan.mtu < LINK_MTU_MIN + type->overhead)
		return (LINK_MTU_MIN);
	if (l->wan.mtu > type->mtu_max + type->overhead)
		return (type->mtu_max);
	return (l->wan.mtu - type->overhead);
}

void
link_probe_path(struct gw_link *l, const struct imsg_probe_path *path)
{
	if (memcmp(path, &l->probe_path, sizeof(*path)) == 0)
		return;
	l->probe_path = *path;
	links_ops->probe_path(l->id, path);
}

static void
link_set_probe_path(struct gw_link *l, const struct iface_want *w)
{
	struct imsg_probe_path	 path;

	memset(&path, 0, sizeof(path));
	if (w->remote.s_addr != INADDR_ANY) {
		path.local = w->local;
		path.remote = w->remote;
		path.protocol = link_type(l)->protocol;
		path.port = l->port;
	}
	link_probe_path(l, &path);
}

/* what follows from the way to the endpoint, for the interface */
static void
link_wan_apply(struct gw_link *l)
{
	struct iface_want	 w;

	memset(&w, 0, sizeof(w));
	memcpy(w.name, l->conf->iface, sizeof(w.name));
	snprintf(w.alias, sizeof(w.alias), LINK_ALIAS "%s", l->conf->name);
	w.mtu = link_mtu(l);
	if (l->conf->local_mode != GW_LOCAL_ANY)
		w.local = l->wan.local;
	w.remote = l->remote;
	w.ttl = l->conf->ttl;
	if (l->conf->wan[0] != '\0')
		w.underlay = (uint32_t)l->wan.oif;
	link_set_probe_path(l, &w);
	if (memcmp(&w, &l->iface, sizeof(w)) == 0)
		return;
	if (l->ifindex != 0)
		log_record(LL_INFO, l->conf->name, "%s follows: local %s, "
		    "endpoint %s, by %s, MTU %u", w.name, w.local.s_addr ==
		    INADDR_ANY ? "any" : addr4_text(w.local),
		    addr4_text(w.remote), l->wan.ifname, w.mtu);
	l->iface = w;
	l->settled = 0;		/* what differs now is no repair */
}

int
link_wan(struct gw_link *l)
{
	char	 reason[WIRE_REASON];

	/* no peer is to be sent to before it speaks: any way will do */
	if (l->remote.s_addr == INADDR_ANY) {
		memset(&l->wan, 0, sizeof(l->wan));
		l->wan.mtu = LINK_WAN_MTU;
	} else if (!l->wan_known)
		switch (link_wan_lookup(l, &l->wan, reason, sizeof(reason))) {
		case WAN_OK:
			break;
		case WAN_NONE:
			return (link_stop(l, LINK_WAIT_WAN, 0, "%s", reason));
		case WAN_BAD:
			return (link_stop(l, LINK_ERROR, 0, "%s", reason));
		}
	l->wan_known = 1;
	link_wan_apply(l);
	return (0);
}

int
link_wan_lost(struct gw_link *l)
{
	char		 reason[WIRE_REASON];
	struct wan	 w;

	if (!l->wan_known || !link_wanted(l) ||
	    l->remote.s_addr == INADDR_ANY ||
	    link_wan_lookup(l, &w, reason, sizeof(reason)) != WAN_NONE)
		return (0);
	l->wan_known = 0;
	return (1);
}

int
link_wan_changed(struct gw_link *l)
{
	char		 reason[WIRE_REASON];
	struct wan	 w;

	if (!link_wanted(l) || l->remote.s_addr == INADDR_ANY)
		return (0);
	if (l->wan_known && link_wan_lookup(l, &w, reason,
	    sizeof(reason)) == WAN_OK && memcmp(&w, &l->wan, sizeof(w)) == 0)
		return (0);
	l->wan_known = 0;
	/* another way may have other name servers, and they another answer */
	link_ask_again(l);
	return (1);
}
