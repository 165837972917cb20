/*
 * What the frontend keeps of the engine's words: changes of state, events and
 * their order, and what a new configuration does to both.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "status.h"
#include "util.h"

static struct event_follower	 follower;
static uint64_t			 seen;		/* id of the last event */
static char			 seen_line[1024];

static void
follow(void *arg, const struct fe_event *e)
{
	if (arg != &follower || e->id != seen + 1)
		errx(1, "event %llu after %llu", (unsigned long long)e->id,
		    (unsigned long long)seen);
	if (strlen(e->line) != e->len || e->line[e->len - 1] != '\n')
		errx(1, "event %llu: bad line", (unsigned long long)e->id);
	seen = e->id;
	strlcpy(seen_line, e->line, sizeof(seen_line));
}

/* that many events since the last call, the last one with this in its line */
static void
expect(uint64_t n, const char *part)
{
	static uint64_t	 before;

	if (seen != before + n || (n > 0 && strstr(seen_line, part) == NULL))
		errx(1, "%llu events, not %llu; the last: %s, not %s",
		    (unsigned long long)(seen - before),
		    (unsigned long long)n, seen_line, part);
	before = seen;
}

static struct fe_tunnel *
add(struct fe_tunnels *set, uint32_t id, const char *name)
{
	struct fe_tunnel	*t = xcalloc(1, sizeof(*t));

	t->conf.id = id;
	strlcpy(t->conf.name, name, sizeof(t->conf.name));
	strlcpy(t->conf.iface, name, sizeof(t->conf.iface));
	if (fe_tunnels_add(set, t) == 0)
		return (t);
	free(t);
	return (NULL);
}

static void
say(struct fe_tunnel *t, uint32_t state, uint32_t role, const char *reason)
{
	struct imsg_status	 m = t->st;

	m.state = state;
	m.role = role;
	strlcpy(m.reason, reason, sizeof(m.reason));
	fe_tunnel_update(t, &m);
}

static void
test_tunnels(void)
{
	struct fe_tunnels	 set;
	struct fe_tunnel	*a, *b;

	fe_tunnels_init(&set);
	a = add(&set, 7, "a");
	b = add(&set, 3, "b");
	if (a == NULL || b == NULL || add(&set, 7, "c") != NULL ||
	    add(&set, 8, "b") != NULL)
		errx(1, "a tunnel is there twice");
	if (fe_tunnels_id(&set, 7) != a || fe_tunnels_id(&set, 3) != b ||
	    fe_tunnels_id(&set, 8) != NULL || TAILQ_FIRST(&set.list) != a)
		errx(1, "not found, or out of order");
	if (fe_tunnel_name("a") != NULL)
		errx(1, "it is not in force yet");
	fe_tunnels_commit(&set);
	if (fe_tunnel_name("a") != a || fe_tunnel_iface("b") != b ||
	    fe_tunnel_name("c") != NULL || !TAILQ_EMPTY(&set.list) ||
	    fe_tunnels_id(&set, 7) != NULL ||
	    fe_tunnel_name("a-name-longer-than-any-may-be-000") != NULL ||
	    fe_tunnel_iface("longer-than-an-interface") != NULL)
		errx(1, "not in force");
	/* nothing is known of them yet: nothing has happened */
	expect(0, NULL);
}

static void
test_events(void)
{
	struct fe_tunnel	*a = fe_tunnel_name("a");

	say(a, TS_UP, ROLE_ACTIVE, "");
	expect(1, "\"event\":\"tunnel\",\"data\":{\"name\":\"a\","
	    "\"from\":null,\"to\":\"up\",\"reason\":null,"
	    "\"role\":\"active\"}}\n");
	say(a, TS_UP, ROLE_ACTIVE, "another reason");
	expect(0, NULL);
	say(a, TS_UP, ROLE_DRAINING, "another reason");
	expect(1, "\"from\":\"up\",\"to\":\"up\",\"reason\":\"another reason\","
	    "\"role\":\"draining\"");
	if (a->ntransitions != 0)
		errx(1, "a role is no state");
	say(a, TS_DOWN, ROLE_DRAINING, "no \"answer\"");
	expect(1, "\"from\":\"up\",\"to\":\"down\","
	    "\"reason\":\"no \\\"answer\\\"\",\"role\":\"draining\"");
	if (a->ntransitions != 1 || a->transitions[0].from != TS_UP ||
	    a->transitions[0].to != TS_DOWN)
		errx(1, "no transition");
}

/* suspicion that passes is an event, and no change of state to remember */
static void
test_doubt(void)
{
	struct fe_tunnel	*a = fe_tunnel_name("a");
	int			 i;

	say(a, TS_UP, ROLE_ACTIVE, "");
	for (i = 0; i < 2 * FE_TRANSITIONS; i++) {
		say(a, TS_SUSPECT, ROLE_ACTIVE, "1 probe");
		say(a, TS_UP, ROLE_ACTIVE, "");
	}
	expect(1 + 4 * FE_TRANSITIONS, "\"from\":\"suspect\",\"to\":\"up\"");
	if (a->ntransitions != 2 || a->transitions[0].to != TS_UP ||
	    a->transitions[1].to != TS_DOWN)
		errx(1, "doubts are remembered");
	say(a, TS_SUSPECT, ROLE_ACTIVE, "1 probe");
	say(a, TS_DOWN, ROLE_ACTIVE, "4 probes");
	expect(2, "\"from\":\"suspect\",\"to\":\"down\"");
	if (a->ntransitions != 4 || a->transitions[0].from != TS_SUSPECT)
		errx(1, "a doubt that was right is forgotten");
	for (i = 0; i < FE_TRANSITIONS; i++)
		say(a, i % 2 == 0 ? TS_UP : TS_DOWN, ROLE_ACTIVE, "");
	expect(FE_TRANSITIONS, "\"to\":\"down\"");
	if (a->ntransitions != FE_TRANSITIONS)
		errx(1, "%u transitions", a->ntransitions);
}

