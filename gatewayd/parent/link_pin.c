/*
 * The outer path of WireGuard tunnels with wan = IFACE.  Runs in the parent
 * (CAP_NET_ADMIN).
 *
 * sit and raw sockets can be bound to an interface; WireGuard's packets are
 * routed like all others, so each endpoint gets a host route by the uplink,
 * with the gateway that the uplink's other routes lead to.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <netlink/netlink.h>
#include <netlink/route/route.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "link_int.h"
#include "nlsock.h"
#include "rtsock.h"
#include "util.h"

int
link_pinned(const struct gw_link *l)
{
	return (l->conf->type == GW_WIREGUARD && l->conf->wan[0] != '\0');
}

static int
pin_same(const struct route4_pin *a, const struct route4_pin *b)
{
	return (memcmp(a, b, sizeof(*a)) == 0);
}

static int
pin_listed(const struct route4_pin *v, size_t n, const struct route4_pin *p)
{
	size_t	 i;

	for (i = 0; i < n; i++)
		if (pin_same(&v[i], p))
			return (1);
	return (0);
}

/* another tunnel that has a route to this host; by the same uplink or not */
static const struct gw_link *
pin_other(const struct gw_link *l, const struct route4_pin *p, int same)
{
	const struct gw_link	*other;
	size_t			 i;

	TAILQ_FOREACH(other, &links, entry)
		for (i = 0; other != l && i < other->npins; i++)
			if (other->pins[i].dst.s_addr == p->dst.s_addr &&
			    (other->pins[i].oif == p->oif) == same)
				return (other);
	return (NULL);
}

/* the routes that its endpoints need; the caller frees them */
static struct route4_pin *
pins_wanted(const struct gw_link *l, size_t *n)
{
	struct route4_pin	*v, *p;
	size_t			 i;

	v = xcalloc(l->npeers + 1, sizeof(*v));
	*n = 0;
	for (i = 0; i < l->npeers; i++) {
		p = &v[*n];
		memset(p, 0, sizeof(*p));
		p->dst = l->peers[i].addr;
		p->oif = l->wan.oif;
		/* what the uplink does not lead to stays with the others */
		if (p->dst.s_addr != INADDR_ANY && !wan_loopback(p->dst) &&
		    route4_way(p->dst, &p->gateway) == 0 &&
		    !pin_listed(v, *n, p))
			(*n)++;
	}
	return (v);
}

static int
pin_taken(struct gw_link *l, const struct route4_pin *p, const char *by,
    const char *proto)
{
	return (link_stop(l, LINK_ERROR, 0, "Another program (%.20s) has a "
	    "route to %s%s%s, which wan = %s does not agree with: delete it, "
	    "or change wan.", proto, addr4_text(p->dst),
	    by[0] != '\0' ? " by " : "", by, l->conf->wan));
}

/* somebody else's route to that host: 1 if it leads by the uplink, too */
static int
pin_foreign(struct gw_link *l, const struct route4_pin *p)
{
	struct rt_route	 r;
	char		 name[IFNAMSIZ], proto[32];

	if (route4_match(p->dst, &r) == -1 || r.dst_len != 32 ||
	    r.protocol == RTPROT_GATEWAYD)
		return (0);
	if (r.oif == p->oif)
		return (1);
	if (if_indextoname((unsigned int)r.oif, name) == NULL)
		name[0] = '\0';
	rtnl_route_proto2str(r.protocol, proto, sizeof(proto));
	return (pin_taken(l, p, name, proto));
}

/* nonzero if a route of ours to that host is to be replaced */
static int
pin_replaces(const struct gw_link *l, const struct route4_pin *p)
{
	size_t	 i;

	for (i = 0; i < l->npins; i++)
		if (l->pins[i].dst.s_addr == p->dst.s_addr)
			return (1);
	return (pin_other(l, p, 1) != NULL);
}

static int
pin_add(struct gw_link *l, const struct route4_pin *p)
{
	const struct gw_link	*other;
	int			 rc;

	if ((other = pin_other(l, p, 0)) != NULL)
		return (link_stop(l, LINK_ERROR, 0, "%s is held to %s and %s "
		    "to %s, but both have the endpoint %s: give them the "
		    "same wan.", l->conf->name, l->conf->wan,
		    other->conf->name, other->conf->wan,
		    addr4_text(p->dst)));
	if (route4_present(p))
		return (0);
	if ((rc = pin_foreign(l, p)) != 0)
		return (rc == 1 ? 0 : -1);
	if (pin_listed(l->pins, l->npins, p))
		link_repaired(l, "the route to %s by %s was missing",
		    addr4_text(p->dst), l->conf->wan);
	if (route4_add(p, pin_replaces(l, p)) == 0)
		return (0);
	if (errno == EEXIST)
		return (pin_taken(l, p, "", "unknown"));
	return (link_stop(l, LINK_ERROR, 1, "Cannot add the route to %s by "
	    "%s: %s.", addr4_text(p->dst), l->conf->wan, nlsock_error()));
}

