/*
 * The resolver: every name look-up of the daemon, with c-ares.  Runs as
 * _gwrelay, not in a chroot but under Landlock, as /etc/resolv.conf and
 * /etc/hosts must be read whenever they change.
 *
 *	parent -> RESOLVE (id: the tunnel)	-> parent RESOLVED
 *	relay  -> LOOKUP (id: the relay's)	-> relay  LOOKED_UP
 *
 * Each of both has its answer within LOOKUP_MAX_MS.  c-ares 1.18 can only give
 * up all of its look-ups at once: one that takes too long is answered, and
 * left to end by itself.
 */
#include <sys/queue.h>
#include <sys/stat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aresloop.h"
#include "child.h"
#include "gatewayd.h"
#include "log.h"
#include "name.h"
#include "util.h"
#include "wire.h"

#define RESOLV_CONF	"/etc/resolv.conf"
#define LOOKUPS_MAX	256		/* under way */
#define LOOKUP_MAX_MS	5000
#define TRY_MS		1500		/* for one server to answer */
#define TRIES		2
#define TTL_MIN		30		/* seconds */
#define TTL_MAX		86400
#define SOCKETS_MAX	64
#define NAME_SHOWN	80		/* of a name, in a sentence */
#define ADDRS_MAX	(sizeof(((struct imsg_resolved *)0)->addrs) / \
			    sizeof(struct in_addr))

struct lookup {
	TAILQ_ENTRY(lookup)	 entry;
	enum gw_proc		 from;	/* who asks */
	uint32_t		 id;	/* the tunnel, or the relay's */
	int			 family;
	struct imsg_resolve	 q;
	int			 answered;
	struct event		*deadline;
};
TAILQ_HEAD(lookups, lookup);

static struct {
	struct aresloop		 loop;
	struct stat		 conf;		/* of RESOLV_CONF then */
	struct lookups		 lookups;
	uint32_t		 nlookups;
} resolver = {
	.lookups = TAILQ_HEAD_INITIALIZER(resolver.lookups)
};

static void
answer_init(struct imsg_resolved *m, const struct imsg_resolve *q, int error)
{
	memset(m, 0, sizeof(*m));
	m->query = q->query;
	m->error = (uint32_t)error;
}

static void
answer_send(uint32_t id, const struct imsg_resolved *m)
{
	peer_send(child_peer(PROC_PARENT), IMSG_RESOLVED, id, -1, m,
	    sizeof(*m));
}

static void
answer_error(uint32_t id, const struct imsg_resolve *q, int error)
{
	struct imsg_resolved	 m;
	char			 name[NAME_SHOWN + 1], *s = m.reason;
	size_t			 len = sizeof(m.reason);

	answer_init(&m, q, error);
	strlcpy(name, q->name, sizeof(name));
	switch (error) {
	case ARES_ENOTFOUND:
		snprintf(s, len, "there is no host %s", name);
		break;
	case ARES_ENODATA:
		snprintf(s, len, "no A record for %s", name);
		break;
	case ARES_ECONNREFUSED:
		/* c-ares says no more once each server was tried */
		snprintf(s, len, "the name servers of %s cannot be reached or "
		    "fail for %s", RESOLV_CONF, name);
		break;
	case ARES_ETIMEOUT:
		snprintf(s, len, "no name server answered for %s within %d s",
		    name, LOOKUP_MAX_MS / 1000);
		break;
	case ARES_ECANCELLED:
		snprintf(s, len, "too many look-ups at once: %s must wait",
		    name);
		break;
	default:
		snprintf(s, len, "looking up %s: %s", name,
		    ares_strerror(error));
		break;
	}
	answer_send(id, &m);
}

static void
answer_addrs(uint32_t id, const struct imsg_resolve *q,
    const struct ares_addrinfo *ai)
{
	const struct ares_addrinfo_cname	*c;
	const struct ares_addrinfo_node		*n;
	struct imsg_resolved			 m;
	struct sockaddr_in			 sin;
	int					 ttl = TTL_MAX;

	answer_init(&m, q, 0);
	for (c = ai->cnames; c != NULL; c = c->next)
		if (c->ttl < ttl)
			ttl = c->ttl;
	for (n = ai->nodes; n != NULL && m.naddrs < ADDRS_MAX;
	    n = n->ai_next) {
		if (n->ai_family != AF_INET ||
		    (size_t)n->ai_addrlen < sizeof(sin))
			continue;
		memcpy(&sin, n->ai_addr, sizeof(sin));
		m.addrs[m.naddrs++] = sin.sin_addr;
		if (n->ai_ttl < ttl)
			ttl = n->ai_ttl;
	}
	if (m.naddrs == 0) {
		answer_error(id, q, ARES_ENODATA);
		return;
	}
	m.ttl = (uint32_t)(ttl < TTL_MIN ? TTL_MIN : ttl);
	answer_send(id, &m);
}

