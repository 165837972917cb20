/*
 * The control socket: gatewayctl's requests in imsg.
 *
 * Runs in the frontend (_gatewayd, chroot).  Anybody may connect and read
 * what the API shows anyway; what changes something is for root and the
 * control group, told by the credentials the kernel has of the other end.
 * Those requests go to the parent under a number of ours, never under one the
 * client chose; control_answer() finds the client by it again.
 */
#include <sys/socket.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "control.h"
#include "doc.h"
#include "log.h"
#include "status.h"
#include "util.h"
#include "wire.h"

#define CTL_CLIENTS	64
#define CTL_RESERVED	1	/* of them, for root */
#define CTL_ACCEPTS	16	/* at one wake-up */
/* who asks again with this much unread does not read: it is dropped */
#define CTL_UNREAD	(256 * 1024)

/* the exit codes of gatewayctl(8) */
enum ctl_code {
	CTL_OK = 0,
	CTL_FAILED = 1,
	CTL_NO_OBJECT = 4,
	CTL_NOT_PERMITTED = 5
};

struct client {
	TAILQ_ENTRY(client)	 entry;
	struct peer		*peer;
	struct ucred		 cred;
	uint32_t		 asked;	/* our number at the parent, 0: none */
	uint32_t		 id;	/* the client's own number for it */
	struct imsg_ctl_tunnel	 tunnel;	/* what it asked, for words */
};
TAILQ_HEAD(clients, client);

static struct {
	struct event_base	*base;
	struct event		*accept_ev;
	struct event		*pause_ev;
	struct clients		 clients;	/* the longest silent first */
	unsigned int		 nclients;
	uint32_t		 last_asked;
} control = { .clients = TAILQ_HEAD_INITIALIZER(control.clients) };

static void
client_drop(struct client *c)
{
	TAILQ_REMOVE(&control.clients, c, entry);
	control.nclients--;
	peer_free(c->peer);
	free(c);
}

static void
client_gone(struct peer *peer, const char *why)
{
	struct client	*c = peer->arg;

	log_debug("control: client of uid %u %s", c->cred.uid,
	    why == NULL ? "left" : why);
	client_drop(c);
}

static void __attribute__((format(printf, 4, 5)))
client_result(struct client *c, uint32_t id, enum ctl_code code,
    const char *fmt, ...)
{
	struct imsg_ctl_result	 result;
	va_list			 ap;

	memset(&result, 0, sizeof(result));
	result.code = code;
	va_start(ap, fmt);
	vsnprintf(result.text, sizeof(result.text), fmt, ap);
	va_end(ap);
	peer_send(c->peer, IMSG_CTL_RESULT, id, -1, &result, sizeof(result));
}

/* nonzero if the client's process has gid as a supplementary group */
static int
client_in_group(const struct client *c, gid_t gid)
{
	socklen_t	 len = 0;
	gid_t		*groups;
	size_t		 i, n;
	int		 fd = c->peer->ibuf.fd, found = 0;

	/* with no room the kernel says how much it wants */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &len) == 0 ||
	    errno != ERANGE)
		return (0);
	groups = xmalloc(len);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) == 0) {
		n = len / sizeof(*groups);
		for (i = 0; i < n && !found; i++)
			found = (groups[i] == gid);
	}
	free(groups);
	return (found);
}

/* anybody can be refused as often as he likes: not every time is news */
static void
log_refusal(uid_t uid)
{
	static uint64_t	 told;

	if (told == unix_time())
		return;
	told = unix_time();
	log_warnx("control: uid %u: not permitted", uid);
}

/* nonzero if the client may change things; otherwise it is told so */
static int
client_permitted(struct client *c, uint32_t id)
{
	gid_t	 gid = fe_status.conf.control_gid;

	if (c->cred.uid == 0)
		return (1);
	if (gid == UINT32_MAX)
		client_result(c, id, CTL_NOT_PERMITTED,
		    "only root may do this (control_group is not set)");
	else if (c->cred.gid != gid && !client_in_group(c, gid))
		client_result(c, id, CTL_NOT_PERMITTED,
		    "only root and the members of control_group may do this");
	else
		return (1);
	log_refusal(c->cred.uid);
	return (0);
}

/* sends to the parent under a number of ours; one at a time per client */
static void
client_ask(struct client *c, uint32_t id, enum imsg_type type,
    const void *data, size_t len)
{
	if (c->asked != 0) {
		client_result(c, id, CTL_FAILED,
		    "the last request is not answered yet: wait for it");
		return;
	}
	if (++control.last_asked == 0)
		control.last_asked = 1;
	c->asked = control.last_asked;
	c->id = id;
	peer_send(child_peer(PROC_PARENT), type, c->asked, -1, data, len);
}

/* "he, wg", cut to size with "..." */
static const char *
tunnel_names(char *buf, size_t size)
{
	const struct fe_tunnel	*t;
	size_t			 len = 0;

	strlcpy(buf, "none", size);
	TAILQ_FOREACH(t, &fe_status.tunnels.list, entry) {
		if (len + strlen(t->conf.name) + sizeof(", ...") > size) {
			strlcpy(buf + len, "...", size - len);
			break;
		}
		len += snprintf(buf + len, size - len, "%s%s", t->conf.name,
		    TAILQ_NEXT(t, entry) != NULL ? ", " : "");
	}
	return (buf);
}

