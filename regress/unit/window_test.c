/*
 * window.c: the ring of outcomes, its figures, and the round-trip estimate.
 */
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "window.h"
#include "wire.h"

static void
expect(struct window *w, uint64_t now, uint32_t sent, uint32_t lost,
    uint32_t avg, uint32_t p95, uint32_t jitter, const char *what)
{
	struct window_stats	 st;

	window_get(w, now, &st);
	if (st.sent != sent || st.lost != lost || st.avg_us != avg ||
	    st.p95_us != p95 || st.jitter_us != jitter)
		errx(1, "%s: sent %u lost %u avg %u p95 %u jitter %u", what,
		    st.sent, st.lost, st.avg_us, st.p95_us, st.jitter_us);
}

static void
test_figures(void)
{
	struct window	 w = { 0 };
	uint32_t	 i;

	window_set(&w, 60000, 500);
	expect(&w, 0, 0, 0, WIRE_UNKNOWN, WIRE_UNKNOWN, WIRE_UNKNOWN, "empty");
	window_add(&w, 1000, 0, WINDOW_LOST);
	expect(&w, 1000, 1, 1, WIRE_UNKNOWN, WIRE_UNKNOWN, WIRE_UNKNOWN,
	    "one lost");
	window_add(&w, 1500, 0, 10000);
	expect(&w, 1500, 2, 1, 10000, 10000, WIRE_UNKNOWN, "one answer");
	/* another target's delay is no jitter */
	window_add(&w, 2000, 1, 50000);
	expect(&w, 2000, 3, 1, 30000, 50000, WIRE_UNKNOWN, "two targets");
	window_add(&w, 2500, 0, 13000);
	window_add(&w, 3000, 1, 45000);
	expect(&w, 3000, 5, 1, 29500, 50000, 4000, "jitter by target");
	window_clear(&w);
	expect(&w, 3000, 0, 0, WIRE_UNKNOWN, WIRE_UNKNOWN, WIRE_UNKNOWN,
	    "cleared");
	for (i = 1; i <= 100; i++)
		window_add(&w, 4000 + i, 0, i * 1000);
	expect(&w, 4100, 100, 0, 50500, 95000, 1000, "nearest rank");
	window_free(&w);
}

static void
test_expiry(void)
{
	/* the low 32 bits of the clock wrap in between */
	uint64_t	 t = (1ULL << 32) - 30000;
	struct window	 w = { 0 };
	uint32_t	 i;

	window_set(&w, 60000, 500);
	for (i = 0; i < 120; i++)
		window_add(&w, t + i * 500, 0, i < 60 ? WINDOW_LOST : 7000);
	expect(&w, t + 59999, 120, 60, 7000, 7000, 0, "full");
	expect(&w, t + 60000, 119, 59, 7000, 7000, 0, "the oldest leaves");
	expect(&w, t + 89500, 60, 0, 7000, 7000, 0, "the lost have left");
	expect(&w, t + 200000, 0, 0, WIRE_UNKNOWN, WIRE_UNKNOWN, WIRE_UNKNOWN,
	    "all have left");
	window_free(&w);
}

static void
test_late(void)
{
	struct window	 w = { 0 };
	uint32_t	 a, b, i;

	window_set(&w, 10000, 1000);
	a = window_add(&w, 1000, 0, WINDOW_LOST);
	b = window_add(&w, 2000, 0, WINDOW_LOST);
	window_late(&w, b, 1500000);
	expect(&w, 2000, 2, 1, 1500000, 1500000, WIRE_UNKNOWN, "late");
	/* one that has left the window, by time and by number */
	expect(&w, 11500, 1, 0, 1500000, 1500000, WIRE_UNKNOWN, "left");
	window_late(&w, a, 1);
	expect(&w, 11500, 1, 0, 1500000, 1500000, WIRE_UNKNOWN, "too late");
	a = window_add(&w, 11500, 0, WINDOW_LOST);
	for (i = 0; i < w.size; i++)
		window_add(&w, 11500, 0, WINDOW_LOST);
	window_late(&w, a, 1);
	window_late(&w, a + w.size + 1, 1);	/* not given yet */
	expect(&w, 11500, w.size, w.size, WIRE_UNKNOWN, WIRE_UNKNOWN,
	    WIRE_UNKNOWN, "overwritten");
	window_free(&w);
}

static void
test_resize(void)
{
	struct window	 w = { 0 };
	uint32_t	 i, size, number;

	window_set(&w, 60000, 5000);
	for (i = 0; i < 10; i++)
		number = window_add(&w, i * 100, 0, WINDOW_LOST);
	size = w.size;
	window_set(&w, 60000, 500);
	if (w.size <= size)
		errx(1, "the ring did not grow");
	expect(&w, 1000, 10, 10, WIRE_UNKNOWN, WIRE_UNKNOWN, WIRE_UNKNOWN,
	    "grown");
	window_late(&w, number, 3000);
	expect(&w, 1000, 10, 9, 3000, 3000, WIRE_UNKNOWN, "numbers stay");
	size = w.size;
	window_set(&w, 60000, 30000);
	if (w.size != size)
		errx(1, "a longer interval forgot what was recorded");
	window_set(&w, 1000, 500);
	expect(&w, 1400, 5, 4, 3000, 3000, WIRE_UNKNOWN, "shorter span");
	window_set(&w, UINT32_MAX, 1);
	if (w.size > WINDOW_SLOTS_MAX)
		errx(1, "ring of %u", w.size);
	for (i = 0; i < 3 * WINDOW_SLOTS_MAX; i++)
		window_add(&w, 2000, 7, UINT32_MAX - 1);
	expect(&w, 2000, WINDOW_SLOTS_MAX, 0, (1U << 28) - 1, (1U << 28) - 1,
	    0, "capped");
	window_free(&w);
}

static void
test_rtt(void)
{
	struct rtt	 r = { 0, 0 };
	int		 i;

	if (rtt_timeout_us(&r) != 1000000)
		errx(1, "first time-out %u", rtt_timeout_us(&r));
	rtt_add(&r, 40000);
	if (rtt_timeout_us(&r) != 40000 + 4 * 20000 + 20000)
		errx(1, "second time-out %u", rtt_timeout_us(&r));
	for (i = 0; i < 50; i++)
		rtt_add(&r, 40000);
	if (rtt_timeout_us(&r) != 100000)
		errx(1, "steady time-out %u", rtt_timeout_us(&r));
	for (i = 0; i < 50; i++)
		rtt_add(&r, 200000);
	if (rtt_timeout_us(&r) < 220000 || rtt_timeout_us(&r) > 225000)
		errx(1, "time-out at 200 ms: %u", rtt_timeout_us(&r));
	for (i = 0; i < 50; i++)
		rtt_add(&r, UINT32_MAX / 2);
	if (rtt_timeout_us(&r) != 1000000)
		errx(1, "longest time-out %u", rtt_timeout_us(&r));
	for (i = 0; i < 1000; i++)
		rtt_add(&r, 0);
	if (rtt_timeout_us(&r) != 100000 || r.srtt_us == 0)
		errx(1, "no delay: %u", rtt_timeout_us(&r));
}

int
main(void)
{
	test_figures();
	test_expiry();
	test_late();
	test_resize();
	test_rtt();
	return (0);
}
