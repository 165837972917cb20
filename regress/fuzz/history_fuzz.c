/*
 * The history's file, which may be damaged in any way: what GET /history makes
 * of it is a document of the right form, and a slot can be written.
 *
 * Input: 8 owners of rings (48 bytes each); then, where the slots of the last
 * minutes are, what each ring has there (16 bytes a slot), one ring after the
 * other.
 */
#include <sys/mman.h>

#include <err.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "history.h"
#include "letters.h"
#include "log.h"
#include "rest.h"
#include "status.h"
#include "util.h"

#define NOW		1700000000ULL
#define OWNERS		8
#define SLOTS		70	/* of each ring in the input */

int		 LLVMFuzzerTestOneInput(const uint8_t *, size_t);
uint64_t	 __wrap_unix_time(void);

static uint64_t	 now = NOW;

uint64_t
__wrap_unix_time(void)
{
	return (now);
}

/* the file that the input describes */
static int
make_file(const uint8_t *data, size_t size)
{
	uint64_t	 place = (NOW / HISTORY_STEP - SLOTS + 5) %
			    HISTORY_SLOTS;
	size_t		 n = OWNERS * sizeof(struct history_owner);
	int		 fd = memfd_create("history", 0), i;

	if (fd == -1)
		err(1, "memfd_create");
	if (n > size)
		n = size;
	if (pwrite(fd, data, n, HISTORY_OWNER(0)) == -1)
		err(1, "pwrite");
	for (i = 0; i < OWNERS && size > n; i++) {
		data += n;
		size -= n;
		n = SLOTS * sizeof(struct history_slot);
		if (n > size)
			n = size;
		if (pwrite(fd, data, n, HISTORY_RING(i) + (off_t)(place *
		    sizeof(struct history_slot))) == -1)
			err(1, "pwrite");
	}
	return (fd);
}

static void
check_numbers(const json_t *document, const char *key, double max)
{
	const json_t	*values = json_object_get(document, key), *value;
	size_t		 i;

	if (json_array_size(values) != 60 && json_array_size(values) != 720)
		abort();
	json_array_foreach(values, i, value) {
		if (json_is_null(value))
			continue;
		if (!json_is_number(value) || json_number_value(value) < 0 ||
		    json_number_value(value) > max)
			abort();
	}
}

static void
ask(const char *target)
{
	struct rest_answer	 a;
	json_t			*document;

	rest_target(target, &a);
	document = json_loads(a.body, JSON_REJECT_DUPLICATES, NULL);
	if (document == NULL || a.reply.status != 200)
		abort();
	check_numbers(document, "rtt_ms", 6553.4);
	check_numbers(document, "loss", 1);
	check_numbers(document, "rx_bps", 8.0 * UINT32_MAX);
	check_numbers(document, "tx_bps", 8.0 * UINT32_MAX);
	json_decref(document);
	free(a.body);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct imsg_status	 st = { .sent = 0 };

	log_init(LL_ERROR, LF_TEXT, LT_STDERR, "fuzz");
	now = NOW;
	history_open(make_file(data, size));
	letters_configure("abc");
	ask("/history?tunnel=a");
	ask("/history?tunnel=b&range=3600");
	ask("/history?tunnel=c&range=86400");
	for (; now < NOW + 3 * HISTORY_STEP; now += 2) {
		st.counters.probes[PROBE_REPLY]++;
		fe_tunnel_update(fe_tunnel_name("a"), &st);
	}
	ask("/history?tunnel=a");
	/* others take their places */
	letters_configure("cdefghijk");
	ask("/history?tunnel=k");
	letters_configure("");
	return (0);
}
