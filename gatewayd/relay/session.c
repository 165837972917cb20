/*
 * SOCKS sessions: see session.h.  Runs in the relay (_gwrelay, chroot).
 *
 *	greeting -> login -> request -> connecting -> a flow (flow.c)
 */
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dial.h"
#include "flow.h"
#include "log.h"
#include "session.h"
#include "socks.h"
#include "udp_assoc.h"
#include "upstream.h"
#include "util.h"

#define READ_SIZE	1024	/* more than any message */
#define GREETING_MS	5000
#define LOGIN_MS	5000
#define REQUEST_MS	10000

struct session {
	struct limit_user	*user;
	uid_t			 uid;		/* before a login */
	int			 fd;
	int			 auth;		/* the password is asked for */
	uint64_t		 deadline;	/* of the next message, ms */
	struct event		*ev;
	struct dial		*dial;		/* NULL: not yet */
	struct socks		 socks;
	size_t			 early_len;
	uint8_t			 early[READ_SIZE]; /* behind the request */
};

static uint32_t	 nsessions;

static void	session_read(int, short, void *);

/* forgets the session, whose socket is closed or somebody else's */
static void
session_free(struct session *s)
{
	if (s->dial != NULL)
		dial_free(s->dial);
	event_free(s->ev);
	limits_give(s->user, LIMIT_HALF_OPEN);
	stats_changed();
	nsessions--;
	freezero(s, sizeof(*s));
}

/* ends it; what was sent before arrives, as all input was read */
static void
session_close(struct session *s)
{
	close(s->fd);
	limits_give(s->user, LIMIT_SESSIONS);
	session_free(s);
}

/* a reply fits into any socket's buffer; one that does not take it is done */
static int
session_send(struct session *s, const void *data, size_t len)
{
	return (send(s->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT) ==
	    (ssize_t)len ? 0 : -1);
}

static void
session_refuse(struct session *s, enum socks_code code)
{
	uint8_t	 out[SOCKS_REPLY];

	session_send(s, out, socks_reply(code, NULL, out));
	session_close(s);
}

/*
 * Waits for the next message.  libevent counts anew with each byte, so the
 * time that is left has to be told each time.
 */
static void
session_watch(struct session *s)
{
	struct timeval	 tv = time_left(s->deadline);

	if (event_add(s->ev, &tv) == -1)
		fatalx("event_add");
}

static void
session_connected(void *arg, struct dial *d, int fd, enum socks_code code)
{
	struct session		*s = arg;
	struct socks_dest	 bound;
	uint8_t			 out[SOCKS_REPLY];

	if (fd == -1) {
		session_refuse(s, code);
		return;
	}
	dial_bound(d, fd, &bound);
	if (session_send(s, out, socks_reply(code, &bound, out)) == -1) {
		close(fd);
		session_close(s);
		return;
	}
	/* what came with the request goes first */
	flow_new(s->user, d, s->fd, fd, s->early, s->early_len);
	session_free(s);
}

static void
session_connect(struct session *s)
{
	const struct socks_dest	*dest = &s->socks.dest;
	const struct acl_rule	*rule = acl_find(&relay.acl, dest);
	enum gw_family		 family;
	struct way		*way;

	event_remove_timer(s->ev);
	if (rule != NULL && rule->way == ACL_UPSTREAM) {
		s->dial = upstream_dial(dest, s->user->uid, session_connected,
		    s);
		return;
	}
	if (dest->family == AF_UNSPEC && !limits_take(&relay.limits, s->user,
	    LIMIT_DNS, monotime_ms())) {
		stats_refused(REFUSED_LIMIT);
		session_refuse(s, SOCKS_FAILURE);
		return;
	}
	way = way_for(rule, &family);
	s->dial = dial_new(dest, family, way, session_connected, s);
}

/* answers a greeting; 1, or -1 the session is gone */
static int
session_methods(struct session *s)
{
	uint8_t	 out[2];
	int	 r;

	r = socks_choose(&s->socks, s->auth ? SOCKS_PASSWORD : SOCKS_NO_AUTH,
	    out);
	if (r == -1)
		stats_refused(REFUSED_METHOD);
	if (session_send(s, out, sizeof(out)) == -1 || r == -1) {
		session_close(s);
		return (-1);
	}
	s->deadline = monotime_ms() + (s->auth ? LOGIN_MS : REQUEST_MS);
	return (1);
}

