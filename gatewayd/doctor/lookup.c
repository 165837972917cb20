/*
 * Names, by c-ares.  Runs in the doctor (_gwrelay, Landlock) and in
 * gatewayctl.
 */
#include <stdlib.h>

#include "aresloop.h"
#include "log.h"
#include "lookup.h"
#include "util.h"

#define TRY_MS	1500		/* for one server to answer */
#define TRIES	2

/* of one run */
struct lookups {
	struct aresloop	 loop;
	struct event	*deadline;
	int		 error;		/* no channel could be made */
};

struct lookup {
	struct doctor	*d;
	lookup_fn	 fn;
	void		*arg;
};

static void
lookups_expired(int fd, short events, void *arg)
{
	struct lookups	*ls = arg;

	/* each callback follows before this returns */
	if (ls->loop.channel != NULL)
		ares_cancel(ls->loop.channel);
}

static struct lookups *
lookups_new(struct doctor *d)
{
	static const struct timeval	 tv = { DOCTOR_WAIT_MS / 1000, 0 };
	struct lookups			*ls = xcalloc(1, sizeof(*ls));

	aresloop_init(&ls->loop, d->base);
	ls->error = aresloop_open(&ls->loop, TRY_MS, TRIES);
	ls->deadline = evtimer_new(d->base, lookups_expired, ls);
	if (ls->deadline == NULL || evtimer_add(ls->deadline, &tv) == -1)
		fatalx("doctor: evtimer_new");
	return (ls);
}

void
lookups_free(struct doctor *d)
{
	if (d->lookups == NULL)
		return;
	event_free(d->lookups->deadline);
	aresloop_free(&d->lookups->loop);
	free(d->lookups);
}

static void
lookup_done(void *arg, int status, int timeouts, struct ares_addrinfo *ai)
{
	struct lookup	*l = arg;

	l->fn(l->d, l->arg, status, status == ARES_SUCCESS ? ai : NULL);
	ares_freeaddrinfo(ai);
	doctor_release(l->d);
	free(l);
}

void
lookup(struct doctor *d, const char *name, int family, lookup_fn fn, void *arg)
{
	struct ares_addrinfo_hints	 hints = {
		ARES_AI_NOSORT, family, SOCK_DGRAM, 0
	};
	struct lookup			*l = xcalloc(1, sizeof(*l));

	if (d->lookups == NULL)
		d->lookups = lookups_new(d);
	l->d = d;
	l->fn = fn;
	l->arg = arg;
	doctor_hold(d);
	if (d->lookups->loop.channel == NULL) {
		lookup_done(l, d->lookups->error, 0, NULL);
		return;
	}
	ares_getaddrinfo(d->lookups->loop.channel, name, NULL, &hints,
	    lookup_done, l);
	aresloop_arm(&d->lookups->loop);
}
