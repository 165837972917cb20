/*
 * What survives a restart of the daemon: counters, hold-down and the
 * operator's choice.  Runs in the engine.
 *
 * A text in the form of the configuration, a section for each tunnel; the
 * parent keeps it in a file and checks that it is whole, without a look at
 * what it says.  A text that says nonsense is set aside all the same.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "child.h"
#include "engine.h"
#include "ini.h"
#include "log.h"
#include "util.h"

#define SECTION		"tunnel."
#define DIRTY_MS	1000		/* gathers the changes of one event */
#define COUNTERS_MS	(15 * 60 * 1000)

enum {
	K_TRANSITIONS,
	K_SWITCHES,
	K_RX_BEFORE,
	K_TX_BEFORE,
	K_RX,
	K_TX,
	K_PREFERRED,
	K_FAILED,
	K_HOLD,
	K_HOLD_UNTIL,
	K_COUNT
};
static const char *const	 keys[K_COUNT] = {
	"transitions", "switches", "rx_before", "tx_before", "rx_bytes",
	"tx_bytes", "preferred", "failed", "hold_ms", "hold_until"
};

/* a tunnel as it was, until one of that name comes */
struct kept {
	TAILQ_ENTRY(kept)	 entry;
	char			 name[GW_NAME_SIZE];
	uint64_t		 value[K_COUNT];
};
TAILQ_HEAD(kept_list, kept);

static struct kept_list		 kept = TAILQ_HEAD_INITIALIZER(kept);
static char			*text;		/* on its way in */
static size_t			 text_len;
static uint64_t			 save_ms = ENGINE_NEVER;
static uint64_t			 saved_ms;

/* arg of the scanner's callbacks */
struct loading {
	struct kept	*section;
	int		 bad;
};

static void
load_section(void *arg, const char *name, struct ini_at at)
{
	struct loading	*l = arg;
	struct kept	*k;

	if (name == NULL || strncmp(name, SECTION, strlen(SECTION)) != 0 ||
	    strlen(name + strlen(SECTION)) >= sizeof(k->name)) {
		l->bad = 1;
		return;
	}
	k = xcalloc(1, sizeof(*k));
	strlcpy(k->name, name + strlen(SECTION), sizeof(k->name));
	TAILQ_INSERT_TAIL(&kept, k, entry);
	l->section = k;
}

static void
load_pair(void *arg, const struct ini_pair *pair)
{
	struct loading	*l = arg;
	char		*end;
	size_t		 i;

	for (i = 0; i < K_COUNT; i++)
		if (strcmp(pair->key, keys[i]) == 0)
			break;
	if (i == K_COUNT || l->section == NULL ||
	    strspn(pair->value, "0123456789") != strlen(pair->value)) {
		l->bad = 1;
		return;
	}
	errno = 0;
	l->section->value[i] = strtoull(pair->value, &end, 10);
	if (errno != 0 || end == pair->value)
		l->bad = 1;
}

static void
load_error(void *arg, struct ini_at at, const char *what)
{
	((struct loading *)arg)->bad = 1;
}

void
persist_forget(void)
{
	struct kept	*k;

	while ((k = TAILQ_FIRST(&kept)) != NULL) {
		TAILQ_REMOVE(&kept, k, entry);
		free(k);
	}
}

static void
load_text(void)
{
	static const struct ini_handler	 handler = {
		load_section, load_pair, load_error
	};
	struct loading			 l = { NULL, 0 };

	persist_forget();
	ini_scan(text, text_len, &handler, &l);
	if (!l.bad)
		return;
	persist_forget();
	peer_send0(child_peer(PROC_PARENT), IMSG_STATE_BAD, 0);
}

void
persist_load(const void *data, size_t len)
{
	if (len > WIRE_STATE_MAX - text_len)
		fatalx("STATE_LOAD: too much");
	if (len > 0) {
		xappend(&text, &text_len, data, len);
		return;
	}
	if (text_len > 0)
		load_text();
	free(text);
	text = NULL;
	text_len = 0;
}

