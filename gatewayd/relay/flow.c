/*
 * Flows: see flow.h.  Runs in the relay (_gwrelay, chroot).
 *
 * Most of what a busy relay holds are these, so there is little in them.
 */
#include <sys/queue.h>

#include <stdlib.h>

#include "flow.h"
#include "pump.h"
#include "util.h"

struct flow {
	struct pump		 pump;
	struct limit_user	*user;
	struct way		*way;	/* NULL: it did not go by IPv6 */
	enum relay_way		 family;
};

enum { CLIENT, TARGET };	/* sides of the pump */

static uint32_t	 nflows;

static struct flow *
flow_of(struct pump *p)
{
	return ((struct flow *)((char *)p - offsetof(struct flow, pump)));
}

static uint32_t
flow_room(struct pump *p, uint32_t n)
{
	return (limits_room(&relay.limits, flow_of(p)->user, n,
	    monotime_ms()));
}

static void
flow_moved(struct pump *p, int i, size_t n)
{
	struct flow	*f = flow_of(p);

	stats_bytes(f->way, f->family, f->user, i == TARGET ? n : 0,
	    i == CLIENT ? n : 0);
	(void)limits_bytes(&relay.limits, f->user, (uint32_t)n,
	    monotime_ms());
}

static void
flow_done(struct pump *p, enum pump_end end)
{
	struct flow	*f = flow_of(p);

	stats_close(f->way, f->family, f->user);
	limits_give(f->user, LIMIT_SESSIONS);
	way_put(f->way);
	free(f);
	nflows--;
}

void
flow_new(struct limit_user *user, const struct dial *d, int client,
    int target, const void *data, size_t len)
{
	static const struct pump_ops	 ops = {
		flow_room, flow_moved, flow_done
	};
	struct flow			*f = xcalloc(1, sizeof(*f));

	f->user = user;
	f->family = d->upstream != NULL ? RELAY_UPSTREAM :
	    (enum relay_way)d->he.list[d->winner].family;
	f->way = way_get(f->family == RELAY_IPV6 ? d->way : NULL);
	nflows++;
	stats_open(f->way, f->family, user);
	stats_bytes(f->way, f->family, user, 0, len);
	pump_prefix(&f->pump, TARGET, data, len);
	pump_start(&f->pump, client, target, &ops);
}

uint32_t
flow_count(void)
{
	return (nflows);
}
