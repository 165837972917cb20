/*
 * The client's side of SOCKS5: see upstream.h.  Runs in the relay (_gwrelay,
 * chroot).
 *
 *	dial.c connects -> methods -> login -> request -> dial's done()
 *
 * The server may be as hostile as a client: what it says is looked at first
 * and taken from the socket message by message, so that the data behind the
 * last one stay there for whoever relays them.
 */
#include <sys/socket.h>

#include <errno.h>
#include <sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "addr.h"
#include "log.h"
#include "name.h"
#include "upstream.h"
#include "util.h"

/* how long the server may try: Tor gives up after two minutes itself, and a
 * way to an onion service takes longer than one to a host */
#define ANSWER_MS	120000

struct upstream {
	struct dial		*dial;
	struct event		*ev;		/* NULL: not connected yet */
	int			 fd;
	uint64_t		 deadline;	/* ms */
	struct socks_dest	 target;
	uid_t			 uid;
	enum socks_code		 denied;	/* at once; else 0 */
	struct socks		 socks;
};

void
upstream_credentials(uid_t uid, char user[UPSTREAM_USER],
    char password[UPSTREAM_PASSWORD])
{
	static uint8_t	 secret[SHA256_DIGEST_LENGTH];
	static int	 made;
	uint8_t		 digest[SHA256_DIGEST_LENGTH];
	SHA2_CTX	 ctx;
	size_t		 i;

	if (!made)
		arc4random_buf(secret, sizeof(secret));
	made = 1;
	SHA256Init(&ctx);
	SHA256Update(&ctx, secret, sizeof(secret));
	SHA256Update(&ctx, (const uint8_t *)&uid, sizeof(uid));
	SHA256Final(digest, &ctx);
	snprintf(user, UPSTREAM_USER, "gw-%u", uid);
	for (i = 0; i < (UPSTREAM_PASSWORD - 1) / 2; i++)
		snprintf(password + 2 * i, 3, "%02x", digest[i]);
	explicit_bzero(&ctx, sizeof(ctx));
}

int
upstream_parse(const char *text, struct socks_dest *d)
{
	struct sockaddr_storage		 ss;
	const struct sockaddr_in6	*sin6 = (struct sockaddr_in6 *)&ss;
	const struct sockaddr_in	*sin = (struct sockaddr_in *)&ss;

	memset(d, 0, sizeof(*d));
	if (sockaddr_parse(text, &ss) == -1)
		return (name_port(text, d->name, sizeof(d->name),
		    &d->port) == -1 || name_error(d->name) != NULL ? -1 : 0);
	d->family = ss.ss_family;
	if (d->family == AF_INET) {
		d->v4 = sin->sin_addr;
		d->port = ntohs(sin->sin_port);
	} else if (d->family == AF_INET6) {
		d->v6 = sin6->sin6_addr;
		d->port = ntohs(sin6->sin6_port);
	} else
		return (-1);
	return (0);
}

/* says once that something is wrong with the server, and that it is over */
static void
upstream_state(const char *fault)
{
	static int	 faulty;

	if (fault != NULL && !faulty)
		log_warnx("the upstream SOCKS server does not work: %s", fault);
	else if (fault == NULL && faulty)
		log_info("the upstream SOCKS server works again");
	faulty = fault != NULL;
}

/* one that connects without asking who it is for mixes its users */
static void
upstream_mixes(void)
{
	static int	 told;

	if (!told)
		log_warnx("the upstream SOCKS server asks for no user and "
		    "password: it cannot keep the streams of users apart");
	told = 1;
}

static void
upstream_end(struct upstream *u, int fd, enum socks_code code)
{
	struct dial	*d = u->dial;

	if (u->ev != NULL)
		event_free(u->ev);
	u->ev = NULL;
	if (fd == -1 && u->fd != -1)
		close(u->fd);
	d->done(d->arg, d, fd, code);
}

