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
	struct way		*way;	/* NULL: it went by IPv4 */
	enum he_family		 family;
};

enum { CLIENT, TARGET };	/* sides of the pump */

static uint32_t	 nflows;

static void
flow_done(struct pump *p, enum pump_end end)
{
	struct flow	*f = (struct flow *)((char *)p -
			    offsetof(struct flow, pump));

	stats_bytes(f->way, f->family, p->side[TARGET].bytes,
	    p->side[CLIENT].bytes);
	limits_give(f->user, LIMIT_SESSIONS);
	way_put(f->way);
	free(f);
	nflows--;
}

void
flow_new(struct limit_user *user, const struct dial *d, int client,
    int target, const void *data, size_t len)
{
	struct flow	*f = xcalloc(1, sizeof(*f));

	f->user = user;
	f->family = d->he.list[d->winner].family;
	f->way = way_get(f->family == HE_V6 ? d->way : NULL);
	nflows++;
	pump_prefix(&f->pump, TARGET, data, len);
	pump_start(&f->pump, client, target, flow_done);
}

uint32_t
flow_count(void)
{
	return (nflows);
}