static void
test_health(void)
{
	struct imsg_health	 m = { .status = HEALTH_OK,
	    .latency_us = 20000 };

	fe_health_update(&m);
	expect(1, "\"event\":\"health\",\"data\":{\"status\":\"ok\","
	    "\"v6_reachable\":true,\"v6_latency_ms\":20,\"active_tunnels\":0,"
	    "\"last_check\":null}}\n");
	m.latency_us = 30000;
	fe_health_update(&m);
	expect(0, NULL);
	m.status = HEALTH_DEGRADED;
	fe_health_update(&m);
	expect(1, "\"status\":\"degraded\"");
}

static void
test_failover(void)
{
	struct fe_tunnel	*a = fe_tunnel_name("a");
	struct fe_tunnel	*b = fe_tunnel_name("b");
	struct imsg_failover	 m = { .time = 1699564234,
	    .reason = "a is down" };

	fe_failover(a, b, &m);
	expect(1, "\"time\":1699564234,\"event\":\"failover\",\"data\":"
	    "{\"from\":\"a\",\"to\":\"b\",\"reason\":\"a is down\"}}\n");
	if (a->failover.time != m.time || b->failover.time != m.time ||
	    strcmp(a->failover.to, "b") != 0 ||
	    strcmp(b->failover.from, "a") != 0)
		errx(1, "the failover is not remembered");
	m.time++;
	fe_failover(b, NULL, &m);
	expect(1, "{\"from\":\"b\",\"to\":null,");
	if (a->failover.time == m.time || b->failover.time != m.time)
		errx(1, "the failover is another tunnel's");
}

/* one stays, one goes, one comes of which the engine spoke too early */
static void
test_commit(void)
{
	struct fe_tunnels	 set;
	struct fe_tunnel	*a, *c;

	say(fe_tunnel_name("b"), TS_UP, ROLE_STANDBY, "");
	expect(1, "\"name\":\"b\"");
	fe_tunnels_init(&set);
	c = add(&set, 9, "c");
	a = add(&set, 7, "a");
	c->st.state = TS_PROBING;
	c->known = 1;
	fe_tunnels_commit(&set);
	expect(2, "\"name\":\"c\",\"from\":null,\"to\":\"probing\"");
	if (strstr(events_after(seen - 2)->line, "\"name\":\"b\","
	    "\"from\":\"up\",\"to\":null,") == NULL)
		errx(1, "that b went is: %s", events_after(seen - 2)->line);
	if (fe_tunnel_name("a") != a || a->ntransitions != FE_TRANSITIONS ||
	    a->st.state != TS_DOWN || a->failover.time == 0)
		errx(1, "what was known is not known any more");
	if (fe_tunnel_name("b") != NULL || fe_tunnel_name("c") != c ||
	    TAILQ_FIRST(&fe_status.tunnels.list) != c)
		errx(1, "not the new tunnels, in their order");
}

static void
test_ring(void)
{
	struct fe_tunnel	*a = fe_tunnel_name("a");
	const struct fe_event	*e;
	uint64_t		 id, n = 0;
	int			 i;

	if ((e = events_after(0)) == NULL || e->id != 1)
		errx(1, "the first event is not kept");
	for (i = 0; i < 2 * EVENTS_KEPT; i++)
		say(a, i % 2 == 0 ? TS_UP : TS_DOWN, ROLE_ACTIVE, "");
	for (id = 0; (e = events_after(id)) != NULL; id = e->id, n++)
		if (id != 0 && e->id != id + 1)
			errx(1, "an event is missing");
	if (n != EVENTS_KEPT || id != seen)
		errx(1, "%llu events are kept", (unsigned long long)n);
	if (events_after(seen) != NULL || events_after(UINT64_MAX) != NULL)
		errx(1, "an event that has not happened");
	events_unfollow(&follower);
	say(a, TS_UP, ROLE_STANDBY, "");
	if (seen == events_after(seen)->id)
		errx(1, "followed without wanting");
}

static void
test_snapshot(void)
{
	char	*line = events_snapshot(), part[64];

	snprintf(part, sizeof(part), "{\"id\":%llu,\"time\":",
	    (unsigned long long)seen + 1);
	if (strncmp(line, part, strlen(part)) != 0 ||
	    strstr(line, ",\"event\":\"snapshot\",\"data\":{\"health\":{"
	    "\"status\":\"degraded\",") == NULL ||
	    strstr(line, "},\"tunnels\":[{\"name\":\"c\",\"state\":\"probing\","
	    "\"role\":\"standby\",\"reason\":null,\"since\":null},"
	    "{\"name\":\"a\",\"state\":\"up\",") == NULL)
		errx(1, "snapshot: %s", line);
	free(line);
}

int
main(void)
{
	follower.kinds = EVENTS_LASTING;
	follower.cb = follow;
	follower.arg = &follower;
	events_follow(&follower);
	test_tunnels();
	test_events();
	test_doubt();
	test_health();
	test_failover();
	test_commit();
	test_ring();
	test_snapshot();
	return (0);
}
