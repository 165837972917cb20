/*
 * Values of the API's documents as people read them.  For gatewayctl, an
 * unprivileged client.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "format.h"
#include "text.h"
#include "util.h"

#define BUFFERS		16	/* texts alive at once: one line's columns */
#define BUFFER_SIZE	64

static char *
buffer(void)
{
	static char	 bufs[BUFFERS][BUFFER_SIZE];
	static size_t	 n;

	return (bufs[n++ % BUFFERS]);
}

json_t *
document_parse(const struct answer *doc)
{
	return (document_parse_bytes(doc->data, doc->len));
}

/* every text in it, whatever becomes of it, can be printed */
static void
make_printable(json_t *value)
{
	json_t		*item;
	const char	*key;
	char		*text;
	size_t		 i;

	json_array_foreach(value, i, item)
		make_printable(item);
	json_object_foreach(value, key, item)
		make_printable(item);
	if (!json_is_string(value))
		return;
	text = printable(xstrdup(json_string_value(value)));
	json_string_set_nocheck(value, text);
	free(text);
}

json_t *
document_parse_bytes(const char *data, size_t len)
{
	json_error_t	 error;
	json_t		*root;

	root = json_loadb(data, len, 0, &error);
	if (root == NULL)
		client_fail(EXIT_FAILED, "gatewayd's answer is not JSON (%s, "
		    "byte %d): is it another version than gatewayctl?",
		    error.text, error.position);
	make_printable(root);
	return (root);
}

const json_t *
document_get(const json_t *value, const char *path)
{
	char		 key[BUFFER_SIZE];
	const char	*dot;

	while ((dot = strchr(path, '.')) != NULL) {
		snprintf(key, sizeof(key), "%.*s", (int)(dot - path), path);
		value = json_object_get(value, key);
		path = dot + 1;
	}
	return (json_object_get(value, path));
}

static int
unknown(const json_t *value)
{
	return (value == NULL || json_is_null(value));
}

const char *
format_text(const json_t *value)
{
	if (unknown(value))
		return ("-");
	return (json_is_string(value) ? json_string_value(value) : "?");
}

const char *
format_integer(const json_t *value)
{
	char	*buf = buffer();

	if (unknown(value))
		return ("-");
	if (!json_is_integer(value))
		return ("?");
	snprintf(buf, BUFFER_SIZE, "%lld",
	    (long long)json_integer_value(value));
	return (buf);
}

const char *
format_yes(const json_t *value)
{
	if (unknown(value))
		return ("-");
	return (json_is_true(value) ? "yes" : "no");
}

const char *
format_ms(const json_t *value)
{
	char	*buf = buffer();
	double	 ms = json_number_value(value);

	if (unknown(value))
		return ("-");
	if (!json_is_number(value))
		return ("?");
	snprintf(buf, BUFFER_SIZE, "%.*f ms",
	    ms < 10 && !json_is_integer(value) ? 1 : 0, ms);
	return (buf);
}

const char *
format_percent(const json_t *value)
{
	char	*buf = buffer();
	double	 percent = json_number_value(value) * 100;

	if (unknown(value))
		return ("-");
	if (!json_is_number(value))
		return ("?");
	snprintf(buf, BUFFER_SIZE, "%.*f %%",
	    percent > 0 && percent < 1 ? 1 : 0, percent);
	return (buf);
}

const char *
format_bytes(const json_t *value)
{
	static const char *const	 units[] = {
		"B", "KiB", "MiB", "GiB", "TiB", "PiB"
	};
	char	*buf = buffer();
	double	 n = (double)json_integer_value(value);
	size_t	 unit = 0;

	if (unknown(value))
		return ("-");
	if (!json_is_integer(value))
		return ("?");
	while (n >= 1024 && unit < sizeof(units) / sizeof(units[0]) - 1) {
		n /= 1024;
		unit++;
	}
	snprintf(buf, BUFFER_SIZE, "%.*f %s", unit > 0 && n < 100 ? 1 : 0, n,
	    units[unit]);
	return (buf);
}

