/*
 * The connections of a TCP mapping: see port_tcp.h.  Runs in the relay
 * (_gwrelay, chroot).
 *
 * A connection is accepted before it is known whether the other one can be
 * made: if it cannot, the client sees a reset.  What it sends meanwhile waits
 * in its socket.
 */
#include <sys/queue.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "acceptor.h"
#include "dial.h"
#include "flow.h"
#include "log.h"
#include "port_tcp.h"
#include "ports.h"
#include "ports_int.h"
#include "program.h"
#include "proxy2.h"
#include "pump.h"
#include "relay_int.h"
#include "socks_listen.h"
#include "upstream.h"
#include "util.h"

#define CONNECT_SECONDS	10	/* to a program on this machine */

struct port_session {
	TAILQ_ENTRY(port_session) entry;
	struct port_tcp		*t;
	struct limit_user	*user;
	int			 client;
	int			 target;	/* published: connects; or -1 */
	struct event		*ev;
	struct dial		*dial;	/* forwarded: it connects */
	struct flow		*flow;	/* it is connected */
};
TAILQ_HEAD(port_sessions, port_session);

struct port_tcp {
	struct acceptor		*acceptor;	/* NULL: it drains */
	struct way		*way;
	int			 published;
	uint32_t		 owner;
	in_port_t		 port;
	int			 proxy;
	struct socks_dest	 remote;	/* forwarded */
	struct port_sessions	 sessions;
	struct port_counters	 past;	/* without those that are open */
	void			(*done)(void *);
	void			*arg;
};

/* those who connect to a published port are strangers: how much they may
 * have together of each */
static struct limits		 published;
static const struct limits_conf	 published_max = {
	.max = {
		[LIMIT_SESSIONS] = 1024,
		[LIMIT_HALF_OPEN] = 128,
		[LIMIT_NEW] = 500,
	},
};

