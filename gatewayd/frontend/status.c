/*
 * The frontend's knowledge itself: see status.h.  Runs in the frontend
 * (_gatewayd, chroot).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "history.h"
#include "json_value.h"
#include "status.h"

struct fe_status	 fe_status = {
	.tunnels.list = TAILQ_HEAD_INITIALIZER(fe_status.tunnels.list)
};

void			(*fe_watch)(void);

void
fe_changed(void)
{
	fe_status.generation++;
	if (fe_watch != NULL)
		fe_watch();
}

static int
id_cmp(struct fe_tunnel *a, struct fe_tunnel *b)
{
	return (a->conf.id < b->conf.id ? -1 : a->conf.id > b->conf.id);
}

static int
name_cmp(struct fe_tunnel *a, struct fe_tunnel *b)
{
	return (strcmp(a->conf.name, b->conf.name));
}

static int
iface_cmp(struct fe_tunnel *a, struct fe_tunnel *b)
{
	return (strcmp(a->conf.iface, b->conf.iface));
}

RB_PROTOTYPE(fe_ids, fe_tunnel, by_id, id_cmp)
RB_PROTOTYPE(fe_names, fe_tunnel, by_name, name_cmp)
RB_PROTOTYPE(fe_ifaces, fe_tunnel, by_iface, iface_cmp)
RB_GENERATE(fe_ids, fe_tunnel, by_id, id_cmp)
RB_GENERATE(fe_names, fe_tunnel, by_name, name_cmp)
RB_GENERATE(fe_ifaces, fe_tunnel, by_iface, iface_cmp)

void
fe_tunnels_init(struct fe_tunnels *set)
{
	TAILQ_INIT(&set->list);
	RB_INIT(&set->ids);
	RB_INIT(&set->names);
	RB_INIT(&set->ifaces);
}

int
fe_tunnels_add(struct fe_tunnels *set, struct fe_tunnel *t)
{
	if (RB_FIND(fe_ids, &set->ids, t) != NULL ||
	    RB_FIND(fe_names, &set->names, t) != NULL)
		return (-1);
	RB_INSERT(fe_ids, &set->ids, t);
	RB_INSERT(fe_names, &set->names, t);
	/* the first of several without an interface stands for all */
	RB_INSERT(fe_ifaces, &set->ifaces, t);
	TAILQ_INSERT_TAIL(&set->list, t, entry);
	return (0);
}

void
fe_tunnels_clear(struct fe_tunnels *set)
{
	struct fe_tunnel	*t;

	while ((t = TAILQ_FIRST(&set->list)) != NULL) {
		TAILQ_REMOVE(&set->list, t, entry);
		free(t);
	}
	fe_tunnels_init(set);
}

struct fe_tunnel *
fe_tunnels_id(struct fe_tunnels *set, uint32_t id)
{
	struct fe_tunnel	 key;

	key.conf.id = id;
	return (RB_FIND(fe_ids, &set->ids, &key));
}

/* a doubt that came to nothing leaves no trace: with some loss there would
 * soon be nothing else */
static void
add_transition(struct fe_tunnel *t, const struct imsg_status *m)
{
	struct fe_transition	*tr = &t->transitions[0];

	if (t->ntransitions > 0 && tr->to == TS_SUSPECT &&
	    tr->from == m->state) {
		t->ntransitions--;
		memmove(tr, tr + 1, t->ntransitions * sizeof(*tr));
		return;
	}
	memmove(tr + 1, tr, (FE_TRANSITIONS - 1) * sizeof(*tr));
	tr->time = m->since;
	tr->from = t->st.state;
	tr->to = m->state;
	memcpy(tr->reason, m->reason, sizeof(tr->reason));
	if (t->ntransitions < FE_TRANSITIONS)
		t->ntransitions++;
}

void
fe_tunnel_update(struct fe_tunnel *t, const struct imsg_status *m)
{
	struct imsg_status	 was = t->st;
	enum tunnel_is		 is = tunnel_is(t);
	int			 known = t->known;

	if (known && was.state != m->state)
		add_transition(t, m);
	t->st = *m;
	t->known = 1;
	if (known && tunnel_is(t) != is)
		t->counts.states[tunnel_is(t)]++;
	fe_changed();
	events_tunnel(t, known ? &was : NULL);
	/* whole seconds: that is once a second at most */
	if (m->last_check != 0 && m->last_check != was.last_check)
		events_probe(t);
	history_sample(t);
}