/* seconds that are left of a hold-down, from when it was to end */
static uint32_t
hold_left(uint64_t until)
{
	uint64_t	 now = unix_time();

	if (until <= now || until - now > UINT32_MAX / 1000)
		return (0);
	return ((uint32_t)(until - now) * 1000);
}

void
persist_restore(struct tunnel *t)
{
	const struct kept	*k;

	TAILQ_FOREACH(k, &kept, entry)
		if (strcmp(k->name, t->conf.name) == 0)
			break;
	if (k == NULL)
		return;
	t->transitions = (uint32_t)k->value[K_TRANSITIONS];
	t->switches = (uint32_t)k->value[K_SWITCHES];
	/* as if sampled a moment ago: the interface may go on counting */
	t->before.rx_bytes = k->value[K_RX_BEFORE];
	t->before.tx_bytes = k->value[K_TX_BEFORE];
	t->stats.rx_bytes = k->value[K_RX];
	t->stats.tx_bytes = k->value[K_TX];
	t->preferred = k->value[K_PREFERRED] != 0;
	t->memory.hold_ms = k->value[K_HOLD] > UINT32_MAX ? UINT32_MAX :
	    (uint32_t)k->value[K_HOLD];
	t->memory.hold_left_ms = hold_left(k->value[K_HOLD_UNTIL]);
	/* a hold-down that has ended meanwhile has ended */
	t->memory.failed = k->value[K_FAILED] != 0 &&
	    (k->value[K_HOLD_UNTIL] == 0 || t->memory.hold_left_ms != 0);
}

void
persist_dirty(void)
{
	uint64_t	 at = monotime_ms() + DIRTY_MS;

	if (!engine.settling && at < save_ms)
		save_ms = at;
}

void
persist_counters(void)
{
	if (monotime_ms() - saved_ms >= COUNTERS_MS)
		persist_dirty();
}

uint64_t
persist_deadline(void)
{
	return (save_ms);
}

static void
remember(const struct tunnel *t, uint64_t value[K_COUNT])
{
	struct health_memory	 m = t->memory;

	if (t->probing || t->failed)
		health_remember(&t->health, &m, monotime_ms());
	value[K_TRANSITIONS] = t->transitions;
	value[K_SWITCHES] = t->switches;
	value[K_RX_BEFORE] = t->before.rx_bytes;
	value[K_TX_BEFORE] = t->before.tx_bytes;
	value[K_RX] = t->stats.rx_bytes;
	value[K_TX] = t->stats.tx_bytes;
	value[K_PREFERRED] = (uint64_t)t->preferred;
	value[K_FAILED] = (uint64_t)m.failed;
	value[K_HOLD] = m.hold_ms;
	value[K_HOLD_UNTIL] = m.hold_left_ms == 0 ? 0 :
	    unix_time() + (m.hold_left_ms + 999) / 1000;
}

void
persist_save(void)
{
	const struct tunnel	*t;
	uint64_t		 value[K_COUNT];
	char			*s = NULL;
	size_t			 len = 0, i;
	FILE			*f;

	save_ms = ENGINE_NEVER;
	saved_ms = monotime_ms();
	if ((f = open_memstream(&s, &len)) == NULL)
		fatal("open_memstream");
	TAILQ_FOREACH(t, &engine.tunnels, entry) {
		remember(t, value);
		fprintf(f, "[" SECTION "%s]\n", t->conf.name);
		for (i = 0; i < K_COUNT; i++)
			if (value[i] != 0)
				fprintf(f, "%s = %" PRIu64 "\n", keys[i],
				    value[i]);
	}
	if (fclose(f) == EOF)
		fatal("open_memstream");
	peer_send_pieces(child_peer(PROC_PARENT), IMSG_STATE_SAVE, 0, s, len);
	peer_send0(child_peer(PROC_PARENT), IMSG_STATE_SAVE, 0);
	free(s);
}
