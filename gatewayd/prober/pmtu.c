/*
 * The search for the path MTU.  Pure computation.  Runs in the prober
 * (_gatewayd, chroot).
 */
#include <string.h>

#include "pmtu.h"

/* the end of the search */
static void
finish(struct pmtu *p)
{
	p->size = 0;
}

static void
try_size(struct pmtu *p, uint32_t size)
{
	p->size = size;
	p->target = p->base;
	p->tries = 0;
	p->asking = 0;
}

/* asks for the smallest size that was lost again, whom it has not asked yet */
static void
ask_again(struct pmtu *p)
{
	try_size(p, p->bad);
	p->asking = p->sure = 1;
	p->target = (p->base + 1) % p->ntargets;
}

/* what is tried after good or bad has changed */
static void
next_size(struct pmtu *p)
{
	if (p->sent >= PMTU_PROBES || p->good + 1 == p->bad)
		finish(p);
	else if (p->bad > p->max)
		try_size(p, p->max);
	else if (p->explained)
		try_size(p, p->bad - 1);	/* what somebody says */
	else if (p->bad - p->good > PMTU_STEP)
		try_size(p, p->good + (p->bad - p->good) / 2);
	else if (!p->sure)
		ask_again(p);
	else
		finish(p);
}

void
pmtu_start(struct pmtu *p, uint32_t max, uint32_t ntargets)
{
	memset(p, 0, sizeof(*p));
	p->max = max;
	p->bad = max + 1;
	p->ntargets = ntargets;
	try_size(p, PMTU_MIN);
}

void
pmtu_sent(struct pmtu *p)
{
	p->sent++;
}

void
pmtu_answered(struct pmtu *p, uint32_t target)
{
	p->good = p->size;
	p->base = target;
	/* what was lost before was lost by chance, or at one target only */
	if (p->asking) {
		p->bad = p->max + 1;
		p->sure = 0;
	}
	next_size(p);
}

/* the size on trial does not get through */
static void
size_lost(struct pmtu *p)
{
	if (p->size == PMTU_MIN) {
		if (++p->base < p->ntargets && p->sent < PMTU_PROBES)
			try_size(p, PMTU_MIN);
		else
			finish(p);
		return;
	}
	p->bad = p->size;
	p->explained = 0;
	next_size(p);
}

void
pmtu_lost(struct pmtu *p)
{
	if (++p->tries >= PMTU_TRIES || p->sent >= PMTU_PROBES) {
		size_lost(p);
		return;
	}
	if (p->asking)
		p->target = (p->target + 1) % p->ntargets;
}

int
pmtu_too_big(struct pmtu *p, uint32_t mtu)
{
	if (p->good == 0 || mtu < p->good || mtu >= p->size)
		return (0);
	p->bad = mtu + 1;
	p->explained = 1;
	next_size(p);
	return (1);
}

uint32_t
pmtu_result(const struct pmtu *p)
{
	return (p->good);
}

int
pmtu_told(const struct pmtu *p)
{
	return (p->explained && p->good < p->max);
}
