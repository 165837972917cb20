/*
 * One question for hosts(5) and the name servers: see query.h.  Runs in the
 * resolver (_gwrelay, Landlock).
 *
 * c-ares 1.18 can only give up all of its queries at once: one that takes too
 * long is answered, and left to end by itself.
 */
#include <sys/stat.h>

#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "hosts.h"
#include "log.h"
#include "query.h"
#include "servers.h"
#include "util.h"

struct query {
	TAILQ_ENTRY(query)	 entry;
	struct cache_key	 key;
	struct query_pool	*pool;
	struct event		*deadline;
	unsigned int		 first;		/* who was asked first */
	query_done		*done;		/* NULL: it was called */
	void			*arg;
};

static struct {
	struct event_base	*base;
	int			 open;		/* there are servers */
	struct stat		 resolv_conf_then;
	struct stat		 hosts_then;
	query_late		*late;
	TAILQ_HEAD(, query)	 queries;
} queries = {
	.queries = TAILQ_HEAD_INITIALIZER(queries.queries)
};

static void
query_free(struct query *q)
{
	TAILQ_REMOVE(&queries.queries, q, entry);
	q->pool->n--;
	event_free(q->deadline);
	free(q);
}

static void
query_end(struct query *q, struct cache_answer *a)
{
	query_done	*done = q->done;
	void		*arg = q->arg;

	if (done == NULL && answer_given(a))
		queries.late(&q->key, a);
	query_free(q);
	if (done != NULL)
		done(arg, a);
}

static void
query_expired(int fd, short events, void *arg)
{
	struct cache_answer	 a = { .error = ARES_ETIMEOUT };
	struct query		*q = arg;
	query_done		*done = q->done;

	q->done = NULL;
	done(q->arg, &a);
}

static void
query_answered(void *arg, int status, int timeouts, unsigned char *msg,
    int len)
{
	struct cache_answer	 a;
	struct query		*q = arg;

	/* the channel is being replaced: restart() follows */
	if (status == ARES_EDESTRUCTION)
		return;
	answer_read(&a, q->key.family, status, msg, (size_t)len);
	if (answer_given(&a))
		servers_answered(q->first, timeouts);
	query_end(q, &a);
}

/* the answer may come before this returns */
static void
query_send(struct query *q)
{
	servers_ask(&q->key, &q->first, query_answered, q);
}

/* what was under way on channels that are gone */
static void
restart(void)
{
	struct query	*q, *next;

	TAILQ_FOREACH_SAFE(q, &queries.queries, entry, next) {
		if (q->done == NULL)
			query_free(q);
		else
			query_send(q);
	}
}

static int
stat_equal(const struct stat *a, const struct stat *b)
{
	return (a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	    a->st_size == b->st_size &&
	    a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	    a->st_mtim.tv_nsec == b->st_mtim.tv_nsec);
}

/* nonzero if the file, or what the link leads to, is another one than then */
static int
changed(const char *path, struct stat *then)
{
	struct stat	 st;

	if (stat(path, &st) == -1)
		memset(&st, 0, sizeof(st));	/* c-ares has a default */
	if (stat_equal(&st, then))
		return (0);
	*then = st;
	return (1);
}

int
query_refresh(void)
{
	int	 hosts, r;

	if ((hosts = changed(HOSTS, &queries.hosts_then)))
		hosts_read();
	if (!changed(RESOLV_CONF, &queries.resolv_conf_then) &&
	    queries.open)
		return (hosts);
	r = servers_open();
	queries.open = r == ARES_SUCCESS;
	if (!queries.open)
		log_warnx("%s: %s", RESOLV_CONF, ares_strerror(r));
	restart();
	return (1);
}

int
query_start(struct query_pool *pool, const struct cache_key *key,
    query_done *done, void *arg)
{
	static const struct timeval	 tv = { QUERY_MAX_MS / 1000, 0 };
	struct cache_answer		 a;
	struct query			*q;

	if (hosts_lookup(key, &a)) {
		done(arg, &a);
		return (0);
	}
	if (pool->n >= pool->max)
		return (-1);
	pool->n++;
	q = xcalloc(1, sizeof(*q));
	q->key = *key;
	q->pool = pool;
	q->done = done;
	q->arg = arg;
	if ((q->deadline = evtimer_new(queries.base, query_expired,
	    q)) == NULL || evtimer_add(q->deadline, &tv) == -1)
		fatalx("evtimer_new");
	TAILQ_INSERT_TAIL(&queries.queries, q, entry);
	query_send(q);
	return (0);
}

void
query_init(struct event_base *base, query_late *late)
{
	queries.late = late;
	queries.base = base;
	servers_init(base);
	hosts_init();
}
