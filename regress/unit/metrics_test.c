/*
 * The text of metrics in both formats, what a client's Accept leads to, and
 * the reader of /proc/PID/stat.  The whole document is checked in
 * regress/http.
 */
#include <assert.h>
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "metrics.h"
#include "procstat.h"
#include "status.h"
#include "util.h"

uint64_t	__wrap_monotime_ms(void);

static uint64_t			 now_ms = 5000;

static const struct metric	 bytes = { "x_bytes", METRIC_COUNTER,
				    "bytes", "Bytes." };
static const struct metric	 about = { "x", METRIC_INFO, NULL, "It." };
static const struct metric	 delay = { "x_delay_seconds",
				    METRIC_HISTOGRAM, "seconds", "Time." };
static const struct metric	 level = { "x_level", METRIC_GAUGE, NULL,
				    "Level." };

uint64_t
__wrap_monotime_ms(void)
{
	return (now_ms);
}

static void
expect(struct metrics_text *x, const char *text)
{
	text_end(x);
	if (x->len != strlen(text) || memcmp(x->buf, text, x->len) != 0)
		errx(1, "%.*s, not %s", (int)x->len, x->buf, text);
	free(x->buf);
}

static void
write_all(struct metrics_text *x, enum metrics_format format)
{
	text_init(x, format);
	text_family(x, &bytes);
	text_begin(x);
	text_label(x, "tunnel", "he");
	text_label(x, "direction", "in");
	text_uint(x, 0);
	text_family(x, &about);
	text_begin(x);
	text_label(x, "version", "1");
	text_uint(x, 1);
	text_family(x, &level);
	text_begin(x);
	text_uint(x, UINT64_MAX);
}

static void
test_formats(void)
{
	struct metrics_text x;

	write_all(&x, METRICS_TEXT);
	expect(&x, "# HELP x_bytes_total Bytes.\n"
	    "# TYPE x_bytes_total counter\n"
	    "x_bytes_total{tunnel=\"he\",direction=\"in\"} 0\n"
	    "# HELP x_info It.\n"
	    "# TYPE x_info gauge\n"
	    "x_info{version=\"1\"} 1\n"
	    "# HELP x_level Level.\n"
	    "# TYPE x_level gauge\n"
	    "x_level 18446744073709551615\n");
	write_all(&x, METRICS_OPENMETRICS);
	expect(&x, "# HELP x_bytes Bytes.\n"
	    "# TYPE x_bytes counter\n"
	    "# UNIT x_bytes bytes\n"
	    "x_bytes_total{tunnel=\"he\",direction=\"in\"} 0\n"
	    "# HELP x It.\n"
	    "# TYPE x info\n"
	    "x_info{version=\"1\"} 1\n"
	    "# HELP x_level Level.\n"
	    "# TYPE x_level gauge\n"
	    "x_level 18446744073709551615\n"
	    "# EOF\n");
	assert(strstr(metrics_type(METRICS_TEXT), "version=0.0.4") != NULL);
	assert(strstr(metrics_type(METRICS_OPENMETRICS), "version=1.0.0") !=
	    NULL);
}

static void
test_labels(void)
{
	static const struct {
		const char	*value;
		const char	*line;
	} cases[] = {
		{ "", "x_level{l=\"\"} 1\n" },
		{ "a\"b", "x_level{l=\"a\\\"b\"} 1\n" },
		{ "\\", "x_level{l=\"\\\\\"} 1\n" },
		{ "\n", "x_level{l=\"\\n\"} 1\n" },
		{ "}\" 7\n# EOF\n", "x_level{l=\"}\\\" 7\\n# EOF\\n\"} 1\n" },
		{ "a\xfc\xff", "x_level{l=\"a??\"} 1\n" },
	};
	struct metrics_text x;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		text_init(&x, METRICS_TEXT);
		x.family = &level;
		text_begin(&x);
		text_label(&x, "l", cases[i].value);
		text_uint(&x, 1);
		expect(&x, cases[i].line);
	}
}

static void
test_decimals(void)
{
	static const struct {
		uint64_t	 value;
		int		 decimals;
		const char	*line;
	} cases[] = {
		{ 0, 6, "x_level 0.0\n" }, { 1, 6, "x_level 0.000001\n" },
		{ 1000000, 6, "x_level 1.0\n" },
		{ 1234500, 6, "x_level 1.2345\n" },
		{ 10000, 4, "x_level 1.0\n" }, { 83, 4, "x_level 0.0083\n" },
		{ UINT64_MAX, 9, "x_level 18446744073.709551615\n" },
	};
	struct metrics_text x;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		text_init(&x, METRICS_TEXT);
		x.family = &level;
		text_begin(&x);
		text_decimal(&x, cases[i].value, cases[i].decimals);
		expect(&x, cases[i].line);
	}
}

