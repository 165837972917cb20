/*
 * The sliding window of probe outcomes and the estimate of the round trip.
 * Pure computation.  Runs in the prober (_gatewayd, chroot).
 *
 * An outcome is recorded when it is known, not when the probe is sent, so
 * what is still under way counts neither as sent nor as lost.
 */
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "window.h"
#include "wire.h"

#define TARGET_BITS	3
#define RTT_BITS	28			/* 268 s */
#define RTT_MAX		((1U << RTT_BITS) - 1)

#define TIMEOUT_MIN_US	100000
#define TIMEOUT_MAX_US	1000000
#define TIMEOUT_SLACK_US	20000	/* scheduling at both ends */

struct window_slot {
	uint32_t	 time_ms;	/* low bits: only differences matter */
	uint32_t	 rtt_us : RTT_BITS;
	uint32_t	 target : TARGET_BITS;
	uint32_t	 lost : 1;
};
_Static_assert(sizeof(struct window_slot) == 8, "window_slot");
_Static_assert(GW_TARGETS_MAX <= 1 << TARGET_BITS, "targets");

/* the slot recorded under that number, which must be in the ring */
static struct window_slot *
slot_at(struct window *w, uint32_t number)
{
	return (&w->slots[number % w->size]);
}

/* a ring of another size, with the newest of what was recorded */
static void
window_resize(struct window *w, uint32_t size)
{
	struct window_slot	*slots = xcalloc(size, sizeof(*slots));
	uint32_t		 i, keep = w->count;

	if (keep > size)
		keep = size;
	for (i = w->next - keep; i != w->next; i++)
		slots[i % size] = *slot_at(w, i);
	free(w->slots);
	w->slots = slots;
	w->size = size;
	w->count = keep;
}

void
window_set(struct window *w, uint32_t span_ms, uint32_t interval_ms)
{
	uint64_t	 need;
	uint32_t	 size = 16;

	/* half as many again: jitter, first probes, second chances */
	need = (uint64_t)span_ms * 3 / 2 / (interval_ms ? interval_ms : 1) + 16;
	/* a power of two, so that numbers may wrap */
	while (size < need && size < WINDOW_SLOTS_MAX)
		size *= 2;
	/* a longer interval for a while is no reason to forget */
	if (size > w->size || span_ms < w->span_ms)
		window_resize(w, size);
	w->span_ms = span_ms;
}

void
window_clear(struct window *w)
{
	w->count = 0;
}

void
window_free(struct window *w)
{
	free(w->slots);
	memset(w, 0, sizeof(*w));
}

static void
window_expire(struct window *w, uint64_t now_ms)
{
	while (w->count > 0 && (uint32_t)now_ms -
	    slot_at(w, w->next - w->count)->time_ms >= w->span_ms)
		w->count--;
}

uint32_t
window_add(struct window *w, uint64_t now_ms, uint32_t target,
    uint32_t rtt_us)
{
	struct window_slot	*s = slot_at(w, w->next);

	s->time_ms = (uint32_t)now_ms;
	s->target = target & ((1U << TARGET_BITS) - 1);
	s->lost = rtt_us == WINDOW_LOST;
	s->rtt_us = rtt_us < RTT_MAX ? rtt_us : RTT_MAX;
	if (w->count < w->size)
		w->count++;
	return (w->next++);
}

void
window_late(struct window *w, uint32_t number, uint32_t rtt_us)
{
	struct window_slot	*s;

	if (w->next - 1 - number >= w->count)
		return;			/* it has left the window */
	s = slot_at(w, number);
	s->lost = 0;
	s->rtt_us = rtt_us < RTT_MAX ? rtt_us : RTT_MAX;
}

static int
rtt_compare(const void *a, const void *b)
{
	uint32_t	 x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x < y ? -1 : x > y);
}

/* the jitter of RFC 3550 compares packets of one flow: here, one target */
struct jitter {
	uint32_t	 last[1 << TARGET_BITS];
	uint64_t	 sum;
	uint32_t	 n;
};

static void
jitter_add(struct jitter *j, uint32_t target, uint32_t rtt_us)
{
	uint32_t	 last = j->last[target];

	if (last != WIRE_UNKNOWN) {
		j->sum += last > rtt_us ? last - rtt_us : rtt_us - last;
		j->n++;
	}
	j->last[target] = rtt_us;
}

void
window_get(struct window *w, uint64_t now_ms, struct window_stats *st)
{
	static uint32_t		 rtts[WINDOW_SLOTS_MAX];
	struct window_slot	*s;
	struct jitter		 jitter;
	uint64_t		 sum = 0;
	uint32_t		 i, n = 0;

	window_expire(w, now_ms);
	memset(&jitter, 0, sizeof(jitter));
	memset(jitter.last, 0xff, sizeof(jitter.last));
	for (i = w->next - w->count; i != w->next; i++) {
		s = slot_at(w, i);
		if (s->lost)
			continue;
		rtts[n++] = s->rtt_us;
		sum += s->rtt_us;
		jitter_add(&jitter, s->target, s->rtt_us);
	}
	st->sent = w->count;
	st->lost = w->count - n;
	st->avg_us = st->p95_us = st->jitter_us = WIRE_UNKNOWN;
	if (jitter.n > 0)
		st->jitter_us = (uint32_t)(jitter.sum / jitter.n);
	if (n == 0)
		return;
	qsort(rtts, n, sizeof(rtts[0]), rtt_compare);
	st->avg_us = (uint32_t)(sum / n);
	st->p95_us = rtts[(n * 95 + 99) / 100 - 1];	/* nearest rank */
}

void
rtt_add(struct rtt *r, uint32_t rtt_us)
{
	uint32_t	 delta;

	if (rtt_us == 0)
		rtt_us = 1;
	if (r->srtt_us == 0) {
		r->srtt_us = rtt_us;
		r->rttvar_us = rtt_us / 2;
		return;
	}
	delta = rtt_us > r->srtt_us ? rtt_us - r->srtt_us :
	    r->srtt_us - rtt_us;
	r->rttvar_us = (uint32_t)(((uint64_t)r->rttvar_us * 3 + delta) / 4);
	r->srtt_us = (uint32_t)(((uint64_t)r->srtt_us * 7 + rtt_us) / 8);
	if (r->srtt_us == 0)
		r->srtt_us = 1;
}

uint32_t
rtt_timeout_us(const struct rtt *r)
{
	uint64_t	 t;

	if (r->srtt_us == 0)
		return (TIMEOUT_MAX_US);
	t = (uint64_t)r->srtt_us + 4 * (uint64_t)r->rttvar_us +
	    TIMEOUT_SLACK_US;
	if (t < TIMEOUT_MIN_US)
		return (TIMEOUT_MIN_US);
	return (t > TIMEOUT_MAX_US ? TIMEOUT_MAX_US : (uint32_t)t);
}
