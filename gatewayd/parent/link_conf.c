/*
 * What the rest of the parent asks of the link layer: a configuration, a
 * wish, counters, the end.  Runs in the parent (CAP_NET_ADMIN).
 */
#include <sys/queue.h>
#include <stdlib.h>
#include <string.h>

#include "link_int.h"
#include "rtsock.h"
#include "util.h"

/* interfaces that carry our alias and that no tunnel claims */
struct link_orphans {
	struct rt_link	 k[64];
	size_t		 n;
};

static struct gw_link *
link_new(const struct gw_tunnel *t)
{
	struct gw_link	*l;
	int		 i;

	l = xcalloc(1, sizeof(*l));
	l->id = t->id;
	l->state = LINK_ABSENT;
	for (i = 0; i < DUE_COUNT; i++)
		l->due[i] = LINK_NEVER;
	TAILQ_INSERT_TAIL(&links, l, entry);
	return (l);
}

static void
link_free(struct gw_link *l)
{
	if (links_active == l)
		links_active = NULL;
	if (l->conf->type != GW_EXTERNAL)
		link_type(l)->forget(l);
	TAILQ_REMOVE(&links, l, entry);
	free(l->peers);
	free(l->pins);
	free(l);
}

/* an interface at the start: whose is it? */
static void
link_adopt_answer(const struct nlmsghdr *h, void *arg)
{
	struct link_orphans	*o = arg;
	struct gw_link		*l;
	struct rt_link		 k;

	if (rtparse_link(h, &k) == -1)
		return;
	TAILQ_FOREACH(l, &links, entry)
		if (strcmp(k.name, l->conf->iface) == 0 &&
		    (l->conf->type == GW_EXTERNAL || link_ours(l, &k))) {
			l->ifindex = k.ifindex;
			return;
		}
	if (strncmp(k.alias, LINK_ALIAS, strlen(LINK_ALIAS)) == 0 &&
	    o->n < sizeof(o->k) / sizeof(o->k[0]))
		o->k[o->n++] = k;
}

/* what an earlier daemon left: kept if a tunnel claims it, else removed */
static void
link_adopt(void)
{
	struct link_orphans	 o = { .n = 0 };
	size_t			 i;

	if (iface_dump(NULL, link_adopt_answer, &o) == -1)
		log_warnx("cannot list the interfaces: %s", nlsock_error());
	for (i = 0; i < o.n; i++) {
		if (iface_delete(o.k[i].ifindex) == -1)
			log_warnx("cannot delete %s: %s", o.k[i].name,
			    nlsock_error());
		else
			log_info("deleted %s (%s), which no tunnel claims",
			    o.k[i].name, o.k[i].alias);
	}
	link_routes_sweep();
	link_pin_sweep();
}

/* what a changed section makes doubtful, or impossible to change in place */
static void
link_changed(struct gw_link *l, const struct gw_tunnel *t)
{
	link_flows_clear(l);
	if (strcmp(t->iface, l->conf->iface) != 0 ||
	    strcmp(t->name, l->conf->name) != 0 || t->type != l->conf->type)
		link_remove(l);
	if (strcmp(t->endpoint, l->conf->endpoint) != 0)
		l->dns_error[0] = '\0';
	l->wan_known = l->settled = l->wg.told = 0;
	l->wg.force = 1;
	l->fails = 0;
	l->retry_at = 0;
	link_schedule(l, DUE_RETRY, 0);
}

static void
link_conf_old(const struct gw_conf *conf, int globals)
{
	struct gw_link		*l, *next;
	const struct gw_tunnel	*t;

	TAILQ_FOREACH_SAFE(l, &links, entry, next) {
		if ((t = conf_tunnel_id(conf, l->id)) == NULL) {
			link_remove(l);
			link_free(l);
		} else if (!conf_tunnel_equal(t, l->conf))
			link_changed(l, t);
		else if (globals) {
			link_flows_clear(l);
			l->settled = 0;
			link_schedule(l, DUE_RETRY, 0);
		}
	}
}

void
link_conf(const struct gw_conf *conf)
{
	const struct gw_tunnel	*t;
	struct gw_link		*l;
	int			 first = links_conf == NULL;

	link_conf_begin();
	/* those that go first, so that a name is free for its new owner */
	if (!first)
		link_conf_old(conf,
		    conf->route_metric != links_conf->route_metric ||
		    conf->default_route != links_conf->default_route ||
		    conf->exposure.modes != links_conf->exposure.modes ||
		    conf->failover.flows != links_conf->failover.flows);
	links_conf = conf;
	TAILQ_FOREACH(t, &conf->tunnels, entry) {
		if ((l = link_find(t->id)) == NULL)
			l = link_new(t);
		l->conf = t;
		link_peers(l);
	}
	link_fence();
	if (first)
		link_adopt();
	TAILQ_FOREACH(l, &links, entry) {
		if (l->due[DUE_RETRY] == LINK_NEVER)
			continue;
		l->due[DUE_RETRY] = LINK_NEVER;
		if (l->wanted)
			link_reconcile(l, 0);
	}
	link_arm();
}

int
link_has_default(uint32_t id)
{
	struct gw_link	*l;

	return ((l = link_find(id)) != NULL && link_default_present(l));
}

void
link_want(uint32_t id, const struct imsg_want *m)
{
	struct gw_link	*l, *old = links_active;

	if ((l = link_find(id)) == NULL)
		return;
	if (m->want == WANT_ACTIVE)
		links_active = l;
	else if (links_active == l)
		links_active = NULL;
	/* what was active on the old wish is no repair on the new one */
	if (!l->wanted || l->want != m->want || l->mtu_limit != m->mtu ||
	    l->lost != m->lost)
		l->settled = 0;
	l->wanted = 1;
	l->want = (enum want)m->want;
	l->mtu_limit = m->mtu;
	l->flows_due |= m->lost && !l->lost;
	l->lost = m->lost;
	l->owed = 1;
	if (links_active == l && old != l && link_switch(l, old) == 0)
		link_finish(l);
	else
		link_reconcile(l, 1);
	link_arm();
}

int
link_address(uint32_t id, struct in6_addr *addr)
{
	const struct gw_link	*l = link_find(id);

	if (l == NULL || (!l->has_address && !l->conf->has_address))
		return (-1);
	*addr = l->has_address ? l->address : l->conf->address;
	return (0);
}

int
link_sample(uint32_t id, struct imsg_stats *st)
{
	struct gw_link	*l;

	if ((l = link_find(id)) == NULL || l->ifindex == 0)
		return (-1);
	if (iface_stats(l->ifindex, st) == -1)
		return (-1);
	if (l->conf->type != GW_EXTERNAL && link_type(l)->sample != NULL)
		link_type(l)->sample(l, st);
	return (0);
}

void
link_shutdown(int keep)
{
	struct gw_link	*l;

	while ((l = TAILQ_FIRST(&links)) != NULL) {
		/* a verdict that nobody would take back is not kept */
		if (keep)
			link_flows_clear(l);
		else
			link_remove(l);
		link_free(l);
	}
	links_conf = NULL;
	if (!keep)
		link_fence();
	link_close();
}
