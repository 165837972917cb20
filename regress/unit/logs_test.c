/*
 * The ring of log records: its two bounds, gaps, its own process's records,
 * text that is not UTF-8, and those who follow.
 */
#include <err.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "logs.h"
#include "unit.h"

static struct imsg_log	 m = { .time = 1699564234, .level = LL_INFO,
			    .proc = PROC_PROBER };

static void
add(const char *text)
{
	logs_add(&m, text, strlen(text));
}

/* the newest record, as JSON; borrowed from *root */
static json_t *
newest(json_t **root)
{
	char	*text = json_logs(NULL, LL_DEBUG, 1);

	*root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	CHECK(*root != NULL);
	free(text);
	return (json_array_get(json_object_get(*root, "entries"), 0));
}

static void
check_newest(const char *key, const char *value)
{
	json_t	*root, *entry = newest(&root);
	const char *text = json_string_value(json_object_get(entry, key));

	CHECK(text != NULL && strcmp(text, value) == 0);
	json_decref(root);
}

static void
test_text(void)
{
	add("");
	check_newest("message", "");
	add("a\n\033[2J\"\\");
	check_newest("message", "a\n\033[2J\"\\");
	add("caf\303\251 \377");	/* one is UTF-8, the other is not */
	check_newest("message", "caf?? ?");
	check_newest("process", "prober");
}

static void
test_gap(void)
{
	uint64_t	 before = logs_at(UINT64_MAX) == NULL ? 0 : 1;

	CHECK(before == 0);
	m.dropped = 7;
	add("after the gap");
	m.dropped = 0;
	check_newest("message", "after the gap");
	add("next");
	check_newest("message", "next");
	CHECK(strstr(logs_at(5)->json, "after the gap") != NULL);
	CHECK(strstr(logs_at(4)->json, "\"level\":\"warn\"") != NULL);
	CHECK(strstr(logs_at(4)->json, "\"7 records are missing here") != NULL);
}

static void
test_own(void)
{
	log_init(LL_INFO, LF_TEXT, LT_STDERR, "frontend");
	logs_init();
	log_warnx("one of its own");
	check_newest("process", "frontend");
	check_newest("message", "one of its own");
	check_newest("level", "warn");
	log_debug("below the level");
	check_newest("message", "one of its own");
	log_set_hook(NULL);
}

/* count and bytes of what is kept */
static size_t
kept(size_t *bytes)
{
	const struct log_entry	*e;
	uint64_t		 id = 0;
	size_t			 n = 0;

	*bytes = 0;
	while ((e = logs_at(id)) != NULL) {
		CHECK(id == 0 || e->id == id);
		CHECK(strlen(e->json) == e->len);
		*bytes += e->len;
		n++;
		id = e->id + 1;
	}
	return (n);
}

static struct event_follower	 follower;
static unsigned int		 ntold;
static char			 told[4096];

static void
follow(void *arg, const struct fe_event *e)
{
	ntold++;
	CHECK(e->kind == EVENT_LOG && e->id == 0 && e->line[e->len] == '\0');
	strlcpy(told, e->line, sizeof(told));
	/* what the telling has to say is kept, and not told */
	if (ntold == 1)
		log_warnx("said while telling");
}

static void
loop(struct event_base *base)
{
	int	 i;

	for (i = 0; i < 20; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

/* records go to those who follow later, once each, and lead to no others */
static void
test_follow(void)
{
	struct event_base	*base = event_base_new();
	int			 i;

	logs_init();
	logs_run(base);
	follower.kinds = EVENTS(EVENT_LOG);
	follower.log_level = LL_INFO;
	follower.cb = follow;
	events_follow(&follower);
	add("followed");
	CHECK(ntold == 0);
	loop(base);
	CHECK(ntold == 1);
	CHECK(strncmp(told, "{\"id\":null,\"time\":1699564234,\"event\":"
	    "\"log\",\"data\":{\"id\":", 53) == 0);
	CHECK(strstr(told, "\"message\":\"followed\"}}\n") != NULL);
	check_newest("message", "said while telling");
	m.level = LL_DEBUG;
	add("less than asked for");
	m.level = LL_ERROR;
	add("worse");
	m.level = LL_INFO;
	loop(base);
	CHECK(ntold == 2 && strstr(told, "\"worse\"") != NULL);
	/* more at once than are kept: those that are there still */
	for (i = 0; i < LOGS_KEPT + 10; i++)
		add("many");
	loop(base);
	CHECK(ntold == 2 + LOGS_KEPT);
	events_unfollow(&follower);
	add("nobody follows");
	loop(base);
	CHECK(ntold == 2 + LOGS_KEPT);
	log_set_hook(NULL);
}

static void
test_bounds(void)
{
	static char	 worst[WIRE_LOG_TEXT + 1];
	size_t		 bytes;
	int		 i;

	for (i = 0; i < 3 * LOGS_KEPT; i++)
		add("x");
	CHECK(kept(&bytes) == LOGS_KEPT && bytes < LOGS_BYTES);
	/* six bytes of JSON for each */
	memset(worst, '\001', sizeof(worst) - 1);
	for (i = 0; i < LOGS_KEPT; i++)
		add(worst);
	CHECK(kept(&bytes) > 30 && bytes <= LOGS_BYTES);
	add("small");
	CHECK(kept(&bytes) > 30 && bytes <= LOGS_BYTES);
	check_newest("message", "small");
}

int
main(void)
{
	test_text();
	test_gap();
	test_own();
	test_follow();
	test_bounds();
	return (0);
}
