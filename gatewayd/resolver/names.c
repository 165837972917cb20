/*
 * The relay's names: see names.h.  Runs in the resolver (_gwrelay, Landlock).
 *
 * The cache lies here and not in the relay: whoever could make a relay's
 * process remember a wrong address would have all its clients, and here it can
 * be dropped with the files it comes from.
 */
#include <sys/socket.h>

#include <ares.h>
#include <stdlib.h>
#include <string.h>

#include "child.h"
#include "flight.h"
#include "log.h"
#include "name.h"
#include "names.h"
#include "util.h"
#include "wire.h"
#include "wire_resolve.h"

#define QUERIES_MAX	1024	/* under way */

static struct cache		 cache;
static struct flights		 flights;
static struct query_pool	 pool = { 0, QUERIES_MAX };

/* arg: the answer */
static void
tell(uint32_t id, void *arg)
{
	const struct cache_answer	*a = arg;
	struct imsg_looked_up		 m;

	memset(&m, 0, sizeof(m));
	m.error = (uint32_t)a->error;
	m.ttl = a->ttl;
	m.naddrs = a->n;
	memcpy(m.addrs, a->addrs, sizeof(m.addrs));
	peer_send(child_peer(PROC_RELAY), IMSG_LOOKED_UP, id, -1, &m,
	    sizeof(m));
}

static void
tell_error(uint32_t id, int error)
{
	struct cache_answer	 a = { .error = error };

	tell(id, &a);
}

static void
landed(void *arg, const struct cache_answer *answer)
{
	struct cache_answer	 a = *answer;
	struct flight		*f = arg;

	cache_put(&cache, &f->key, &a, monotime_ms());
	flight_end(&flights, f, tell, &a);
	free(f);
}

/* waits for the look-up that is under way, or begins one */
static void
ask(uint32_t id, const struct cache_key *key)
{
	struct cache_answer	 refusal = { .error = ARES_ECANCELLED };
	struct flight		*f = flight_find(&flights, key);
	int			 new = f == NULL;

	if (new) {
		f = xcalloc(1, sizeof(*f));
		flight_start(&flights, f, key);
	}
	if (flight_wait(&flights, f, id) == -1)
		tell(id, &refusal);
	if (new && query_start(&pool, key, landed, f) == -1) {
		flight_end(&flights, f, tell, &refusal);
		free(f);
	}
}

void
names_lookup(uint32_t id, struct imsg *imsg)
{
	struct imsg_lookup	 m;
	struct cache_answer	 a;
	struct cache_key	 key;

	if (imsg_get_data(imsg, &m, sizeof(m)) == -1 || !wire_string(m.name) ||
	    (m.family != AF_INET && m.family != AF_INET6) || m.fresh > 1)
		fatalx("LOOKUP: malformed");
	if (name_error(m.name) != NULL) {
		tell_error(id, ARES_EBADNAME);
		return;
	}
	cache_key(&key, m.family, m.name);
	if (!m.fresh && cache_get(&cache, &key, &a, monotime_ms()))
		tell(id, &a);
	else
		ask(id, &key);
}

void
names_forget(void)
{
	cache_drop(&cache);
}

void
names_learn(const struct cache_key *key, struct cache_answer *a)
{
	cache_put(&cache, key, a, monotime_ms());
}

void
names_init(void)
{
	cache_init(&cache);
	flights_init(&flights);
}
