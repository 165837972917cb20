/*
 * The control socket: gatewayctl's requests in imsg.
 *
 * Runs in the frontend (_gatewayd, chroot).  Anybody may connect, read what
 * the API shows anyway, and follow what happens; what changes something is for
 * root and the control group, told by the credentials the kernel has of the
 * other end (control_order.c).
 */
#include <sys/socket.h>

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "acceptor.h"
#include "control_int.h"
#include "log.h"
#include "rest.h"
#include "util.h"

#define CTL_CLIENTS	64
#define CTL_MONITORS	16	/* of them at most */
#define CTL_RESERVED	1	/* of each, for root */
/* who has this much unread when there is more does not read */
#define CTL_UNREAD	(256 * 1024)

TAILQ_HEAD(clients, client);

static struct {
	struct event_base	*base;
	struct clients		 clients;	/* the longest silent first */
	unsigned int		 nclients;
	unsigned int		 nmonitors;
} control = { .clients = TAILQ_HEAD_INITIALIZER(control.clients) };

void
client_drop(struct client *c)
{
	if (c->follower.cb != NULL) {
		events_unfollow(&c->follower);
		control.nmonitors--;
	}
	client_orders_cancel(c);
	client_traces_drop(c);
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

/* nonzero if the client is gone because it does not read */
static int
client_full(struct client *c)
{
	if (c->peer->ibuf.queued <= c->unread_max)
		return (0);
	log_debug("control: client of uid %u does not read", c->cred.uid);
	client_drop(c);
	return (1);
}

void
client_data(struct client *c, uint32_t id, const char *data, size_t len)
{
	peer_send_pieces(c->peer, IMSG_CTL_DATA, id, data, len);
}

void
client_result(struct client *c, uint32_t id, enum exit_code code,
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

/* why there is no such document, in words: a problem's detail */
static void
client_problem(struct client *c, uint32_t id, const struct rest_answer *a)
{
	json_t		*problem = json_loads(a->body, 0, NULL);
	const char	*detail;

	detail = json_string_value(json_object_get(problem, "detail"));
	client_result(c, id, a->reply.status == 404 ? EXIT_NO_OBJECT :
	    EXIT_FAILED, "%s", detail != NULL ? detail : "");
	json_decref(problem);
}

/* CTL_SHOW: the bytes REST would send */
static void
client_show(struct client *c, struct imsg *imsg)
{
	struct imsg_ctl_show	 show;
	struct rest_answer	 a;
	uint32_t		 id = imsg->hdr.id;

	if (imsg_get_data(imsg, &show, sizeof(show)) == -1 ||
	    !wire_string(show.target)) {
		client_drop(c);
		return;
	}
	rest_target(show.target, &a);
	if (a.doc == NULL && a.reply.status != 200)
		client_problem(c, id, &a);
	else {
		client_data(c, id, a.doc != NULL ? a.doc->body : a.body,
		    a.reply.len);
		client_result(c, id, EXIT_OK, "%s", "");
	}
	free(a.body);
}

static void
client_event(void *arg, const struct fe_event *e)
{
	struct client	*c = arg;

	if (!client_full(c))
		client_data(c, c->monitor_id, e->line, e->len);
}

/* how things are, for one who is told what changes */
static void
client_snapshot(struct client *c, uint32_t id)
{
	char	*line = events_snapshot();
	size_t	 len = strlen(line);

	client_data(c, id, line, len);
	free(line);
	/* this may be unread still when thousands of tunnels fail at once,
	 * which takes about twice as much to tell */
	c->unread_max += 3 * len;
}

/* CTL_MONITOR: from now on what happens */
static void
client_monitor(struct client *c, struct imsg *imsg)
{
	struct imsg_ctl_monitor	 m;
	unsigned int		 max = CTL_MONITORS;
	uint32_t		 id = imsg->hdr.id;

	if (imsg_get_data(imsg, &m, sizeof(m)) == -1 || m.kinds == 0 ||
	    (m.kinds & ~EVENTS_ALL) != 0 || m.level > LL_DEBUG ||
	    c->follower.cb != NULL) {
		client_drop(c);
		return;
	}
	if (c->cred.uid != 0)
		max -= CTL_RESERVED;
	if (control.nmonitors >= max) {
		client_result(c, id, EXIT_FAILED, "%u clients monitor already: "
		    "end one of them", control.nmonitors);
		return;
	}
	if (m.kinds & EVENTS_LASTING)
		client_snapshot(c, id);
	c->monitor_id = id;
	c->follower.kinds = m.kinds;
	c->follower.log_level = m.level;
	c->follower.cb = client_event;
	c->follower.arg = c;
	events_follow(&c->follower);
	control.nmonitors++;
}

static void
control_dispatch(struct peer *peer, struct imsg *imsg)
{
	struct client	*c = peer->arg;

	if (client_full(c))
		return;
	TAILQ_REMOVE(&control.clients, c, entry);
	TAILQ_INSERT_TAIL(&control.clients, c, entry);
	switch (imsg->hdr.type) {
	case IMSG_CTL_SHOW:
		client_show(c, imsg);
		break;
	case IMSG_CTL_TUNNEL:
		client_order_tunnel(c, imsg);
		break;
	case IMSG_CTL_RELOAD:
		client_order_reload(c, imsg);
		break;
	case IMSG_CTL_LOG:
		client_order_log(c, imsg);
		break;
	case IMSG_CTL_TRACE:
		client_trace(c, imsg);
		break;
	case IMSG_CTL_PORT_ADD:
	case IMSG_CTL_PORT_DEL:
		client_order_port(c, imsg);
		break;
	case IMSG_CTL_MONITOR:
		client_monitor(c, imsg);
		break;
	}
}

/*
 * Makes room for a client of that user if the table is full: the longest
 * silent one leaves, unless it waits for an answer or for events.  One place
 * is root's, and root's clients leave only for root's.
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
		if (!client_ordered(c) && c->follower.cb == NULL &&
		    TAILQ_EMPTY(&c->traces) &&
		    (uid == 0 || c->cred.uid != 0)) {
			client_drop(c);
			return (1);
		}
	return (0);
}

static void
client_new(int fd, void *arg)
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
	c->unread_max = CTL_UNREAD;
	TAILQ_INIT(&c->traces);
	c->peer = peer_new(control.base, fd, PROC_FRONTEND, PROC_CTL,
	    control_dispatch, client_gone);
	c->peer->arg = c;
	TAILQ_INSERT_TAIL(&control.clients, c, entry);
	control.nclients++;
}

void
control_listen(struct event_base *base, int fd)
{
	control.base = base;
	acceptor_new(base, fd, "control", client_new, NULL);
}
