/*
 * Selection: which tunnel carries the default route.  Runs in the engine.
 *
 *	priority	the usable one with the lowest number
 *	latency		the fastest, once it has been faster for a while
 *	manual		the operator's choice, and no other
 *
 * The operator's choice goes first in any mode; the order of the configuration
 * settles ties.  Without preempt the active one stays as long as it is usable.
 * If it fails, those that have just answered go before all others.
 */
#include <stdio.h>
#include <string.h>

#include "engine.h"
#include "log.h"
#include "util.h"

#define FRESH_MS	1000	/* an answer so young proves that it lives */
#define ASKED_MS	250	/* without an answer: it may be dead */
#define DRAINING_MS	(10 * 60 * 1000)
#define ADOPTED_MS	1500	/* a first probe's time-out, and its answer */
#define SOON_MS		3	/* gathers the news of one cause */
#define STANDBYS	2	/* are asked when the active one is in doubt */
#define LOSS_COST_US	10000	/* a percent of loss is as bad as that */

/* why the active one is another: in words, and for the counters */
struct cause {
	enum failover_cause	 kind;
	char			 why[WIRE_REASON];	/* "": as usual */
};

static int
may_carry(const struct tunnel *t)
{
	return (health_usable(t->state));
}

/*
 * What is known of its being alive: 2 if it was asked a moment ago and has
 * answered, 0 if there is doubt.
 */
static int
liveness(const struct tunnel *t, uint64_t now)
{
	const struct health	*h = &t->health;

	if (t->state == TS_SUSPECT)
		return (h->asked && now - h->asked_ms <= ASKED_MS);
	return (h->asked_ms != 0 && now - h->asked_ms <= FRESH_MS &&
	    h->replied_ms >= h->asked_ms ? 2 : 1);
}

/* mode latency: the delay, and loss as so much delay; UINT64_MAX: unknown */
static uint64_t
cost_us(const struct tunnel *t)
{
	uint64_t	 loss = 0;

	if (t->last.avg_us == WIRE_UNKNOWN || t->last.sent == 0)
		return (UINT64_MAX);
	loss = (uint64_t)t->last.lost * 100 * LOSS_COST_US / t->last.sent;
	return (t->last.avg_us + loss);
}

/* nonzero if a goes before b by choice and configuration alone */
static int
goes_first(const struct tunnel *a, const struct tunnel *b)
{
	if (a->preferred != b->preferred)
		return (a->preferred);
	if (engine.conf.mode == GW_MODE_LATENCY)
		return (cost_us(a) < cost_us(b));
	return (a->conf.priority < b->conf.priority);
}

/* after a failure: the best of those that are most surely alive, or NULL */
static struct tunnel *
successor(uint64_t now)
{
	struct tunnel	*t, *found = NULL;
	int		 differ;

	TAILQ_FOREACH(t, &engine.tunnels, entry) {
		if (!may_carry(t))
			continue;
		differ = found == NULL ? 1 :
		    liveness(t, now) - liveness(found, now);
		if (differ > 0 || (differ == 0 && goes_first(t, found)))
			found = t;
	}
	return (found);
}

/* the best there is, the active one included: one in doubt takes no place */
static struct tunnel *
best(struct tunnel *active)
{
	struct tunnel	*t, *found = NULL;

	TAILQ_FOREACH(t, &engine.tunnels, entry) {
		if (t != active && (!may_carry(t) || t->state == TS_SUSPECT))
			continue;
		if (found == NULL || goes_first(t, found))
			found = t;
	}
	return (found);
}

static struct tunnel *
preferred(void)
{
	struct tunnel	*t;

	TAILQ_FOREACH(t, &engine.tunnels, entry)
		if (t->preferred)
			return (t);
	return (NULL);
}

