/*
 * The traffic trigger.  Probes of a quiet interval find a dead tunnel in that
 * interval; the packets of the applications find it sooner.  A pure state
 * machine.  Runs in the engine (_gatewayd, chroot, pipes only).
 */
#include "traffic.h"

#define STALL_MS	300	/* of sending without an answer */
#define STALL_RISES	3	/* and that often at least */
#define BUSY_MS		1000	/* after the last packet it is quiet again */
#define ALARM_MS	5000	/* a flow in one direction is no failure */
#define PROBES_SLACK	1	/* one may be on its way while we look */

static void
traffic_begin(struct traffic *t, uint64_t rx, uint64_t tx, uint64_t now)
{
	t->rx = rx;
	t->tx = tx;
	t->known = 1;
	t->flat_ms = now;
	t->rises = 0;
}

static int
stalled(struct traffic *t, uint64_t now)
{
	if (t->rises < STALL_RISES || now - t->flat_ms < STALL_MS ||
	    now < t->quiet_ms)
		return (0);
	t->quiet_ms = now + ALARM_MS;
	return (1);
}

unsigned int
traffic_sample(struct traffic *t, uint64_t rx, uint64_t tx, uint32_t probes,
    uint64_t now)
{
	unsigned int	 found = 0;

	/* another interface, or counters that began anew */
	if (!t->known || rx < t->rx || tx < t->tx) {
		traffic_begin(t, rx, tx, now);
		t->busy_ms = 0;
		return (0);
	}
	if (tx - t->tx > (uint64_t)probes + PROBES_SLACK)
		t->busy_ms = now;
	if (rx != t->rx)
		traffic_begin(t, rx, tx, now);
	else if (tx != t->tx) {
		t->tx = tx;
		t->rises++;
	}
	if (t->busy_ms != 0 && now - t->busy_ms < BUSY_MS) {
		found = TRAFFIC_FAST;
		if (stalled(t, now))
			found |= TRAFFIC_STALLED;
	}
	return (found);
}
