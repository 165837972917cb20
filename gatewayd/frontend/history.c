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

/* a ring's slot that is not over yet */
struct filling {
	uint32_t	 last;		/* newest number that counts */
	uint32_t	 number;	/* the slot's; 0: none */
	uint64_t	 ms;		/* the last sample: monotonic, 0: none */
	uint64_t	 checked;	/* and its last_check, */
	uint64_t	 rx_bytes;	/* and counters */
	uint64_t	 tx_bytes;
	/* since the slot began */
	uint64_t	 span_ms;
	uint64_t	 rx;
	uint64_t	 tx;
	uint64_t	 rtt_us;	/* sum */
	uint32_t	 nrtt;
	uint32_t	 loss;		/* sum */
	uint32_t	 nloss;
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
mean_rtt(const struct filling *f)
{
	uint64_t	 n;

	if (f->nrtt == 0)
		return (HISTORY_NO_RTT);
	n = (f->rtt_us / f->nrtt + UNIT_US / 2) / UNIT_US;
	return (n < HISTORY_NO_RTT ? (uint16_t)n : HISTORY_NO_RTT - 1);
}

/* the slot is over: writes it, if there is anything to tell */
static void
filling_end(uint32_t i)
{
	struct filling		*f = &fillings[i];
	struct history_slot	 slot;

	if (f->span_ms > 0 || f->nrtt > 0 || f->nloss > 0) {
		memset(&slot, 0, sizeof(slot));
		slot.number = f->number;
		slot.rx = rate(f->rx, f->span_ms);
		slot.tx = rate(f->tx, f->span_ms);
		slot.rtt = mean_rtt(f);
		slot.loss = f->nloss > 0 ? (uint16_t)(f->loss / f->nloss) :
		    HISTORY_NO_LOSS;
		ring_put(i, &slot, f->last);
		f->last = f->number;
	}
	f->number = 0;
	f->span_ms = f->rx = f->tx = f->rtt_us = 0;
	f->nrtt = f->loss = f->nloss = 0;
}

/* counters that began anew say nothing, nor does a long silence */
static void
add_traffic(struct filling *f, const struct imsg_status *st)
{
	uint64_t	 ms = monotime_ms();

	if (f->ms != 0 && ms - f->ms <= GAP_MS &&
	    st->rx_bytes >= f->rx_bytes && st->tx_bytes >= f->tx_bytes) {
		f->span_ms += ms - f->ms;
		f->rx += st->rx_bytes - f->rx_bytes;
		f->tx += st->tx_bytes - f->tx_bytes;
	}
	f->ms = ms;
	f->rx_bytes = st->rx_bytes;
	f->tx_bytes = st->tx_bytes;
}

static void
add_probes(struct filling *f, const struct imsg_status *st)
{
	if (st->last_check == f->checked)
		return;
	f->checked = st->last_check;
	if (st->rtt_us != WIRE_UNKNOWN) {
		f->rtt_us += st->rtt_us;
		f->nrtt++;
	}
	if (st->sent > 0 && st->lost <= st->sent) {
		f->loss += (uint32_t)((uint64_t)st->lost *
		    HISTORY_ALL / st->sent);
		f->nloss++;
	}
}

void
history_sample(const struct fe_tunnel *t)
{
	struct filling	*f;
	uint32_t	 number = number_now();

	if (t->ring == 0)
		return;
	f = &fillings[t->ring - 1];
	if (f->number != number) {
		if (f->number != 0)
			filling_end(t->ring - 1);
		f->number = number;
	}
	add_traffic(f, &t->st);
	add_probes(f, &t->st);
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
