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
	int			 outside;	/* the side of the network */
	void			(*done)(void *);
	void			*arg;
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
	struct flow	*f = flow_of(p);

	/* strangers have no uid whose bandwidth it would be */
	if (f->outside == CLIENT)
		return (n);
	return (limits_room(&relay.limits, f->user, n, p->active_ms));
}

void
flow_bytes(const struct flow *f, uint64_t *rx, uint64_t *tx)
{
	*rx = f->pump.side[f->outside].bytes;
	*tx = f->pump.side[!f->outside].bytes;
}

static void
flow_moved(struct pump *p, int i, size_t n)
{
	struct flow	*f = flow_of(p);

	stats_bytes(f->way, f->family, f->user, i == f->outside ? n : 0,
	    i == f->outside ? 0 : n);
	if (f->outside == TARGET)
		(void)limits_bytes(&relay.limits, f->user, (uint32_t)n,
		    p->active_ms);
}

static void
flow_free(struct flow *f)
{
	stats_close(f->way, f->family, f->user);
	limits_give(f->user, LIMIT_SESSIONS);
	way_put(f->way);
	free(f);
	nflows--;
}

static void
flow_done(struct pump *p, enum pump_end end)
{
	struct flow	*f = flow_of(p);

	if (f->done != NULL)
		f->done(f->arg);
	flow_free(f);
}

static struct flow *
flow_start(struct flow *f, struct limit_user *user, int client, int target,
    const void *data, size_t len)
{
	static const struct pump_ops	 ops = {
		flow_room, flow_moved, flow_done
	};

	f->user = user;
	nflows++;
	stats_open(f->way, f->family, user);
	pump_prefix(&f->pump, TARGET, data, len);
	pump_start(&f->pump, client, target, &ops);
	return (f);
}

struct flow *
flow_new(struct limit_user *user, const struct dial *d, int client,
    int target, const void *data, size_t len)
{
	struct flow	*f = xcalloc(1, sizeof(*f));

	f->family = d->upstream != NULL ? RELAY_UPSTREAM :
	    (enum relay_way)d->he.list[d->winner].family;
	f->way = way_get(f->family == RELAY_IPV6 ? d->way : NULL);
	f->outside = TARGET;
	stats_bytes(f->way, f->family, user, 0, len);
	return (flow_start(f, user, client, target, data, len));
}

struct flow *
flow_publish(struct limit_user *user, struct way *way, int client, int target,
    const void *header, size_t len)
{
	struct flow	*f = xcalloc(1, sizeof(*f));

	f->family = RELAY_IPV6;
	f->way = way_get(way);
	f->outside = CLIENT;
	return (flow_start(f, user, client, target, header, len));
}

void
flow_watch(struct flow *f, void (*done)(void *), void *arg)
{
	f->done = done;
	f->arg = arg;
}

void
flow_stop(struct flow *f)
{
	pump_stop(&f->pump, 1);
	flow_free(f);
}

uint32_t
flow_count(void)
{
	return (nflows);
}
