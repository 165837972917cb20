/*
 * Connecting: see dial.h.  Runs in the relay (_gwrelay, chroot).
 *
 * he.c decides; here are the sockets, the look-ups and the timer.  Whatever
 * happens leads to dial_run(), which does all that is due and is the only one
 * to call done().
 */
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dial.h"
#include "haveroute.h"
#include "log.h"
#include "udp_io.h"
#include "upstream.h"
#include "util.h"

/* an attempt that lost after this long had no good way */
#define LOST_LATE_MS	1000

static void	dial_run(struct dial *);

/* the tunnel that the candidate goes by */
static struct way *
way_of(const struct dial *d, const struct he_candidate *c)
{
	return (c->family == HE_V6 ? d->way : NULL);
}

/* what goes to the upstream server is no family's and no tunnel's, of
 * datagrams nobody says whether they arrive, and a trace is no connection */
static int
counts(const struct dial *d)
{
	return (d->upstream == NULL && d->bind == NULL && d->trace == NULL);
}

static void
count_lost(const struct dial *d, const struct he_candidate *c,
    enum loss loss)
{
	if (counts(d))
		stats_lost(way_of(d, c), c->family, loss);
}

static enum loss
loss_of(int error)
{
	switch (error) {
	case ECONNREFUSED:
	case ECONNRESET:
		return (LOSS_REFUSED);
	case ETIMEDOUT:
		return (LOSS_TIMEOUT);
	case EPERM:
		return (LOSS_DENIED);
	default:
		return (LOSS_UNREACHABLE);
	}
}

static void
try_close(struct dial_try *t)
{
	event_free(t->ev);
	t->ev = NULL;
	close(t->fd);
}

/* candidate i will not connect */
static void
candidate_failed(struct dial *d, uint32_t i, int error)
{
	const struct he_candidate	*c = &d->he.list[i];

	he_failed(&d->he, i, error, monotime_ms());
	count_lost(d, c, loss_of(error));
}

/* the attempt at candidate i says that its way may be bad */
static void
way_failed(struct dial *d, uint32_t i)
{
	const struct he_candidate	*c = &d->he.list[i];

	if (c->family == HE_V6 && !d->aside &&
	    health6_failed(&d->way->health, &c->v6, monotime_ms()))
		log_record(LL_INFO, d->way->name, "IPv6 connections fail by "
		    "this tunnel: IPv4 goes first for %u s",
		    d->way->health.wait_ms / 1000);
}

static void
way_worked(struct dial *d)
{
	if (!d->aside && health6_worked(&d->way->health))
		log_record(LL_INFO, d->way->name, "IPv6 works again by this "
		    "tunnel and goes first");
}

/*
 * Those still running have lost to the winner or, if there is none, had all
 * the time there is.  Behind another IPv6 connection they say nothing of the
 * way.
 */
static void
others_lost(struct dial *d)
{
	int			 won = d->winner != UINT32_MAX;
	const struct he_candidate *c;
	struct dial_try		*t;
	uint64_t		 ran;

	for (t = d->tries; t < d->tries + DIAL_TRIES; t++) {
		if (t->ev == NULL)
			continue;
		c = &d->he.list[t->candidate];
		ran = monotime_ms() - d->he.began - c->started_ms;
		if (ran >= LOST_LATE_MS && !(won &&
		    d->he.list[d->winner].family == HE_V6))
			way_failed(d, t->candidate);
		if (won)
			count_lost(d, c, LOSS_RACE);
		else
			candidate_failed(d, t->candidate, ETIMEDOUT);
		try_close(t);
	}
}

static void
lookups_cancel(struct dial *d)
{
	int	 i;

	for (i = 0; i < 2; i++)
		if (d->lookups[i] != 0)
			relay_lookup_cancel(d->lookups[i]);
	d->lookups[HE_V6] = d->lookups[HE_V4] = 0;
}

/* the end: nothing of it goes on, but what is asked of an upstream server */
static void
dial_end(struct dial *d, int fd, enum socks_code code)
{
	int	 i;

	for (i = 0; i < 2; i++)
		if (d->lookups[i] != 0 && d->trace == NULL)
			stats_answer_late();
	lookups_cancel(d);
	others_lost(d);
	if (d->trial && d->he.tried[HE_V6] == 0) {
		health6_unused(&d->way->health);
		stats_way_changed(d->way);
	}
	evtimer_del(d->timer);
	if (d->upstream != NULL)
		upstream_start(d->upstream, fd);
	else
		d->done(d->arg, d, fd, code);
}

