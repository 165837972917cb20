/*
 * IPv6 routes.  Runs in the parent (CAP_NET_ADMIN).
 */
#include <net/if.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "log.h"
#include "route.h"
#include "rtsock.h"
#include "util.h"

#define LOOPBACK_IFINDEX	1	/* in every network namespace */

static struct rt_route	*routes;
static size_t		 nroutes, routes_size;
static int		 stale = 1;

void
route_stale(void)
{
	stale = 1;
}

/* whether a route belongs into the picture */
static int
route_concerns(const struct rt_route *r)
{
	return (r->family == AF_INET6 && r->table == RT_TABLE_MAIN &&
	    (r->dst_len == 0 || r->protocol == RTPROT_GATEWAYD));
}

/* what the kernel takes as the same route when it adds or replaces */
static int
route_same_key(const struct rt_route *a, const struct rt_route *b)
{
	return (a->metric == b->metric && a->dst_len == b->dst_len &&
	    a->src_len == b->src_len &&
	    IN6_ARE_ADDR_EQUAL(&a->dst, &b->dst) &&
	    IN6_ARE_ADDR_EQUAL(&a->src, &b->src));
}

int
route_equal(const struct rt_route *a, const struct rt_route *b)
{
	/* most routes here differ in their interface alone */
	return (a->oif == b->oif && route_same_key(a, b) &&
	    a->type == b->type && a->protocol == b->protocol &&
	    a->multipath == b->multipath && a->advmss == b->advmss &&
	    IN6_ARE_ADDR_EQUAL(&a->gateway, &b->gateway) &&
	    IN6_ARE_ADDR_EQUAL(&a->prefsrc, &b->prefsrc));
}

static void
route_insert(const struct rt_route *r)
{
	if (nroutes == routes_size) {
		routes_size = routes_size == 0 ? 64 : 2 * routes_size;
		routes = realloc(routes, routes_size * sizeof(*routes));
		if (routes == NULL)
			fatal("realloc of %zu routes", routes_size);
	}
	routes[nroutes++] = *r;
}

static void
route_remove(size_t i)
{
	routes[i] = routes[--nroutes];
}

static void
route_answer(const struct nlmsghdr *h, void *arg)
{
	struct rt_route	 r;

	(void)arg;
	if (rtparse_route(h, &r) == 0 && route_concerns(&r))
		route_insert(&r);
}

int
route_sync(void)
{
	struct rtmsg	*rtm;
	struct nl_msg	*msg;
	int		 try;

	for (try = 0; stale && try < 3; try++) {
		nroutes = 0;
		msg = rtsock_msg_new(RTM_GETROUTE, NLM_F_DUMP);
		rtm = nlsock_header(msg, sizeof(*rtm));
		rtm->rtm_family = AF_INET6;
		nlsock_put_u32(msg, RTA_TABLE, RT_TABLE_MAIN);
		if (rtsock_request(msg, route_answer, NULL) == 0)
			stale = 0;
		else if (errno != EINTR)
			return (-1);
	}
	/* a table that never stands still is read well enough by events */
	stale = 0;
	return (0);
}

void
route_free(void)
{
	free(routes);
	routes = NULL;
	nroutes = routes_size = 0;
	stale = 1;
}

/* the kernel replaces the first route of that key, so one is clear */
static void
route_replaced(const struct rt_route *r)
{
	size_t	 i, found = 0, n = 0;

	for (i = 0; i < nroutes; i++)
		if (route_same_key(&routes[i], r)) {
			found = i;
			n++;
		}
	if (n == 0)
		route_insert(r);
	else if (n == 1)
		routes[found] = *r;
	else
		stale = 1;
}

static void
route_added(const struct rt_route *r)
{
	if (!route_present(r))
		route_insert(r);
}

static void
route_deleted(const struct rt_route *r)
{
	size_t	 i;

	for (i = 0; i < nroutes; i++)
		if (route_equal(&routes[i], r)) {
			route_remove(i);
			return;
		}
	/* unknown, but its like is there: better to look */
	for (i = 0; i < nroutes; i++)
		if (route_same_key(&routes[i], r))
			stale = 1;
}

int
route_event(const struct nlmsghdr *h, const struct rt_route *r)
{
	if (!route_concerns(r))
		return (0);
	if (r->multipath)
		stale = 1;
	else if (h->nlmsg_type == RTM_DELROUTE)
		route_deleted(r);
	else if (h->nlmsg_flags & NLM_F_REPLACE)
		route_replaced(r);
	else
		route_added(r);
	return (1);
}

void
route_iface_gone(int ifindex)
{
	size_t	 i;

	for (i = nroutes; i-- > 0;)
		if (routes[i].oif == ifindex)
			route_remove(i);
}

const struct rt_route *
route_next(size_t *i)
{
	return (*i < nroutes ? &routes[(*i)++] : NULL);
}

