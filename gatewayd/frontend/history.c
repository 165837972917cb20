/*
 * The history of the tunnels: see history.h.  Runs in the frontend (_gatewayd,
 * chroot).
 *
 * A slot counts only if its number is that of the time asked for, so what is
 * left of the day before needs no wiping.  Should the clock go back there are
 * slots of times to come: none counts that is behind the last one written, and
 * who goes on from there wipes what lies between.
 */
#include <stdlib.h>
#include <string.h>

#include "history.h"
#include "log.h"
#include "ring.h"
#include "util.h"

#define GAP_MS		60000	/* a mean over more says nothing */
#define UNIT_US		100	/* of struct history_slot's rtt */

/* what rises with every probe and packet */
struct tally {
	uint64_t	 sent;		/* probes of which the end is known */
	uint64_t	 missed;	/* of them, without an answer in time */
	uint64_t	 late;		/* of those, with an answer after all */
	uint64_t	 rtt_us;	/* sum over the answers, late or not */
	uint64_t	 rx;
	uint64_t	 tx;
};

/* a ring's slot that is not over yet */
struct filling {
	uint32_t	 last;		/* newest number that counts */
	uint32_t	 number;	/* the slot's; 0: none */
	uint64_t	 ms;		/* of the last sample; 0: none */
	struct tally	 was;		/* what it said */
	/* since the slot began */
	uint64_t	 span_ms;	/* over which rx and tx are known */
	struct tally	 sum;
};

static struct filling	*fillings;	/* of each ring */
static uint32_t		 nfillings;

static uint32_t
number_now(void)
{
	return ((uint32_t)(unix_time() / HISTORY_STEP));
}

void
history_open(int fd)
{
	ring_open(fd);
	free(fillings);
	fillings = NULL;
	nfillings = 0;
}

/* what a ring has of times to come does not count */
static void
filling_reset(uint32_t i)
{
	memset(&fillings[i], 0, sizeof(fillings[i]));
	fillings[i].last = number_now();
}

static void
fillings_grow(void)
{
	uint32_t	 i = nfillings;

	if (ring_count() == nfillings)
		return;
	nfillings = ring_count();
	fillings = reallocarray(fillings, nfillings, sizeof(*fillings));
	if (fillings == NULL)
		fatal("reallocarray");
	for (; i < nfillings; i++)
		filling_reset(i);
}

static void
take_ring(struct fe_tunnel *t, uint64_t now)
{
	uint32_t	 i;

	if ((i = ring_take(t->conf.name, now)) == RING_NONE)
		return;
	fillings_grow();
	filling_reset(i);
	t->ring = i + 1;
}

void
history_conf(void)
{
	struct fe_tunnel	*t;
	uint64_t		 now = unix_time();
	uint32_t		 i;

	if (!ring_ready())
		return;
	fillings_grow();
	TAILQ_FOREACH(t, &fe_status.tunnels.list, entry)
		t->ring = 0;
	for (i = 0; i < ring_count(); i++) {
		t = fe_tunnel_name(ring_name(i));
		if (t == NULL || t->ring != 0)
			ring_leaves(i, now);
		else {
			ring_stays(i);
			t->ring = i + 1;
		}
	}
	TAILQ_FOREACH(t, &fe_status.tunnels.list, entry)
		if (t->ring == 0)
			take_ring(t, now);
}

static uint32_t
rate(uint64_t bytes, uint64_t ms)
{
	uint64_t	 n;

	if (ms == 0)
		return (HISTORY_NO_RATE);
	n = bytes * 1000 / ms;
	return (n < HISTORY_NO_RATE ? (uint32_t)n : HISTORY_NO_RATE - 1);
}

static uint16_t
mean_rtt(const struct tally *sum)
{
	uint64_t	 n, answers = sum->sent - sum->missed + sum->late;

	if (answers == 0)
		return (HISTORY_NO_RTT);
	n = (sum->rtt_us / answers + UNIT_US / 2) / UNIT_US;
	return (n < HISTORY_NO_RTT ? (uint16_t)n : HISTORY_NO_RTT - 1);
}

