/*
 * GET /metrics: negotiation, and the document, written when it is asked for
 * and the last one is a second old.  Runs in the frontend (_gatewayd, chroot).
 */
#include <stdlib.h>
#include <string.h>

#include "metrics.h"
#include "util.h"

#define FRESH_MS	1000
/*
 * With a thousand tunnels a document has some megabytes, and one that is being
 * sent stays until its client has read it: clients that do not read must not
 * make more and more of them.  While so many are on their way an older one is
 * sent.
 */
#define DOCS_MAX	8

static struct kept {
	struct doc		*doc;		/* NULL: a free place */
	enum metrics_format	 format;
	uint64_t		 made_ms;
} docs[DOCS_MAX];

void
metrics_accept_init(struct accept_type types[METRICS_FORMATS])
{
	static const struct accept_type init[METRICS_FORMATS] = {
		[METRICS_TEXT] = { "text", "plain", "0.0.4", 0, 0 },
		[METRICS_OPENMETRICS] = { "application", "openmetrics-text",
		    "1.0.0", 0, 0 },
	};

	memcpy(types, init, sizeof(init));
}

enum metrics_format
metrics_accept_choose(const struct accept_type types[METRICS_FORMATS])
{
	int open = types[METRICS_OPENMETRICS].quality;
	int text = types[METRICS_TEXT].quality;

	/* who takes anything gets what everything reads */
	if (open == 0 || open < text || (open == text &&
	    types[METRICS_OPENMETRICS].precedence < ACCEPT_SUBTYPE))
		return (METRICS_TEXT);
	return (METRICS_OPENMETRICS);
}

static enum metrics_format
wanted_format(const struct rest_query *q)
{
	struct accept_type types[METRICS_FORMATS];
	struct http_span value;
	size_t at = 0;
	int i;

	if (q->req == NULL)
		return (METRICS_TEXT);
	metrics_accept_init(types);
	while (http_field(q->req, q->head, "accept", &at, &value))
		for (i = 0; i < METRICS_FORMATS; i++)
			accept_add(&types[i], q->head + value.off, value.len);
	return (metrics_accept_choose(types));
}

static void
document(struct kept *k, enum metrics_format format, uint64_t now)
{
	struct metrics_text x;

	text_init(&x, format);
	metrics_daemon(&x);
	metrics_tunnels(&x);
	metrics_relay(&x);
	text_end(&x);
	k->doc = doc_volatile(metrics_type(format), x.buf, x.len);
	k->format = format;
	k->made_ms = now;
	free(x.buf);
}

/* the newest of that format, or NULL */
static struct kept *
newest(enum metrics_format format)
{
	struct kept *k, *found = NULL;

	for (k = docs; k < docs + DOCS_MAX; k++)
		if (k->doc != NULL && k->format == format &&
		    (found == NULL || k->made_ms > found->made_ms))
			found = k;
	return (found);
}

/* a place for a new document; NULL if all are on their way to clients */
static struct kept *
free_place(uint64_t now)
{
	struct kept *k, *found = NULL;

	for (k = docs; k < docs + DOCS_MAX; k++) {
		if (k->doc != NULL && k->doc->refs == 1 &&
		    now - k->made_ms >= FRESH_MS) {
			doc_release(k->doc);
			k->doc = NULL;
		}
		if (k->doc == NULL)
			found = k;
	}
	return (found);
}

void
metrics_get(const struct rest_query *q, struct rest_answer *a)
{
	enum metrics_format format = wanted_format(q);
	uint64_t now = monotime_ms();
	struct kept *k = newest(format), *place;

	if ((k == NULL || now - k->made_ms >= FRESH_MS) &&
	    (place = free_place(now)) != NULL) {
		document(place, format, now);
		k = place;
	} else
		k = newest(format);
	if (k == NULL)
		rest_fail(q, a, 503, "too many clients do not read what they "
		    "have asked for: try again in a second");
	else
		rest_answer_with(a, k->doc);
}
