/*
 * Events: see events.h.  Runs in the frontend (_gatewayd, chroot).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "json_value.h"
#include "util.h"

static TAILQ_HEAD(, event_follower)	 followers =
					    TAILQ_HEAD_INITIALIZER(followers);
static struct fe_event			 ring[EVENTS_KEPT];
static uint64_t				 first_id;	/* before the first */
static uint64_t				 last_id;

/* where events are handed out: one event may lead to another */
struct cursor {
	struct cursor		*outer;
	struct event_follower	*next;
};
static struct cursor			*cursors;

static const char *const		 names[] = {
	[EVENT_TUNNEL] = "tunnel",
	[EVENT_HEALTH] = "health",
	[EVENT_FAILOVER] = "failover",
	[EVENT_PROBE] = "probe",
	[EVENT_LOG] = "log",
};

void
events_start(uint64_t id)
{
	first_id = last_id = id;
}

const char *
events_name(enum event_kind kind)
{
	return (names[kind]);
}

uint64_t
events_last(void)
{
	return (last_id);
}

int
events_reached(uint64_t id)
{
	return (id >= first_id && id <= last_id);
}

int
events_wanted(enum event_kind kind)
{
	struct event_follower	*f;

	TAILQ_FOREACH(f, &followers, entry)
		if (f->kinds & EVENTS(kind))
			return (1);
	return (0);
}

void
events_follow(struct event_follower *f)
{
	TAILQ_INSERT_TAIL(&followers, f, entry);
}

void
events_unfollow(struct event_follower *f)
{
	struct cursor	*c;

	for (c = cursors; c != NULL; c = c->outer)
		if (c->next == f)
			c->next = TAILQ_NEXT(f, entry);
	TAILQ_REMOVE(&followers, f, entry);
}

const struct fe_event *
events_after(uint64_t id)
{
	uint64_t	 oldest = first_id + 1;

	if (last_id - first_id > EVENTS_KEPT)
		oldest = last_id - EVENTS_KEPT + 1;
	if (id >= last_id)
		return (NULL);
	return (&ring[(id + 1 > oldest ? id + 1 : oldest) % EVENTS_KEPT]);
}

/* id 0: null */
static char *
event_line(uint64_t id, const char *kind, uint64_t time, json_t *data)
{
	return (value_line(json_pack("{s:o,s:I,s:s,s:o}",
	    "id", value_number(id),
	    "time", (json_int_t)time,
	    "event", kind,
	    "data", data)));
}

static void
event_fill(struct fe_event *e, uint64_t id, enum event_kind kind,
    uint64_t time, json_t *data)
{
	e->id = id;
	e->kind = kind;
	e->line = event_line(id, names[kind], time, data);
	e->len = strlen(e->line);
}

static void
event_tell(const struct fe_event *e)
{
	struct cursor		 c = { cursors, TAILQ_FIRST(&followers) };
	struct event_follower	*f;

	cursors = &c;
	while ((f = c.next) != NULL) {
		c.next = TAILQ_NEXT(f, entry);
		if (f->kinds & EVENTS(e->kind) &&
		    (e->kind != EVENT_LOG || e->level <= f->log_level))
			f->cb(f->arg, e);
	}
	cursors = c.outer;
}

static void
event_happens(enum event_kind kind, uint64_t time, json_t *data)
{
	struct fe_event		*e = &ring[++last_id % EVENTS_KEPT];

	free(e->line);
	e->line = NULL;
	event_fill(e, last_id, kind, time, data);
	event_tell(e);
}

void
events_transient(enum event_kind kind, json_t *data)
{
	struct fe_event		 e = { 0 };

	event_fill(&e, 0, kind, unix_time(), data);
	event_tell(&e);
	free(e.line);
}

void
events_log(const struct log_entry *record)
{
	struct fe_event		 e = { 0, EVENT_LOG, record->level, NULL, 0 };
	int			 len;

	if (!events_wanted(EVENT_LOG))
		return;
	len = asprintf(&e.line, "{\"id\":null,\"time\":%" PRIu64
	    ",\"event\":\"%s\",\"data\":%s}\n", record->time,
	    names[EVENT_LOG], record->json);
	if (len == -1)
		fatal("asprintf");
	e.len = (size_t)len;
	event_tell(&e);
	free(e.line);
}

void
events_tunnel(const struct fe_tunnel *t, const struct imsg_status *was)
{
	if (was != NULL && was->state == t->st.state &&
	    was->role == t->st.role)
		return;
	event_happens(EVENT_TUNNEL, unix_time(),
	    json_pack("{s:s,s:o,s:s,s:o,s:o}",
	    "name", t->conf.name,
	    "from", value_text(was != NULL ? state_word(was->state) : NULL),
	    "to", state_word(t->st.state),
	    "reason", value_text(t->st.reason),
	    "role", value_text(tunnel_role(t))));
}

void
events_tunnel_gone(const struct fe_tunnel *t)
{
	event_happens(EVENT_TUNNEL, unix_time(),
	    json_pack("{s:s,s:s,s:n,s:s,s:n}",
	    "name", t->conf.name,
	    "from", state_word(t->st.state),
	    "to",
	    "reason", "it is no longer in the configuration",
	    "role"));
}

void
events_health(void)
{
	event_happens(EVENT_HEALTH, unix_time(), value_health());
}

void
events_failover(const struct fe_failover *f)
{
	event_happens(EVENT_FAILOVER, f->time, json_pack("{s:o,s:o,s:o}",
	    "from", value_text(f->from),
	    "to", value_text(f->to),
	    "reason", value_text(f->reason)));
}

void
events_probe(const struct fe_tunnel *t)
{
	json_t	*data;

	if (!events_wanted(EVENT_PROBE))
		return;
	data = json_pack("{s:s}", "name", t->conf.name);
	value_probes(data, &t->st);
	json_object_set_new(data, "rx_bytes",
	    json_integer((json_int_t)t->st.rx_bytes));
	json_object_set_new(data, "tx_bytes",
	    json_integer((json_int_t)t->st.tx_bytes));
	events_transient(EVENT_PROBE, data);
}

char *
events_snapshot(void)
{
	const struct fe_tunnel	*t;
	json_t			*tunnels = json_array();

	TAILQ_FOREACH(t, &fe_status.tunnels.list, entry) {
		if (!t->known)
			continue;	/* an event will tell */
		json_array_append_new(tunnels,
		    json_pack("{s:s,s:s,s:o,s:o,s:o}",
		    "name", t->conf.name,
		    "state", state_word(t->st.state),
		    "role", value_text(tunnel_role(t)),
		    "reason", value_text(t->st.reason),
		    "since", value_number(t->st.since)));
	}
	return (event_line(last_id, "snapshot", unix_time(),
	    json_pack("{s:o,s:o}",
	    "health", value_health(), "tunnels", tunnels)));
}