static void
relay_error(uint32_t id, int error)
{
	struct imsg_looked_up	 m;

	memset(&m, 0, sizeof(m));
	m.error = (uint32_t)error;
	peer_send(child_peer(PROC_RELAY), IMSG_LOOKED_UP, id, -1, &m,
	    sizeof(m));
}

/* 0, or -1 if it is of another family */
static int
node_addr(const struct ares_addrinfo_node *n, int family,
    struct in6_addr *addr)
{
	struct sockaddr_in6	 sin6;
	struct sockaddr_in	 sin;

	if (n->ai_family != family)
		return (-1);
	if (family == AF_INET) {
		memcpy(&sin, n->ai_addr, sizeof(sin));
		memcpy(addr, &sin.sin_addr, sizeof(sin.sin_addr));
	} else {
		memcpy(&sin6, n->ai_addr, sizeof(sin6));
		*addr = sin6.sin6_addr;
	}
	return (0);
}

static void
relay_addrs(const struct lookup *l, const struct ares_addrinfo *ai)
{
	const struct ares_addrinfo_node	*n;
	struct imsg_looked_up		 m;
	int				 ttl = TTL_MAX;

	memset(&m, 0, sizeof(m));
	for (n = ai->nodes; n != NULL && m.naddrs < WIRE_ADDRS;
	    n = n->ai_next) {
		if (node_addr(n, l->family, &m.addrs[m.naddrs]) == -1)
			continue;
		m.naddrs++;
		if (n->ai_ttl < ttl)
			ttl = n->ai_ttl;
	}
	if (m.naddrs == 0) {
		relay_error(l->id, ARES_ENODATA);
		return;
	}
	m.ttl = (uint32_t)ttl;
	peer_send(child_peer(PROC_RELAY), IMSG_LOOKED_UP, l->id, -1, &m,
	    sizeof(m));
}

static void
lookup_failed(const struct lookup *l, int error)
{
	if (l->from == PROC_RELAY)
		relay_error(l->id, error);
	else
		answer_error(l->id, &l->q, error);
}

static void
lookup_free(struct lookup *l)
{
	TAILQ_REMOVE(&resolver.lookups, l, entry);
	resolver.nlookups--;
	event_free(l->deadline);
	free(l);
}

static void
lookup_done(void *arg, int status, int timeouts, struct ares_addrinfo *ai)
{
	struct lookup	*l = arg;

	/* the channel is being replaced: lookup_restart() follows */
	if (status == ARES_EDESTRUCTION)
		return;
	if (!l->answered) {
		if (status != ARES_SUCCESS)
			lookup_failed(l, status);
		else if (l->from == PROC_RELAY)
			relay_addrs(l, ai);
		else
			answer_addrs(l->id, &l->q, ai);
	}
	ares_freeaddrinfo(ai);
	lookup_free(l);
}

static void
lookup_expired(int fd, short events, void *arg)
{
	struct lookup	*l = arg;

	l->answered = 1;
	lookup_failed(l, ARES_ETIMEOUT);
}

/* the answer may come before this returns */
static void
lookup_start(struct lookup *l)
{
	const struct ares_addrinfo_hints	 hints = {
		ARES_AI_NOSORT, l->family, SOCK_DGRAM, 0
	};

	if (resolver.loop.channel == NULL)
		lookup_done(l, ARES_ENOTINITIALIZED, 0, NULL);
	else
		ares_getaddrinfo(resolver.loop.channel, l->q.name, NULL, &hints,
		    lookup_done, l);
}

/* what was under way on a channel that is gone */
static void
lookup_restart(void)
{
	struct lookup	*l, *next;

	TAILQ_FOREACH_SAFE(l, &resolver.lookups, entry, next) {
		if (l->answered)
			lookup_free(l);
		else
			lookup_start(l);
	}
}

