/*
 * The frontend: everything strangers talk to.  It runs as _gatewayd in an
 * empty root, holds the REST, MCP and control listeners the parent bound, keeps
 * the engine's last word on every tunnel (fe_status), and decides nothing.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "access.h"
#include "child.h"
#include "control.h"
#include "counters.h"
#include "events.h"
#include "frontend.h"
#include "gatewayd.h"
#include "history.h"
#include "holder.h"
#include "http.h"
#include "log.h"
#include "logs.h"
#include "mcp.h"
#include "order.h"
#include "ports.h"
#include "procstat.h"
#include "rest_doctor.h"
#include "status.h"
#include "tracing.h"
#include "util.h"

/* connections of all listeners together, and a few in between */
#define FRONTEND_NOFILE	(256 + 64 + 64 + 16)

struct auth {
	TAILQ_ENTRY(auth)	 entry;
	uint32_t		 id;
	void			(*cb)(void *, int);
	void			*arg;
};
static TAILQ_HEAD(, auth)	 auths = TAILQ_HEAD_INITIALIZER(auths);

/* a configuration on its way in */
static struct {
	struct imsg_conf	 conf;
	struct imsg_uids	 writers;
	struct fe_tunnels	 tunnels;
	char			*text;
	size_t			 text_len;
} next;

static void	next_drop(void);
static void	reconf_commit(void);

static struct holder	 holder = { next_drop, reconf_commit, 0 };

uint32_t
frontend_auth(const char *token, void (*cb)(void *, int), void *arg)
{
	static uint32_t	 last;
	struct imsg_auth m;
	struct auth	*a = xcalloc(1, sizeof(*a));

	if (++last == 0)
		last = 1;
	a->id = last;
	a->cb = cb;
	a->arg = arg;
	TAILQ_INSERT_TAIL(&auths, a, entry);
	memset(&m, 0, sizeof(m));
	/* cut short it might be the token: none has no characters */
	if (strlcpy(m.token, token, sizeof(m.token)) >= sizeof(m.token))
		explicit_bzero(&m, sizeof(m));
	peer_send(child_peer(PROC_ENGINE), IMSG_AUTH, a->id, -1, &m,
	    sizeof(m));
	explicit_bzero(&m, sizeof(m));
	return (a->id);
}

static struct auth *
auth_take(uint32_t id)
{
	struct auth	*a;

	TAILQ_FOREACH(a, &auths, entry) {
		if (a->id == id) {
			TAILQ_REMOVE(&auths, a, entry);
			return (a);
		}
	}
	return (NULL);
}

void
frontend_auth_cancel(uint32_t id)
{
	free(auth_take(id));
}

static void
auth_result(struct imsg *imsg)
{
	struct imsg_result	 m;
	struct auth		*a;

	if (imsg_get_data(imsg, &m, sizeof(m)) == -1)
		fatalx("AUTH_RESULT: malformed");
	if ((a = auth_take(imsg->hdr.id)) == NULL)
		return;		/* cancelled meanwhile */
	a->cb(a->arg, m.error == 0);
	free(a);
}

static void
next_drop(void)
{
	fe_tunnels_clear(&next.tunnels);
	next.writers.count = 0;
	free(next.text);
	next.text = NULL;
	next.text_len = 0;
}

static void
reconf_conf(struct imsg *imsg)
{
	holder_begin(&holder);
	if (imsg_get_data(imsg, &next.conf, sizeof(next.conf)) == -1 ||
	    !wire_string(next.conf.source) ||
	    !wire_string(next.conf.socks_bind) ||
	    next.conf.api_token > API_TOKEN_ALL)
		fatalx("RECONF_CONF: malformed");
}

static void
reconf_tunnel(struct imsg *imsg)
{
	struct fe_tunnel	*t = xcalloc(1, sizeof(*t));

	holder_piece(&holder, imsg);
	if (imsg_get_data(imsg, &t->conf, sizeof(t->conf)) == -1 ||
	    !wire_tunnel(&t->conf) ||
	    fe_tunnels_add(&next.tunnels, t) == -1)
		fatalx("RECONF_TUNNEL: malformed");
}

static void
reconf_uids(struct imsg *imsg)
{
	holder_piece(&holder, imsg);
	if (imsg_get_data(imsg, &next.writers, sizeof(next.writers)) == -1 ||
	    next.writers.count > WIRE_UIDS)
		fatalx("RECONF_UIDS: malformed");
}

