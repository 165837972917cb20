/*
 * IPv6 default routes: ours, others' and which of them wins.  Runs in the
 * doctor (_gwrelay, Landlock) and in gatewayctl; reads only.
 */
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "check.h"
#include "classify.h"

/* plain ones only: a source-specific default serves its own prefix */
static const struct rt_route *
best_default(const struct doctor *d, int ours)
{
	const struct rt_route	*r, *best = NULL;
	size_t			 i;

	for (i = 0; i < d->net->ndefaults; i++) {
		r = &d->net->defaults[i];
		if (r->src_len != 0 || (r->protocol == RTPROT_GATEWAYD) != ours)
			continue;
		if (best == NULL || r->metric < best->metric)
			best = r;
	}
	return (best);
}

static void
evidence(const struct doctor *d, struct finding *f, const struct rt_route *r)
{
	const char	*stop;
	char		 via[ADDR_TEXT_SIZE + 8] = "";

	if (!IN6_IS_ADDR_UNSPECIFIED(&r->gateway))
		snprintf(via, sizeof(via), " via %s", addr6_text(&r->gateway));
	finding_evidence(f, "default%s dev %s metric %u, from %s (route "
	    "protocol %u)", via, netinfo_name(d->net, r->oif), r->metric,
	    route_maker(r->protocol, &stop), r->protocol);
}

static int
refuses(const struct rt_route *r)
{
	return (r->type == RTN_UNREACHABLE || r->type == RTN_BLACKHOLE ||
	    r->type == RTN_PROHIBIT);
}

static void
route_none(struct doctor *d)
{
	struct finding	*f;

	f = doctor_add(d, FINDING_FAIL, "route.default", NULL,
	    "there is no IPv6 default route: programs use IPv4");
	finding_evidence(f, "'ip -6 route show default' shows none without "
	    "'from'");
	finding_remedy(f, "it is there while a tunnel is up: see 'gatewayctl "
	    "status'");
}

static void
route_refuses(struct doctor *d, const struct rt_route *r)
{
	struct finding	*f;

	f = doctor_add(d, FINDING_FAIL, "route.default", NULL,
	    "a default route refuses all IPv6 packets");
	finding_evidence(f, "a default of the kind unreachable, blackhole or "
	    "prohibit, metric %u, route protocol %u", r->metric, r->protocol);
	finding_remedy(f, "'ip -6 route del unreachable default metric %u' "
	    "(or blackhole, prohibit), and keep from setting it who did",
	    r->metric);
}

/* the kernel would replace one by the other, so the daemon keeps out */
static struct finding *
foreign_same(struct doctor *d, const struct rt_route *r)
{
	struct finding	*f;
	const char	*stop;

	(void)route_maker(r->protocol, &stop);
	f = doctor_add(d, FINDING_FAIL, "route.foreign", NULL,
	    "somebody else's IPv6 default route has the metric that gatewayd "
	    "is to use, %u", r->metric);
	finding_remedy(f, "give route_metric in [core] another value, lower "
	    "to be preferred to it, higher to give way%s%s",
	    stop != NULL ? "; who made it: " : "", stop != NULL ? stop : "");
	return (f);
}

/* it carries the traffic, as is usual with native IPv6; with a local address
 * alone nothing comes back */
static struct finding *
foreign_preferred(struct doctor *d, const struct rt_route *r)
{
	const char	*name = netinfo_name(d->net, r->oif);
	struct finding	*f;

	if (netinfo_has_global(d->net, r->oif))
		f = doctor_add(d, FINDING_OK, "route.foreign", NULL,
		    "native IPv6 is preferred: its default route by %s has "
		    "metric %u, gatewayd's %u", name, r->metric,
		    d->conf->route_metric);
	else
		f = doctor_add(d, FINDING_WARN, "route.foreign", NULL,
		    "a default route by %s, where there is no IPv6 address of "
		    "the Internet, is preferred to the tunnels", name);
	finding_remedy(f, "to prefer the tunnels: route_metric below %u in "
	    "[core]", r->metric);
	return (f);
}

static void
route_foreign(struct doctor *d, const struct rt_route *r)
{
	const char	*name = netinfo_name(d->net, r->oif);
	struct finding	*f;

	if (d->conf == NULL || d->conf->default_route == GW_DEFAULT_NO)
		f = doctor_add(d, FINDING_OK, "route.foreign", NULL,
		    "the IPv6 default route is by %s", name);
	else if (r->metric == d->conf->route_metric)
		f = foreign_same(d, r);
	else if (r->metric < d->conf->route_metric)
		f = foreign_preferred(d, r);
	else
		f = doctor_add(d, FINDING_OK, "route.foreign", NULL,
		    "a tunnel is preferred to native IPv6: its default route "
		    "has metric %u, that by %s %u", d->conf->route_metric,
		    name, r->metric);
	evidence(d, f, r);
}

void
check_route(struct doctor *d)
{
	const struct rt_route	*ours = best_default(d, 1);
	const struct rt_route	*other = best_default(d, 0);
	const struct rt_route	*best;
	struct finding		*f;

	best = ours == NULL || (other != NULL && other->metric < ours->metric)
	    ? other : ours;
	if (d->net->error != 0) {
		f = doctor_add(d, FINDING_SKIP, "route.default", NULL,
		    "the kernel's tables could not be read");
		finding_evidence(f, "rtnetlink: %s", strerror(d->net->error));
		return;
	}
	if (best == NULL) {
		route_none(d);
		return;
	}
	if (refuses(best)) {
		route_refuses(d, best);
		return;
	}
	if (ours != NULL) {
		f = doctor_add(d, FINDING_OK, "route.default", NULL,
		    "gatewayd's IPv6 default route is by %s",
		    netinfo_name(d->net, ours->oif));
		evidence(d, f, ours);
	}
	if (other != NULL && !refuses(other))
		route_foreign(d, other);
}
