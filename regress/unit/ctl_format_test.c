/*
 * How gatewayctl words the values of documents, and that no document of
 * another shape than expected is worse than a question mark.
 */
#include <err.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "text.h"
#include "util.h"

typedef const char	*(*format_fn)(const json_t *);

static const struct {
	format_fn	 format;
	const char	*json;
	const char	*text;
} values[] = {
	{ format_text, "\"he\"", "he" },
	{ format_text, "7", "?" },
	{ format_integer, "-3", "-3" },
	{ format_integer, "\"3\"", "?" },
	{ format_yes, "true", "yes" },
	{ format_yes, "false", "no" },
	{ format_ms, "24", "24 ms" },
	{ format_ms, "3", "3 ms" },
	{ format_ms, "3.04", "3.0 ms" },
	{ format_ms, "0.25", "0.2 ms" },
	{ format_ms, "123.6", "124 ms" },
	{ format_ms, "[]", "?" },
	{ format_percent, "0", "0 %" },
	{ format_percent, "0.0", "0 %" },
	{ format_percent, "0.004", "0.4 %" },
	{ format_percent, "0.117", "12 %" },
	{ format_percent, "1", "100 %" },
	{ format_percent, "{}", "?" },
	{ format_bytes, "0", "0 B" },
	{ format_bytes, "1023", "1023 B" },
	{ format_bytes, "1024", "1.0 KiB" },
	{ format_bytes, "1234567", "1.2 MiB" },
	{ format_bytes, "9223372036854775807", "8192 PiB" },
	{ format_bytes, "1.5", "?" },
	{ format_age, "\"then\"", "?" },
	{ format_clock, "1699564234", "21:10:34" },
	{ format_clock, "\"then\"", "?" },
	{ format_reachable, "{\"v6_reachable\":true,\"v6_latency_ms\":24}",
	    "IPv6 answers in 24 ms" },
	{ format_reachable, "{\"v6_reachable\":true}", "IPv6 answers in -" },
	{ format_reachable, "{\"v6_reachable\":false,\"v6_latency_ms\":24}",
	    "no answer over IPv6" },
	{ format_reachable, "7", "no answer over IPv6" },
};

static const format_fn	 all[] = {
	format_text, format_integer, format_yes, format_ms, format_percent,
	format_bytes, format_age, format_until, format_clock
};

static const struct {
	int		 seconds;	/* before now */
	const char	*age;
} ages[] = {
	{ -5, "0 s" }, { 119, "119 s" }, { 120, "2 min" }, { 7199, "119 min" },
	{ 7200, "2 h" }, { 172799, "47 h" }, { 172800, "2 d" },
};

static void
expect(const char *what, const char *text, const char *wanted)
{
	if (strcmp(text, wanted) != 0)
		errx(1, "%s: \"%s\", not \"%s\"", what, text, wanted);
}

static void
test_values(void)
{
	json_t	*value;
	size_t	 i;

	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		value = json_loads(values[i].json, JSON_DECODE_ANY, NULL);
		expect(values[i].json, values[i].format(value),
		    values[i].text);
		json_decref(value);
	}
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		expect("null", all[i](json_null()), "-");
		expect("nothing", all[i](NULL), "-");
	}
	expect("null", format_ago(json_null()), "never");
}

static void
test_ages(void)
{
	json_t		*value;
	uint64_t	 now;
	size_t		 i;
	char		 ago[64];

	for (i = 0; i < sizeof(ages) / sizeof(ages[0]); i++) {
		/* again if a second passed meanwhile */
		do {
			now = unix_time();
			value = json_integer((json_int_t)now -
			    ages[i].seconds);
			snprintf(ago, sizeof(ago), "%s", format_ago(value));
			if (now == unix_time())
				expect("age", format_age(value), ages[i].age);
			json_decref(value);
		} while (now != unix_time());
		if (strncmp(ago, ages[i].age, strlen(ages[i].age)) != 0 ||
		    strcmp(ago + strlen(ages[i].age), " ago") != 0)
			errx(1, "ago: %s", ago);
	}
}

static void
test_path(void)
{
	json_t	*root;

	root = json_loads("{\"a\":{\"b\":{\"c\":\"x\"}},\"d\":7}", 0, NULL);
	expect("a.b.c", format_text(document_get(root, "a.b.c")), "x");
	expect("a.b.d", format_text(document_get(root, "a.b.d")), "-");
	expect("d.e", format_text(document_get(root, "d.e")), "-");
	expect("no root", format_text(document_get(NULL, "d.e")), "-");
	json_decref(root);
}

static void
expect_printable(const char *text, const char *wanted)
{
	char	*copy = xstrdup(text);

	expect("printable", printable(copy), wanted);
	free(copy);
}

/* whatever a document holds, nothing but characters reaches the terminal */
static void
test_printable(void)
{
	static const char	 hostile[] = "{\"a\":[{\"b\":"
				    "\"\\u001b[2Jx\\u009b7m\\u202ey\"}]}";
	json_t	*root;

	setlocale(LC_CTYPE, "C");
	expect_printable("a\033[31mb\tc\x7f\xc3\xa4", "a?[31mb?c???");
	if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
		err(1, "C.UTF-8");
	/* C1 controls, combining and bidirectional marks, broken bytes */
	expect_printable("\xc3\xa4\xe6\xbc\xa2 \xc2\x9b" "31m",
	    "\xc3\xa4\xe6\xbc\xa2 ?31m");
	expect_printable("e\xcc\x81\xe2\x80\xaex", "e??x");
	expect_printable("\xc3", "?");
	expect_printable("\xff\x80\xc3(", "??" "?(");
	root = document_parse_bytes(hostile, sizeof(hostile) - 1);
	expect("b", format_text(json_object_get(json_array_get(
	    json_object_get(root, "a"), 0), "b")), "?[2Jx?7m?y");
	json_decref(root);
}

/* in columns, of which a character may take two */
static void
test_width(void)
{
	const char	*text = "a\xc3\xa4\xe6\xbc\xa2z";

	if (text_width(text) != 5 || text_width("") != 0)
		errx(1, "width %zu", text_width(text));
	if (text_fit(text, 1) != 1 || text_fit(text, 2) != 3 ||
	    text_fit(text, 3) != 3 || text_fit(text, 4) != 6 ||
	    text_fit(text, 9) != 7 || text_fit(text, 0) != 0)
		errx(1, "fit");
}

int
main(void)
{
	setenv("TZ", "UTC", 1);
	test_values();
	test_ages();
	test_path();
	test_printable();
	test_width();
	return (0);
}
