/*
 * Configurations: sent to the engine, the frontend and the relay, which take
 * them over together or not at all.  Runs in the parent (root, three
 * capabilities).
 *
 *	CONF UIDS TUNNEL... TOKEN TEXT... END ->   <- READY   COMMIT | ABORT ->
 *
 * A new configuration is a new tree; the old one stays in force until all
 * hold the new.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "addr.h"
#include "link.h"
#include "log.h"
#include "parent.h"
#include "state.h"
#include "util.h"
#include "wire.h"
#include "wire_conf.h"

#define RELOAD_TIMEOUT	5	/* seconds for all to say READY */
#define TOKEN_MAX	255

static const enum gw_proc	 holders[] = { PROC_ENGINE, PROC_FRONTEND,
				    PROC_RELAY };
#define NHOLDERS	(sizeof(holders) / sizeof(holders[0]))

static struct {
	struct gw_conf	*conf;		/* on its way in; NULL: none */
	uint32_t	 request;
	uint32_t	 waiting;	/* P_* that have not said READY */
	struct event	*timer;
} pending;
static struct {
	int		 set;		/* one waits until it can be */
	uint32_t	 request;	/* 0: for nobody */
} due;

/* a line for the log and for whoever asked */
static void __attribute__((format(printf, 2, 3)))
tell(enum log_level level, const char *fmt, ...)
{
	char	 line[1024];
	va_list	 ap;
	size_t	 len;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	log_record(level, NULL, "%s", line);
	if (pending.request == 0)
		return;
	len = strlcat(line, "\n", sizeof(line));
	peer_send(env.peers[PROC_FRONTEND], IMSG_RELOAD_TEXT, pending.request,
	    -1, line, len);
}

static void
tell_line(void *arg, enum log_level level, const char *line)
{
	tell(level, "%s", line);
}

static void
reload_result(int error)
{
	struct imsg_result	 m = { (uint32_t)error };

	/* without a request it is for the frontend's counters; the first
	 * configuration is no reload */
	if (env.ready)
		peer_send(env.peers[PROC_FRONTEND], IMSG_RELOAD_RESULT,
		    pending.request, -1, &m, sizeof(m));
	memset(&pending, 0, sizeof(pending));
	if (env.ready)
		reload_due();
}

static void
reload_failed(int error)
{
	if (pending.timer != NULL)
		event_free(pending.timer);
	conf_free(pending.conf);
	log_warnx("the new configuration was not taken; the old one stays");
	reload_result(error);
}

/* the token's salted hash: below the parent nobody can tell the token */
static int
token_hash(const char *path, struct imsg_token *m)
{
	char		 buf[TOKEN_MAX + 2];
	ssize_t		 n;
	size_t		 len;
	int		 fd;

	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) == -1) {
		tell(LL_ERROR, "%s: %s%s", path, strerror(errno),
		    errno == EACCES ? "; a folder that was not in use at the "
		    "start needs a restart of the daemon" : "");
		return (-1);
	}
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	buf[n > 0 ? n : 0] = '\0';
	len = strcspn(buf, "\r\n");
	if (len == 0 || len > TOKEN_MAX) {
		tell(LL_ERROR, "%s: the first line must be a token of 1 to "
		    "%d characters", path, TOKEN_MAX);
		explicit_bzero(buf, sizeof(buf));
		return (-1);
	}
	salted_make(&m->token, buf, len);
	explicit_bzero(buf, sizeof(buf));
	return (0);
}

static void
send_holders(enum imsg_type type)
{
	size_t	 i;

	for (i = 0; i < NHOLDERS; i++)
		peer_send0(env.peers[holders[i]], type, 0);
}

/* the engine and the frontend know all about tunnels */
static void
send_both(enum imsg_type type, const void *data, size_t len)
{
	peer_send(env.peers[PROC_ENGINE], type, 0, -1, data, len);
	peer_send(env.peers[PROC_FRONTEND], type, 0, -1, data, len);
}

static void
fill_api(const struct gw_conf *conf, struct imsg_conf *m)
{
	const struct sockaddr_in	*sin;
	const struct sockaddr_in6	*sin6;

	m->api_port = conf->api_port;
	m->api_family = (uint8_t)conf->api_bind.ss_family;
	/* reading is free on this machine */
	if (conf->api_token_file != NULL)
		m->api_token = sockaddr_loopback(
		    (const struct sockaddr *)&conf->api_bind) ?
		    API_TOKEN_CHANGES : API_TOKEN_ALL;
	if (conf->api_bind.ss_family == AF_INET) {
		sin = (const struct sockaddr_in *)&conf->api_bind;
		memcpy(&m->api_addr, &sin->sin_addr, sizeof(sin->sin_addr));
	} else {
		sin6 = (const struct sockaddr_in6 *)&conf->api_bind;
		m->api_addr = sin6->sin6_addr;
	}
}