/* the peer sees a reset: nobody took what it sent */
static void
close_reset(int fd)
{
	static const struct linger	 at_once = { 1, 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
}

static void
refuse(struct port_tcp *t, int fd, enum refusal why)
{
	stats_refused(why);
	t->past.refused++;
	close_reset(fd);
}

/* the session has ended, its sockets are closed or somebody else's */
static void
session_end(struct port_session *s)
{
	struct port_tcp	*t = s->t;

	TAILQ_REMOVE(&t->sessions, s, entry);
	t->past.sessions--;
	free(s);
	if (t->acceptor == NULL && t->done != NULL &&
	    TAILQ_EMPTY(&t->sessions))
		t->done(t->arg);
}

static void
session_connecting_end(struct port_session *s)
{
	if (s->ev != NULL)
		event_free(s->ev);
	if (s->dial != NULL)
		dial_free(s->dial);
	s->ev = NULL;
	s->dial = NULL;
	limits_give(s->user, LIMIT_HALF_OPEN);
}

/* it could not be connected */
static void
session_refuse(struct port_session *s, enum refusal why)
{
	session_connecting_end(s);
	limits_give(s->user, LIMIT_SESSIONS);
	if (s->target != -1)
		close(s->target);
	refuse(s->t, s->client, why);
	session_end(s);
}

static void
session_done(void *arg)
{
	struct port_session	*s = arg;
	uint64_t		 rx, tx;

	flow_bytes(s->flow, &rx, &tx);
	s->t->past.rx_bytes += rx;
	s->t->past.tx_bytes += tx;
	session_end(s);
}

static void
session_forward(void *arg, struct dial *d, int fd, enum socks_code code)
{
	struct port_session	*s = arg;

	if (fd == -1) {
		session_refuse(s, REFUSED_TARGET);
		return;
	}
	s->flow = flow_new(s->user, d, s->client, fd, NULL, 0);
	flow_watch(s->flow, session_done, s);
	session_connecting_end(s);
}

/* who is connected to which address of ours; 0, or -1: it has gone */
static int
session_header(int fd, uint8_t out[PROXY2_SIZE])
{
	struct sockaddr_in6	 from, to;
	socklen_t		 len = sizeof(from), to_len = sizeof(to);

	if (getpeername(fd, (struct sockaddr *)&from, &len) == -1 ||
	    getsockname(fd, (struct sockaddr *)&to, &to_len) == -1 ||
	    from.sin6_family != AF_INET6 || to.sin6_family != AF_INET6)
		return (-1);
	proxy2_header(out, SOCK_STREAM, &from, &to);
	return (0);
}

static void
session_publish(struct port_session *s)
{
	struct port_tcp	*t = s->t;
	uint8_t		 header[PROXY2_SIZE];

	if (t->proxy && session_header(s->client, header) == -1) {
		session_refuse(s, REFUSED_OWNER);
		return;
	}
	session_connecting_end(s);
	s->flow = flow_publish(s->user, t->way, s->client, s->target, header,
	    t->proxy ? sizeof(header) : 0);
	s->target = -1;
	flow_watch(s->flow, session_done, s);
}

static void
session_connected(int fd, short what, void *arg)
{
	struct port_session	*s = arg;
	socklen_t		 len = sizeof(int);
	int			 error = ETIMEDOUT;

	if (!(what & EV_TIMEOUT) && getsockopt(fd, SOL_SOCKET, SO_ERROR,
	    &error, &len) == -1)
		error = errno;
	if (error == 0)
		session_publish(s);
	else
		session_refuse(s, REFUSED_TARGET);
}

static void
connect_published(struct port_session *s)
{
	static const struct timeval	 tv = { CONNECT_SECONDS, 0 };

	/* a configuration may have put a listener of ours there */
	if (!ports_own(IPPROTO_TCP, s->t->port))
		s->target = connect_program(SOCK_STREAM, s->t->port);
	if (s->target == -1) {
		session_refuse(s, REFUSED_TARGET);
		return;
	}
	s->ev = event_new(relay.base, s->target, EV_WRITE, session_connected,
	    s);
	if (s->ev == NULL || event_add(s->ev, &tv) == -1)
		fatalx("event_new");
}

static void
connect_forwarded(struct port_session *s)
{
	const struct socks_dest	*d = &s->t->remote;
	const struct acl_rule	*rule = acl_find(&relay.acl, d);
	struct way		*w = s->t->way != NULL ? s->t->way :
				    way_active();

	/* what is meant for the upstream server goes nowhere else */
	if (rule != NULL && rule->way == ACL_UPSTREAM) {
		s->dial = upstream_dial(d, s->user->uid, session_forward, s);
		return;
	}
	if (d->family == AF_UNSPEC && !limits_take(&relay.limits, s->user,
	    LIMIT_DNS, monotime_ms())) {
		session_refuse(s, REFUSED_LIMIT);
		return;
	}
	s->dial = dial_new(d, GW_FAMILY_IPV6, w != NULL && w->usable ? w :
	    NULL, session_forward, s);
}

/* whose limits count; NULL: nobody holds the connection any more */
static struct limit_user *
session_user(const struct port_tcp *t, int fd)
{
	uid_t	 uid;

	if (t->published)
		return (limits_user(&published, t->owner, monotime_ms()));
	if (socks_client_uid(fd, &uid) == -1)
		return (NULL);
	return (limits_user(&relay.limits, uid, monotime_ms()));
}

static void
accepted(int fd, void *arg)
{
	struct port_tcp		*t = arg;
	struct limit_user	*user = session_user(t, fd);
	struct port_session	*s;

	if (user == NULL) {
		refuse(t, fd, REFUSED_OWNER);
		return;
	}
	if (!limits_admit(t->published ? &published : &relay.limits, user,
	    monotime_ms())) {
		refuse(t, fd, REFUSED_LIMIT);
		return;
	}
	s = xcalloc(1, sizeof(*s));
	s->t = t;
	s->user = user;
	s->client = fd;
	s->target = -1;
	TAILQ_INSERT_TAIL(&t->sessions, s, entry);
	t->past.sessions++;
	t->past.total++;
	port_touch();
	if (t->published)
		connect_published(s);
	else
		connect_forwarded(s);
}

static struct port_tcp *
port_tcp_new(int fd, struct way *way)
{
	struct port_tcp	*t = xcalloc(1, sizeof(*t));

	TAILQ_INIT(&t->sessions);
	t->way = way_get(way);
	pump_options(fd);
	t->acceptor = acceptor_new(relay.base, fd, "port", accepted, t);
	return (t);
}

struct port_tcp *
port_tcp_publish(int fd, uint32_t owner, in_port_t port, int proxy,
    struct way *way)
{
	static int	 ready;
	struct port_tcp	*t = port_tcp_new(fd, way);

	if (!ready)
		limits_init(&published, &published_max);
	ready = 1;
	t->published = 1;
	t->owner = owner;
	t->port = port;
	t->proxy = proxy;
	return (t);
}

struct port_tcp *
port_tcp_forward(int fd, const struct socks_dest *remote, struct way *way)
{
	struct port_tcp	*t = port_tcp_new(fd, way);

	t->remote = *remote;
	return (t);
}

int
port_tcp_drain(struct port_tcp *t, void (*done)(void *), void *arg)
{
	acceptor_free(t->acceptor);
	t->acceptor = NULL;
	t->done = done;
	t->arg = arg;
	return (TAILQ_EMPTY(&t->sessions));
}

void
port_tcp_free(struct port_tcp *t)
{
	struct port_session	*s;

	t->done = NULL;
	while ((s = TAILQ_FIRST(&t->sessions)) != NULL) {
		if (s->flow != NULL) {
			flow_stop(s->flow);
			session_end(s);
		} else
			session_refuse(s, REFUSED_TARGET);
	}
	if (t->acceptor != NULL)
		acceptor_free(t->acceptor);
	way_put(t->way);
	free(t);
}

void
port_tcp_counters(const struct port_tcp *t, struct port_counters *c)
{
	const struct port_session	*s;
	uint64_t			 rx, tx;

	*c = t->past;
	TAILQ_FOREACH(s, &t->sessions, entry) {
		if (s->flow == NULL)
			continue;
		flow_bytes(s->flow, &rx, &tx);
		c->rx_bytes += rx;
		c->tx_bytes += tx;
	}
}
