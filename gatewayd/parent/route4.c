/*
 * IPv4 routes of one interface, and host routes of ours.  Runs in the parent
 * (CAP_NET_ADMIN).
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "route4.h"
#include "rtsock.h"

#define HOST_LEN	32

struct route4 {
	struct route4_pin	 pin;	/* dst, next hop and interface */
	uint8_t			 len;
	uint32_t		 metric;
	int			 ours;
};

static struct route4	*table;
static size_t		 ntable, table_size;
static int		 table_oif;

struct route4_each {
	void	(*fn)(const struct route4_pin *, void *);
	void	*arg;
};

static int
route4_ours(const struct rt_route *r)
{
	return (r->protocol == RTPROT_GATEWAYD && r->dst_len == HOST_LEN &&
	    r->table == RT_TABLE_MAIN);
}

static void
route4_answer(const struct nlmsghdr *h, void *arg)
{
	struct rt_route	 r;
	struct route4	*new;
	struct in_addr	 gateway;

	(void)arg;
	if (rtparse_route(h, &r) == -1 || r.family != AF_INET ||
	    r.type != RTN_UNICAST || r.dst_len > HOST_LEN ||
	    rtparse_next_hop(h, table_oif, &gateway) == -1)
		return;
	if (ntable == table_size) {
		table_size = table_size == 0 ? 16 : 2 * table_size;
		table = reallocarray(table, table_size, sizeof(*table));
		if (table == NULL)
			fatal("reallocarray of %zu routes", table_size);
	}
	new = &table[ntable++];
	memset(new, 0, sizeof(*new));
	new->pin.dst = r.dst4;
	new->pin.gateway = gateway;
	new->pin.oif = table_oif;
	new->len = r.dst_len;
	new->metric = r.metric;
	new->ours = route4_ours(&r);
}

static struct nl_msg *
route4_msg(uint16_t type, int flags, struct rtmsg **rtm)
{
	struct nl_msg	*msg = rtsock_msg_new(type, flags);

	*rtm = nlsock_header(msg, sizeof(**rtm));
	(*rtm)->rtm_family = AF_INET;
	return (msg);
}

int
route4_load(int oif)
{
	struct rtmsg	*rtm;
	struct nl_msg	*msg;
	int		 try, error = -1;

	table_oif = oif;
	for (try = 0; try < 3; try++) {
		ntable = 0;
		msg = route4_msg(RTM_GETROUTE, NLM_F_DUMP, &rtm);
		rtm->rtm_type = RTN_UNICAST;
		nlsock_put_u32(msg, RTA_OIF, (uint32_t)oif);
		if ((error = rtsock_request(msg, route4_answer, NULL)) == 0 ||
		    errno != EINTR)
			break;
	}
	/* a table that never stands still is read well enough */
	return (error == -1 && errno != EINTR ? -1 : 0);
}

static int
route4_covers(const struct route4 *r, struct in_addr dst)
{
	uint32_t	 mask;

	mask = r->len == 0 ? 0 : htonl(UINT32_MAX << (HOST_LEN - r->len));
	return (((r->pin.dst.s_addr ^ dst.s_addr) & mask) == 0);
}

int
route4_way(struct in_addr dst, struct in_addr *gateway)
{
	const struct route4	*r, *best = NULL;
	size_t			 i;

	for (i = 0; i < ntable; i++) {
		r = &table[i];
		if (r->ours || !route4_covers(r, dst))
			continue;
		if (best == NULL || r->len > best->len ||
		    (r->len == best->len && r->metric < best->metric))
			best = r;
	}
	if (best == NULL)
		return (-1);
	*gateway = best->pin.gateway;
	return (0);
}

int
route4_present(const struct route4_pin *p)
{
	size_t	 i;

	for (i = 0; i < ntable; i++)
		if (table[i].ours &&
		    memcmp(&table[i].pin, p, sizeof(*p)) == 0)
			return (1);
	return (0);
}

static void
route4_match_answer(const struct nlmsghdr *h, void *arg)
{
	(void)rtparse_route(h, arg);
}

int
route4_match(struct in_addr dst, struct rt_route *r)
{
	struct rtmsg	*rtm;
	struct nl_msg	*msg;

	memset(r, 0, sizeof(*r));
	msg = route4_msg(RTM_GETROUTE, 0, &rtm);
	rtm->rtm_dst_len = HOST_LEN;
	rtm->rtm_flags = RTM_F_FIB_MATCH;
	nlsock_put(msg, RTA_DST, &dst, sizeof(dst));
	return (rtsock_request(msg, route4_match_answer, r));
}

static void
route4_pins_answer(const struct nlmsghdr *h, void *arg)
{
	const struct route4_each	*each = arg;
	struct route4_pin		 p;
	struct rt_route			 r;

	if (rtparse_route(h, &r) == -1 || r.family != AF_INET ||
	    !route4_ours(&r))
		return;
	memset(&p, 0, sizeof(p));
	p.dst = r.dst4;
	p.oif = r.oif;
	if (rtparse_next_hop(h, r.oif, &p.gateway) == 0)
		each->fn(&p, each->arg);
}

int
route4_pins(void (*fn)(const struct route4_pin *, void *), void *arg)
{
	struct route4_each	 each = { fn, arg };
	struct rtmsg		*rtm;
	struct nl_msg		*msg;

	msg = route4_msg(RTM_GETROUTE, NLM_F_DUMP, &rtm);
	rtm->rtm_protocol = RTPROT_GATEWAYD;
	return (rtsock_request(msg, route4_pins_answer, &each));
}

static int
route4_change(uint16_t type, int flags, const struct route4_pin *p)
{
	struct rtmsg	*rtm;
	struct nl_msg	*msg;

	msg = route4_msg(type, flags, &rtm);
	rtm->rtm_dst_len = HOST_LEN;
	rtm->rtm_table = RT_TABLE_MAIN;
	rtm->rtm_protocol = RTPROT_GATEWAYD;
	rtm->rtm_type = RTN_UNICAST;
	rtm->rtm_scope = p->gateway.s_addr == INADDR_ANY ? RT_SCOPE_LINK :
	    RT_SCOPE_UNIVERSE;
	nlsock_put(msg, RTA_DST, &p->dst, sizeof(p->dst));
	if (p->gateway.s_addr != INADDR_ANY)
		nlsock_put(msg, RTA_GATEWAY, &p->gateway, sizeof(p->gateway));
	nlsock_put_u32(msg, RTA_OIF, (uint32_t)p->oif);
	return (rtsock_request(msg, NULL, NULL));
}

int
route4_add(const struct route4_pin *p, int replace)
{
	return (route4_change(RTM_NEWROUTE, NLM_F_CREATE |
	    (replace ? NLM_F_REPLACE : NLM_F_EXCL), p));
}

int
route4_del(const struct route4_pin *p)
{
	return (route4_change(RTM_DELROUTE, 0, p));
}
