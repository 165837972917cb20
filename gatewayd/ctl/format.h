/*
 * Values of the API's documents as people read them.  For gatewayctl, an
 * unprivileged client.
 *
 * Each format_*() takes a value, NULL or null included, which is "-", and
 * returns text in one of a few static buffers, or in the value itself: use it
 * at once.  What is of another type than expected is "?".
 */
#ifndef GW_FORMAT_H
#define GW_FORMAT_H

#include <jansson.h>

#include "client.h"
#include "table.h"

/* the document's root, to be released with json_decref(), its texts printable
 * (text.h); or fails */
json_t		*document_parse(const struct answer *);
json_t		*document_parse_bytes(const char *, size_t);
/* the value at "key" or "key.key", borrowed; NULL if there is none */
const json_t	*document_get(const json_t *, const char *path);

const char	*format_text(const json_t *);
const char	*format_integer(const json_t *);
const char	*format_yes(const json_t *);		/* a boolean */
const char	*format_ms(const json_t *);		/* "24 ms" */
const char	*format_percent(const json_t *);	/* a ratio: "2 %" */
const char	*format_bytes(const json_t *);		/* "1.2 MiB" */
const char	*format_age(const json_t *);		/* Unix time: "3 min" */
const char	*format_ago(const json_t *);		/* "3 min ago" */
const char	*format_when(const json_t *);	/* and in ISO 8601, local */
const char	*format_until(const json_t *);		/* "in 5 s" */
const char	*format_clock(const json_t *);	/* Unix time: "12:00:01" */
/* /health in a few words: "IPv6 answers in 24 ms" */
const char	*format_reachable(const json_t *health);
/* the colour of a state of whatever has one, or of a format_yes() */
enum colour	 state_colour(const char *);

#endif
