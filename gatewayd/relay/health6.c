/*
 * The health of IPv6 by a tunnel: see health6.h.  Runs in the relay
 * (_gwrelay, chroot).
 */
#include <string.h>

#include "health6.h"

#define WITHIN_MS	60000	/* the failures that count */
#define WAIT_MIN_MS	60000
#define WAIT_MAX_MS	600000
#define TRY_MS		20000	/* longer than any connection attempt */

void
health6_reset(struct health6 *h)
{
	memset(h, 0, sizeof(*h));
}

int
health6_first(struct health6 *h, uint64_t now)
{
	if (h->state == HEALTH6_GOOD)
		return (1);
	/* also if the one that was to find out never told */
	if (now < h->retry_at)
		return (0);
	h->state = HEALTH6_TRYING;
	h->retry_at = now + TRY_MS;
	return (1);
}

static void
turn_bad(struct health6 *h, uint64_t now)
{
	h->wait_ms = h->wait_ms == 0 ? WAIT_MIN_MS : h->wait_ms * 2;
	if (h->wait_ms > WAIT_MAX_MS)
		h->wait_ms = WAIT_MAX_MS;
	h->state = HEALTH6_BAD;
	h->retry_at = now + h->wait_ms;
}

/* nonzero if the last failures are near in time and far in place */
static int
convincing(const struct health6 *h, uint64_t now)
{
	int	 i, sites = 0;

	if (h->failures < HEALTH6_FAILURES)
		return (0);
	for (i = 0; i < HEALTH6_FAILURES; i++) {
		if (now - h->last[i].at > WITHIN_MS)
			return (0);
		if (memcmp(h->last[i].site, h->last[0].site,
		    sizeof(h->last[i].site)) != 0)
			sites = 1;
	}
	return (sites);
}

int
health6_failed(struct health6 *h, const struct in6_addr *addr, uint64_t now)
{
	uint32_t	 i = h->failures++ % HEALTH6_FAILURES;

	h->last[i].at = now;
	memcpy(h->last[i].site, addr, sizeof(h->last[i].site));
	if (h->state == HEALTH6_BAD ||
	    (h->state == HEALTH6_GOOD && !convincing(h, now)))
		return (0);
	turn_bad(h, now);
	return (1);
}

int
health6_worked(struct health6 *h)
{
	int	 changed = h->state != HEALTH6_GOOD;

	health6_reset(h);
	return (changed);
}

void
health6_unused(struct health6 *h)
{
	if (h->state != HEALTH6_TRYING)
		return;
	h->state = HEALTH6_BAD;
	h->retry_at = 0;
}
