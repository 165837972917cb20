/*
 * Telling the frontend what was counted: see report.h.  Runs in the relay
 * (_gwrelay, chroot).
 */
#include <string.h>

#include "child.h"
#include "relay_int.h"
#include "report.h"
#include "util.h"

static void
send_to_frontend(enum imsg_type type, uint32_t id, const void *data,
    size_t len)
{
	peer_send(child_peer(PROC_FRONTEND), type, id, -1, data, len);
}

/* of the monotonic clock, as Unix time */
static uint64_t
unix_of(uint64_t ms, uint64_t now)
{
	return (ms > now ? unix_time() + (ms - now + 500) / 1000 :
	    unix_time());
}

static void
report_way(struct way *w, uint64_t now)
{
	struct imsg_relay_way_stats	 m;

	memset(&m, 0, sizeof(m));
	m.health = w->health.state;
	if (w->health.state == HEALTH6_BAD)
		m.retry_at = unix_of(w->health.retry_at, now);
	m.counts = w->stats;
	send_to_frontend(IMSG_RELAY_WAY_STATS, w->id, &m, sizeof(m));
	w->changed = 0;
}

void
report(void)
{
	struct imsg_relay_stats	 m = relay.stats;
	struct relay_uid	 users[RELAY_UIDS + 1];
	uint64_t		 now = monotime_ms();
	struct way		*w;
	uint32_t		 n;

	limits_sweep(&relay.limits, now);
	m.half_open = limits_total(&relay.limits, LIMIT_HALF_OPEN);
	m.udp = limits_total(&relay.limits, LIMIT_UDP);
	send_to_frontend(IMSG_RELAY_STATS, 0, &m, sizeof(m));
	TAILQ_FOREACH(w, &relay.ways, entry)
		if (w->changed)
			report_way(w, now);
	n = limits_users(&relay.limits, users, RELAY_UIDS + 1);
	send_to_frontend(IMSG_RELAY_UID_STATS, 0, users,
	    n * sizeof(users[0]));
}