/* takes away those that are not in the new list */
static void
pins_drop(struct gw_link *l, const struct route4_pin *keep, size_t n)
{
	size_t	 i;

	for (i = 0; i < l->npins; i++)
		if (!pin_listed(keep, n, &l->pins[i]) &&
		    pin_other(l, &l->pins[i], 1) == NULL &&
		    route4_del(&l->pins[i]) == -1 && errno != ESRCH)
			log_record(LL_WARN, l->conf->name, "cannot delete "
			    "the route to %s: %s",
			    addr4_text(l->pins[i].dst), nlsock_error());
}

int
link_pin(struct gw_link *l)
{
	struct route4_pin	*new;
	size_t			 i, n;
	int			 rc = 0;

	if (!link_pinned(l) || l->remote.s_addr == INADDR_ANY) {
		link_unpin(l);
		return (0);
	}
	if (route4_load(l->wan.oif) == -1)
		return (link_stop(l, LINK_ERROR, 1, "Cannot read the IPv4 "
		    "routes: %s.", nlsock_error()));
	new = pins_wanted(l, &n);
	for (i = 0; i < n && rc == 0; i++)
		if ((rc = pin_add(l, &new[i])) == -1)
			n = i;	/* those before it are ours all the same */
	pins_drop(l, new, n);
	free(l->pins);
	l->pins = new;
	l->npins = n;
	return (rc);
}

void
link_unpin(struct gw_link *l)
{
	pins_drop(l, NULL, 0);
	free(l->pins);
	l->pins = NULL;
	l->npins = 0;
}

int
link_pin_concerns(const struct gw_link *l, struct in_addr dst, uint32_t mask)
{
	size_t	 i;

	if (!link_pinned(l))
		return (0);
	for (i = 0; i < l->npeers; i++)
		if (((l->peers[i].addr.s_addr ^ dst.s_addr) & mask) == 0)
			return (1);
	return (0);
}

int
link_pin_echo(const struct gw_link *l, const struct nlmsghdr *h,
    const struct rt_route *r)
{
	struct route4_pin	 p;

	memset(&p, 0, sizeof(p));
	p.dst = r->dst4;
	p.oif = r->oif;
	return (h->nlmsg_type == RTM_NEWROUTE && r->dst_len == 32 &&
	    r->protocol == RTPROT_GATEWAYD &&
	    rtparse_next_hop(h, r->oif, &p.gateway) == 0 &&
	    pin_listed(l->pins, l->npins, &p));
}

struct pin_list {
	struct route4_pin	*v;
	size_t			 n;
};

static void
pin_append(struct route4_pin **v, size_t *n, const struct route4_pin *p)
{
	*v = reallocarray(*v, *n + 1, sizeof(**v));
	if (*v == NULL)
		fatal("reallocarray of %zu", *n + 1);
	(*v)[(*n)++] = *p;
}

static void
pin_found(const struct route4_pin *p, void *arg)
{
	struct pin_list	*list = arg;

	pin_append(&list->v, &list->n, p);
}

/* a route at the start: its tunnel takes it over, or it goes */
static void
pin_claim(const struct route4_pin *p)
{
	struct gw_link	*l;
	int		 claimed = 0;

	TAILQ_FOREACH(l, &links, entry)
		if (link_pin_concerns(l, p->dst, UINT32_MAX) &&
		    (int)if_nametoindex(l->conf->wan) == p->oif) {
			pin_append(&l->pins, &l->npins, p);
			claimed = 1;
		}
	if (!claimed && route4_del(p) == 0)
		log_info("deleted the route to %s, which no tunnel needs",
		    addr4_text(p->dst));
}

void
link_pin_sweep(void)
{
	struct pin_list	 list = { NULL, 0 };
	size_t		 i;

	if (route4_pins(pin_found, &list) == -1)
		log_warnx("cannot list the IPv4 routes: %s", nlsock_error());
	for (i = 0; i < list.n; i++)
		pin_claim(&list.v[i]);
	free(list.v);
}
