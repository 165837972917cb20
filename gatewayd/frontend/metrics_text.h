/*
 * Writes metrics in the two formats that Prometheus reads: its own text 0.0.4,
 * and OpenMetrics 1.0.0.  No I/O.  Runs in the frontend (_gatewayd, chroot).
 *
 *	text_family(x, &metric);
 *	text_begin(x); text_label(x, "tunnel", name); text_uint(x, 17);
 *
 * A family is begun once, and all of its samples follow.
 */
#ifndef GW_METRICS_TEXT_H
#define GW_METRICS_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "histogram.h"

enum metric_type {
	METRIC_GAUGE,
	METRIC_COUNTER,			/* its samples end in "_total" */
	METRIC_INFO,			/* in "_info", and are 1 */
	METRIC_HISTOGRAM
};

struct metric {
	const char	*name;		/* of the family, without such an end */
	enum metric_type type;
	const char	*unit;		/* the name ends in it; NULL: none */
	const char	*help;		/* a sentence without " or \ in it */
};

enum metrics_format {
	METRICS_TEXT,
	METRICS_OPENMETRICS,
	METRICS_FORMATS
};

struct metrics_text {
	enum metrics_format	 format;
	char			*buf;	/* no NUL; to be freed */
	size_t			 len;
	size_t			 size;
	const struct metric	*family;
	int			 labels;	/* of this sample, so far */
};

/* the media type, as it stands in Content-Type */
const char	*metrics_type(enum metrics_format);

/* begins and ends the text, which is the caller's then */
void	 text_init(struct metrics_text *, enum metrics_format);
void	 text_end(struct metrics_text *);
/* its head; samples of it follow.  It must live until the next one */
void	 text_family(struct metrics_text *, const struct metric *);
/* a sample of the family; one of the last two ends it.  Labels are escaped,
 * and what is not ASCII in them is "?" */
void	 text_begin(struct metrics_text *);
void	 text_label(struct metrics_text *, const char *name,
	    const char *value);
void	 text_uint(struct metrics_text *, uint64_t);
/* value / 10^decimals, without a float in between; decimals at most 9 */
void	 text_decimal(struct metrics_text *, uint64_t value, int decimals);
/* all samples of a histogram; label: NULL for none */
void	 text_histogram(struct metrics_text *, const char *label,
	    const char *value, const struct histogram *, histogram_bounds);

#endif
