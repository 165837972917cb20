/*
 * What becomes of the flows of a tunnel that is down while another one
 * carries the traffic ([failover] flows).  Runs in the parent
 * (CAP_NET_ADMIN).
 *
 *	drain		nothing: they go on if the tunnel comes back
 *	unreachable	"unreachable default from PREFIX" goes before the
 *			tunnel's own: what its addresses send is refused at
 *			once.  Sockets bound to the device, as the probes'
 *			are, pass that route by.
 *	reset		the sockets that use its addresses are closed, once
 *
 * A tunnel that lost the traffic for another reason keeps its flows.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "addr.h"
#include "link_int.h"
#include "rtsock.h"
#include "sockdiag.h"

size_t
link_prefixes(const struct gw_link *l, struct gw_prefix *p)
{
	const struct gw_tunnel	*t = l->conf;
	int			 found = t->type == GW_EXTERNAL;
	size_t			 i, n = 0;

	p[n].addr = found ? l->address : t->address;
	p[n].len = found ? l->prefix_len : t->prefix_len;
	if (p[n].len != 0)	/* external: none was found so far */
		n++;
	for (i = 0; i < t->nrouted; i++)
		p[n++] = t->routed[i];
	for (i = 0; i < n; i++)
		prefix_mask(&p[i].addr, p[i].len);
	return (n);
}

static int
link_refuses(const struct rt_route *r, const struct gw_prefix *p, size_t n)
{
	size_t	 i;

	if (r->protocol != RTPROT_GATEWAYD || r->type != RTN_UNREACHABLE ||
	    r->dst_len != 0)
		return (0);
	for (i = 0; i < n; i++)
		if (r->src_len == p[i].len &&
		    IN6_ARE_ADDR_EQUAL(&r->src, &p[i].addr))
			return (1);
	return (0);
}

int
link_flows_concern(const struct gw_link *l, const struct rt_route *r)
{
	struct gw_prefix	 p[LINK_PREFIXES_MAX];

	return (l->rejecting &&
	    link_refuses(r, p, link_prefixes(l, p)));
}

static int
link_flows_reject(const struct gw_link *l)
{
	return (l->lost && link_wanted(l) &&
	    links_conf->failover.flows == GW_FLOWS_UNREACHABLE);
}

static void
link_reject_init(struct rt_route *r, const struct gw_prefix *p)
{
	route_init_reject(r, link_source_metric() - 1);
	r->src = p->addr;
	r->src_len = p->len;
}

/* a failure leaves the flows to drain, which is no reason to stop a run */
static void
link_reject_add(struct gw_link *l, const struct rt_route *r)
{
	if (route_present(r))
		return;
	if (route_add(r, 0) == 0) {
		if (l->rejecting)
			link_repaired(l, "the route %s was missing",
			    route_text(r));
		return;
	}
	if (errno == EEXIST)
		route_stale();
	if (!l->rejecting)
		log_record(LL_WARN, l->conf->name, "cannot add the route %s: "
		    "%s", route_text(r), nlsock_error());
}

int
link_flows_right(const struct gw_link *l)
{
	struct gw_prefix	 p[LINK_PREFIXES_MAX];
	struct rt_route		 r;
	size_t			 i, n;

	if (!link_flows_reject(l))
		return (!l->rejecting);
	n = link_prefixes(l, p);
	for (i = 0; i < n; i++) {
		link_reject_init(&r, &p[i]);
		if (!route_present(&r))
			return (0);
	}
	return (1);
}

static void
link_flows_reset(const struct gw_link *l)
{
	struct gw_prefix	 p[LINK_PREFIXES_MAX];
	size_t			 i, n;

	n = link_prefixes(l, p);
	for (i = 0; i < n; i++)
		sockdiag_close_flows(&p[i].addr, p[i].len);
}

void
link_flows(struct gw_link *l)
{
	struct gw_prefix	 p[LINK_PREFIXES_MAX];
	struct rt_route		 r;
	size_t			 i, n;

	if (l->flows_due && links_conf->failover.flows == GW_FLOWS_RESET)
		link_flows_reset(l);
	l->flows_due = 0;
	if (!link_flows_reject(l)) {
		link_flows_clear(l);
		return;
	}
	if (route_sync() == -1)
		return;
	n = link_prefixes(l, p);
	for (i = 0; i < n; i++) {
		link_reject_init(&r, &p[i]);
		link_reject_add(l, &r);
	}
	l->rejecting = 1;
}

/* whatever its metric is */
static const struct rt_route *
link_reject_next(const struct gw_prefix *p, size_t n)
{
	const struct rt_route	*r;
	size_t			 i = 0;

	while ((r = route_next(&i)) != NULL)
		if (link_refuses(r, p, n))
			return (r);
	return (NULL);
}

void
link_flows_clear(struct gw_link *l)
{
	const struct rt_route	*r;
	struct rt_route		 old;
	struct gw_prefix	 p[LINK_PREFIXES_MAX];
	size_t			 n;
	int			 max = 64;

	if (!l->rejecting)
		return;
	l->rejecting = 0;
	n = link_prefixes(l, p);
	if (route_sync() == -1)
		return;
	while (max-- > 0 && (r = link_reject_next(p, n)) != NULL) {
		old = *r;
		if (route_del(&old) == -1 && errno != ESRCH) {
			log_record(LL_WARN, l->conf->name, "cannot remove the "
			    "route %s: %s", route_text(&old), nlsock_error());
			break;
		}
		link_event_drain();
	}
}
