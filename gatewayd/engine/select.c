/*
 * Selection: which tunnel carries the default route.  Runs in the engine.
 *
 * The usable tunnel with the lowest priority number wins; the order of the
 * configuration settles ties.  Without preempt the active one stays as long
 * as it is usable.
 */
#include <string.h>

#include "engine.h"
#include "log.h"

static const struct tunnel *
best_usable(void)
{
	const struct tunnel	*t, *best = NULL;

	TAILQ_FOREACH(t, &engine.tunnels, entry)
		if (health_usable(t->state) && (best == NULL ||
		    t->conf.priority < best->conf.priority))
			best = t;
	return (best);
}

/* the active one stays: it is held by choice, or by what the kernel had when
 * the daemon started and no verdict has been reached on it yet */
static int
active_stays(void)
{
	if (engine.active == NULL)
		return (0);
	if (engine.active->adopting)
		return (1);
	return (!engine.conf.preempt && health_usable(engine.active->state));
}

static void
count_alternatives(void)
{
	struct tunnel	*t, *other;
	int		 usable = 0;

	TAILQ_FOREACH(other, &engine.tunnels, entry)
		usable += health_usable(other->state);
	TAILQ_FOREACH(t, &engine.tunnels, entry)
		health_set_alternative(&t->health,
		    usable - health_usable(t->state) > 0);
}

void
select_active(void)
{
	struct tunnel	*old = engine.active, *t;

	count_alternatives();
	if (active_stays())
		return;
	engine.active = NULL;
	if (best_usable() != NULL)
		engine.active = engine_tunnel(best_usable()->conf.id);
	if (engine.active == old)
		return;
	if (engine.active != NULL)
		log_record(LL_INFO, engine.active->conf.name,
		    "is the active tunnel%s%s",
		    old != NULL ? ", after " : "",
		    old != NULL ? old->conf.name : "");
	else
		log_warnx("no tunnel can be used");
	/* the new one first: there is no moment without a default */
	if (engine.active != NULL)
		tunnel_update(engine.active);
	TAILQ_FOREACH(t, &engine.tunnels, entry)
		if (t != engine.active)
			tunnel_update(t);
	if (old != NULL)
		status_tunnel(old);
	if (engine.active != NULL)
		status_tunnel(engine.active);
}

enum tunnel_role
select_role(const struct tunnel *t)
{
	return (t == engine.active ? ROLE_ACTIVE : ROLE_STANDBY);
}