static void
fill_conf(const struct gw_conf *conf, struct imsg_conf *m)
{
	const struct gw_health	*h = &conf->health;
	uint32_t		 i;

	m->interval_ms = h->interval_ms;
	m->standby_ms = h->standby_ms;
	m->down_min_ms = h->down_min_ms;
	m->down_max_ms = h->down_max_ms;
	m->window_ms = h->window_ms;
	m->quorum = h->quorum;
	m->loss_degraded = h->loss_degraded;
	m->latency_degraded_ms = h->latency_degraded_ms;
	m->hold_min_ms = h->hold_min_ms;
	m->hold_max_ms = h->hold_max_ms;
	m->mode = conf->failover.mode;
	m->preempt = (uint32_t)conf->failover.preempt;
	m->margin_percent = conf->failover.margin_percent;
	m->margin_ms = conf->failover.margin_ms;
	m->margin_hold_ms = conf->failover.margin_hold_ms;
	m->ntargets = h->ntargets;
	for (i = 0; i < h->ntargets; i++)
		if (!h->targets[i].gateway)
			m->targets[i] = h->targets[i].addr;
	fill_api(conf, m);
	m->exposure = conf->exposure.modes;
	if (conf->exposure.socks_bind != NULL)
		strlcpy(m->socks_bind, conf->exposure.socks_bind,
		    sizeof(m->socks_bind));
	m->loaded_at = unix_time();
	strlcpy(m->source, env.file, sizeof(m->source));
}

static void
send_tunnel(const struct gw_tunnel *t)
{
	const struct gw_tunnel	*old;
	struct imsg_tunnel	 m;

	old = env.conf == pending.conf ? NULL : conf_tunnel_id(env.conf, t->id);
	memset(&m, 0, sizeof(m));
	m.id = t->id;
	m.type = t->type;
	m.priority = t->priority;
	m.keepalive_ms = t->keepalive_ms;
	m.enabled = (uint8_t)t->enabled;
	m.was_active = old == NULL && link_has_default(t->id);
	m.changed = old == NULL || !conf_tunnel_equal(old, t);
	m.prefix_len = t->prefix_len;
	m.has_address = (uint8_t)t->has_address;
	m.has_gateway = (uint8_t)t->has_gateway;
	m.address = t->address;
	m.gateway = t->gateway;
	strlcpy(m.name, t->name, sizeof(m.name));
	strlcpy(m.iface, t->iface, sizeof(m.iface));
	send_both(IMSG_RECONF_TUNNEL, &m, sizeof(m));
}

/* for GET /config: what conf_print() writes */
static void
send_text(const struct gw_conf *conf)
{
	FILE	*f;
	char	*text = NULL;
	size_t	 len = 0;

	if ((f = open_memstream(&text, &len)) == NULL ||
	    conf_print(conf, f) == -1 || fclose(f) == EOF)
		fatal("conf_print");
	peer_send_pieces(env.peers[PROC_FRONTEND], IMSG_RECONF_TEXT, 0, text,
	    len);
	free(text);
}

/* everything that can fail comes before the first message */
static int
send_conf(const struct gw_conf *conf)
{
	struct imsg_conf	 m;
	struct imsg_uids	 writers;
	struct imsg_token	 token;
	struct gw_tunnel	*t;
	size_t			 i;
	int			 socks;

	memset(&m, 0, sizeof(m));
	fill_conf(conf, &m);
	if (writers_resolve(conf, &m.control_gid, &writers, tell) == -1 ||
	    (conf->api_token_file != NULL &&
	    token_hash(conf->api_token_file, &token) == -1))
		return (-1);
	if (relay_conf_listen(conf, &socks) == -1) {
		tell(LL_ERROR, "[exposure.socks5] bind: cannot listen on %s: "
		    "%s", conf->exposure.socks_bind, strerror(errno));
		return (-1);
	}
	send_both(IMSG_RECONF_CONF, &m, sizeof(m));
	peer_send(env.peers[PROC_FRONTEND], IMSG_RECONF_UIDS, 0, -1, &writers,
	    sizeof(writers));
	relay_conf_send(conf, socks);
	TAILQ_FOREACH(t, &conf->tunnels, entry)
		send_tunnel(t);
	if (conf->api_token_file != NULL)
		peer_send(env.peers[PROC_ENGINE], IMSG_RECONF_TOKEN, 0, -1,
		    &token, sizeof(token));
	send_text(conf);
	send_holders(IMSG_RECONF_END);
	for (i = 0; i < NHOLDERS; i++)
		pending.waiting |= 1U << holders[i];
	return (0);
}

/* the id of a tunnel stays with its name */
static void
assign_ids(struct gw_conf *conf)
{
	const struct gw_tunnel	*old;
	struct gw_tunnel	*t;

	TAILQ_FOREACH(t, &conf->tunnels, entry) {
		old = env.conf == conf ? NULL :
		    conf_tunnel_name(env.conf, t->name);
		t->id = old != NULL ? old->id : env.next_id++;
	}
}

