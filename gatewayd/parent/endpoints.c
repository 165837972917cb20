/*
 * The last address of each tunnel server's name, in the file "endpoints".
 * Runs in the parent.
 *
 *	[endpoints]
 *	NAME = ADDRESS
 */
#include <sys/queue.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "ini.h"
#include "log.h"
#include "name.h"
#include "state.h"
#include "util.h"

#define ENDPOINTS_MAX	4096	/* names */
#define SAVE_DELAY	5	/* seconds; several changes are one write */
#define SAVE_RETRY	60	/* after a failure */

struct endpoint {
	TAILQ_ENTRY(endpoint)	 entry;
	char			 host[GW_HOST_SIZE];
	struct in_addr		 addr;
};
TAILQ_HEAD(endpoint_list, endpoint);

static struct state_file	 file = { "endpoints", 0 };
static struct endpoint_list	 endpoints = TAILQ_HEAD_INITIALIZER(endpoints);
static size_t			 nendpoints;
static const struct gw_conf	*names;		/* of this configuration */
static struct event		*timer;
static int			 dirty;

static struct endpoint *
endpoint_find(const char *host)
{
	struct endpoint	*e;

	TAILQ_FOREACH(e, &endpoints, entry)
		if (strcasecmp(e->host, host) == 0)
			return (e);
	return (NULL);
}

static void
endpoint_add(const char *host, struct in_addr addr)
{
	struct endpoint	*e = xcalloc(1, sizeof(*e));

	strlcpy(e->host, host, sizeof(e->host));
	e->addr = addr;
	TAILQ_INSERT_TAIL(&endpoints, e, entry);
	nendpoints++;
}

static void
endpoint_remove(struct endpoint *e)
{
	TAILQ_REMOVE(&endpoints, e, entry);
	nendpoints--;
	free(e);
}

static void
load_section(void *arg, const char *name, struct ini_at at)
{
	if (name == NULL || strcmp(name, "endpoints") != 0)
		*(int *)arg = 1;
}

static void
load_pair(void *arg, const struct ini_pair *pair)
{
	struct in_addr	 addr;

	if (nendpoints == ENDPOINTS_MAX || name_error(pair->key) != NULL ||
	    endpoint_find(pair->key) != NULL ||
	    inet_pton(AF_INET, pair->value, &addr) != 1 ||
	    addr4_endpoint_error(addr) != NULL)
		*(int *)arg = 1;
	else
		endpoint_add(pair->key, addr);
}

static void
load_error(void *arg, struct ini_at at, const char *text)
{
	*(int *)arg = 1;
}

static void
endpoints_load(void)
{
	static const struct ini_handler	 handler = {
		load_section, load_pair, load_error
	};
	char				*text;
	size_t				 len;
	int				 bad = 0;

	if ((text = state_load(&file, &len)) == NULL)
		return;
	ini_scan(text, len, &handler, &bad);
	free(text);
	if (!bad)
		return;
	while (!TAILQ_EMPTY(&endpoints))
		endpoint_remove(TAILQ_FIRST(&endpoints));
	state_set_aside(&file, "is no list of names and their addresses");
}

static void
save_later(int seconds)
{
	struct timeval	 tv = { seconds, 0 };

	if (evtimer_add(timer, &tv) == -1)
		fatalx("evtimer_add");
}

static void
save_timeout(int fd, short events, void *arg)
{
	endpoints_flush();
	if (dirty)
		save_later(SAVE_RETRY);
}

void
endpoints_init(struct event_base *base)
{
	if ((timer = evtimer_new(base, save_timeout, NULL)) == NULL)
		fatalx("evtimer_new");
	endpoints_load();
}

void
endpoints_conf(const struct gw_conf *conf)
{
	names = conf;
}

struct in_addr
endpoints_last(const char *host)
{
	const struct endpoint	*e;
	struct in_addr		 none = { INADDR_ANY };

	return ((e = endpoint_find(host)) != NULL ? e->addr : none);
}

static int
compare(const void *a, const void *b)
{
	return (strcasecmp(*(const char *const *)a, *(const char *const *)b));
}

/* the names of all tunnel servers, sorted; the caller frees the array */
static const char **
configured(size_t *n)
{
	const struct gw_tunnel	*t;
	const struct wg_peer	*peer;
	const char		**hosts;
	size_t			 max = 0;

	TAILQ_FOREACH(t, &names->tunnels, entry)
		max += t->wg != NULL ? t->wg->npeers : 1;
	hosts = xcalloc(max, sizeof(*hosts));
	*n = 0;
	TAILQ_FOREACH(t, &names->tunnels, entry)
		if (t->wg == NULL)
			hosts[(*n)++] = t->endpoint;
		else
			TAILQ_FOREACH(peer, &t->wg->peers, entry)
				hosts[(*n)++] = peer->host;
	qsort(hosts, *n, sizeof(*hosts), compare);
	return (hosts);
}

/* forgets the names that nobody uses any more */
static void
endpoints_prune(void)
{
	struct endpoint	*e, *next;
	const char	**hosts, *host;
	size_t		 n;

	hosts = configured(&n);
	for (e = TAILQ_FIRST(&endpoints); e != NULL; e = next) {
		next = TAILQ_NEXT(e, entry);
		host = e->host;
		if (bsearch(&host, hosts, n, sizeof(*hosts), compare) == NULL)
			endpoint_remove(e);
	}
	free(hosts);
}

void
endpoints_learned(const char *host, struct in_addr addr)
{
	struct endpoint	*e;

	if (addr4_endpoint_error(addr) != NULL)
		return;
	if ((e = endpoint_find(host)) != NULL) {
		if (e->addr.s_addr == addr.s_addr)
			return;
		e->addr = addr;
	} else {
		if (nendpoints == ENDPOINTS_MAX)
			endpoints_prune();
		/* who has more names has to wait for the DNS with some */
		if (nendpoints == ENDPOINTS_MAX)
			return;
		endpoint_add(host, addr);
	}
	if (!dirty)
		save_later(SAVE_DELAY);
	dirty = 1;
}

void
endpoints_flush(void)
{
	const struct endpoint	*e;
	char			*text;
	size_t			 len;
	FILE			*f;

	if (!dirty)
		return;
	endpoints_prune();
	if ((f = open_memstream(&text, &len)) == NULL)
		fatal("open_memstream");
	fputs("[endpoints]\n", f);
	TAILQ_FOREACH(e, &endpoints, entry)
		fprintf(f, "%s = %s\n", e->host, addr4_text(e->addr));
	if (fclose(f) == EOF)
		fatal("open_memstream");
	if (state_save(&file, text, len) == 0)
		dirty = 0;
	free(text);
}
