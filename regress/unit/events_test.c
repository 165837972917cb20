/*
 * Who gets which event: masks of kinds, transient events, followers that
 * leave while one is handed out, and the ids of one run of the daemon.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "status.h"
#include "util.h"

#define START	1700000000000000	/* as events_start() in the daemon */
#define FOLLOWERS	3

static struct peek {
	struct event_follower	 follower;
	unsigned int		 n;
	char			 line[512];
	struct event_follower	*leaves;	/* with the next event */
	int			 speaks;	/* of the next event */
} peeks[FOLLOWERS];

static struct fe_tunnel		*tunnel;

static void
peek(void *arg, const struct fe_event *e)
{
	struct peek		*p = arg;

	p->n++;
	strlcpy(p->line, e->line, sizeof(p->line));
	if (p->leaves != NULL) {
		events_unfollow(p->leaves);
		p->leaves = NULL;
	}
	if (p->speaks) {
		p->speaks = 0;
		events_transient(EVENT_LOG, json_pack("{s:s}", "x", "y"));
	}
}

static void
follow(int i, uint32_t kinds)
{
	memset(&peeks[i], 0, sizeof(peeks[i]));
	peeks[i].follower.cb = peek;
	peeks[i].follower.arg = &peeks[i];
	peeks[i].follower.kinds = kinds;
	events_follow(&peeks[i].follower);
}

static void
expect(int i, unsigned int n, const char *part)
{
	if (peeks[i].n != n || strstr(peeks[i].line, part) == NULL)
		errx(1, "follower %d: %u events, not %u; the last: %s", i,
		    peeks[i].n, n, peeks[i].line);
}

static void
check(uint64_t second, uint32_t state)
{
	struct imsg_status	 m = tunnel->st;

	m.last_check = second;
	m.state = state;
	m.sent = 10;
	m.lost = 1;
	m.rtt_us = 12500;
	fe_tunnel_update(tunnel, &m);
}

static void
test_masks(void)
{
	if (events_wanted(EVENT_PROBE))
		errx(1, "a kind is wanted by nobody");
	follow(0, EVENTS_LASTING);
	follow(1, EVENTS(EVENT_PROBE));
	if (!events_wanted(EVENT_PROBE) || events_wanted(EVENT_LOG))
		errx(1, "not the kinds that are wanted");
	check(5, TS_UP);
	expect(0, 1, "\"event\":\"tunnel\"");
	expect(1, 1, "{\"id\":null,\"time\":");
	expect(1, 1, "\"event\":\"probe\",\"data\":{\"name\":\"a\",\"rtt_ms\":"
	    "{\"last\":12.5,");
	expect(1, 1, "\"loss_ratio\":0.1,");
	/* more samples of the same second */
	check(5, TS_UP);
	check(5, TS_UP);
	expect(1, 1, "");
	check(6, TS_UP);
	expect(0, 1, "");
	expect(1, 2, "\"probe\"");
}

/* transient events take no id and no place in the ring */
static void
test_ids(void)
{
	const struct fe_event	*e = events_after(START);

	if (e == NULL || e->id != START + 1 || events_last() != START + 1 ||
	    events_after(0) != e || events_after(START + 1) != NULL)
		errx(1, "not the ids of this run");
	if (!events_reached(START) || !events_reached(START + 1) ||
	    events_reached(START - 1) || events_reached(START + 2))
		errx(1, "an id of another run");
}

static void
test_nested(void)
{
	follow(2, EVENTS_ALL);
	peeks[0].speaks = 1;
	/* 0 speaks in the midst of it, and the log event makes 2 end 1's */
	peeks[2].leaves = &peeks[1].follower;
	check(6, TS_DOWN);
	expect(0, 2, "\"down\"");
	expect(1, 2, "\"probe\"");
	expect(2, 2, "\"to\":\"down\"");
	/* the last one ends its own */
	peeks[2].leaves = &peeks[2].follower;
	check(6, TS_UP);
	check(6, TS_DOWN);
	expect(0, 4, "\"down\"");
	expect(2, 3, "\"to\":\"up\"");
	/* the first one ends its own and then nobody is there */
	peeks[0].leaves = &peeks[0].follower;
	check(6, TS_UP);
	check(6, TS_DOWN);
	expect(0, 5, "\"to\":\"up\"");
}

int
main(void)
{
	events_start(START);
	tunnel = xcalloc(1, sizeof(*tunnel));
	strlcpy(tunnel->conf.name, "a", sizeof(tunnel->conf.name));
	strlcpy(tunnel->conf.iface, "a", sizeof(tunnel->conf.iface));
	(void)fe_tunnels_add(&fe_status.tunnels, tunnel);
	test_masks();
	test_ids();
	test_nested();
	return (0);
}
