/*
 * Events: see events.h.  Runs in the frontend (_gatewayd, chroot).
 */
#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "json_value.h"
#include "util.h"

static TAILQ_HEAD(, event_follower)	 followers =
					    TAILQ_HEAD_INITIALIZER(followers);
static struct fe_event			 ring[EVENTS_KEPT];
static uint64_t				 last_id;

void
events_follow(struct event_follower *f)
{
	TAILQ_INSERT_TAIL(&followers, f, entry);
}

void
events_unfollow(struct event_follower *f)
{
	TAILQ_REMOVE(&followers, f, entry);
}

const struct fe_event *
events_after(uint64_t id)
{
	uint64_t	 oldest = 1;

	if (last_id > EVENTS_KEPT)
		oldest = last_id - EVENTS_KEPT + 1;
	if (id >= last_id)
		return (NULL);
	return (&ring[(id + 1 > oldest ? id + 1 : oldest) % EVENTS_KEPT]);
}

static char *
event_line(const char *kind, uint64_t time, json_t *data)
{
	return (value_line(json_pack("{s:I,s:I,s:s,s:o}",
	    "id", (json_int_t)last_id,
	    "time", (json_int_t)time,
	    "event", kind,
	    "data", data)));
}

static void
event_happens(const char *kind, uint64_t time, json_t *data)
{
	struct event_follower	*f, *next;
	struct fe_event		*e = &ring[++last_id % EVENTS_KEPT];
	char			*line = event_line(kind, time, data);

	free(e->line);
	e->id = last_id;
	e->kind = kind;
	e->line = line;
	e->len = strlen(line);
	TAILQ_FOREACH_SAFE(f, &followers, entry, next)
		f->cb(f->arg, e);
}

void
events_tunnel(const struct fe_tunnel *t, const struct imsg_status *was)
{
	if (was != NULL && was->state == t->st.state &&
	    was->role == t->st.role)
		return;
	event_happens("tunnel", unix_time(),
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
	event_happens("tunnel", unix_time(),
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
	event_happens("health", unix_time(), value_health());
}

void
events_failover(const struct fe_failover *f)
{
	event_happens("failover", f->time, json_pack("{s:o,s:o,s:o}",
	    "from", value_text(f->from),
	    "to", value_text(f->to),
	    "reason", value_text(f->reason)));
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
	return (event_line("snapshot", unix_time(), json_pack("{s:o,s:o}",
	    "health", value_health(), "tunnels", tunnels)));
}
