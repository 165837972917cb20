/*
 * "gatewayctl logs" and "gatewayctl log": log records, and how much each
 * process logs.  An unprivileged client.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "format.h"
#include "output.h"
#include "table.h"
#include "text.h"
#include "util.h"

#define LEVEL_WIDTH	5	/* "error" */
#define PROCESS_WIDTH	8	/* "frontend" */

/* text of the daemon's; what could drive a terminal is replaced */
static void
put_text(const json_t *value, int width)
{
	char	*copy = printable(xstrdup(format_text(value)));

	printf("%-*s", width, copy);
	free(copy);
}

static void
put_time(const json_t *value)
{
	time_t		 t = (time_t)json_integer_value(value);
	struct tm	 tm;
	char		 text[32] = "?";

	if (json_is_integer(value) && localtime_r(&t, &tm) != NULL)
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	printf("%s ", text);
}

static void
put_level(const json_t *value)
{
	const char	*level = format_text(value);
	enum colour	 c = COLOUR_NONE;

	if (strcmp(level, "error") == 0)
		c = COLOUR_RED;
	else if (strcmp(level, "warn") == 0)
		c = COLOUR_YELLOW;
	fputs(colour_on(c), stdout);
	put_text(value, LEVEL_WIDTH);
	fputs(colour_off(c), stdout);
	fputs(" ", stdout);
}

void
text_log_record(const json_t *record)
{
	put_time(document_get(record, "time"));
	put_level(document_get(record, "level"));
	put_text(document_get(record, "process"), PROCESS_WIDTH);
	fputs(" ", stdout);
	if (json_is_string(document_get(record, "tunnel"))) {
		put_text(document_get(record, "tunnel"), 0);
		fputs(": ", stdout);
	}
	put_text(document_get(record, "message"), 0);
	fputs("\n", stdout);
}

void
text_logs(const struct answer *doc)
{
	json_t	*root = document_parse(doc), *record;
	size_t	 i;

	json_array_foreach(json_object_get(root, "entries"), i, record)
		text_log_record(record);
	json_decref(root);
}

void
text_log_levels(const struct answer *doc)
{
	static const struct column	 columns[] = {
		{ "process", 0 }, { "level", 0 }
	};
	json_t		*root = document_parse(doc), *level;
	struct table	*table = table_new(columns, 2);
	const char	*cells[2];

	json_object_foreach(json_object_get(root, "levels"), cells[0],
	    level) {
		cells[1] = format_text(level);
		table_row(table, cells, 0, COLOUR_NONE);
	}
	table_print(table);
	json_decref(root);
}

uint64_t
document_next(const struct answer *doc)
{
	json_t		*root = document_parse(doc);
	uint64_t	 next;

	next = (uint64_t)json_integer_value(document_get(root, "next"));
	json_decref(root);
	return (next);
}

uint64_t
event_record(const char *line, size_t len)
{
	json_t		*event = document_parse_bytes(line, len);
	uint64_t	 id;

	id = (uint64_t)json_integer_value(document_get(event, "data.id"));
	json_decref(event);
	return (id);
}
