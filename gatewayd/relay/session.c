/*
 * SOCKS sessions: see session.h.  Runs in the relay (_gwrelay, chroot).
 *
 *	greeting -> login -> request -> connecting -> relaying
 *
 * What is needed only until it relays is in struct handshake, so that an idle
 * session is little more than its pump.
 */
#include <sys/queue.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dial.h"
#include "log.h"
#include "pump.h"
#include "session.h"
#include "socks.h"
#include "util.h"

#define READ_SIZE	1024	/* more than any message */
#define GREETING_MS	5000
#define LOGIN_MS	5000
#define REQUEST_MS	10000

struct handshake {
	struct session	*session;
	struct socks	 socks;
	struct event	*ev;
	struct dial	*dial;
	int		 auth;		/* the password is asked for */
	uint64_t	 deadline;	/* of the next message, monotime_ms() */
	size_t		 early_len;
	uint8_t		 early[READ_SIZE];	/* data behind the request */
};

struct session {
	TAILQ_ENTRY(session)	 entry;
	struct pump		 pump;
	struct handshake	*hs;	/* NULL: it relays */
	struct limit_user	*user;
	struct way		*way;	/* NULL: it went by IPv4 */
	uint8_t			 family;	/* of the upstream side */
	int			 fd;	/* the client, until the pump has it */
};

static TAILQ_HEAD(, session)	 sessions = TAILQ_HEAD_INITIALIZER(sessions);
static uint32_t			 nsessions;

static void	session_read(int, short, void *);

static void
handshake_free(struct session *s)
{
	struct handshake	*hs = s->hs;

	if (hs->dial != NULL)
		dial_free(hs->dial);
	event_free(hs->ev);
	explicit_bzero(&hs->socks, sizeof(hs->socks));
	free(hs);
	s->hs = NULL;
	limits_give(s->user, LIMIT_HALF_OPEN);
}

/* forgets the session, whose sockets are closed */
static void
session_free(struct session *s)
{
	if (s->hs != NULL)
		handshake_free(s);
	limits_give(s->user, LIMIT_SESSIONS);
	TAILQ_REMOVE(&sessions, s, entry);
	nsessions--;
	free(s);
}

/* ends a handshake; what was sent before arrives, as all input was read */
static void
session_close(struct session *s)
{
	close(s->fd);
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
	uint64_t	 now = monotime_ms(), left = 0;
	struct timeval	 tv;

	if (s->hs->deadline > now)
		left = s->hs->deadline - now;
	tv.tv_sec = (time_t)(left / 1000);
	tv.tv_usec = (suseconds_t)(left % 1000 * 1000);
	if (event_add(s->hs->ev, &tv) == -1)
		fatalx("event_add");
}

static void
pump_done(struct pump *p, enum pump_end end)
{
	struct session	*s = (struct session *)((char *)p -
			    offsetof(struct session, pump));

	relay.stats[s->family].bytes += p->side[0].bytes + p->side[1].bytes;
	session_free(s);
}

/* where the connection to the target begins: BND.ADDR */
static void
local_address(int fd, struct socks_dest *d)
{
	struct sockaddr_storage	 ss;
	struct sockaddr_in6	*sin6 = (struct sockaddr_in6 *)&ss;
	struct sockaddr_in	*sin = (struct sockaddr_in *)&ss;
	socklen_t		 len = sizeof(ss);

	memset(d, 0, sizeof(*d));
	d->family = AF_INET;
	if (getsockname(fd, (struct sockaddr *)&ss, &len) == -1)
		return;
	d->family = ss.ss_family;
	if (d->family == AF_INET6) {
		d->v6 = sin6->sin6_addr;
		d->port = ntohs(sin6->sin6_port);
	} else {
		d->v4 = sin->sin_addr;
		d->port = ntohs(sin->sin_port);
	}
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
	local_address(fd, &bound);
	if (session_send(s, out, socks_reply(code, &bound, out)) == -1) {
		close(fd);
		session_close(s);
		return;
	}
	s->family = (uint8_t)d->he.list[d->winner].family;
	s->way = s->family == HE_V6 ? d->way : NULL;
	/* what came with the request goes first */
	pump_prefix(&s->pump, 1, s->hs->early, s->hs->early_len);
	handshake_free(s);
	pump_start(&s->pump, s->fd, fd, pump_done);
}