static void
try_won(struct dial_try *t)
{
	struct dial		*d = t->dial;
	struct he_candidate	*c = &d->he.list[t->candidate];
	int			 fd = t->fd;

	event_free(t->ev);
	t->ev = NULL;
	c->ended_ms = monotime_ms() - d->he.began;
	d->winner = t->candidate;
	if (counts(d))
		stats_won(way_of(d, c), c->family,
		    c->ended_ms - c->started_ms);
	if (c->family == HE_V6)
		way_worked(d);
	dial_end(d, fd, SOCKS_SUCCEEDED);
}

static void
try_event(int fd, short what, void *arg)
{
	struct dial_try	*t = arg;
	struct dial	*d = t->dial;
	socklen_t	 len = sizeof(int);
	int		 error = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		error = errno;
	if (error == 0) {
		try_won(t);
		return;
	}
	candidate_failed(d, t->candidate, error);
	/* a refusal is the host's own word */
	if (loss_of(error) != LOSS_REFUSED)
		way_failed(d, t->candidate);
	try_close(t);
	dial_run(d);
}

static void
candidate_addr(const struct dial *d, const struct he_candidate *c,
    union udp_addr *a)
{
	memset(a, 0, sizeof(*a));
	if (c->family == HE_V4) {
		a->v4.sin_family = AF_INET;
		a->v4.sin_port = htons(d->dest.port);
		a->v4.sin_addr = c->v4;
	} else {
		a->v6.sin6_family = AF_INET6;
		a->v6.sin6_port = htons(d->dest.port);
		a->v6.sin6_addr = c->v6;
	}
}

/* the rules' word on the resolved address; the upstream server's is the
 * operator's own */
static int
candidate_denied(const struct dial *d, uint32_t i)
{
	const struct he_candidate *c = &d->he.list[i];
	struct socks_dest	 dest = { .port = d->dest.port };
	const char		*why, *name = NULL;

	if (d->dest.family == AF_UNSPEC)
		name = d->dest.name;
	dest.family = c->family == HE_V4 ? AF_INET : AF_INET6;
	if (c->family == HE_V4)
		dest.v4 = c->v4;
	else
		dest.v6 = c->v6;
	if (d->upstream != NULL ||
	    (why = acl_refused(&relay.acl, &dest, name)) == NULL)
		return (0);
	log_debug("%s: refused: %s", name != NULL ? name : "an address", why);
	if (d->trace != NULL)
		d->trace->denied(d->arg, i, why);
	return (1);
}

/*
 * IPv6 goes out by the tunnel whose address it has; to the upstream server it
 * goes as this machine goes there.  0, or -1 with errno.
 */
static int
candidate_bind(const struct dial *d, const struct he_candidate *c, int fd)
{
	const struct in6_addr	*source = NULL;

	if (c->family == HE_V6 && d->way != NULL)
		source = &d->way->source;
	if (d->bind != NULL)
		return (d->bind(d->arg, fd, c->family, source));
	return (source != NULL ? bind_source(fd, source) : 0);
}