static void
no_tunnel(struct client *c, uint32_t id, const char *name)
{
	char	 names[WIRE_REASON - 64];

	client_result(c, id, CTL_NO_OBJECT, "no tunnel \"%.32s\"; there is: %s",
	    name, tunnel_names(names, sizeof(names)));
}

/* CTL_SHOW: the bytes REST would send */
static void
client_show(struct client *c, struct imsg *imsg)
{
	static const char	 tunnels[] = "/tunnels/";
	struct imsg_ctl_show	 show;
	const struct doc	*doc;
	uint32_t		 id = imsg->hdr.id;
	size_t			 len, off;

	if (imsg_get_data(imsg, &show, sizeof(show)) == -1 ||
	    !wire_string(show.target)) {
		client_drop(c);
		return;
	}
	if ((doc = doc_get(show.target)) == NULL) {
		if (strncmp(show.target, tunnels, strlen(tunnels)) == 0)
			no_tunnel(c, id, show.target + strlen(tunnels));
		else
			client_result(c, id, CTL_NO_OBJECT,
			    "no document \"%.40s\"; there is: /health, "
			    "/v6/address, /tunnels, /tunnels/NAME, /config, "
			    "/version", show.target);
		return;
	}
	for (off = 0; off < doc->len; off += len) {
		len = doc->len - off;
		if (len > WIRE_CHUNK)
			len = WIRE_CHUNK;
		peer_send(c->peer, IMSG_CTL_DATA, id, -1, doc->body + off, len);
	}
	client_result(c, id, CTL_OK, "%s", "");
}

static const char *
verb_name(uint32_t verb)
{
	static const char *const	 names[] = { "up", "down", "restart" };

	return (verb < sizeof(names) / sizeof(names[0]) ? names[verb] : "?");
}

/* CTL_TUNNEL: up, down, restart */
static void
client_tunnel(struct client *c, struct imsg *imsg)
{
	struct imsg_ctl_tunnel	 req;
	struct imsg_admin	 admin;
	struct fe_tunnel	*t;
	uint32_t		 id = imsg->hdr.id;

	if (imsg_get_data(imsg, &req, sizeof(req)) == -1 ||
	    !wire_string(req.name) || req.verb > ADMIN_RESTART) {
		client_drop(c);
		return;
	}
	if (!client_permitted(c, id))
		return;
	if ((t = fe_tunnel_name(req.name)) == NULL) {
		no_tunnel(c, id, req.name);
		return;
	}
	log_info("control: uid %u asks: tunnel %s %s", c->cred.uid, req.name,
	    verb_name(req.verb));
	memset(&admin, 0, sizeof(admin));
	admin.tunnel = t->conf.id;
	admin.verb = req.verb;
	if (c->asked == 0)
		c->tunnel = req;
	client_ask(c, id, IMSG_ADMIN, &admin, sizeof(admin));
}

static void
client_reload(struct client *c, struct imsg *imsg)
{
	if (!client_permitted(c, imsg->hdr.id))
		return;
	log_info("control: uid %u asks: reload", c->cred.uid);
	client_ask(c, imsg->hdr.id, IMSG_RELOAD, NULL, 0);
}

/* CTL_LOG: the parent does not answer; it has nothing to refuse */
static void
client_log(struct client *c, struct imsg *imsg)
{
	struct imsg_level	 level;

	if (imsg_get_data(imsg, &level, sizeof(level)) == -1 ||
	    level.level > LL_DEBUG) {
		client_drop(c);
		return;
	}
	if (!client_permitted(c, imsg->hdr.id))
		return;
	log_info("control: uid %u asks: log %s", c->cred.uid,
	    log_level_name(level.level));
	peer_send(child_peer(PROC_PARENT), IMSG_SET_LEVEL, 0, -1, &level,
	    sizeof(level));
	client_result(c, imsg->hdr.id, CTL_OK, "%s", "");
}

static void
control_dispatch(struct peer *peer, struct imsg *imsg)
{
	struct client	*c = peer->arg;

	if (peer->ibuf.queued > CTL_UNREAD) {
		log_debug("control: client of uid %u does not read",
		    c->cred.uid);
		client_drop(c);
		return;
	}
	TAILQ_REMOVE(&control.clients, c, entry);
	TAILQ_INSERT_TAIL(&control.clients, c, entry);
	switch (imsg->hdr.type) {
	case IMSG_CTL_SHOW:
		client_show(c, imsg);
		break;
	case IMSG_CTL_TUNNEL:
		client_tunnel(c, imsg);
		break;
	case IMSG_CTL_RELOAD:
		client_reload(c, imsg);
		break;
	case IMSG_CTL_LOG:
		client_log(c, imsg);
		break;
	}
}

