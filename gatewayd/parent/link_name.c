/*
 * Where the peers of a tunnel are: addresses of the configuration, or what
 * the resolver says of a name.  Runs in the parent; asks, changes nothing.
 *
 * A 6in4 tunnel has one peer, the tunnel server; WireGuard may have many.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "link_int.h"
#include "state.h"
#include "util.h"

#define LINK_REFRESH_MS		5000	/* between two look-ups of a name */
#define LINK_RESOLVE_MIN	1000	/* after a failure; doubles */
#define LINK_RESOLVE_MAX	60000
#define LINK_LOOKUPS_MAX	16	/* under way for one tunnel */

static uint32_t	link_query;		/* the last one's number */

static int
peer_is_name(const struct link_peer *p)
{
	return (p->host[0] != '\0' && p->fixed.s_addr == INADDR_ANY);
}

/* the first one that can be sent to decides on the way */
static void
link_set_remote(struct gw_link *l)
{
	static const struct in_addr	 none = { INADDR_ANY };
	struct in_addr			 first;
	size_t				 i = 0;

	while (i < l->npeers && l->peers[i].addr.s_addr == INADDR_ANY)
		i++;
	l->port = i < l->npeers ? l->peers[i].port : 0;
	first = i < l->npeers ? l->peers[i].addr : none;
	if (l->remote.s_addr == first.s_addr)
		return;
	l->remote = first;
	l->wan_known = 0;
}

/* what is known of that host from before a reload; mostly in its old place */
static const struct link_peer *
peer_find(const struct link_peer *old, size_t n, size_t place,
    const char *host)
{
	size_t	 i;

	if (place < n && strcmp(old[place].host, host) == 0)
		return (&old[place]);
	for (i = 0; i < n; i++)
		if (strcmp(old[i].host, host) == 0)
			return (&old[i]);
	return (NULL);
}

/* an address of the configuration, or a name's; its last one to begin with */
static void
peer_init(struct gw_link *l, size_t place, const char *host,
    struct in_addr fixed, const struct link_peer *old, size_t n)
{
	struct link_peer	*p = &l->peers[place];
	const struct link_peer	*before;

	if ((before = peer_find(old, n, place, host)) != NULL)
		*p = *before;
	p->host = host;
	p->fixed = fixed;
	if (!peer_is_name(p))
		p->addr = fixed;
	else if (before == NULL) {
		p->addr = endpoints_last(host);
		p->ask = 1;
	}
}

static void
link_peers_wg(struct gw_link *l, const struct link_peer *old, size_t n)
{
	const struct wg_peer	*p;
	size_t			 i = 0;

	/* what could not be read for want of a right: not in the daemon */
	if (l->conf->wg == NULL)
		return;
	l->npeers = l->conf->wg->npeers;
	l->peers = xcalloc(l->npeers, sizeof(*l->peers));
	TAILQ_FOREACH(p, &l->conf->wg->peers, entry) {
		peer_init(l, i, p->host, p->addr, old, n);
		l->peers[i++].port = p->port;
	}
}

void
link_peers(struct gw_link *l)
{
	struct link_peer	*old = l->peers;
	size_t			 n = l->npeers;

	l->peers = NULL;
	l->npeers = 0;
	if (l->conf->type == GW_HE_6IN4) {
		l->npeers = 1;
		l->peers = xcalloc(1, sizeof(*l->peers));
		peer_init(l, 0, l->conf->endpoint, l->conf->endpoint_addr,
		    old, n);
	} else if (l->conf->type == GW_WIREGUARD)
		link_peers_wg(l, old, n);
	free(old);
	link_set_remote(l);
}

/* starts the look-ups that are wanted and may be made now */
static void
link_ask(struct gw_link *l)
{
	struct link_peer	*p;
	uint64_t		 now = monotime_ms();
	size_t			 i, busy = 0;

	if (!link_wanted(l))
		return;
	for (i = 0; i < l->npeers; i++)
		busy += l->peers[i].query != 0;
	for (i = 0; i < l->npeers && busy < LINK_LOOKUPS_MAX; i++) {
		p = &l->peers[i];
		if (!p->ask || p->query != 0)
			continue;
		if (now < p->ask_at) {
			link_schedule(l, DUE_RETRY, p->ask_at - now);
			continue;
		}
		if (++link_query == 0)
			link_query = 1;
		p->query = link_query;
		p->ask = 0;
		busy++;
		links_ops->resolve(l->id, p->query, p->host);
	}
}

