/*
 * "gatewayctl monitor": what happens, a line for each event.  An unprivileged
 * client.
 *
 * What comes to nothing is left out: a tunnel that is suspect for a moment,
 * and roles, which the line on the default route tells of.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "output.h"
#include "table.h"
#include "util.h"

#define DEFAULT		"default"	/* the name of the default route */

static json_t	*shown;			/* each tunnel's last state in a line */
static json_t	*health_shown;
static int	 width = sizeof(DEFAULT) - 1;	/* of the names */

static void
put_state(const json_t *state)
{
	const char	*text = format_text(state);
	enum colour	 c = state_colour(text);

	fputs(colour_on(c), stdout);
	fputs(text, stdout);
	fputs(colour_off(c), stdout);
}

/* "up -> down", or only the second if there was nothing before */
static void
put_change(const json_t *from, const json_t *to)
{
	if (from != NULL) {
		put_state(from);
		fputs(" -> ", stdout);
	}
	put_state(to);
}

static void
line_begin(const json_t *event, const char *name)
{
	int	 len = (int)strlen(name);

	if (len > width)
		width = len;
	printf("%s ", format_clock(document_get(event, "time")));
	fputs(name, stdout);
	printf("%*s ", width - len, "");
}

static void
line_end(const json_t *reason)
{
	if (json_is_string(reason)) {
		fputs(": ", stdout);
		fputs(format_text(reason), stdout);
	}
	fputs("\n", stdout);
}

static const char *
route_name(const json_t *tunnel)
{
	return (json_is_string(tunnel) ? format_text(tunnel) : "none");
}

static void
health_line(const json_t *event, json_t *health)
{
	line_begin(event, "health");
	put_change(json_object_get(health_shown, "status"),
	    document_get(health, "status"));
	printf(": %s\n", format_reachable(health));
	json_decref(health_shown);
	health_shown = json_incref(health);
}

static void
failover_line(const json_t *event, const json_t *data)
{
	line_begin(event, DEFAULT);
	fputs(route_name(document_get(data, "from")), stdout);
	fputs(" -> ", stdout);
	fputs(route_name(document_get(data, "to")), stdout);
	line_end(document_get(data, "reason"));
}

static void
tunnel_line(const json_t *event, json_t *data)
{
	const char	*name = format_text(document_get(data, "name"));
	json_t		*was, *to = json_object_get(data, "to");

	was = json_object_get(shown, name);
	if (strcmp(format_text(to), "suspect") == 0 || json_equal(was, to))
		return;
	line_begin(event, name);
	if (json_is_string(to))
		put_change(was, to);
	else
		fputs("gone", stdout);
	line_end(document_get(data, "reason"));
	if (json_is_string(to))
		json_object_set(shown, name, to);
	else
		json_object_del(shown, name);
}

/* how things are before anything happens */
static void
snapshot_lines(const json_t *event, json_t *data)
{
	json_t		*tunnels = json_object_get(data, "tunnels"), *row;
	const json_t	*active = NULL;
	const char	*name;
	size_t		 i;

	json_array_foreach(tunnels, i, row) {
		name = format_text(document_get(row, "name"));
		if ((int)strlen(name) > width)
			width = (int)strlen(name);
		if (strcmp(format_text(document_get(row, "role")),
		    "active") == 0)
			active = document_get(row, "name");
	}
	health_line(event, json_object_get(data, "health"));
	line_begin(event, DEFAULT);
	fputs(route_name(active), stdout);
	line_end(NULL);
	json_array_foreach(tunnels, i, row) {
		name = format_text(document_get(row, "name"));
		line_begin(event, name);
		put_state(document_get(row, "state"));
		fputs(", ", stdout);
		fputs(format_text(document_get(row, "role")), stdout);
		line_end(document_get(row, "reason"));
		json_object_set(shown, name, json_object_get(row, "state"));
	}
}

void
text_event(const char *line, size_t len)
{
	json_t		*event = document_parse_bytes(line, len);
	json_t		*data = json_object_get(event, "data");
	const char	*kind = format_text(document_get(event, "event"));

	if (shown == NULL)
		shown = json_object();
	if (strcmp(kind, "snapshot") == 0)
		snapshot_lines(event, data);
	else if (strcmp(kind, "tunnel") == 0)
		tunnel_line(event, data);
	else if (strcmp(kind, "health") == 0)
		health_line(event, data);
	else if (strcmp(kind, "failover") == 0)
		failover_line(event, data);
	else if (strcmp(kind, "log") == 0)
		text_log_record(data);
	json_decref(event);
}