static void
test_histogram(void)
{
	struct histogram h = { .sum_us = 5250000 };
	struct metrics_text x;

	h.counts[0] = 1;
	h.counts[7] = 2;
	h.counts[HISTOGRAM_BOUNDS] = 4;
	text_init(&x, METRICS_TEXT);
	x.family = &delay;
	text_histogram(&x, "t", "a", &h, histogram_probe);
	expect(&x, "x_delay_seconds_bucket{t=\"a\",le=\"0.005\"} 1\n"
	    "x_delay_seconds_bucket{t=\"a\",le=\"0.01\"} 1\n"
	    "x_delay_seconds_bucket{t=\"a\",le=\"0.025\"} 1\n"
	    "x_delay_seconds_bucket{t=\"a\",le=\"0.05\"} 1\n"
	    "x_delay_seconds_bucket{t=\"a\",le=\"0.1\"} 1\n"
	    "x_delay_seconds_bucket{t=\"a\",le=\"0.25\"} 1\n"
	    "x_delay_seconds_bucket{t=\"a\",le=\"0.5\"} 1\n"
	    "x_delay_seconds_bucket{t=\"a\",le=\"1.0\"} 3\n"
	    "x_delay_seconds_bucket{t=\"a\",le=\"2.5\"} 3\n"
	    "x_delay_seconds_bucket{t=\"a\",le=\"5.0\"} 3\n"
	    "x_delay_seconds_bucket{t=\"a\",le=\"+Inf\"} 7\n"
	    "x_delay_seconds_sum{t=\"a\"} 5.25\n"
	    "x_delay_seconds_count{t=\"a\"} 7\n");
}

/* more than the first buffer holds */
static void
test_long(void)
{
	struct metrics_text x;
	char *line = xmalloc(100001);

	memset(line, 'a', 100000);
	line[100000] = '\0';
	text_init(&x, METRICS_OPENMETRICS);
	x.family = &level;
	text_begin(&x);
	text_label(&x, "l", line);
	text_uint(&x, 1);
	assert(x.len > 100000 && memcmp(x.buf + x.len - 5, "\"} 1\n", 5) == 0);
	free(x.buf);
	free(line);
}

#define OPEN	METRICS_OPENMETRICS
#define TEXT	METRICS_TEXT

static void
test_accept(void)
{
	static const struct {
		const char		*accept;
		enum metrics_format	 format;
	} cases[] = {
		/* Prometheus 2.42, 2.55 and 3 */
		{ "application/openmetrics-text;version=1.0.0,"
		    "application/openmetrics-text;version=0.0.1;q=0.75,"
		    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1", OPEN },
		{ "application/openmetrics-text;version=1.0.0;"
		    "escaping=allow-utf-8;q=0.5,application/openmetrics-text;"
		    "version=0.0.1;q=0.4,text/plain;version=1.0.0;"
		    "escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;"
		    "q=0.2,*/*;q=0.1", OPEN },
		{ "application/vnd.google.protobuf;proto="
		    "io.prometheus.client.MetricFamily;encoding=delimited;"
		    "q=0.6,application/openmetrics-text;version=1.0.0;q=0.5,"
		    "text/plain;version=0.0.4;q=0.2", OPEN },
		/* browsers, curl, and who says nothing */
		{ "text/html,application/xhtml+xml,application/xml;q=0.9,"
		    "*/*;q=0.8", TEXT },
		{ "*/*", TEXT }, { "", TEXT },
		{ "text/plain", TEXT }, { "text/*", TEXT },
		{ "application/*", OPEN },
		{ "application/openmetrics-text", OPEN },
		{ "Application/OpenMetrics-Text ; Version=1.0.0 ; Q=1.000",
		    OPEN },
		{ "application/openmetrics-text; version=\"1.0.0\"", OPEN },
		{ "application/openmetrics-text;charset=utf-8", OPEN },
		/* qualities */
		{ "application/openmetrics-text,text/plain", OPEN },
		{ "application/openmetrics-text;q=0.5,text/plain", TEXT },
		{ "application/openmetrics-text;q=0.501,text/plain;q=0.5",
		    OPEN },
		{ "application/openmetrics-text;q=0", TEXT },
		{ "application/openmetrics-text;q=0,*/*", TEXT },
		{ "text/plain;q=0,*/*;q=0.1", OPEN },
		{ "*/*;q=1,application/openmetrics-text;q=0.1", TEXT },
		{ "*/*,text/plain;q=0.1", OPEN },
		/* the most specific range counts, wherever it stands */
		{ "application/openmetrics-text;version=1.0.0;q=0.2,"
		    "application/openmetrics-text;q=0.9,text/plain;q=0.5",
		    TEXT },
		{ "application/openmetrics-text;q=0.1,"
		    "application/openmetrics-text;version=1.0.0;q=0.9,"
		    "text/plain;q=0.5", OPEN },
		/* versions that are not served */
		{ "application/openmetrics-text;version=0.0.1", TEXT },
		{ "application/openmetrics-text;version=2.0.0,*/*;q=0.1",
		    TEXT },
		{ "application/openmetrics-text;version=1.0.0;q=0.3,"
		    "text/plain;version=1.0.0;q=0.9", OPEN },
		/* malformed ranges do not count, the others do */
		{ "application/openmetrics-text;q=2", TEXT },
		{ "application/openmetrics-text;q=1.001", TEXT },
		{ "application/openmetrics-text;q=-1", TEXT },
		{ "application/openmetrics-text;q=", TEXT },
		{ "application/openmetrics-text;q=0.1234", TEXT },
		{ "application/openmetrics-text;q=1x", TEXT },
		{ "application/openmetrics-textile", TEXT },
		{ "application/openmetrics-tex", TEXT },
		{ "application/openmetrics-text/plain", TEXT },
		{ "application", TEXT }, { ",;,=,/,\"", TEXT },
		{ "\"application/openmetrics-text", TEXT },
		{ "x/y;z=\"a,application/openmetrics-text\"", TEXT },
		{ "x/y;z=\"\\\",application/openmetrics-text\"", TEXT },
		{ "x/y;z=\"\\", TEXT },
		{ ", ,;q=1, application/openmetrics-text ,", OPEN },
	};
	struct accept_type types[METRICS_FORMATS];
	size_t i, f;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		metrics_accept_init(types);
		for (f = 0; f < METRICS_FORMATS; f++)
			accept_add(&types[f], cases[i].accept,
			    strlen(cases[i].accept));
		if (metrics_accept_choose(types) != cases[i].format)
			errx(1, "Accept: %s", cases[i].accept);
	}
	/* two lines are one list */
	metrics_accept_init(types);
	for (f = 0; f < METRICS_FORMATS; f++) {
		accept_add(&types[f], "text/plain;q=0.2", 16);
		accept_add(&types[f], "application/openmetrics-text;q=0.3",
		    34);
	}
	assert(metrics_accept_choose(types) == OPEN);
}