int
link_endpoint(struct gw_link *l)
{
	const char	*name = NULL;
	size_t		 i;

	link_ask(l);
	if (l->remote.s_addr != INADDR_ANY)
		return (0);
	for (i = 0; i < l->npeers && name == NULL; i++)
		if (l->peers[i].host[0] != '\0')
			name = l->peers[i].host;
	/* all of them are to speak first */
	if (name == NULL)
		return (0);
	if (l->dns_error[0] != '\0')
		return (link_stop(l, LINK_WAIT_DNS, 0, "%s", l->dns_error));
	return (link_stop(l, LINK_WAIT_DNS, 0, "%.100s is being looked up.",
	    name));
}

/* the address in use if it is still one of them, else the first good one */
static struct in_addr
link_choose(const struct link_peer *p, const struct imsg_resolved *m,
    const char **why)
{
	struct in_addr	 best = { INADDR_ANY };
	uint32_t	 i;

	*why = "it has no IPv4 address";
	for (i = 0; i < m->naddrs && i < sizeof(m->addrs) /
	    sizeof(m->addrs[0]); i++) {
		if (addr4_endpoint_error(m->addrs[i]) != NULL) {
			*why = addr4_endpoint_error(m->addrs[i]);
			continue;
		}
		if (m->addrs[i].s_addr == p->addr.s_addr)
			return (p->addr);
		if (best.s_addr == INADDR_ANY)
			best = m->addrs[i];
	}
	return (best);
}

/* asked again later; an address that is known stays in use meanwhile */
static void
link_resolve_failed(struct gw_link *l, struct link_peer *p, const char *why)
{
	uint64_t	 delay = LINK_RESOLVE_MIN;
	unsigned int	 i;

	snprintf(l->dns_error, sizeof(l->dns_error), "Cannot look up %.80s: "
	    "%.60s.", p->host, why);
	for (i = 0; i < p->fails && delay < LINK_RESOLVE_MAX; i++)
		delay *= 2;
	if (delay > LINK_RESOLVE_MAX)
		delay = LINK_RESOLVE_MAX;
	p->fails++;
	p->ask = 1;
	p->ask_at = monotime_ms() + delay;
	if (p->addr.s_addr != INADDR_ANY)
		log_record(LL_INFO, l->conf->name, "%s", l->dns_error);
}

static void
link_resolve_done(struct gw_link *l, struct link_peer *p, struct in_addr addr)
{
	l->dns_error[0] = '\0';
	p->fails = 0;
	p->ask_at = monotime_ms() + LINK_REFRESH_MS;
	endpoints_learned(p->host, addr);
	if (addr.s_addr == p->addr.s_addr)
		return;
	log_record(LL_INFO, l->conf->name, "%s is %s", p->host,
	    addr4_text(addr));
	p->addr = addr;
	link_set_remote(l);
}

static struct link_peer *
link_asked(uint32_t id, uint32_t query, struct gw_link **l)
{
	size_t	 i;

	if ((*l = link_find(id)) == NULL || query == 0)
		return (NULL);
	for (i = 0; i < (*l)->npeers; i++)
		if ((*l)->peers[i].query == query)
			return (&(*l)->peers[i]);
	return (NULL);
}

void
link_resolved(uint32_t id, const struct imsg_resolved *m)
{
	struct gw_link		*l;
	struct link_peer	*p;
	struct in_addr		 addr, before;
	const char		*why;

	/* the tunnel may be gone, or have got another endpoint meanwhile */
	if ((p = link_asked(id, m->query, &l)) == NULL)
		return;
	p->query = 0;
	before = p->addr;
	addr = link_choose(p, m, &why);
	if (m->error != 0 || addr.s_addr == INADDR_ANY)
		link_resolve_failed(l, p, m->error != 0 ? m->reason : why);
	else
		link_resolve_done(l, p, addr);
	if (link_wanted(l) && (l->remote.s_addr == INADDR_ANY ||
	    p->addr.s_addr != before.s_addr))
		link_reconcile(l, 0);
	else
		link_ask(l);
	link_arm();
}

void
link_ask_again(struct gw_link *l)
{
	uint64_t	 now = monotime_ms();
	size_t		 i;

	for (i = 0; i < l->npeers; i++)
		if (peer_is_name(&l->peers[i]) && now >= l->peers[i].ask_at)
			l->peers[i].ask = 1;
	link_ask(l);
}

void
link_refresh(uint32_t id)
{
	struct gw_link	*l;

	if ((l = link_find(id)) == NULL)
		return;
	link_ask_again(l);
	if (l->conf->type != GW_EXTERNAL && link_type(l)->refresh != NULL)
		link_type(l)->refresh(l);
	link_arm();
}