static void
channel_open(void)
{
	int	 r;

	if ((r = aresloop_open(&resolver.loop, TRY_MS, TRIES)) != ARES_SUCCESS)
		log_warnx("%s: %s", RESOLV_CONF, ares_strerror(r));
}

static int
stat_equal(const struct stat *a, const struct stat *b)
{
	return (a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	    a->st_size == b->st_size &&
	    a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	    a->st_mtim.tv_nsec == b->st_mtim.tv_nsec);
}

/* follows changes of resolv.conf, which c-ares reads once for a channel */
static void
channel_refresh(void)
{
	struct stat	 st;

	if (stat(RESOLV_CONF, &st) == -1)
		memset(&st, 0, sizeof(st));	/* c-ares has a default */
	if (resolver.loop.channel != NULL && stat_equal(&st, &resolver.conf))
		return;
	resolver.conf = st;
	aresloop_close(&resolver.loop);
	channel_open();
	lookup_restart();
}

static void
lookup_new(enum gw_proc from, uint32_t id, int family,
    const struct imsg_resolve *q)
{
	struct timeval	 tv = { LOOKUP_MAX_MS / 1000, 0 };
	struct lookup	*l = xcalloc(1, sizeof(*l));

	l->from = from;
	l->id = id;
	l->family = family;
	l->q = *q;
	if ((l->deadline = evtimer_new(child_base(), lookup_expired, l)) ==
	    NULL || evtimer_add(l->deadline, &tv) == -1)
		fatal("evtimer_new");
	TAILQ_INSERT_TAIL(&resolver.lookups, l, entry);
	resolver.nlookups++;
	lookup_start(l);
}

static void
answer_bad_name(uint32_t id, const struct imsg_resolve *q, const char *why)
{
	struct imsg_resolved	 m;
	char			*p;

	answer_init(&m, q, ARES_EBADNAME);
	snprintf(m.reason, sizeof(m.reason), "%.80s is not a host name: %s",
	    q->name, why);
	for (p = m.reason; *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	answer_send(id, &m);
}

static void
resolver_resolve(uint32_t id, struct imsg *imsg)
{
	struct imsg_resolve	 m;
	const char		*why;

	if (imsg_get_data(imsg, &m, sizeof(m)) == -1 || !wire_string(m.name))
		fatalx("RESOLVE: malformed");
	if ((why = name_error(m.name)) != NULL) {
		answer_bad_name(id, &m, why);
		return;
	}
	if (resolver.nlookups >= LOOKUPS_MAX) {
		answer_error(id, &m, ARES_ECANCELLED);
		return;
	}
	channel_refresh();
	lookup_new(PROC_PARENT, id, AF_INET, &m);
	aresloop_arm(&resolver.loop);
}

static void
resolver_lookup(uint32_t id, struct imsg *imsg)
{
	struct imsg_lookup	 m;
	struct imsg_resolve	 q;

	if (imsg_get_data(imsg, &m, sizeof(m)) == -1 || !wire_string(m.name) ||
	    (m.family != AF_INET && m.family != AF_INET6))
		fatalx("LOOKUP: malformed");
	if (name_error(m.name) != NULL)
		relay_error(id, ARES_EBADNAME);
	else if (resolver.nlookups >= LOOKUPS_MAX)
		relay_error(id, ARES_ECANCELLED);
	else {
		memset(&q, 0, sizeof(q));
		strlcpy(q.name, m.name, sizeof(q.name));
		channel_refresh();
		lookup_new(PROC_RELAY, id, (int)m.family, &q);
		aresloop_arm(&resolver.loop);
	}
}

static void
resolver_dispatch(struct peer *p, struct imsg *imsg)
{
	if (imsg->hdr.type == IMSG_RESOLVE)
		resolver_resolve(imsg->hdr.id, imsg);
	else if (imsg->hdr.type == IMSG_LOOKUP)
		resolver_lookup(imsg->hdr.id, imsg);
}

static void
resolver_startup(void)
{
	aresloop_init(&resolver.loop, child_base());
}

void
resolver_main(const struct proc_args *args)
{
	static const struct child_ops	 ops = {
		.dispatch = resolver_dispatch,
		.startup = resolver_startup,
		.nofile = SOCKETS_MAX
	};

	child_run(args, &ops);
}
