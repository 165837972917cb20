/*
 * The last log records: see logs.h.  Runs in the frontend (_gatewayd,
 * chroot).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "counters.h"
#include "events.h"
#include "json_value.h"
#include "logpipe.h"
#include "logs.h"
#include "util.h"

static struct {
	struct log_entry	 ring[LOGS_KEPT];
	uint64_t		 oldest;	/* id of the first one kept */
	uint64_t		 next;		/* id of the next one */
	size_t			 bytes;
	uint64_t		 told;		/* those who follow, up to it */
	int			 telling;
	struct event		*tell_ev;
	enum log_level		 levels[PROC_COUNT];
} logs = { .oldest = 1, .next = 1 };

static struct log_entry *
entry(uint64_t id)
{
	return (&logs.ring[id % LOGS_KEPT]);
}

static void
drop_oldest(void)
{
	struct log_entry	*e = entry(logs.oldest++);

	logs.bytes -= e->len;
	free(e->json);
	e->json = NULL;
}

static char *
entry_json(uint64_t id, const struct imsg_log *m, const char *message)
{
	char	*line = value_line(json_pack("{s:I,s:I,s:s,s:s,s:o,s:o}",
	    "id", (json_int_t)id,
	    "time", (json_int_t)m->time,
	    "level", log_level_name((enum log_level)m->level),
	    "process", proc_name((enum gw_proc)m->proc),
	    "tunnel", value_text(m->tunnel),
	    "message", *message != '\0' ? value_text(message) :
	    json_string("")));

	line[strcspn(line, "\n")] = '\0';
	return (line);
}

static void
keep(const struct imsg_log *m, const char *message)
{
	char			*json = entry_json(logs.next, m, message);
	struct log_entry	*e;
	size_t			 len = strlen(json);

	while (logs.oldest < logs.next &&
	    (logs.next - logs.oldest == LOGS_KEPT ||
	    logs.bytes + len > LOGS_BYTES))
		drop_oldest();
	e = entry(logs.next);
	e->id = logs.next++;
	e->time = m->time;
	e->level = (enum log_level)m->level;
	e->quiet = logs.telling;
	e->json = json;
	e->len = len;
	logs.bytes += len;
	count_log(e->level);
	/* from the event loop: who logs is not prepared for what followers
	 * do, and least of all a follower */
	if (logs.tell_ev != NULL)
		event_active(logs.tell_ev, EV_TIMEOUT, 0);
}

/* a record about the telling would lead to the next one, and so on */
static void
tell(int fd, short what, void *arg)
{
	const struct log_entry	*e;

	logs.telling = 1;
	while ((e = logs_at(logs.told + 1)) != NULL) {
		logs.told = e->id;
		if (!e->quiet)
			events_log(e);
	}
	logs.telling = 0;
}

void
logs_run(struct event_base *base)
{
	logs.told = logs.next - 1;
	if ((logs.tell_ev = event_new(base, -1, 0, tell, NULL)) == NULL)
		fatalx("event_new");
}

void
logs_add(const struct imsg_log *m, const char *text, size_t len)
{
	struct imsg_log	 gap = *m;
	char		 message[WIRE_LOG_TEXT + 1];

	if (m->dropped > 0) {
		gap.level = LL_WARN;
		gap.tunnel[0] = '\0';
		snprintf(message, sizeof(message), "%u records are missing "
		    "here: they came faster than they could be passed on",
		    m->dropped);
		keep(&gap, message);
	}
	if (len >= sizeof(message))
		len = sizeof(message) - 1;
	memcpy(message, text, len);
	message[len] = '\0';
	keep(m, message);
}

static void
logs_own(enum log_level level, const char *tunnel, const char *msg)
{
	struct imsg_log	 m;

	logpipe_fill(&m, PROC_FRONTEND, level, tunnel);
	logs_add(&m, msg, strlen(msg));
}

void
logs_init(void)
{
	int	 i;

	for (i = 0; i < PROC_COUNT; i++)
		logs.levels[i] = log_get_level();
	log_set_hook(logs_own);
}

void
logs_record(const struct imsg *imsg)
{
	struct imsg_log	 m;
	const char	*text;
	int		 len;

	if ((len = logpipe_get(imsg, &m, &text)) == -1)
		fatalx("LOG_RECORD: malformed");
	logs_add(&m, text, (size_t)len);
}

void
logs_level(const struct imsg *imsg)
{
	struct imsg_level	 m;

	if (imsg_get_data(imsg, &m, sizeof(m)) == -1 || m.level > LL_DEBUG ||
	    m.proc >= PROC_COUNT)
		fatalx("PROC_LEVEL: malformed");
	logs.levels[m.proc] = (enum log_level)m.level;
}

const struct log_entry *
logs_at(uint64_t id)
{
	if (id < logs.oldest)
		id = logs.oldest;
	return (id < logs.next ? entry(id) : NULL);
}

/* the id from which on the newest records that number limit are found */
static uint64_t
newest(enum log_level level, unsigned int limit)
{
	uint64_t	 id = logs.next;

	while (id > logs.oldest && limit > 0)
		limit -= entry(--id)->level <= level;
	return (id);
}

/* appends what is asked for; returns the id behind which to go on */
static uint64_t
print_entries(FILE *f, uint64_t from, enum log_level level, unsigned int limit)
{
	const struct log_entry	*e;
	uint64_t		 last = logs.next - 1;
	const char		*comma = "";

	for (; limit > 0 && (e = logs_at(from)) != NULL; from = e->id + 1) {
		if (e->level > level)
			continue;
		fprintf(f, "%s%s", comma, e->json);
		comma = ",";
		if (--limit == 0)
			last = e->id;
	}
	return (last);
}

char *
json_logs(const uint64_t *since, enum log_level level, unsigned int limit)
{
	FILE		*f;
	char		*text = NULL;
	uint64_t	 from, next;
	size_t		 len;
	int		 i;

	if (since == NULL)
		from = newest(level, limit);
	else
		from = *since < logs.next ? *since + 1 : 0;
	if ((f = open_memstream(&text, &len)) == NULL)
		fatal("open_memstream");
	fprintf(f, "{\"entries\":[");
	next = print_entries(f, from, level, limit);
	fprintf(f, "],\"next\":%" PRIu64 ",\"levels\":{", next);
	for (i = 0; i < PROC_COUNT; i++)
		fprintf(f, "%s\"%s\":\"%s\"", i > 0 ? "," : "",
		    proc_name((enum gw_proc)i),
		    log_level_name(logs.levels[i]));
	fprintf(f, "}}\n");
	if (fclose(f) == EOF)
		fatal("open_memstream");
	return (text);
}