static void
upstream_lost(struct upstream *u, enum loss loss, enum socks_code code)
{
	stats_lost(NULL, RELAY_UPSTREAM, loss);
	upstream_end(u, -1, code);
}

/* it is the server itself that does not do as it should */
static void
upstream_fault(struct upstream *u, enum loss loss, const char *why)
{
	log_debug("upstream: %s", why);
	upstream_state(why);
	upstream_lost(u, loss, SOCKS_FAILURE);
}

/* what it said is not SOCKS5, or not what it was asked for */
static void
upstream_bad(struct upstream *u, const char *why)
{
	stats_refused(REFUSED_UPSTREAM);
	upstream_fault(u, LOSS_UNREACHABLE, why);
}

static void
upstream_replied(struct upstream *u)
{
	enum loss	 loss = LOSS_UNREACHABLE;

	upstream_state(NULL);
	if (u->socks.code == SOCKS_SUCCEEDED) {
		stats_won(NULL, RELAY_UPSTREAM, monotime_ms() -
		    u->dial->he.began);
		upstream_end(u, u->fd, SOCKS_SUCCEEDED);
		return;
	}
	if (u->socks.code == SOCKS_REFUSED)
		loss = LOSS_REFUSED;
	else if (u->socks.code == SOCKS_DENIED)
		loss = LOSS_DENIED;
	upstream_lost(u, loss, u->socks.code);
}

static void
upstream_watch(struct upstream *u)
{
	struct timeval	 tv = time_left(u->deadline);

	if (event_add(u->ev, &tv) == -1)
		fatalx("event_add");
}

/* it is short, and a new connection's buffer is empty */
static int
upstream_send(struct upstream *u, const uint8_t *data, size_t len)
{
	if (send(u->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT) ==
	    (ssize_t)len)
		return (0);
	upstream_fault(u, LOSS_UNREACHABLE, "it takes no more");
	return (-1);
}

static int
upstream_login(struct upstream *u)
{
	char	 user[UPSTREAM_USER], password[UPSTREAM_PASSWORD];
	uint8_t	 out[SOCKS_MESSAGE];
	int	 r;

	upstream_credentials(u->uid, user, password);
	r = upstream_send(u, out, socks_put_login(user, password, out));
	explicit_bzero(password, sizeof(password));
	explicit_bzero(out, sizeof(out));
	return (r);
}

static int
upstream_request(struct upstream *u)
{
	uint8_t	 out[3 + SOCKS_ADDRESS];

	u->deadline = monotime_ms() + ANSWER_MS;
	return (upstream_send(u, out, socks_put_request(SOCKS_CONNECT,
	    &u->target, out)));
}

/* what it chose of the two methods; 0, or -1 it has ended */
static int
upstream_method(struct upstream *u)
{
	if (u->socks.method == SOCKS_PASSWORD)
		return (upstream_login(u));
	if (u->socks.method == SOCKS_NO_AUTH) {
		upstream_mixes();
		return (upstream_request(u));
	}
	upstream_bad(u, "it takes neither a password nor none");
	return (-1);
}

static int
upstream_status(struct upstream *u)
{
	if (u->socks.login_ok)
		return (upstream_request(u));
	upstream_bad(u, "it refused user and password");
	return (-1);
}

/* 0, or -1 it has ended */
static int
upstream_message(struct upstream *u, enum socks_event event)
{
	switch (event) {
	case SOCKS_MORE:
		return (0);
	case SOCKS_METHOD:
		return (upstream_method(u));
	case SOCKS_STATUS:
		return (upstream_status(u));
	case SOCKS_REPLIED:
		upstream_replied(u);
		return (-1);
	default:
		upstream_bad(u, u->socks.error);
		return (-1);
	}
}

/* once it is asked it may be the target that does not answer */
static void
upstream_silent(struct upstream *u)
{
	if (u->socks.phase == SOCKS_P_REPLY)
		upstream_lost(u, LOSS_TIMEOUT, SOCKS_HOST_UNREACHABLE);
	else
		upstream_fault(u, LOSS_TIMEOUT, "it gives no answer");
}