/* mode latency: nonzero if t has been faster by the margin for long enough */
static int
faster(struct tunnel *t, const struct tunnel *active, uint64_t now)
{
	const struct imsg_conf	*c = &engine.conf;
	uint64_t		 mine = cost_us(t), its = cost_us(active);
	uint64_t		 margin = (uint64_t)c->margin_ms * 1000;

	if (its != UINT64_MAX && its * c->margin_percent / 100 > margin)
		margin = its * c->margin_percent / 100;
	if (mine == UINT64_MAX || t->state == TS_SUSPECT ||
	    (its != UINT64_MAX && (its < margin || mine > its - margin))) {
		t->better_ms = 0;
		return (0);
	}
	if (t->better_ms == 0)
		t->better_ms = now;
	return (now - t->better_ms >= c->margin_hold_ms);
}

/* mode latency: who has been faster for long enough, or the active one */
static struct tunnel *
fastest(struct tunnel *active, uint64_t now, struct cause *c)
{
	struct tunnel	*t, *found = active;

	TAILQ_FOREACH(t, &engine.tunnels, entry)
		if (t != active && may_carry(t) && faster(t, active, now) &&
		    (found == active || cost_us(t) < cost_us(found)))
			found = t;
	if (found == active)
		return (active);
	c->kind = FAILOVER_LATENCY;
	snprintf(c->why, sizeof(c->why), "%s has been faster by the margin "
	    "for %u s", found->conf.name, engine.conf.margin_hold_ms / 1000);
	return (found);
}

/* while the active one is usable: who takes its place, and why; or itself */
static struct tunnel *
challenger(struct tunnel *active, uint64_t now, struct cause *c)
{
	struct tunnel	*t = best(active);

	if (t != active && t->preferred) {
		c->kind = FAILOVER_OPERATOR;
		snprintf(c->why, sizeof(c->why), "%s is preferred by an "
		    "operator", t->conf.name);
		return (t);
	}
	if (!engine.conf.preempt || active->preferred)
		return (active);
	if (engine.conf.mode == GW_MODE_LATENCY)
		return (fastest(active, now, c));
	if (t == active)
		return (active);
	c->kind = FAILOVER_PRIORITY;
	snprintf(c->why, sizeof(c->why), "%s answers, and goes first by its "
	    "priority %u", t->conf.name, t->conf.priority);
	return (t);
}

/* mode manual: one stays whatever happens, once somebody has chosen it */
static struct tunnel *
choose_manual(struct tunnel *active, uint64_t now)
{
	struct tunnel	*t = preferred();

	if (t != NULL)
		return (may_carry(t) ? t : NULL);
	if (active != NULL && may_carry(active))
		return (active);
	return (successor(now));
}

static void
explain(const struct tunnel *old, const struct tunnel *new, struct cause *c)
{
	if (c->why[0] != '\0')
		return;
	if (old == NULL)
		c->kind = FAILOVER_RECOVERY;
	else if (may_carry(old) || !tunnel_enabled(old))
		c->kind = FAILOVER_OPERATOR;
	else
		c->kind = FAILOVER_FAILURE;
	if (old != NULL && !may_carry(old))
		snprintf(c->why, sizeof(c->why), "%s is %s: %.100s",
		    old->conf.name, tunnel_state_name(old->state),
		    old->reason);
	else if (new != NULL)
		snprintf(c->why, sizeof(c->why), "%s answers",
		    new->conf.name);
	else
		snprintf(c->why, sizeof(c->why), "no tunnel can be used");
}

/*
 * What the kernel had when the daemon started is the active one until there is
 * a verdict on it, or until it has said nothing for long and another answers.
 */
static int
adopted_stays(const struct tunnel *t, uint64_t now)
{
	uint64_t	 patience = t->health.since_ms + ADOPTED_MS;

	if (!t->adopting)
		return (0);
	if (t->state != TS_PROBING || successor(now) == NULL)
		return (1);
	if (now >= patience)
		return (0);
	engine.patience_ms = patience;
	return (1);
}

static struct tunnel *
choose(struct tunnel *active, uint64_t now, struct cause *c)
{
	if (active != NULL && adopted_stays(active, now))
		return (active);
	if (engine.conf.mode == GW_MODE_MANUAL)
		return (choose_manual(active, now));
	if (active != NULL && may_carry(active))
		return (challenger(active, now, c));
	return (successor(now));
}