/* the tunnel that IPv6 goes out by, or NULL */
static struct way *
way_for(const struct acl_rule *rule)
{
	struct way	*w;

	TAILQ_FOREACH(w, &relay.ways, entry) {
		if (!w->usable)
			continue;
		if (rule != NULL && rule->way == ACL_TUNNEL ?
		    strcmp(w->name, rule->tunnel) == 0 : w->active)
			return (w);
	}
	return (NULL);
}

static void
session_connect(struct session *s)
{
	const struct socks_dest	*dest = &s->hs->socks.dest;
	const struct acl_rule	*rule = acl_find(&relay.acl, dest);
	enum gw_family		 family = relay.family;

	if (dest->family == AF_UNSPEC && !limits_take(&relay.limits, s->user,
	    LIMIT_DNS, monotime_ms())) {
		session_refuse(s, SOCKS_FAILURE);
		return;
	}
	if (rule != NULL && !rule->any)
		family = rule->family;
	/* until it relays the client's data wait in its socket */
	s->hs->dial = dial_new(dest, family, way_for(rule), session_connected,
	    s);
}

/* one message is complete: 1 to read on, 0 to wait, -1 the session is gone */
static int
session_message(struct session *s, enum socks_event event)
{
	struct socks	*socks = &s->hs->socks;
	uint8_t		 out[2];

	switch (event) {
	case SOCKS_METHODS:
		if (socks_choose(socks, s->hs->auth ? SOCKS_PASSWORD :
		    SOCKS_NO_AUTH, out) == -1 ||
		    session_send(s, out, sizeof(out)) == -1) {
			session_send(s, out, sizeof(out));
			session_close(s);
			return (-1);
		}
		s->hs->deadline = monotime_ms() + (s->hs->auth ? LOGIN_MS :
		    REQUEST_MS);
		return (1);
	case SOCKS_REQUEST:
		if (socks->command != SOCKS_CONNECT) {
			session_refuse(s, SOCKS_NO_COMMAND);
			return (-1);
		}
		return (0);
	default:
		log_debug("socks: %s", socks->error != NULL ? socks->error :
		    "the password is not looked at");
		if (socks->code != SOCKS_SUCCEEDED)
			session_refuse(s, socks->code);
		else
			session_close(s);
		return (-1);
	}
}

static void
session_input(struct session *s, const uint8_t *data, size_t len)
{
	enum socks_event	 event;
	size_t			 used;

	while (len > 0) {
		event = socks_read(&s->hs->socks, data, len, &used);
		data += used;
		len -= used;
		if (event == SOCKS_MORE)
			break;
		switch (session_message(s, event)) {
		case -1:
			return;
		case 0:
			memcpy(s->hs->early, data, len);
			s->hs->early_len = len;
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
		session_close(s);
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

/* 0 if the user may have one more */
static int
session_admit(struct limit_user *u, uint64_t now)
{
	if (!limits_take(&relay.limits, u, LIMIT_NEW, now) ||
	    !limits_take(&relay.limits, u, LIMIT_SESSIONS, now))
		return (-1);
	if (limits_take(&relay.limits, u, LIMIT_HALF_OPEN, now))
		return (0);
	limits_give(u, LIMIT_SESSIONS);
	return (-1);
}

void
session_new(int fd, uid_t uid, int auth)
{
	uint64_t		 now = monotime_ms();
	struct limit_user	*u = limits_user(&relay.limits, uid, now);
	struct session		*s;

	if (session_admit(u, now) == -1) {
		close(fd);
		return;
	}
	s = xcalloc(1, sizeof(*s));
	s->user = u;
	s->fd = fd;
	s->hs = xcalloc(1, sizeof(*s->hs));
	s->hs->session = s;
	s->hs->auth = auth;
	s->hs->deadline = now + GREETING_MS;
	socks_client(&s->hs->socks);
	if ((s->hs->ev = event_new(relay.base, fd, EV_READ, session_read,
	    s)) == NULL)
		fatalx("event_new");
	session_watch(s);
	TAILQ_INSERT_TAIL(&sessions, s, entry);
	nsessions++;
}

uint32_t
session_count(void)
{
	return (nsessions);
}

void
session_reset_way(const struct way *way)
{
	struct session	*s, *next;

	TAILQ_FOREACH_SAFE(s, &sessions, entry, next) {
		if (s->hs != NULL || s->way != way)
			continue;
		pump_stop(&s->pump, 1);
		session_free(s);
	}
}
