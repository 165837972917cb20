/*
 * The resolver: every name look-up of the daemon, with c-ares.  Runs as
 * _gwrelay, not in a chroot but under Landlock, as /etc/resolv.conf and
 * /etc/hosts must be read whenever they change.
 *
 *	parent -> RESOLVE (id: the tunnel)	-> parent RESOLVED
 *	relay  -> LOOKUP (id: the question)	-> relay  LOOKED_UP
 *
 * Each of them has its answer within QUERY_MAX_MS.  The relay's come from a
 * cache (names.c); a tunnel's endpoint is asked for anew each time.
 */
#include <sys/socket.h>

#include <ares.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "child.h"
#include "gatewayd.h"
#include "log.h"
#include "name.h"
#include "names.h"
#include "query.h"
#include "servers.h"
#include "util.h"
#include "wire.h"
#include "wire_resolve.h"

#define ENDPOINTS_MAX	256		/* under way */
#define TTL_MIN		30		/* seconds */
#define TTL_MAX		86400
#define SOCKETS_MAX	64
#define NAME_SHOWN	80		/* of a name, in a sentence */
#define ADDRS_MAX	(sizeof(((struct imsg_resolved *)0)->addrs) / \
			    sizeof(struct in_addr))

struct endpoint {
	uint32_t		 id;	/* the tunnel */
	struct imsg_resolve	 q;
};

static struct query_pool	 pool = { 0, ENDPOINTS_MAX };

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
		    name, QUERY_MAX_MS / 1000);
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
    const struct cache_answer *a)
{
	struct imsg_resolved	 m;

	answer_init(&m, q, 0);
	for (; m.naddrs < a->n && m.naddrs < ADDRS_MAX; m.naddrs++)
		memcpy(&m.addrs[m.naddrs], &a->addrs[m.naddrs],
		    sizeof(m.addrs[0]));
	m.ttl = a->ttl < TTL_MIN ? TTL_MIN : a->ttl > TTL_MAX ? TTL_MAX :
	    a->ttl;
	answer_send(id, &m);
}

static void
endpoint_found(void *arg, const struct cache_answer *a)
{
	struct endpoint	*e = arg;

	if (a->error != 0)
		answer_error(e->id, &e->q, a->error);
	else
		answer_addrs(e->id, &e->q, a);
	free(e);
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
	struct endpoint		*e;
	struct imsg_resolve	 m;
	struct cache_key	 key;
	const char		*why;

	if (imsg_get_data(imsg, &m, sizeof(m)) == -1 || !wire_string(m.name))
		fatalx("RESOLVE: malformed");
	if ((why = name_error(m.name)) != NULL) {
		answer_bad_name(id, &m, why);
		return;
	}
	e = xcalloc(1, sizeof(*e));
	e->id = id;
	e->q = m;
	cache_key(&key, AF_INET, m.name);
	if (query_start(&pool, &key, endpoint_found, e) == -1) {
		answer_error(id, &m, ARES_ECANCELLED);
		free(e);
	}
}

static void
resolver_dispatch(struct peer *p, struct imsg *imsg)
{
	if (query_refresh())
		names_forget();
	switch (imsg->hdr.type) {
	case IMSG_RESOLVE:
		resolver_resolve(imsg->hdr.id, imsg);
		break;
	case IMSG_LOOKUP:
		names_lookup(imsg->hdr.id, imsg);
		break;
	}
}

static void
resolver_startup(void)
{
	query_init(child_base(), names_learn);
	names_init();
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
