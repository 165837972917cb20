/*
 * Last-Event-ID with bytes from a stranger: only a number that this run of
 * the daemon has given out may be taken for one.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "sse.h"
#include "util.h"

#define START	UINT64_C(1700000000000000)
#define EVENTS_MADE	300

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
start(void)
{
	struct fe_failover	 f = { .time = 1, .from = "a", .to = "b" };
	int			 i;

	events_start(START);
	for (i = 0; i < EVENTS_MADE; i++)
		events_failover(&f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct fe_event	*e;
	uint64_t		 id, at;
	char			*copy, text[32];
	int			 r;

	if (events_last() == 0)
		start();
	/* nothing behind the field may be read */
	copy = xmalloc(size + 1);
	memcpy(copy, data, size);
	r = sse_resume(copy, size, &id);
	if (r == 0) {
		/* leading zeros aside it is that number */
		snprintf(text, sizeof(text), "%" PRIu64, id);
		if (id < START || id > START + EVENTS_MADE ||
		    size < strlen(text) || memcmp(copy + size - strlen(text),
		    text, strlen(text)) != 0)
			abort();
		for (at = id; (e = events_after(at)) != NULL; at = e->id)
			if (e->id <= at)
				abort();
		if (at != START + EVENTS_MADE)
			abort();
	}
	free(copy);
	return (0);
}