/* a late answer may be to a probe of the slot before */
static uint16_t
loss(const struct tally *sum)
{
	uint64_t	 lost = 0, n;

	if (sum->sent == 0)
		return (HISTORY_NO_LOSS);
	if (sum->missed > sum->late)
		lost = sum->missed - sum->late;
	n = lost * HISTORY_ALL / sum->sent;
	return (n < HISTORY_ALL ? (uint16_t)n : HISTORY_ALL);
}

/* the slot is over: writes it, if there is anything to tell */
static void
filling_end(uint32_t i)
{
	struct filling		*f = &fillings[i];
	struct history_slot	 slot;

	if (f->span_ms > 0 || f->sum.sent > 0 || f->sum.late > 0) {
		memset(&slot, 0, sizeof(slot));
		slot.number = f->number;
		slot.rx = rate(f->sum.rx, f->span_ms);
		slot.tx = rate(f->sum.tx, f->span_ms);
		slot.rtt = mean_rtt(&f->sum);
		slot.loss = loss(&f->sum);
		ring_put(i, &slot, f->last);
		f->last = f->number;
	}
	f->number = 0;
	f->span_ms = 0;
	memset(&f->sum, 0, sizeof(f->sum));
}

static void
tally_fill(struct tally *t, const struct imsg_status *st)
{
	const uint64_t	*probes = st->counters.probes;

	t->missed = probes[PROBE_TIMEOUT] + probes[PROBE_ERROR];
	t->sent = probes[PROBE_REPLY] + t->missed;
	t->late = probes[PROBE_LATE];
	t->rtt_us = st->counters.rtt.sum_us;
	t->rx = st->rx_bytes;
	t->tx = st->tx_bytes;
}

/* counters that began anew say nothing, and a long silence not how fast */
static void
tally_add(struct filling *f, const struct tally *now, uint64_t ms)
{
	if (now->sent >= f->was.sent && now->missed >= f->was.missed &&
	    now->late >= f->was.late && now->rtt_us >= f->was.rtt_us) {
		f->sum.sent += now->sent - f->was.sent;
		f->sum.missed += now->missed - f->was.missed;
		f->sum.late += now->late - f->was.late;
		f->sum.rtt_us += now->rtt_us - f->was.rtt_us;
	}
	if (ms <= GAP_MS && now->rx >= f->was.rx && now->tx >= f->was.tx) {
		f->span_ms += ms;
		f->sum.rx += now->rx - f->was.rx;
		f->sum.tx += now->tx - f->was.tx;
	}
}

void
history_sample(const struct fe_tunnel *t)
{
	struct filling	*f;
	struct tally	 now;
	uint32_t	 number = number_now();
	uint64_t	 ms = monotime_ms();

	if (t->ring == 0)
		return;
	f = &fillings[t->ring - 1];
	if (f->number != number) {
		if (f->number != 0)
			filling_end(t->ring - 1);
		f->number = number;
	}
	tally_fill(&now, &t->st);
	if (f->ms != 0)
		tally_add(f, &now, ms - f->ms);
	f->was = now;
	f->ms = ms;
}

void
history_get(const struct fe_tunnel *t, uint32_t number, uint32_t n,
    struct history_slot *slots)
{
	struct filling	*f;
	uint32_t	 i;

	memset(slots, 0, n * sizeof(*slots));
	if (t->ring == 0)
		return;
	f = &fillings[t->ring - 1];
	if (f->number != 0 && f->number != number_now())
		filling_end(t->ring - 1);
	ring_get(t->ring - 1, number, n, slots);
	for (i = 0; i < n; i++)
		if (slots[i].number > f->last)
			memset(&slots[i], 0, sizeof(slots[i]));
}