/* what is fixed when the daemon starts keeps its value */
static void
keep_string(char **old, char **new, const char *key)
{
	char	*s;

	if (*old == *new ||
	    (*old != NULL && *new != NULL && strcmp(*old, *new) == 0))
		return;
	tell(LL_WARN, "%s: the change needs a restart of the daemon", key);
	s = xstrdup0(*old);
	free(*new);
	*new = s;
}

static void
keep_fixed(struct gw_conf *old, struct gw_conf *new)
{
	keep_string(&old->state_dir, &new->state_dir, "state_dir");
	keep_string(&old->run_dir, &new->run_dir, "run_dir");
	keep_string(&old->user, &new->user, "user");
	keep_string(&old->relay_user, &new->relay_user, "relay_user");
	keep_string(&old->launcher_user, &new->launcher_user,
	    "launcher_user");
	keep_string(&old->api_socket, &new->api_socket, "api_socket");
	keep_string(&old->mcp_socket, &new->mcp_socket, "mcp_socket");
	keep_string(&old->mcp_user, &new->mcp_user, "mcp_user");
	keep_string(&old->mcp_group, &new->mcp_group, "mcp_group");
	keep_string(&old->log_file, &new->log_file, "log_to");
	if (old->log_to != new->log_to || old->log_format != new->log_format)
		tell(LL_WARN, "log_to, log_format: the change needs a restart "
		    "of the daemon");
	new->log_to = old->log_to;
	new->log_format = old->log_format;
	if (memcmp(&old->api_bind, &new->api_bind, sizeof(new->api_bind)) != 0)
		tell(LL_WARN, "api_bind, api_port: the change needs a restart "
		    "of the daemon");
	new->api_bind = old->api_bind;
	new->api_port = old->api_port;
}

void
reload_first(void)
{
	pending.conf = env.conf;
	assign_ids(env.conf);
	endpoints_conf(env.conf);
	link_conf(env.conf);
	if (send_conf(env.conf) == -1)
		exit(1);
}

static void
reload_timeout(int fd, short events, void *arg)
{
	tell(LL_ERROR, "a process did not take the new configuration within "
	    "%d seconds", RELOAD_TIMEOUT);
	send_holders(IMSG_RECONF_ABORT);
	reload_failed(ETIMEDOUT);
}

int
reload_pending(void)
{
	return (pending.conf != NULL);
}

/* the file may have changed since that one was read; one waits for it, and
 * covers signals that come meanwhile */
static void
reload_later(uint32_t request)
{
	struct imsg_result	 busy = { EBUSY };

	if (env.stopping || (request != 0 && due.request != 0)) {
		if (request != 0)
			peer_send(env.peers[PROC_FRONTEND], IMSG_RELOAD_RESULT,
			    request, -1, &busy, sizeof(busy));
		return;
	}
	log_info("a configuration is on its way in; the file is read again "
	    "after that");
	due.set = 1;
	if (request != 0)
		due.request = request;
}

void
reload(uint32_t request)
{
	static const struct timeval	 tv = { RELOAD_TIMEOUT, 0 };

	if (pending.conf != NULL || !env.ready || env.stopping) {
		reload_later(request);
		return;
	}
	log_info("reading %s again", env.file);
	pending.request = request;
	pending.conf = conf_parse(env.file, 1, tell_line, NULL);
	if (pending.conf == NULL) {
		reload_failed(EINVAL);
		return;
	}
	keep_fixed(env.conf, pending.conf);
	assign_ids(pending.conf);
	if (send_conf(pending.conf) == -1) {
		reload_failed(EINVAL);
		return;
	}
	pending.timer = evtimer_new(env.base, reload_timeout, NULL);
	if (pending.timer == NULL || evtimer_add(pending.timer, &tv) == -1)
		fatalx("evtimer_add");
}

void
reload_due(void)
{
	uint32_t	 request = due.request;

	if (!due.set)
		return;
	memset(&due, 0, sizeof(due));
	reload(request);
}

static void
commit_level(const struct gw_conf *conf)
{
	if (!env.debug && env.conf->log_level != conf->log_level)
		logrelay_set_level(WIRE_ALL, conf->log_level);
}

static void
load_states(void)
{
	state_blob_load(&state_engine, env.peers[PROC_ENGINE],
	    IMSG_STATE_LOAD);
	state_blob_load(&state_ports, env.peers[PROC_RELAY],
	    IMSG_PORTS_LOAD);
}

void
reload_ready(enum gw_proc proc)
{
	struct gw_conf	*old = env.conf;

	if (!(pending.waiting & (1U << proc)))
		return;		/* too late: it was aborted */
	if ((pending.waiting &= ~(1U << proc)) != 0)
		return;
	commit_level(pending.conf);
	env.conf = pending.conf;
	if (old != env.conf) {
		event_free(pending.timer);
		endpoints_conf(env.conf);
		link_conf(env.conf);
		relay_conf_done(old);
		conf_free(old);
		log_info("the new configuration is in force");
	}
	if (old == env.conf)
		load_states();
	send_holders(IMSG_RECONF_COMMIT);
	doctor_conf(env.conf);
	if (old == env.conf)
		parent_configured();
	reload_result(0);
}
