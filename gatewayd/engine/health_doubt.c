/*
 * What raises a doubt about a tunnel besides its probes: other tunnels, the
 * traffic, ICMPv4 errors, the kernel.  A pure state machine like health.c,
 * whose states these are.  Runs in the engine (_gatewayd, chroot, pipes only).
 */
#include <stdio.h>

#include "addr.h"
#include "health_int.h"

#define LOST_MS		300	/* a new lease takes the address away first */
#define HINT_MIN_MS	1000	/* between two hints that are heard; doubles */
#define HINT_MAX_MS	32000

unsigned int
health_doubt(struct health *h, const char *why, uint64_t now)
{
	unsigned int	 bits;

	if (h->state != TS_UP && h->state != TS_DEGRADED)
		return (0);
	bits = health_suspect(h, why, now);
	h->asked = 1;
	h->asked_ms = now;
	return (bits);
}

unsigned int
health_hint(struct health *h, struct in_addr from, uint64_t now)
{
	char	 why[80];

	if (now < h->hint_ms || (h->state != TS_UP &&
	    h->state != TS_DEGRADED))
		return (0);
	if (h->hint_gap_ms == 0 || now >= h->hint_ms + HINT_MAX_MS)
		h->hint_gap_ms = HINT_MIN_MS;
	else if (h->hint_gap_ms < HINT_MAX_MS)
		h->hint_gap_ms *= 2;
	h->hint_ms = now + h->hint_gap_ms;
	snprintf(why, sizeof(why), "an ICMPv4 error from %s",
	    addr4_text(from));
	return (health_doubt(h, why, now) | HEALTH_URGENT);
}

/* the reason is the kernel's, as it was told with the loss */
unsigned int
health_lost_down(struct health *h, uint64_t now)
{
	h->answered = 0;
	return (health_down(h, now));
}

unsigned int
health_failed(struct health *h, const char *why, uint64_t now)
{
	health_reason(h, now, "%s", why);
	if (h->state == TS_DOWN)
		return (HEALTH_CHANGED);
	return (health_lost_down(h, now));
}

unsigned int
health_lost(struct health *h, const char *why, uint64_t now)
{
	if (!health_usable(h->state) || h->alternative || h->lost)
		return (health_failed(h, why, now));
	if (h->state != TS_SUSPECT)
		health_suspect(h, why, now);
	h->burst = 0;
	h->lost = 1;
	h->lost_until_ms = now + LOST_MS;
	health_reason(h, now, "%s", why);
	return (HEALTH_CHANGED);
}

unsigned int
health_found(struct health *h, uint64_t now)
{
	if (!h->lost)
		return (0);
	h->lost = h->failing = 0;
	health_reason(h, now, "there is a way again, asking all %u targets",
	    h->conf.ntargets);
	return (HEALTH_CHANGED | health_burst(h, now));
}

unsigned int
health_resume(struct health *h, const struct health_conf *conf, uint64_t now)
{
	health_reconf(h, conf);
	h->failing = 0;
	health_reason(h, now, "the interface is there again, waiting for "
	    "answers");
	return (HEALTH_CHANGED | health_burst(h, now));
}
