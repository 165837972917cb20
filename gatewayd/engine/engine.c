/*
 * The engine decides: it runs the tunnels' state machines, selects the active
 * one, and says what the parent should make of the kernel.  It runs as
 * _gatewayd in an empty root and holds nothing but pipes.
 *
 *	prober  -> PROBE_RESULT, HINT,	-> parent   WANT, REFRESH, SAMPLE,
 *		   PMTU_RESULT			    STATE_SAVE
 *	parent  -> LINK, STATS, ADMIN,	-> prober   PROBE_SET, PROBE_BURST,
 *		   STATE_LOAD			    PMTU_START
 *					-> frontend TUNNEL_STATUS, HEALTH,
 *						    FAILOVER
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "child.h"
#include "engine.h"
#include "gatewayd.h"
#include "holder.h"
#include "log.h"
#include "util.h"

struct engine	 engine;

/* a configuration on its way in */
static struct {
	struct imsg_conf	 conf;
	struct imsg_token	 token;
	int			 has_token;
	struct tunnels		 tunnels;
} next;

static void	next_drop(void);
static void	reconf_commit(void);

static struct holder	 holder = { next_drop, reconf_commit, 0 };

static struct imsg_token	 token;
static int			 has_token;
static struct event		*tick;

struct tunnel *
engine_tunnel(uint32_t id)
{
	struct tunnel	*t;

	TAILQ_FOREACH(t, &engine.tunnels, entry)
		if (t->conf.id == id)
			return (t);
	return (NULL);
}

static void	engine_tick(int, short, void *);

/* wakes up for what is due first, if anything is */
static void
engine_schedule(void)
{
	const struct tunnel	*t;
	struct timeval		 tv;
	uint64_t		 deadline, first, now, wait;

	first = persist_deadline();
	if (engine.select_ms < first)
		first = engine.select_ms;
	if (engine.patience_ms < first)
		first = engine.patience_ms;
	TAILQ_FOREACH(t, &engine.tunnels, entry) {
		deadline = tunnel_deadline(t);
		if (deadline < first)
			first = deadline;
	}
	if (first == ENGINE_NEVER || engine.settling) {
		if (tick != NULL)
			evtimer_del(tick);
		return;
	}
	if (tick == NULL &&
	    (tick = evtimer_new(child_base(), engine_tick, NULL)) == NULL)
		fatalx("evtimer_new");
	now = monotime_ms();
	wait = first > now ? first - now : 0;
	tv.tv_sec = (time_t)(wait / 1000);
	tv.tv_usec = (suseconds_t)(wait % 1000 * 1000);
	evtimer_add(tick, &tv);
}

static void
engine_tick(int fd, short events, void *arg)
{
	struct tunnel	*t;

	TAILQ_FOREACH(t, &engine.tunnels, entry)
		tunnel_tick(t);
	select_active();
	if (persist_deadline() <= monotime_ms())
		persist_save();
	engine_schedule();
}

static void
next_drop(void)
{
	struct tunnel	*t;

	while ((t = TAILQ_FIRST(&next.tunnels)) != NULL) {
		TAILQ_REMOVE(&next.tunnels, t, entry);
		free(t);
	}
	explicit_bzero(&next.token, sizeof(next.token));
	next.has_token = 0;
}

static void
reconf_conf(struct imsg *imsg)
{
	holder_begin(&holder);
	if (imsg_get_data(imsg, &next.conf, sizeof(next.conf)) == -1 ||
	    next.conf.ntargets > GW_TARGETS_MAX ||
	    !wire_string(next.conf.source))
		fatalx("RECONF_CONF: malformed");
}

static void
reconf_tunnel(struct imsg *imsg)
{
	struct imsg_tunnel	 m;
	struct tunnel		*t;

	holder_piece(&holder, imsg);
	if (imsg_get_data(imsg, &m, sizeof(m)) == -1 || !wire_tunnel(&m))
		fatalx("RECONF_TUNNEL: malformed");
	t = tunnel_new(&m);
	TAILQ_INSERT_TAIL(&next.tunnels, t, entry);
}

static void
reconf_token(struct imsg *imsg)
{
	holder_piece(&holder, imsg);
	if (imsg_get_data(imsg, &next.token, sizeof(next.token)) == -1)
		fatalx("RECONF_TOKEN: malformed");
	next.has_token = 1;
}

/* tunnels that stay keep their state; the list takes the new order */
static void
merge_tunnels(void)
{
	struct tunnels	 old;
	struct tunnel	*t, *kept;

	TAILQ_INIT(&old);
	TAILQ_CONCAT(&old, &engine.tunnels, entry);
	while ((t = TAILQ_FIRST(&next.tunnels)) != NULL) {
		TAILQ_REMOVE(&next.tunnels, t, entry);
		TAILQ_FOREACH(kept, &old, entry)
			if (kept->conf.id == t->conf.id)
				break;
		if (kept == NULL) {
			TAILQ_INSERT_TAIL(&engine.tunnels, t, entry);
			persist_restore(t);
			tunnel_reconf(t, &t->conf);
			if (t->adopting && engine.active == NULL)
				engine.active = t;
			continue;
		}
		TAILQ_REMOVE(&old, kept, entry);
		TAILQ_INSERT_TAIL(&engine.tunnels, kept, entry);
		tunnel_reconf(kept, &t->conf);
		free(t);
	}
	while ((t = TAILQ_FIRST(&old)) != NULL) {
		TAILQ_REMOVE(&old, t, entry);
		tunnel_free(t);
	}
}

