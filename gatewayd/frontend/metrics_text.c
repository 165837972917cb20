/*
 * The formats of metrics: see metrics_text.h.  Runs in the frontend
 * (_gatewayd, chroot).
 *
 * A thousand tunnels have some 40,000 samples, and while they are written
 * nobody else is served: no printf(3).
 */
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "metrics_text.h"

#define BUF_MIN		16384
#define DECIMALS_MAX	9
#define US_DECIMALS	6

static const struct {
	const char	*name;
	/* the end of a sample's name: in OpenMetrics the family has none */
	const char	*end;
	/* 0.0.4 knows no info */
	const char	*text_name;
} types[] = {
	[METRIC_GAUGE] = { "gauge", "", "gauge" },
	[METRIC_COUNTER] = { "counter", "_total", "counter" },
	[METRIC_INFO] = { "info", "_info", "gauge" },
	[METRIC_HISTOGRAM] = { "histogram", "", "histogram" },
};

const char *
metrics_type(enum metrics_format format)
{
	return (format == METRICS_OPENMETRICS ?
	    "application/openmetrics-text; version=1.0.0; charset=utf-8" :
	    "text/plain; version=0.0.4; charset=utf-8");
}

static void
grow(struct metrics_text *x, size_t len)
{
	size_t size = x->size;
	char *buf;

	while (len > size - x->len)
		size *= 2;
	if ((buf = realloc(x->buf, size)) == NULL)
		fatal("realloc");
	x->buf = buf;
	x->size = size;
}

static inline void
put(struct metrics_text *x, const char *s, size_t len)
{
	if (len > x->size - x->len)
		grow(x, len);
	memcpy(x->buf + x->len, s, len);
	x->len += len;
}

static inline void
puts_text(struct metrics_text *x, const char *s)
{
	put(x, s, strlen(s));
}

static inline void
put_char(struct metrics_text *x, char c)
{
	if (x->len == x->size)
		grow(x, 1);
	x->buf[x->len++] = c;
}

void
text_init(struct metrics_text *x, enum metrics_format format)
{
	memset(x, 0, sizeof(*x));
	x->format = format;
	x->size = BUF_MIN;
	if ((x->buf = malloc(x->size)) == NULL)
		fatal("malloc");
}

void
text_end(struct metrics_text *x)
{
	if (x->format == METRICS_OPENMETRICS)
		puts_text(x, "# EOF\n");
}

/* "# WORD NAME TEXT" */
static void
put_meta(struct metrics_text *x, const char *word, const char *text)
{
	puts_text(x, word);
	puts_text(x, x->family->name);
	if (x->format == METRICS_TEXT)
		puts_text(x, types[x->family->type].end);
	put_char(x, ' ');
	puts_text(x, text);
	put_char(x, '\n');
}

void
text_family(struct metrics_text *x, const struct metric *m)
{
	x->family = m;
	put_meta(x, "# HELP ", m->help);
	put_meta(x, "# TYPE ", x->format == METRICS_TEXT ?
	    types[m->type].text_name : types[m->type].name);
	if (x->format == METRICS_OPENMETRICS && m->unit != NULL)
		put_meta(x, "# UNIT ", m->unit);
}

static void
begin(struct metrics_text *x, const char *end)
{
	puts_text(x, x->family->name);
	puts_text(x, end);
	x->labels = 0;
}

void
text_begin(struct metrics_text *x)
{
	begin(x, types[x->family->type].end);
}

void
text_label(struct metrics_text *x, const char *name, const char *value)
{
	put_char(x, x->labels++ == 0 ? '{' : ',');
	puts_text(x, name);
	put(x, "=\"", 2);
	for (; *value != '\0'; value++) {
		if (*value == '\\' || *value == '"' || *value == '\n')
			put_char(x, '\\');
		/* a name of the kernel's may be no UTF-8 */
		if (*value == '\n')
			put_char(x, 'n');
		else
			put_char(x, *value & 0x80 ? '?' : *value);
	}
	put_char(x, '"');
}

/* writes digits backwards, up to end; where they start */
static char *
digits(char *end, uint64_t value)
{
	do
		*--end = (char)('0' + value % 10);
	while ((value /= 10) > 0);
	return (end);
}

static void
put_uint(struct metrics_text *x, uint64_t value)
{
	char buf[20], *s;

	s = digits(buf + sizeof(buf), value);
	put(x, s, (size_t)(buf + sizeof(buf) - s));
}

/* "0.25", "3.0": without zeros at the end, but with a digit there */
static void
put_decimal(struct metrics_text *x, uint64_t value, int decimals)
{
	char buf[DECIMALS_MAX];
	uint64_t scale = 1;
	int i, len;

	for (i = 0; i < decimals; i++)
		scale *= 10;
	put_uint(x, value / scale);
	value %= scale;
	for (i = decimals; i > 0; i--) {
		buf[i - 1] = (char)('0' + value % 10);
		value /= 10;
	}
	for (len = decimals; len > 1 && buf[len - 1] == '0'; len--)
		;
	put_char(x, '.');
	put(x, buf, (size_t)len);
}

static void
put_labels_end(struct metrics_text *x)
{
	if (x->labels > 0)
		put_char(x, '}');
	put_char(x, ' ');
}

void
text_uint(struct metrics_text *x, uint64_t value)
{
	put_labels_end(x);
	put_uint(x, value);
	put_char(x, '\n');
}

void
text_decimal(struct metrics_text *x, uint64_t value, int decimals)
{
	put_labels_end(x);
	put_decimal(x, value, decimals);
	put_char(x, '\n');
}

static void
begin_part(struct metrics_text *x, const char *end, const char *label,
    const char *value)
{
	begin(x, end);
	if (label != NULL)
		text_label(x, label, value);
}

/* le="0.005": as OpenMetrics has floats, and the same in both formats */
static void
put_le(struct metrics_text *x, histogram_bounds bounds, int i)
{
	put_char(x, x->labels++ == 0 ? '{' : ',');
	puts_text(x, "le=\"");
	if (i < HISTOGRAM_BOUNDS)
		put_decimal(x, bounds[i], US_DECIMALS);
	else
		puts_text(x, "+Inf");
	put_char(x, '"');
}

void
text_histogram(struct metrics_text *x, const char *label, const char *value,
    const struct histogram *h, histogram_bounds bounds)
{
	uint64_t n = 0;
	int i;

	for (i = 0; i <= HISTOGRAM_BOUNDS; i++) {
		n += h->counts[i];
		begin_part(x, "_bucket", label, value);
		put_le(x, bounds, i);
		text_uint(x, n);
	}
	begin_part(x, "_sum", label, value);
	text_decimal(x, h->sum_us, US_DECIMALS);
	begin_part(x, "_count", label, value);
	text_uint(x, n);
}
