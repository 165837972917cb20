/*
 * Loss and delay that make a tunnel degraded.  A pure state machine like
 * health.c, whose states these are.  Runs in the engine (_gatewayd, chroot,
 * pipes only).
 */
#include "health_int.h"

#define TEXT_MS		10000	/* between new figures in a reason */
#define SAMPLES_MIN	10	/* below, loss and delay are chance, */
#define LOST_MIN	3
#define SPAN_MIN(h)	((h)->conf.window_ms / 3)	/* and so soon, too */

/* the loss to judge by, and the milliseconds it covers */
static uint32_t
loss_span(struct health *h, const struct imsg_probe_result *r, uint64_t now,
    uint32_t *sent, uint32_t *lost)
{
	if (h->fresh && now - h->up_ms >= h->conf.window_ms)
		h->fresh = 0;
	*sent = h->fresh ? h->fresh_sent : r->sent;
	*lost = h->fresh ? h->fresh_lost : r->lost;
	return (h->fresh ? (uint32_t)(now - h->up_ms) : h->conf.window_ms);
}

/*
 * Whether loss or delay is over the limit.  Once it was, half the loss and
 * 80 % of the delay must be reached before it is not.
 */
static int
judge_limits(const struct health *h, uint32_t sent, uint32_t lost,
    uint32_t avg_us, int *loss)
{
	uint64_t	 percent = (uint64_t)lost * 100;
	uint64_t	 allowed = (uint64_t)h->conf.loss_degraded * sent;
	uint64_t	 delay_us = (uint64_t)h->conf.latency_degraded_ms *
			    1000;

	if (h->state == TS_DEGRADED) {
		*loss = percent * 2 > allowed;
		delay_us = delay_us / 5 * 4;
	} else
		*loss = lost >= LOST_MIN && percent > allowed;
	return (*loss || (avg_us != WIRE_UNKNOWN && avg_us > delay_us));
}

unsigned int
health_judge(struct health *h, const struct imsg_probe_result *r, uint64_t now)
{
	uint32_t	 sent, lost, span;
	unsigned int	 ask = 0;
	int		 loss;

	if (h->state != TS_UP && h->state != TS_DEGRADED)
		return (0);
	span = (loss_span(h, r, now, &sent, &lost) + 999) / 1000;
	if (h->state == TS_UP && (sent < SAMPLES_MIN ||
	    now - h->up_ms < SPAN_MIN(h)))
		return (0);
	if (!judge_limits(h, sent, lost, r->avg_us, &loss)) {
		if (h->state == TS_UP)
			return (0);
		health_reason(h, now, "probes are answered");
		return (health_state(h, TS_UP, now));
	}
	if (h->state == TS_UP)
		ask = health_state(h, TS_DEGRADED, now);
	else if (now - h->text_ms < TEXT_MS)
		return (0);
	if (loss)
		health_reason(h, now, "loss %u %% over the last %u s, %u %% "
		    "allowed", lost * 100 / sent, span, h->conf.loss_degraded);
	else
		health_reason(h, now, "delay %u ms on average over the last "
		    "%u s, %u ms allowed", r->avg_us / 1000, span,
		    h->conf.latency_degraded_ms);
	return (ask | HEALTH_CHANGED);
}

void
health_count(struct health *h, const struct imsg_probe_result *r)
{
	if (r->burst)
		return;
	if (r->outcome == PROBE_LATE) {
		h->fresh_lost -= h->fresh_lost > 0;
		return;
	}
	h->fresh_sent++;
	h->fresh_lost += r->outcome != PROBE_REPLY;
}