static void
reconf_text(struct imsg *imsg)
{
	holder_piece(&holder, imsg);
	xappend(&next.text, &next.text_len, imsg->data, imsg->len);
}

static void
reconf_commit(void)
{
	fe_tunnels_commit(&next.tunnels);
	fe_status.conf = next.conf;
	fe_status.writers = next.writers;
	free(fe_status.conf_text);
	fe_status.conf_text = next.text;
	next.text = NULL;
	next_drop();
	counters.reload_ok = 1;
	fe_changed();
}

static void
tunnel_status(struct imsg *imsg)
{
	struct imsg_status	 m;
	struct fe_tunnel	*t;

	if (imsg_get_data(imsg, &m, sizeof(m)) == -1 ||
	    m.state > TS_ERROR || m.role > ROLE_DRAINING ||
	    !wire_string(m.reason) || !wire_string(m.last_error) ||
	    !wire_link(&m.link))
		fatalx("TUNNEL_STATUS: malformed");
	if ((t = fe_tunnels_id(&fe_status.tunnels, imsg->hdr.id)) != NULL)
		fe_tunnel_update(t, &m);
	else if ((t = fe_tunnels_id(&next.tunnels, imsg->hdr.id)) != NULL) {
		/* the engine's word has overtaken the parent's COMMIT */
		t->st = m;
		t->known = 1;
	}
	/* else a reload has just removed it */
}

static void
health_status(struct imsg *imsg)
{
	struct imsg_health	 m;

	if (imsg_get_data(imsg, &m, sizeof(m)) == -1 ||
	    m.status > HEALTH_DOWN)
		fatalx("HEALTH_STATUS: malformed");
	fe_health_update(&m);
}

static struct fe_tunnel *
tunnel_id(uint32_t id)
{
	struct fe_tunnel	*t = fe_tunnels_id(&fe_status.tunnels, id);

	return (t != NULL ? t : fe_tunnels_id(&next.tunnels, id));
}

static void
failover(struct imsg *imsg)
{
	struct imsg_failover	 m;

	if (imsg_get_data(imsg, &m, sizeof(m)) == -1 ||
	    m.cause >= FAILOVER_CAUSES || !wire_string(m.reason))
		fatalx("FAILOVER: malformed");
	fe_failover(tunnel_id(m.from), tunnel_id(m.to), &m);
}

static void
outage(struct imsg *imsg)
{
	struct imsg_outage	 m;

	if (imsg_get_data(imsg, &m, sizeof(m)) == -1)
		fatalx("OUTAGE: malformed");
	histogram_add(&fe_status.outages, histogram_failover,
	    (uint64_t)m.ms * 1000);
}

/* of every reload, whoever asked for it */
static void
reload_result(struct imsg *imsg)
{
	struct imsg_result	 m;

	if (imsg_get_data(imsg, &m, sizeof(m)) == -1)
		fatalx("RELOAD_RESULT: malformed");
	count_reload(m.error == 0);
	if (imsg->hdr.id != 0)
		order_answer(imsg);
}

static void
take_procstat(struct imsg *imsg)
{
	struct imsg_peer	 m;
	int			 fd = imsg_get_fd(imsg);

	if (imsg_get_data(imsg, &m, sizeof(m)) == -1 || m.proc >= PROC_COUNT)
		fatalx("PROC_STAT: no such process");
	procstat_take((enum gw_proc)m.proc, fd);
}

static void
take_listener(struct imsg *imsg)
{
	struct imsg_listener	 m;
	int			 fd = imsg_get_fd(imsg);

	if (imsg_get_data(imsg, &m, sizeof(m)) == -1)
		fatalx("LISTENER: malformed");
	switch (m.kind) {
	case LISTENER_HTTP:
	case LISTENER_API:
		http_listen(child_base(), fd);
		break;
	case LISTENER_CONTROL:
		control_listen(child_base(), fd);
		break;
	case LISTENER_MCP:
		mcp_listen(child_base(), fd);
		break;
	default:
		fatalx("LISTENER: no kind %u", m.kind);
	}
}