static void
reconf_commit(void)
{
	struct tunnel	*t;

	engine.conf = next.conf;
	token = next.token;
	has_token = next.has_token;
	merge_tunnels();
	persist_forget();
	next_drop();
	select_active();
	/* the order, if nothing else, may be another */
	TAILQ_FOREACH(t, &engine.tunnels, entry) {
		tunnel_update(t);
		status_tunnel(t);
	}
	status_health();
}

static void
engine_admin(struct imsg *imsg)
{
	struct imsg_result	 result = { ENOENT };
	struct imsg_admin	 m;
	struct tunnel		*t;

	if (imsg_get_data(imsg, &m, sizeof(m)) == -1 ||
	    m.verb > ADMIN_UNPREFER)
		fatalx("ADMIN_DO: malformed");
	if ((t = engine_tunnel(m.tunnel)) != NULL)
		result.error = (uint32_t)tunnel_admin(t,
		    (enum admin_verb)m.verb);
	peer_send(child_peer(PROC_FRONTEND), IMSG_ADMIN_RESULT, imsg->hdr.id,
	    -1, &result, sizeof(result));
}

static void
engine_auth(struct imsg *imsg)
{
	struct imsg_result	 result = { EPERM };
	struct imsg_auth	 m;

	if (imsg_get_data(imsg, &m, sizeof(m)) == -1 || !wire_string(m.token))
		fatalx("AUTH: malformed");
	if (has_token && salted_equal(&token.token, m.token, strlen(m.token)))
		result.error = 0;
	explicit_bzero(&m, sizeof(m));
	peer_send(child_peer(PROC_FRONTEND), IMSG_AUTH_RESULT, imsg->hdr.id,
	    -1, &result, sizeof(result));
}

/* no WANT leaves from here on: the parent takes everything down, or not */
static void
engine_settle(void)
{
	persist_save();
	engine.settling = 1;
	peer_send0(child_peer(PROC_PARENT), IMSG_SETTLED, 0);
}

static void
engine_dispatch_parent(struct imsg *imsg)
{
	switch (imsg->hdr.type) {
	case IMSG_RECONF_CONF:
		reconf_conf(imsg);
		break;
	case IMSG_RECONF_TUNNEL:
		reconf_tunnel(imsg);
		break;
	case IMSG_RECONF_TOKEN:
		reconf_token(imsg);
		break;
	case IMSG_RECONF_END:
	case IMSG_RECONF_COMMIT:
	case IMSG_RECONF_ABORT:
		holder_end(&holder, imsg);
		break;
	case IMSG_STATE_LOAD:
		persist_load(imsg->data, imsg->len);
		break;
	case IMSG_ADMIN_DO:
		engine_admin(imsg);
		break;
	case IMSG_SETTLE:
		engine_settle();
		break;
	default:
		fatalx("%s: no handler", msg_name(imsg->hdr.type));
	}
}

/* what arrives for a tunnel; one that a reload removed is spoken of no more,
 * but what was on its way still comes */
static void
engine_dispatch_tunnel(struct tunnel *t, struct imsg *imsg)
{
	union {
		struct imsg_link		 link;
		struct imsg_stats		 stats;
		struct imsg_probe_result	 probe;
		struct imsg_probe_hint		 hint;
		struct imsg_pmtu_result		 pmtu;
	} m;
	size_t	 len = imsg->len < sizeof(m) ? imsg->len : sizeof(m);

	/* messages.def has settled that this is the type's size */
	memcpy(&m, imsg->data, len);
	switch (imsg->hdr.type) {
	case IMSG_LINK:
		if (!wire_link(&m.link))
			fatalx("LINK: malformed");
		tunnel_link(t, &m.link);
		break;
	case IMSG_STATS:
		tunnel_sampled(t, &m.stats);
		break;
	case IMSG_PROBE_RESULT:
		if (m.probe.outcome > PROBE_LATE ||
		    m.probe.target >= GW_TARGETS_MAX)
			fatalx("PROBE_RESULT: malformed");
		tunnel_probed(t, &m.probe);
		break;
	case IMSG_PROBE_HINT:
		tunnel_hint(t, &m.hint);
		break;
	case IMSG_PMTU_RESULT:
		if (m.pmtu.mtu > m.pmtu.max || m.pmtu.max > UINT16_MAX ||
		    (m.pmtu.mtu != 0 && m.pmtu.mtu < IPV6_MTU_MIN))
			fatalx("PMTU_RESULT: malformed");
		tunnel_pmtu(t, &m.pmtu);
		break;
	}
}

static void
engine_dispatch(struct peer *p, struct imsg *imsg)
{
	struct tunnel	*t;

	switch (imsg->hdr.type) {
	case IMSG_AUTH:
		engine_auth(imsg);
		return;
	case IMSG_LINK:
	case IMSG_STATS:
	case IMSG_PROBE_RESULT:
	case IMSG_PROBE_HINT:
	case IMSG_PMTU_RESULT:
		/* what the parent takes down now is no news */
		if (!engine.settling &&
		    (t = engine_tunnel(imsg->hdr.id)) != NULL)
			engine_dispatch_tunnel(t, imsg);
		break;
	default:
		engine_dispatch_parent(imsg);
		break;
	}
	engine_schedule();
}

void
engine_main(const struct proc_args *args)
{
	static const struct child_ops	 ops = {
		.dispatch = engine_dispatch,
		.startup = NULL,
		.nofile = 0,
	};

	TAILQ_INIT(&engine.tunnels);
	TAILQ_INIT(&next.tunnels);
	engine.select_ms = engine.patience_ms = ENGINE_NEVER;
	child_run(args, &ops);
}
