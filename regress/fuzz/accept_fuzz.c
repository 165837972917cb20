/*
 * accept_add() with any Accept field: what it finds is in its range, and an
 * empty range in front or the same line once more changes nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "metrics.h"

#define LEN_MAX	8192

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check(const struct accept_type *t)
{
	if (t->quality < 0 || t->quality > 1000 || t->precedence < 0 ||
	    t->precedence > ACCEPT_VERSION ||
	    (t->precedence == 0 && t->quality != 0))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static char line[LEN_MAX + 1];
	struct accept_type once[METRICS_FORMATS], again[METRICS_FORMATS];
	int i;

	if (len > LEN_MAX)
		return (0);
	line[0] = ',';
	memcpy(line + 1, data, len);
	metrics_accept_init(once);
	metrics_accept_init(again);
	for (i = 0; i < METRICS_FORMATS; i++) {
		accept_add(&once[i], line + 1, len);
		accept_add(&again[i], line, len + 1);
		accept_add(&again[i], line, len + 1);
		check(&once[i]);
	}
	if (memcmp(once, again, sizeof(once)) != 0 ||
	    metrics_accept_choose(once) >= METRICS_FORMATS)
		abort();
	return (0);
}