int
route_present(const struct rt_route *r)
{
	size_t	 i;

	for (i = 0; i < nroutes; i++)
		if (route_equal(&routes[i], r))
			return (1);
	return (0);
}

const struct rt_route *
route_foreign(const struct rt_route *r)
{
	size_t	 i;

	for (i = 0; i < nroutes; i++)
		if (routes[i].protocol != RTPROT_GATEWAYD &&
		    route_same_key(&routes[i], r))
			return (&routes[i]);
	return (NULL);
}

int
route_own(const struct rt_route *r)
{
	size_t	 i;

	for (i = 0; i < nroutes; i++)
		if (routes[i].protocol == RTPROT_GATEWAYD &&
		    route_same_key(&routes[i], r))
			return (1);
	return (0);
}

const struct rt_route *
route_foreign_default(void)
{
	size_t	 i;

	for (i = 0; i < nroutes; i++)
		if (routes[i].protocol != RTPROT_GATEWAYD &&
		    routes[i].dst_len == 0 && routes[i].src_len == 0 &&
		    routes[i].type == RTN_UNICAST)
			return (&routes[i]);
	return (NULL);
}

void
route_init(struct rt_route *r, int oif, uint32_t metric)
{
	memset(r, 0, sizeof(*r));
	r->family = AF_INET6;
	r->type = RTN_UNICAST;
	r->protocol = RTPROT_GATEWAYD;
	r->table = RT_TABLE_MAIN;
	r->oif = oif;
	r->metric = metric;
}

void
route_init_reject(struct rt_route *r, uint32_t metric)
{
	route_init(r, LOOPBACK_IFINDEX, metric);
	r->type = RTN_UNREACHABLE;
}

static void
route_put_advmss(struct nl_msg *msg, uint32_t advmss)
{
	struct nlattr	*nest;

	if ((nest = nla_nest_start(msg, RTA_METRICS)) == NULL)
		fatalx("netlink message is full");
	nlsock_put_u32(msg, RTAX_ADVMSS, advmss);
	nla_nest_end(msg, nest);
}

static struct nl_msg *
route_msg(uint16_t type, int flags, const struct rt_route *r)
{
	struct rtmsg	*rtm;
	struct nl_msg	*msg;

	msg = rtsock_msg_new(type, flags);
	rtm = nlsock_header(msg, sizeof(*rtm));
	rtm->rtm_family = AF_INET6;
	rtm->rtm_dst_len = r->dst_len;
	rtm->rtm_src_len = r->src_len;
	rtm->rtm_table = RT_TABLE_MAIN;
	rtm->rtm_protocol = r->protocol;
	rtm->rtm_scope = RT_SCOPE_UNIVERSE;
	rtm->rtm_type = r->type;
	if (r->dst_len != 0)
		nlsock_put(msg, RTA_DST, &r->dst, sizeof(r->dst));
	if (r->src_len != 0)
		nlsock_put(msg, RTA_SRC, &r->src, sizeof(r->src));
	if (!IN6_IS_ADDR_UNSPECIFIED(&r->gateway))
		nlsock_put(msg, RTA_GATEWAY, &r->gateway, sizeof(r->gateway));
	if (!IN6_IS_ADDR_UNSPECIFIED(&r->prefsrc))
		nlsock_put(msg, RTA_PREFSRC, &r->prefsrc, sizeof(r->prefsrc));
	nlsock_put_u32(msg, RTA_OIF, (uint32_t)r->oif);
	nlsock_put_u32(msg, RTA_PRIORITY, r->metric);
	if (r->advmss != 0)
		route_put_advmss(msg, r->advmss);
	return (msg);
}

int
route_add(const struct rt_route *r, int replace)
{
	int	 how = replace ? NLM_F_REPLACE : NLM_F_EXCL;

	/* on-link prefixes may be on several interfaces, as the kernel's own */
	if (r->dst_len != 0)
		how = NLM_F_APPEND;
	return (rtsock_request(route_msg(RTM_NEWROUTE, NLM_F_CREATE | how, r),
	    NULL, NULL));
}

int
route_del(const struct rt_route *r)
{
	return (rtsock_request(route_msg(RTM_DELROUTE, 0, r), NULL, NULL));
}

const char *
route_text(const struct rt_route *r)
{
	static char	 text[2 * ADDR_TEXT_SIZE + 32];
	const char	*type = r->type == RTN_UNREACHABLE ?
			    "unreachable " : "";
	int		 n;

	if (r->dst_len == 0)
		n = snprintf(text, sizeof(text), "%sdefault", type);
	else
		n = snprintf(text, sizeof(text), "%s%s/%u", type,
		    addr6_text(&r->dst), r->dst_len);
	if (r->src_len != 0 && n > 0)
		snprintf(text + n, sizeof(text) - (size_t)n, " from %s/%u",
		    addr6_text(&r->src), r->src_len);
	return (text);
}