static void
upstream_read(int fd, short what, void *arg)
{
	struct upstream		*u = arg;
	uint8_t			 buf[SOCKS_MESSAGE];
	enum socks_event	 event;
	size_t			 used;
	ssize_t			 n;

	if (what & EV_TIMEOUT) {
		upstream_silent(u);
		return;
	}
	n = recv(fd, buf, sizeof(buf), MSG_PEEK | MSG_DONTWAIT);
	if (n <= 0 && !(n == -1 && (errno == EAGAIN || errno == EINTR))) {
		upstream_bad(u, "it ended the connection without an answer");
		return;
	}
	if (n > 0) {
		event = socks_read(&u->socks, buf, (size_t)n, &used);
		if (recv(fd, buf, used, MSG_DONTWAIT) != (ssize_t)used) {
			upstream_bad(u, "what it said was taken back");
			return;
		}
		if (upstream_message(u, event) == -1)
			return;
	}
	upstream_watch(u);
}

void
upstream_start(struct upstream *u, int fd)
{
	static const uint8_t	 methods[] = { 5, 2, SOCKS_PASSWORD,
				    SOCKS_NO_AUTH };

	u->fd = fd;
	if (u->denied != SOCKS_SUCCEEDED) {
		upstream_lost(u, LOSS_DENIED, u->denied);
		return;
	}
	if (fd == -1) {
		upstream_fault(u, u->dial->timed_out ? LOSS_TIMEOUT :
		    LOSS_UNREACHABLE, "nobody can connect to it");
		return;
	}
	u->deadline = u->dial->he.began + u->dial->he.policy.total_ms;
	socks_upstream(&u->socks);
	if ((u->ev = event_new(relay.base, fd, EV_READ, upstream_read, u)) ==
	    NULL)
		fatalx("event_new");
	if (upstream_send(u, methods, sizeof(methods)) == 0)
		upstream_watch(u);
}

/* why the server is not asked at all, or 0 */
static enum socks_code
upstream_denied(const struct socks_dest *target)
{
	const char	*why;

	if (relay.upstream.port == 0) {
		log_warnx("a rule says \"via upstream\" and there is none");
		return (SOCKS_FAILURE);
	}
	if ((why = acl_refused_upstream(&relay.acl, target)) == NULL)
		return (SOCKS_SUCCEEDED);
	log_debug("upstream: refused: %s", why);
	return (SOCKS_DENIED);
}

/* without the root's dot, with which Tor knows no onion service by its name
 * and asks for it in the DNS */
static void
set_target(struct upstream *u, const struct socks_dest *target)
{
	size_t	 len;

	u->target = *target;
	if (target->family != AF_UNSPEC)
		return;
	len = strlen(target->name);
	if (len > 1 && target->name[len - 1] == '.')
		u->target.name[len - 1] = '\0';
}

struct dial *
upstream_dial(const struct socks_dest *target, uid_t uid, dial_done *done,
    void *arg)
{
	struct upstream	*u = xcalloc(1, sizeof(*u));

	set_target(u, target);
	u->uid = uid;
	u->fd = -1;
	u->denied = upstream_denied(target);
	stats_attempt(NULL, RELAY_UPSTREAM);
	u->dial = dial_upstream(u, u->denied != SOCKS_SUCCEEDED ? NULL :
	    &relay.upstream, done, arg);
	return (u->dial);
}

void
upstream_bound(const struct upstream *u, struct socks_dest *bound)
{
	*bound = u->socks.dest;
	if (bound->family == AF_UNSPEC) {
		memset(bound, 0, sizeof(*bound));
		bound->family = AF_INET;
	}
}

void
upstream_free(struct upstream *u)
{
	if (u->ev != NULL) {
		event_free(u->ev);
		close(u->fd);
	}
	freezero(u, sizeof(*u));
}