/* a socket on its way to candidate i, or -1 with errno */
static int
candidate_connect(const struct dial *d, uint32_t i)
{
	const struct he_candidate	*c = &d->he.list[i];
	union udp_addr			 addr;
	int				 fd;

	if (candidate_denied(d, i)) {
		errno = EPERM;
		return (-1);
	}
	candidate_addr(d, c, &addr);
	fd = socket(addr.sa.sa_family, (d->bind != NULL ? SOCK_DGRAM :
	    SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return (-1);
	if (candidate_bind(d, c, fd) == -1 ||
	    (connect(fd, &addr.sa, udp_addr_len(&addr)) == -1 &&
	    errno != EINPROGRESS))
		return (close_failed(fd));
	return (fd);
}

static void
try_start(struct dial *d, uint32_t i)
{
	const struct he_candidate	*c = &d->he.list[i];
	struct dial_try			*t = d->tries;
	int				 fd;

	if (counts(d))
		stats_attempt(way_of(d, c), c->family);
	if ((fd = candidate_connect(d, i)) == -1) {
		d->denied += errno == EPERM;
		candidate_failed(d, i, errno);
		return;
	}
	while (t->ev != NULL)	/* he.c has counted: one is free */
		t++;
	t->dial = d;
	t->fd = fd;
	t->candidate = i;
	if ((t->ev = event_new(relay.base, fd, EV_WRITE, try_event, t)) ==
	    NULL || event_add(t->ev, NULL) == -1)
		fatalx("event_new");
	/* that is all, as nobody answers */
	if (d->bind != NULL)
		event_active(t->ev, EV_WRITE, 0);
}

/* what the client is told when nothing has connected */
static enum socks_code
failure_code(const struct dial *d)
{
	if (d->denied > 0 && d->denied == d->he.n)
		return (SOCKS_DENIED);
	if (d->he.policy.families == 0 ||
	    (d->dest.family == AF_INET6 && d->way == NULL))
		return (SOCKS_NET_UNREACHABLE);
	switch (he_error(&d->he)) {
	case ECONNREFUSED:
		return (SOCKS_REFUSED);
	case ENETUNREACH:
	case EADDRNOTAVAIL:
		return (SOCKS_NET_UNREACHABLE);
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		return (SOCKS_FAILURE);		/* ours, not the host's */
	default:
		return (SOCKS_HOST_UNREACHABLE);
	}
}

static void
dial_run(struct dial *d)
{
	enum he_action	 action;
	struct timeval	 tv;
	uint64_t	 now = monotime_ms();
	uint32_t	 i;

	while ((action = he_next(&d->he, now, &i)) == HE_CONNECT)
		try_start(d, i);
	if (action != HE_WAIT) {
		d->timed_out = action == HE_TIMEOUT;
		dial_end(d, -1, failure_code(d));
		return;
	}
	tv = time_left(he_due(&d->he));
	if (evtimer_add(d->timer, &tv) == -1)
		fatalx("evtimer_add");
}

static void
dial_timer(int fd, short what, void *arg)
{
	dial_run(arg);
}

static void
looked_up(struct dial *d, enum he_family family,
    const struct lookup_answer *a)
{
	d->lookups[family] = 0;
	if (d->trace != NULL)
		d->trace->answered(d->arg, family, a);
	else
		stats_answer(a->error, a->n);
	if (family == HE_V6)
		he_answer6(&d->he, a->v6, a->n, monotime_ms());
	else
		he_answer4(&d->he, a->v4, a->n, monotime_ms());
	dial_run(d);
}

static void
looked_up6(void *arg, const struct lookup_answer *a)
{
	looked_up(arg, HE_V6, a);
}

static void
looked_up4(void *arg, const struct lookup_answer *a)
{
	looked_up(arg, HE_V4, a);
}

/*
 * An IPv4 address without a way to it: maybe there is a translator.  If there
 * is none, connecting fails as it would have without the question.
 */
static void
looked_up_nat64(void *arg, const struct lookup_answer *a)
{
	struct lookup_answer	 via = *a;
	struct dial		*d = arg;
	struct nat64		 found;

	via.n = (uint32_t)nat64_find(&found, a->v6, a->n);
	if (via.n == 0)
		he_answer4(&d->he, &d->dest.v4, 1, monotime_ms());
	else {
		relay.acl.nat64 = found;
		via.v6[0] = nat64_embed(&found, d->dest.v4);
		he_answer4(&d->he, NULL, 0, monotime_ms());
	}
	looked_up(d, HE_V6, &via);
}

static int
wants_nat64(const struct dial *d)
{
	return (d->he.policy.families & 1U << HE_V6 &&
	    !have_route4(d->dest.v4) &&
	    acl_refused(&relay.acl, &d->dest, NULL) == NULL);
}

/* the resolver keeps the answer, unless this may be another network */
static void
ask_nat64(struct dial *d)
{
	if (relay.moved)
		d->lookups[HE_V6] = relay_lookup_fresh(HE_V6, NAT64_NAME,
		    looked_up_nat64, d);
	else
		d->lookups[HE_V6] = relay_lookup(HE_V6, NAT64_NAME,
		    looked_up_nat64, d);
	relay.moved = 0;
}

/*
 * The families with a source and a route to everywhere: nobody asks for
 * addresses that he cannot use.  Where neither has one a rule may mean a net
 * near by, so all are asked that have a source.
 */
static uint32_t
families_routed(uint32_t families, const struct way *way)
{
	uint32_t	 routed = 0;

	if (way == NULL)
		families &= ~(1U << HE_V6);
	else if (families & 1U << HE_V6 && have_default6(&way->source))
		routed |= 1U << HE_V6;
	if (families & 1U << HE_V4 && have_default4())
		routed |= 1U << HE_V4;
	return (routed != 0 ? routed : families);
}

/* nonzero if IPv6 goes first; the one that finds out says so in the log */
static int
ipv6_first(struct dial *d)
{
	struct health6	*health = &d->way->health;

	if (d->dest.family != AF_UNSPEC || d->bind != NULL ||
	    d->he.policy.families != HE_BOTH)
		return (1);
	if (!health6_first(health, monotime_ms()))
		return (0);
	d->trial = health->state == HEALTH6_TRYING;
	if (d->trial)
		log_record(LL_INFO, d->way->name, "one connection tries "
		    "whether IPv6 works again by this tunnel");
	return (1);
}

/* which families, and which of them goes first */
static void
set_policy(struct dial *d, enum gw_family family)
{
	struct he_policy	*p = &d->he.policy;

	p->families = HE_BOTH;
	if (family == GW_FAMILY_IPV6)
		p->families = 1 << HE_V6;
	else if (family == GW_FAMILY_IPV4)
		p->families = 1 << HE_V4;
	if (d->dest.family == AF_UNSPEC)
		p->families = families_routed(p->families, d->way);
	else if (d->way == NULL)
		p->families &= ~(1U << HE_V6);
	if (d->way != NULL)
		p->source = d->way->source;
	p->first = HE_V6;
	if (family == GW_FAMILY_PREFER_IPV4 ||
	    (family == GW_FAMILY_AUTO && d->way != NULL && !ipv6_first(d)))
		p->first = HE_V4;
}

/*
 * AAAA before A, and no waiting between them.  What is asked and not needed
 * any more is not waited for here: the resolver goes on listening, for its
 * cache.
 */
static void
ask(struct dial *d, uint64_t now)
{
	const struct socks_dest	*dest = &d->dest;
	uint32_t		 families = d->he.policy.families;

	if (dest->family == AF_INET6) {
		he_answer4(&d->he, NULL, 0, now);
		he_answer6(&d->he, &dest->v6, 1, now);
	} else if (dest->family == AF_INET && wants_nat64(d)) {
		ask_nat64(d);
	} else if (dest->family == AF_INET) {
		he_answer6(&d->he, NULL, 0, now);
		he_answer4(&d->he, &dest->v4, 1, now);
	} else {
		if (families & 1U << HE_V6)
			d->lookups[HE_V6] = relay_lookup(HE_V6, dest->name,
			    looked_up6, d);
		if (families & 1U << HE_V4)
			d->lookups[HE_V4] = relay_lookup(HE_V4, dest->name,
			    looked_up4, d);
	}
}

/* the timer's first turn starts it, so that done() is never early */
static struct dial *
dial_make(const struct socks_dest *dest, struct way *way, dial_done *done,
    void *arg)
{
	struct dial	*d = xcalloc(1, sizeof(*d));

	d->dest = *dest;
	d->way = way_get(way);
	d->done = done;
	d->arg = arg;
	d->winner = UINT32_MAX;
	he_init(&d->he, &relay.he, monotime_ms());
	if ((d->timer = evtimer_new(relay.base, dial_timer, d)) == NULL)
		fatalx("evtimer_new");
	event_active(d->timer, EV_TIMEOUT, 0);
	return (d);
}

struct dial *
dial_new(const struct socks_dest *dest, enum gw_family family, struct way *way,
    dial_done *done, void *arg)
{
	struct dial	*d = dial_make(dest, way, done, arg);

	set_policy(d, family);
	ask(d, d->he.began);
	return (d);
}

struct dial *
dial_datagrams(const struct socks_dest *dest, enum gw_family family,
    struct way *way, dial_bind *bind, dial_done *done, void *arg)
{
	struct dial	*d = dial_make(dest, way, done, arg);

	d->bind = bind;
	d->aside = 1;
	set_policy(d, family);
	ask(d, d->he.began);
	return (d);
}

struct dial *
dial_upstream(struct upstream *u, const struct socks_dest *server,
    dial_done *done, void *arg)
{
	static const struct socks_dest	 none;
	struct dial			*d;

	d = dial_make(server != NULL ? server : &none, NULL, done, arg);
	d->upstream = u;
	d->aside = 1;
	d->he.policy.families = server != NULL ? HE_BOTH : 0;
	ask(d, d->he.began);
	return (d);
}

void
dial_free(struct dial *d)
{
	struct dial_try	*t;

	lookups_cancel(d);
	for (t = d->tries; t < d->tries + DIAL_TRIES; t++)
		if (t->ev != NULL)
			try_close(t);
	if (d->upstream != NULL)
		upstream_free(d->upstream);
	event_free(d->timer);
	way_put(d->way);
	free(d);
}