static void
parent_message(struct imsg *imsg)
{
	switch (imsg->hdr.type) {
	case IMSG_LISTENER:
		take_listener(imsg);
		break;
	case IMSG_SOCK_DIAG:
		access_diag(imsg_get_fd(imsg));
		break;
	case IMSG_RECONF_UIDS:
		reconf_uids(imsg);
		break;
	case IMSG_RECONF_CONF:
		reconf_conf(imsg);
		break;
	case IMSG_RECONF_TUNNEL:
		reconf_tunnel(imsg);
		break;
	case IMSG_RECONF_TEXT:
		reconf_text(imsg);
		break;
	case IMSG_RECONF_END:
	case IMSG_RECONF_COMMIT:
	case IMSG_RECONF_ABORT:
		holder_end(&holder, imsg);
		break;
	case IMSG_HISTORY:
		history_open(imsg_get_fd(imsg));
		break;
	case IMSG_LOG_RECORD:
		logs_record(imsg);
		break;
	case IMSG_PROC_LEVEL:
		logs_level(imsg);
		break;
	case IMSG_PROC_STAT:
		take_procstat(imsg);
		break;
	case IMSG_RELOAD_RESULT:
		reload_result(imsg);
		break;
	case IMSG_ADMIN_RESULT:
	case IMSG_RELOAD_TEXT:
		order_answer(imsg);
		break;
	default:
		fatalx("%s: no handler", msg_name(imsg->hdr.type));
	}
}

static void
engine_message(struct imsg *imsg)
{
	switch (imsg->hdr.type) {
	case IMSG_TUNNEL_STATUS:
		tunnel_status(imsg);
		break;
	case IMSG_HEALTH_STATUS:
		health_status(imsg);
		break;
	case IMSG_FAILOVER:
		failover(imsg);
		break;
	case IMSG_OUTAGE:
		outage(imsg);
		break;
	case IMSG_AUTH_RESULT:
		auth_result(imsg);
		break;
	case IMSG_ADMIN_RESULT:
		order_answer(imsg);
		break;
	default:
		fatalx("%s: no handler", msg_name(imsg->hdr.type));
	}
}

static void
relay_message(struct imsg *imsg)
{
	switch (imsg->hdr.type) {
	case IMSG_RELAY_STATS:
		if (fe_relay_stats(imsg->data, imsg->len) == -1)
			fatalx("RELAY_STATS: malformed");
		break;
	case IMSG_RELAY_WAY_STATS:
		if (fe_relay_way(tunnel_id(imsg->hdr.id), imsg->data,
		    imsg->len) == -1)
			fatalx("RELAY_WAY_STATS: malformed");
		break;
	case IMSG_RELAY_UID_STATS:
		if (fe_relay_uids(imsg->data, imsg->len) == -1)
			fatalx("RELAY_UID_STATS: malformed");
		break;
	case IMSG_PORT_STATUS:
		fe_port_status(imsg);
		break;
	case IMSG_PORT_GONE:
		fe_port_gone(imsg);
		break;
	case IMSG_PORT_RESULT:
		fe_port_result(imsg);
		break;
	case IMSG_TRACE_QUERY:
	case IMSG_TRACE_ATTEMPT:
	case IMSG_TRACE_END:
		tracing_message(imsg);
		break;
	default:
		fatalx("%s: no handler", msg_name(imsg->hdr.type));
	}
}

/* messages.def has settled who may send what */
static void
frontend_dispatch(struct peer *p, struct imsg *imsg)
{
	switch (p->proc) {
	case PROC_PARENT:
		parent_message(imsg);
		break;
	case PROC_ENGINE:
		engine_message(imsg);
		break;
	case PROC_RELAY:
		relay_message(imsg);
		break;
	default:
		doctor_text(imsg);
		break;
	}
}

static void
frontend_startup(void)
{
	logs_run(child_base());
}

void
frontend_main(const struct proc_args *args)
{
	static const struct child_ops	 ops = {
		.dispatch = frontend_dispatch,
		.startup = frontend_startup,
		.nofile = FRONTEND_NOFILE,
	};
	struct timespec			 now;

	logs_init();
	fe_tunnels_init(&next.tunnels);
	clock_gettime(CLOCK_REALTIME, &now);
	fe_status.started = (uint64_t)now.tv_sec;
	/* above all ids of the runs before: none of them had an event in
	 * every microsecond */
	events_start(fe_status.started * 1000000 +
	    (uint64_t)now.tv_nsec / 1000);
	child_run(args, &ops);
}