/* 0, and the session counts as that user's, or -1: he has enough */
static int
session_become(struct session *s, uid_t uid, uint64_t now)
{
	struct limit_user	*u = limits_user(&relay.limits, uid, now);

	if (!limits_admit(&relay.limits, u, now)) {
		stats_refused(REFUSED_LIMIT);
		return (-1);
	}
	limits_give(s->user, LIMIT_SESSIONS);
	limits_give(s->user, LIMIT_HALF_OPEN);
	s->user = u;
	return (0);
}

/* nonzero if the session goes on as that user's */
static int
session_user(struct session *s)
{
	uint64_t	 now = monotime_ms();
	uid_t		 uid;

	if (!guess_allowed(&relay.guesses, s->user->uid, now)) {
		stats_refused(REFUSED_GUESS);
		return (0);
	}
	if (users_check(&relay.users, s->socks.user, s->socks.password, &uid))
		return (session_become(s, uid, now) == 0);
	stats_refused(REFUSED_LOGIN);
	guess_wrong(&relay.guesses, s->user->uid, now);
	return (0);
}

/* answers user and password; 1, or -1 the session is gone */
static int
session_login(struct session *s)
{
	uint8_t	 out[2];
	int	 ok = session_user(s);

	socks_login(&s->socks, ok, out);
	if (session_send(s, out, sizeof(out)) == -1 || !ok) {
		session_close(s);
		return (-1);
	}
	s->deadline = monotime_ms() + REQUEST_MS;
	return (1);
}

static void
session_malformed(struct session *s)
{
	log_debug("socks: %s", s->socks.error);
	stats_refused(s->socks.code == SOCKS_NO_COMMAND ? REFUSED_COMMAND :
	    REFUSED_MALFORMED);
	if (s->socks.code != SOCKS_SUCCEEDED)
		session_refuse(s, s->socks.code);
	else
		session_close(s);
}

/* the session's connection becomes an association's */
static void
session_associate(struct session *s)
{
	enum socks_code	 code = SOCKS_DENIED;

	if (acl_all_upstream(&relay.acl))
		stats_refused(REFUSED_UDP_TARGET);
	else
		code = udp_assoc_new(s->user, s->uid, s->fd);
	if (code == SOCKS_SUCCEEDED)
		session_free(s);
	else
		session_refuse(s, code);
}

/* one message is complete: 1 to read on, 0 to wait, -1 the session is gone */
static int
session_message(struct session *s, enum socks_event event)
{
	switch (event) {
	case SOCKS_METHODS:
		return (session_methods(s));
	case SOCKS_REQUEST:
		if (s->socks.command == SOCKS_CONNECT)
			return (0);
		session_associate(s);
		return (-1);
	case SOCKS_LOGIN:
		return (session_login(s));
	default:
		session_malformed(s);
		return (-1);
	}
}

static void
session_input(struct session *s, const uint8_t *data, size_t len)
{
	enum socks_event	 event;
	size_t			 used;

	while (len > 0) {
		event = socks_read(&s->socks, data, len, &used);
		data += used;
		len -= used;
		if (event == SOCKS_MORE)
			break;
		switch (session_message(s, event)) {
		case -1:
			return;
		case 0:
			memcpy(s->early, data, len);
			s->early_len = len;
			session_connect(s);
			return;
		}
	}
	session_watch(s);
}

static void
session_read(int fd, short what, void *arg)
{
	struct session	*s = arg;
	uint8_t		 buf[READ_SIZE];
	ssize_t		 n;

	if (what & EV_TIMEOUT) {
		stats_refused(REFUSED_TIMEOUT);
		session_close(s);
		return;
	}
	if (s->dial != NULL) {	/* data wait in the socket until it relays */
		event_del(s->ev);
		return;
	}
	n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		session_watch(s);
	else if (n <= 0)
		session_close(s);
	else
		session_input(s, buf, (size_t)n);
}

void
session_new(int fd, uid_t uid, int auth)
{
	uint64_t		 now = monotime_ms();
	struct limit_user	*u = limits_user(&relay.limits, uid, now);
	struct session		*s;

	if (!limits_admit(&relay.limits, u, now)) {
		stats_refused(REFUSED_LIMIT);
		close(fd);
		return;
	}
	stats_changed();
	s = xcalloc(1, sizeof(*s));
	s->user = u;
	s->uid = uid;
	s->fd = fd;
	s->auth = auth;
	s->deadline = now + GREETING_MS;
	socks_client(&s->socks);
	if ((s->ev = event_new(relay.base, fd, EV_READ | EV_PERSIST,
	    session_read, s)) == NULL)
		fatalx("event_new");
	session_watch(s);
	nsessions++;
}

uint32_t
session_count(void)
{
	return (nsessions);
}
