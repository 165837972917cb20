/*
 * The table of checks, and one run of them.  Runs in the doctor (_gwrelay,
 * Landlock) and in gatewayctl.
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "log.h"
#include "lookup.h"
#include "util.h"

/* in the order in which one would look: what is needed first comes first */
static const struct {
	const char	*name;
	void		(*run)(struct doctor *);
} checks[] = {
	{ "config", check_config },
	{ "clock", check_clock },
	{ "kernel", check_kernel },
	{ "sysctl", check_sysctl },
	{ "wan", check_wan },
	{ "firewall", check_firewall },
	{ "socket", check_sockets },
	{ "port", check_port },
	{ "address", check_addr },
	{ "route", check_route },
	{ "mtu", check_mtu },
	{ "dns", check_dns },
	{ "reach", check_reach },
	{ "exposure", check_exposure },
};
#define NCHECKS	(sizeof(checks) / sizeof(checks[0]))

unsigned int
doctor_order(const char *id)
{
	size_t		 len = strcspn(id, ".");
	unsigned int	 i;

	for (i = 0; i < NCHECKS; i++)
		if (strlen(checks[i].name) == len &&
		    memcmp(checks[i].name, id, len) == 0)
			return (i);
	fatalx("doctor: no check \"%s\"", id);
}

const struct gw_tunnel *
doctor_tunnel(const struct doctor *d, const struct gw_tunnel *t)
{
	if (d->conf == NULL || (t != NULL && t == d->last))
		return (NULL);
	t = t != NULL ? TAILQ_NEXT(t, entry) :
	    TAILQ_FIRST(&d->conf->tunnels);
	while (t != NULL && !t->enabled)
		t = TAILQ_NEXT(t, entry);
	return (t);
}

static void
limit_tunnels(struct doctor *d)
{
	const struct gw_tunnel	*t = NULL;
	int			 i;

	for (i = 0; i < DOCTOR_TUNNELS; i++)
		if ((t = doctor_tunnel(d, t)) == NULL)
			return;
	d->last = t;
}

void
doctor_hold(struct doctor *d)
{
	d->waiting++;
}

/* done from the event loop, never from inside doctor_run() */
void
doctor_release(struct doctor *d)
{
	static const struct timeval	 now = { 0, 0 };

	if (--d->waiting == 0 && evtimer_add(d->finish, &now) == -1)
		fatalx("doctor: evtimer_add");
}

static void
doctor_finish(int fd, short events, void *arg)
{
	struct doctor	*d = arg;

	event_free(d->finish);
	lookups_free(d);
	netinfo_free(d->net);
	d->done(d->report, d->arg);
	free(d);
}

void
doctor_run(struct event_base *base, const struct doctor_options *o,
    void (*done)(struct report *, void *), void *arg)
{
	struct doctor	*d = xcalloc(1, sizeof(*d));
	size_t		 i;

	d->base = base;
	d->o = *o;
	d->conf = o->conf;
	d->done = done;
	d->arg = arg;
	d->report = report_new();
	d->net = netinfo_load();
	if ((d->finish = evtimer_new(base, doctor_finish, d)) == NULL)
		fatalx("doctor: evtimer_new");
	limit_tunnels(d);
	doctor_hold(d);
	for (i = 0; i < NCHECKS; i++)
		checks[i].run(d);
	doctor_release(d);
}