void
fe_health_update(const struct imsg_health *m)
{
	uint32_t	 was = fe_status.health.status;

	if (memcmp(m, &fe_status.health, sizeof(*m)) == 0)
		return;
	fe_status.health = *m;
	fe_changed();
	if (m->status != was)
		events_health();
}

void
fe_failover(struct fe_tunnel *from, struct fe_tunnel *to,
    const struct imsg_failover *m)
{
	struct fe_failover	 f;

	memset(&f, 0, sizeof(f));
	f.time = m->time;
	if (from != NULL)
		strlcpy(f.from, from->conf.name, sizeof(f.from));
	if (to != NULL)
		strlcpy(f.to, to->conf.name, sizeof(f.to));
	memcpy(f.reason, m->reason, sizeof(f.reason));
	if (from != NULL) {
		from->failover = f;
		from->counts.left++;
	}
	if (to != NULL) {
		to->failover = f;
		to->counts.taken++;
	}
	fe_status.failovers[m->cause]++;
	fe_changed();
	events_failover(&f);
}

static void
keep_known(struct fe_tunnel *t, const struct fe_tunnel *old)
{
	t->st = old->st;
	t->known = old->known;
	t->ntransitions = old->ntransitions;
	memcpy(t->transitions, old->transitions, sizeof(t->transitions));
	t->failover = old->failover;
	t->counts = old->counts;
	t->relay = old->relay;
	t->relayed = old->relayed;
}

void
fe_tunnels_commit(struct fe_tunnels *next)
{
	struct fe_tunnels	*set = &fe_status.tunnels;
	struct fe_tunnel	*t, *old;

	TAILQ_FOREACH(t, &set->list, entry)
		if (t->known && fe_tunnels_id(next, t->conf.id) == NULL)
			events_tunnel_gone(t);
	TAILQ_FOREACH(t, &next->list, entry) {
		if ((old = fe_tunnels_id(set, t->conf.id)) != NULL)
			keep_known(t, old);
		else if (t->known)
			events_tunnel(t, NULL);
	}
	fe_tunnels_clear(set);
	TAILQ_CONCAT(&set->list, &next->list, entry);
	set->ids = next->ids;
	set->names = next->names;
	set->ifaces = next->ifaces;
	fe_tunnels_init(next);
	history_conf();
}

struct fe_tunnel *
fe_tunnel_name(const char *name)
{
	struct fe_tunnel	 key;

	if (strlcpy(key.conf.name, name, sizeof(key.conf.name)) >=
	    sizeof(key.conf.name))
		return (NULL);
	return (RB_FIND(fe_names, &fe_status.tunnels.names, &key));
}

struct fe_tunnel *
fe_tunnel_iface(const char *iface)
{
	struct fe_tunnel	 key;

	if (strlcpy(key.conf.iface, iface, sizeof(key.conf.iface)) >=
	    sizeof(key.conf.iface))
		return (NULL);
	return (RB_FIND(fe_ifaces, &fe_status.tunnels.ifaces, &key));
}

const char *
fe_tunnel_list(char *buf, size_t size,
    const char *(*word)(const struct fe_tunnel *))
{
	const struct fe_tunnel	*t;
	size_t			 len = 0;

	strlcpy(buf, "none", size);
	TAILQ_FOREACH(t, &fe_status.tunnels.list, entry) {
		if (len + strlen(word(t)) + sizeof(", ...") > size) {
			strlcpy(buf + len, "...", size - len);
			break;
		}
		len += snprintf(buf + len, size - len, "%s%s", word(t),
		    TAILQ_NEXT(t, entry) != NULL ? ", " : "");
	}
	return (buf);
}

const char *
fe_name(const struct fe_tunnel *t)
{
	return (t->conf.name);
}

const char *
fe_iface(const struct fe_tunnel *t)
{
	return (t->conf.iface);
}