static void
count_alternatives(void)
{
	struct tunnel	*t, *other;
	int		 usable = 0;

	TAILQ_FOREACH(other, &engine.tunnels, entry)
		usable += may_carry(other);
	TAILQ_FOREACH(t, &engine.tunnels, entry)
		health_set_alternative(&t->health,
		    usable - may_carry(t) > 0);
}

/* a failure's outage goes on until another tunnel has the default route */
static void
outage_begin(const struct tunnel *old, const struct cause *c)
{
	if (old == NULL)
		return;
	engine.outage_ms = c->kind == FAILOVER_FAILURE ?
	    old->health.replied_ms : 0;
}

void
select_switched(void)
{
	if (engine.outage_ms == 0)
		return;
	status_outage(monotime_ms() - engine.outage_ms);
	engine.outage_ms = 0;
}

static void
switched(struct tunnel *old, struct tunnel *new, const struct cause *c,
    uint64_t now)
{
	struct tunnel	*t;

	outage_begin(old, c);
	engine.active = new;
	if (new != NULL) {
		new->switches++;
		new->draining_ms = 0;
		log_record(LL_INFO, new->conf.name, "is the active tunnel%s%s:"
		    " %s", old != NULL ? ", after " : "",
		    old != NULL ? old->conf.name : "", c->why);
	} else
		log_warnx("no tunnel is active: %s", c->why);
	if (old != NULL && may_carry(old))
		old->draining_ms = now + DRAINING_MS;
	TAILQ_FOREACH(t, &engine.tunnels, entry)
		t->better_ms = 0;
	/* the new one first: there is no moment without a default */
	if (new != NULL)
		tunnel_update(new);
	TAILQ_FOREACH(t, &engine.tunnels, entry)
		if (t != new)
			tunnel_update(t);
	/* what happened to them first: it is why */
	if (old != NULL)
		status_tunnel(old);
	if (new != NULL)
		status_tunnel(new);
	status_failover(old, new, c->kind, c->why);
	status_health();
	persist_dirty();
}

void
select_active(void)
{
	struct tunnel	*old = engine.active, *new;
	struct cause	 cause = { FAILOVER_FAILURE, "" };
	uint64_t	 now = monotime_ms();

	engine.select_ms = engine.patience_ms = ENGINE_NEVER;
	count_alternatives();
	new = choose(old, now, &cause);
	if (new == old)
		return;
	explain(old, new, &cause);
	switched(old, new, &cause, now);
}

void
select_soon(void)
{
	uint64_t	 at = monotime_ms() + SOON_MS;

	if (at < engine.select_ms)
		engine.select_ms = at;
}

void
select_doubt(void)
{
	struct tunnel	*t, *found;
	int		 i;

	/* who is asked is suspect from then on, so each is found once */
	for (i = 0; i < STANDBYS; i++) {
		found = NULL;
		TAILQ_FOREACH(t, &engine.tunnels, entry)
			if (t != engine.active && may_carry(t) &&
			    t->state != TS_SUSPECT &&
			    (found == NULL || goes_first(t, found)))
				found = t;
		if (found == NULL)
			return;
		tunnel_doubt(found, "the active tunnel is in doubt");
	}
}

void
select_prefer(struct tunnel *t)
{
	struct tunnel	*other;

	TAILQ_FOREACH(other, &engine.tunnels, entry)
		if (other->preferred != (other == t)) {
			other->preferred = other == t;
			status_tunnel(other);
		}
	persist_dirty();
}

int
select_lost(const struct tunnel *t)
{
	return (t->carried && !may_carry(t) && t->state != TS_RECOVERING &&
	    engine.active != NULL && engine.active != t);
}

enum tunnel_role
select_role(const struct tunnel *t)
{
	if (t == engine.active)
		return (ROLE_ACTIVE);
	if (may_carry(t) && monotime_ms() < t->draining_ms)
		return (ROLE_DRAINING);
	return (ROLE_STANDBY);
}