static void
answer_admin(struct client *c, uint32_t error)
{
	static const char *const	 done[] = {
		"coming up", "taken down", "restarting"
	};
	const char	*name = c->tunnel.name;
	const char	*verb = verb_name(c->tunnel.verb);

	switch (error) {
	case 0:
		client_result(c, c->id, CTL_OK, "tunnel %s: %s", name,
		    done[c->tunnel.verb]);
		break;
	case EALREADY:
		client_result(c, c->id, CTL_OK, "tunnel %s: already %s", name,
		    verb);
		break;
	case ENOENT:
		no_tunnel(c, c->id, name);
		break;
	case EPERM:
		client_result(c, c->id, CTL_NOT_PERMITTED,
		    "tunnel %s %s: not permitted", name, verb);
		break;
	case EBUSY:
		client_result(c, c->id, CTL_FAILED, "tunnel %s %s: a reload "
		    "or stop is under way: try again", name, verb);
		break;
	case EINVAL:
		client_result(c, c->id, CTL_FAILED, "tunnel %s %s: it has "
		    "enabled = false: change that and reload", name, verb);
		break;
	default:
		client_result(c, c->id, CTL_FAILED, "tunnel %s %s: %s", name,
		    verb, strerror((int)error));
	}
}

static void
answer_reload(struct client *c, uint32_t error)
{
	if (error == 0)
		client_result(c, c->id, CTL_OK, "%s", "configuration reloaded");
	else if (error == EBUSY)
		client_result(c, c->id, CTL_FAILED,
		    "another reload is under way: try again");
	else if (error == EINVAL)
		client_result(c, c->id, CTL_FAILED, "the file has errors: "
		    "the configuration stays as it was");
	else
		client_result(c, c->id, CTL_FAILED, "reload failed, the "
		    "configuration stays as it was: %s", strerror((int)error));
}

void
control_answer(struct imsg *imsg)
{
	struct imsg_result	 result;
	struct client		*c;

	TAILQ_FOREACH(c, &control.clients, entry)
		if (c->asked != 0 && c->asked == imsg->hdr.id)
			break;
	if (c == NULL)
		return;
	if (imsg->hdr.type == IMSG_RELOAD_TEXT) {
		peer_send(c->peer, IMSG_CTL_DATA, c->id, -1, imsg->data,
		    imsg->len);
		return;
	}
	if (imsg_get_data(imsg, &result, sizeof(result)) == -1)
		fatalx("%s: bad length", msg_name(imsg->hdr.type));
	c->asked = 0;
	if (imsg->hdr.type == IMSG_RELOAD_RESULT)
		answer_reload(c, result.error);
	else
		answer_admin(c, result.error);
}

/*
 * Makes room for a client of that user if the table is full: the longest
 * silent one leaves, unless it waits for the parent.  One place is root's,
 * and root's clients leave only for root's.
 */
static int
control_room(uid_t uid)
{
	struct client	*c;
	unsigned int	 max = CTL_CLIENTS;

	if (uid != 0)
		max -= CTL_RESERVED;
	if (control.nclients < max)
		return (1);
	TAILQ_FOREACH(c, &control.clients, entry)
		if (c->asked == 0 && (uid == 0 || c->cred.uid != 0)) {
			client_drop(c);
			return (1);
		}
	return (0);
}

static void
client_new(int fd)
{
	struct client	*c;
	struct ucred	 cred;
	socklen_t	 len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == -1) {
		log_warn("control: SO_PEERCRED");
		close(fd);
		return;
	}
	if (!control_room(cred.uid)) {
		log_warnx("control: too many clients");
		close(fd);
		return;
	}
	c = xcalloc(1, sizeof(*c));
	c->cred = cred;
	c->peer = peer_new(control.base, fd, PROC_FRONTEND, PROC_CTL,
	    control_dispatch, client_gone);
	c->peer->arg = c;
	TAILQ_INSERT_TAIL(&control.clients, c, entry);
	control.nclients++;
}

static void
control_resume(int fd, short events, void *arg)
{
	event_add(control.accept_ev, NULL);
}

/* a full table of descriptors would wake us again at once: wait a second */
static void
control_pause(void)
{
	struct timeval	 second = { 1, 0 };

	log_warn("control: accept");
	event_del(control.accept_ev);
	evtimer_add(control.pause_ev, &second);
}

static void
control_accept(int fd, short events, void *arg)
{
	int	 client, i;

	for (i = 0; i < CTL_ACCEPTS; i++) {
		client = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (client != -1) {
			client_new(client);
			continue;
		}
		if (errno == EINTR || errno == ECONNABORTED)
			continue;
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			control_pause();
		return;
	}
}

void
control_listen(struct event_base *base, int fd)
{
	control.base = base;
	control.accept_ev = event_new(base, fd, EV_READ | EV_PERSIST,
	    control_accept, NULL);
	control.pause_ev = evtimer_new(base, control_resume, NULL);
	if (control.accept_ev == NULL || control.pause_ev == NULL ||
	    event_add(control.accept_ev, NULL) == -1)
		fatal("control: event_add");
}