static const char *
format_seconds(long long s)
{
	char	*buf = buffer();

	if (s < 0)
		s = 0;		/* two clocks: gatewayd's second and ours */
	if (s < 120)
		snprintf(buf, BUFFER_SIZE, "%lld s", s);
	else if (s < 120 * 60)
		snprintf(buf, BUFFER_SIZE, "%lld min", s / 60);
	else if (s < 48 * 3600)
		snprintf(buf, BUFFER_SIZE, "%lld h", s / 3600);
	else
		snprintf(buf, BUFFER_SIZE, "%lld d", s / 86400);
	return (buf);
}

const char *
format_age(const json_t *value)
{
	if (unknown(value))
		return ("-");
	if (!json_is_integer(value))
		return ("?");
	return (format_seconds((long long)unix_time() -
	    (long long)json_integer_value(value)));
}

const char *
format_ago(const json_t *value)
{
	char	*buf;

	if (unknown(value))
		return ("never");
	buf = buffer();
	snprintf(buf, BUFFER_SIZE, "%s ago", format_age(value));
	return (buf);
}

/* the year and the zone as well: for what is written down somewhere */
static size_t
format_iso(const json_t *value, char *buf, size_t size)
{
	struct tm	 tm;
	time_t		 t = (time_t)json_integer_value(value);

	if (!json_is_integer(value) || localtime_r(&t, &tm) == NULL)
		return (0);
	return (strftime(buf, size, "%Y-%m-%dT%H:%M:%S%z", &tm));
}

const char *
format_when(const json_t *value)
{
	char	*buf, iso[40];

	if (format_iso(value, iso, sizeof(iso)) == 0)
		return (format_ago(value));
	buf = buffer();
	snprintf(buf, BUFFER_SIZE, "%s (%s)", format_ago(value), iso);
	return (buf);
}

const char *
format_until(const json_t *value)
{
	char	*buf;

	if (unknown(value))
		return ("-");
	buf = buffer();
	snprintf(buf, BUFFER_SIZE, "in %s",
	    format_seconds((long long)json_integer_value(value) -
	    (long long)unix_time()));
	return (buf);
}

const char *
format_clock(const json_t *value)
{
	struct tm	 tm;
	time_t		 t = (time_t)json_integer_value(value);
	char		*buf;

	if (unknown(value))
		return ("-");
	if (!json_is_integer(value) || localtime_r(&t, &tm) == NULL)
		return ("?");
	buf = buffer();
	strftime(buf, BUFFER_SIZE, "%H:%M:%S", &tm);
	return (buf);
}

const char *
format_reachable(const json_t *health)
{
	char	*buf;

	if (!json_is_true(document_get(health, "v6_reachable")))
		return ("no answer over IPv6");
	buf = buffer();
	snprintf(buf, BUFFER_SIZE, "IPv6 answers in %s",
	    format_ms(document_get(health, "v6_latency_ms")));
	return (buf);
}

enum colour
state_colour(const char *state)
{
	static const struct {
		const char	*state;
		enum colour	 colour;
	} colours[] = {
		{ "up", COLOUR_GREEN },
		{ "ok", COLOUR_GREEN },
		{ "good", COLOUR_GREEN },
		{ "active", COLOUR_GREEN },
		{ "yes", COLOUR_GREEN },
		{ "degraded", COLOUR_YELLOW },
		{ "starting", COLOUR_YELLOW },
		{ "trying", COLOUR_YELLOW },
		{ "waiting", COLOUR_YELLOW },
		{ "draining", COLOUR_YELLOW },
		{ "down", COLOUR_RED },
		{ "bad", COLOUR_RED },
		{ "failed", COLOUR_RED },
		{ "error", COLOUR_RED },
		{ "no", COLOUR_RED },
	};
	size_t	 i;

	for (i = 0; i < sizeof(colours) / sizeof(colours[0]); i++)
		if (strcmp(state, colours[i].state) == 0)
			return (colours[i].colour);
	return (COLOUR_NONE);
}