static void
test_procstat(void)
{
	static const char *const bad[] = {
		"", "1 (a", "1 (a) S", "1 (a) S 1 2 3 4 5 6 7 8 9 10 11 12 13",
		"1 (a) S 1 1 1 0 -1 4 1 1 1 1 x 1 0 0 20 0 1 0 9 1 1 1",
		"1 (a) S 1 1 1 0 -1 4 1 1 1 1 1 1 0 0 20 0 1 0 9 1 -1 1",
	};
	struct procstat st, later;
	uint64_t tick = 1000000 / (uint64_t)sysconf(_SC_CLK_TCK);
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert(procstat_parse(bad[i], &st) == -1);
	assert(procstat_parse("17 (a) 1 (b) 2) S 1 17 17 0 -1 4194560 1 2 3 "
	    "4 150 50 7 8 20 0 1 0 0 4096 25 18446744073709551615 1", &st) ==
	    0);
	assert(st.cpu_us == 200 * tick);
	assert(st.resident == 25 * (uint64_t)sysconf(_SC_PAGESIZE));
	assert(procstat_parse("17 (a) S 1 17 17 0 -1 4194560 1 2 3 "
	    "4 150 50 7 8 20 0 1 0 300 4096 25 1 1", &later) == 0);
	assert(later.started_us - st.started_us == 300 * tick);
	/* nobody has given us a file */
	assert(procstat_read(PROC_ENGINE, &st) == -1);
}

static void
test_fds(void)
{
	unsigned int before = procstat_open_fds();
	int fd = dup(STDERR_FILENO);

	assert(fd != -1 && procstat_open_fds() == before + 1);
	close(fd);
	assert(procstat_open_fds() == before && before >= 3);
	assert(procstat_max_fds() >= before);
}

/* documents are made at most once a second for each format; while clients do
 * not read them there are only so many */
static void
test_cache(void)
{
	struct rest_query q = { .route = NULL };
	struct rest_answer a, again;
	struct doc *held[32];
	unsigned int i, n = 0;

	fe_tunnels_init(&fe_status.tunnels);
	memset(&a, 0, sizeof(a));
	metrics_get(&q, &a);
	assert(a.doc != NULL && a.reply.status == 200 && a.reply.etag == NULL);
	assert(strcmp(a.reply.type, metrics_type(METRICS_TEXT)) == 0);
	now_ms += 999;
	metrics_get(&q, &again);
	assert(again.doc == a.doc && a.doc->refs == 1);
	for (i = 0; i < 32; i++) {
		now_ms += 1000;
		metrics_get(&q, &again);
		assert(again.doc != NULL);
		doc_hold(held[i] = again.doc);
		n += i == 0 || held[i] != held[i - 1];
	}
	assert(n == 8);
	for (i = 0; i < 32; i++)
		doc_release(held[i]);
	/* read at last: the next one is new, and the old ones are freed */
	metrics_get(&q, &again);
	assert(again.doc != held[31]);
}

int
main(void)
{
	test_formats();
	test_labels();
	test_decimals();
	test_histogram();
	test_long();
	test_accept();
	test_procstat();
	test_fds();
	test_cache();
	return (0);
}
