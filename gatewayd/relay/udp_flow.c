/*
 * Flows of datagrams: see udp_flow.h.  Runs in the relay (_gwrelay, chroot).
 */
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "haveroute.h"
#include "log.h"
#include "udp_flow.h"
#include "util.h"

/* what waits for names: datagrams of one flow and of one front, and bytes */
#define WAITING_FLOW	16
#define WAITING_MAX	64
#define WAITING_BYTES	(128 << 10)

struct udp_datagram {
	TAILQ_ENTRY(udp_datagram) entry;
	size_t			 len;
	uint8_t			 data[];
};

static uint32_t			 timeout_ms = 120000;
static TAILQ_HEAD(, udp_flows)	 fronts = TAILQ_HEAD_INITIALIZER(fronts);

static int
flow_cmp(struct udp_flow *a, struct udp_flow *b)
{
	if (a->key_len != b->key_len)
		return (a->key_len < b->key_len ? -1 : 1);
	return (memcmp(a->key, b->key, a->key_len));
}

RB_PROTOTYPE(udp_tree, udp_flow, entry, flow_cmp)
RB_GENERATE(udp_tree, udp_flow, entry, flow_cmp)

void
udp_flow_timeout(uint32_t ms)
{
	timeout_ms = ms;
}

void
udp_flows_refuse(struct udp_flows *t, enum refusal why)
{
	stats_refused(why);
	t->refused++;
}

static void
front_event(int fd, short what, void *arg)
{
	struct udp_flows	*t = arg;

	udp_receive(&t->front, t->got, t->arg);
}

static void
watch(struct event *ev, int fd, event_callback_fn cb, void *arg)
{
	event_assign(ev, relay.base, fd, EV_READ | EV_PERSIST, cb, arg);
	if (event_add(ev, NULL) == -1)
		fatalx("event_add");
}

/* when the flow used least lately is due */
static void
timer_set(struct udp_flows *t)
{
	struct udp_flow	*f;
	uint64_t	 now = monotime_ms(), left = UINT64_MAX, due;
	struct timeval	 tv;
	int		 i;

	for (i = 0; i < 2; i++)
		if ((f = TAILQ_FIRST(&t->lru[i])) != NULL) {
			due = f->used_ms + timeout_ms;
			due = due > now ? due - now : 0;
			left = due < left ? due : left;
		}
	if (left == UINT64_MAX)
		return;
	tv.tv_sec = (time_t)(left / 1000);
	tv.tv_usec = (suseconds_t)(left % 1000 * 1000);
	if (evtimer_add(&t->timer, &tv) == -1)
		fatalx("evtimer_add");
}

static void
timer_event(int fd, short what, void *arg)
{
	struct udp_flows	*t = arg;
	struct udp_flow		*f;
	uint64_t		 now = monotime_ms();
	int			 i;

	for (i = 0; i < 2; i++)
		while ((f = TAILQ_FIRST(&t->lru[i])) != NULL &&
		    now - f->used_ms >= timeout_ms)
			udp_flow_free(f);
	timer_set(t);
	if (t->n == 0 && t->drained != NULL)
		t->drained(t->arg);
}

void
udp_flows_init(struct udp_flows *t, int front, uint32_t max, udp_got *got,
    void *arg)
{
	memset(t, 0, sizeof(*t));
	t->max = max;
	t->got = got;
	t->arg = arg;
	RB_INIT(&t->tree);
	TAILQ_INIT(&t->lru[0]);
	TAILQ_INIT(&t->lru[1]);
	evtimer_assign(&t->timer, relay.base, timer_event, t);
	udp_sock_init(&t->front, front);
	watch(&t->front_ev, front, front_event, t);
	TAILQ_INSERT_TAIL(&fronts, t, entry);
}

void
udp_flows_free(struct udp_flows *t)
{
	struct udp_flow	*f;

	TAILQ_REMOVE(&fronts, t, entry);
	t->drained = NULL;
	while ((f = RB_ROOT(&t->tree)) != NULL)
		udp_flow_free(f);
	event_del(&t->timer);
	event_del(&t->front_ev);
	close(t->front.fd);
}

int
udp_flows_drain(struct udp_flows *t, void (*drained)(void *))
{
	t->drained = drained;
	return (t->n == 0);
}

void
udp_flows_reset(const struct way *way)
{
	struct udp_flows	*t;
	struct udp_flow		*f, *next;

	TAILQ_FOREACH(t, &fronts, entry)
		RB_FOREACH_SAFE(f, udp_tree, &t->tree, next)
			if (f->way == way)
				udp_flow_free(f);
}

static void
flow_used(struct udp_flow *f)
{
	struct udp_lru	*lru = &f->flows->lru[f->answered];

	f->used_ms = monotime_ms();
	if (TAILQ_NEXT(f, used) == NULL)
		return;
	TAILQ_REMOVE(lru, f, used);
	TAILQ_INSERT_TAIL(lru, f, used);
}

static void
flow_answered(struct udp_flow *f)
{
	TAILQ_REMOVE(&f->flows->lru[0], f, used);
	f->answered = 1;
	TAILQ_INSERT_TAIL(&f->flows->lru[1], f, used);
}

/* the tunnel it goes out by carries nothing any more, or has another address */
static int
flow_stale(const struct udp_flow *f)
{
	return (f->way != NULL && !f->flows->inward && (!f->way->usable ||
	    !IN6_ARE_ADDR_EQUAL(&f->way->source, &f->source)));
}

struct udp_flow *
udp_flow_find(struct udp_flows *t, const void *key, size_t key_len)
{
	struct udp_flow	*f = t->last, like;

	if (f == NULL || f->key_len != key_len ||
	    memcmp(f->key, key, key_len) != 0) {
		like.key_len = key_len;
		memcpy(like.key, key, key_len);
		f = RB_FIND(udp_tree, &t->tree, &like);
	}
	if (f == NULL)
		return (NULL);
	if (flow_stale(f)) {
		udp_flow_free(f);
		return (NULL);
	}
	flow_used(f);
	t->last = f;
	return (f);
}

static void
evict(struct udp_flows *t)
{
	struct udp_flow	*f;

	if ((f = TAILQ_FIRST(&t->lru[0])) == NULL)
		f = TAILQ_FIRST(&t->lru[1]);
	udp_flow_free(f);
}

struct udp_flow *
udp_flow_new(struct udp_flows *t, const void *key, size_t key_len)
{
	struct udp_flow	*f;

	if (t->drained != NULL)
		return (NULL);
	if (t->n == t->max)
		evict(t);
	f = xcalloc(1, sizeof(*f));
	f->flows = t;
	f->sock.fd = -1;
	TAILQ_INIT(&f->waiting);
	f->key_len = key_len;
	memcpy(f->key, key, key_len);
	f->used_ms = monotime_ms();
	RB_INSERT(udp_tree, &t->tree, f);
	TAILQ_INSERT_TAIL(&t->lru[0], f, used);
	t->last = f;
	t->total++;
	if (t->n++ == 0)
		timer_set(t);
	return (f);
}

static void
mapping_put(struct udp_flow *f)
{
	struct udp_mapping	*m = f->mapping;

	f->mapping = NULL;
	if (m == NULL || --m->refs > 0)
		return;
	if (f->flows->mappings[m->family] == m)
		f->flows->mappings[m->family] = NULL;
	free(m);
}

static struct udp_datagram *
waiting_take(struct udp_flow *f)
{
	struct udp_datagram	*d = TAILQ_FIRST(&f->waiting);

	if (d == NULL)
		return (NULL);
	TAILQ_REMOVE(&f->waiting, d, entry);
	if (f->named) {
		f->nwaiting--;
		f->flows->nwaiting--;
		f->flows->waiting -= d->len;
	}
	return (d);
}

/* the flow cannot be opened, and what waited for it is not sent */
static void
flow_failed(struct udp_flow *f, enum refusal why)
{
	struct udp_datagram	*d;

	while ((d = waiting_take(f)) != NULL) {
		udp_flows_refuse(f->flows, why);
		free(d);
	}
	udp_flow_free(f);
}

void
udp_flow_free(struct udp_flow *f)
{
	struct udp_flows	*t = f->flows;
	struct udp_datagram	*d;

	udp_flush();	/* the queue may hold something of it */
	while ((d = waiting_take(f)) != NULL)
		free(d);
	if (f->dial != NULL)
		dial_free(f->dial);
	if (f->sock.fd != -1) {
		event_del(&f->ev);
		close(f->sock.fd);
	}
	mapping_put(f);
	way_put(f->way);
	RB_REMOVE(udp_tree, &t->tree, f);
	TAILQ_REMOVE(&t->lru[f->answered], f, used);
	if (t->last == f)
		t->last = NULL;
	if (--t->n == 0 && t->drained != NULL)
		event_active(&t->timer, EV_TIMEOUT, 0);
	free(f);
}

/* nonzero if the user may move so many bytes now */
static int
may_pass(struct udp_flows *t, size_t len)
{
	if (t->user == NULL || limits_bytes(&relay.limits, t->user,
	    (uint32_t)len, monotime_ms()) == len)
		return (1);
	udp_flows_refuse(t, REFUSED_LIMIT);
	return (0);
}

static void
count_bytes(struct udp_flow *f, size_t up, size_t down)
{
	struct udp_flows	*t = f->flows;

	t->up_bytes += up;
	t->down_bytes += down;
	if (t->inward)
		stats_bytes(f->way, f->family, t->user, up, down);
	else
		stats_bytes(f->way, f->family, t->user, down, up);
}

static void
flow_answer(void *arg, const union udp_addr *from, const uint8_t *data,
    size_t len)
{
	struct udp_flow		*f = arg;
	struct udp_flows	*t = f->flows;

	/* from the moment before it was connected */
	if (!udp_addr_equal(from, &f->remote)) {
		udp_flows_refuse(t, REFUSED_UDP_SENDER);
		return;
	}
	if (!may_pass(t, len))
		return;
	if (!f->answered)
		flow_answered(f);
	flow_used(f);
	count_bytes(f, 0, len);
	udp_send(&t->front, f->has_peer ? &f->peer : NULL, f->head,
	    f->head_len, data, len);
}

static void
flow_event(int fd, short what, void *arg)
{
	struct udp_flow	*f = arg;

	udp_receive(&f->sock, flow_answer, f);
}

static void
flow_put(struct udp_flow *f, const void *head, size_t head_len,
    const void *data, size_t len)
{
	if (!may_pass(f->flows, len))
		return;
	count_bytes(f, len, 0);
	udp_send(&f->sock, NULL, head, head_len, data, len);
}

/* nonzero if there is room for one more that waits for a name */
static int
may_wait(struct udp_flow *f, size_t len)
{
	struct udp_flows	*t = f->flows;

	if (f->nwaiting == WAITING_FLOW || t->nwaiting == WAITING_MAX ||
	    t->waiting + len > WAITING_BYTES)
		return (0);
	f->nwaiting++;
	t->nwaiting++;
	t->waiting += len;
	return (1);
}

/*
 * An address is connected to before the loop reads again, so that not more
 * than a batch waits for it.
 */
static void
flow_wait(struct udp_flow *f, const void *data, size_t len)
{
	struct udp_datagram	*d;

	if (f->named && !may_wait(f, len)) {
		udp_flows_refuse(f->flows, REFUSED_UDP_LOST);
		return;
	}
	d = xmalloc(sizeof(*d) + len);
	d->len = len;
	memcpy(d->data, data, len);
	TAILQ_INSERT_TAIL(&f->waiting, d, entry);
}

void
udp_flow_send(struct udp_flow *f, const void *head, size_t head_len,
    const void *data, size_t len)
{
	if (f->sock.fd != -1)
		flow_put(f, head, head_len, data, len);
	else
		flow_wait(f, data, len);
}

void
udp_flow_head(struct udp_flow *f, const struct socks_dest *d)
{
	f->head_len = 3 + socks_address_put(d, f->head + 3);
}

void
udp_flow_open(struct udp_flow *f, int fd)
{
	struct udp_datagram	*d;
	struct socks_dest	 from;
	socklen_t		 len = sizeof(f->remote);

	udp_sock_init(&f->sock, fd);
	if (getpeername(fd, &f->remote.sa, &len) == -1)
		memset(&f->remote, 0, sizeof(f->remote));
	if (f->flows->socks && f->head_len == 0) {
		udp_addr_dest(&f->remote, &from);
		udp_flow_head(f, &from);
	}
	watch(&f->ev, fd, flow_event, f);
	while ((d = waiting_take(f)) != NULL) {
		flow_put(f, NULL, 0, d->data, d->len);
		udp_flush();
		free(d);
	}
}

static void
flow_dialed(void *arg, struct dial *d, int fd, enum socks_code code)
{
	struct udp_flow	*f = arg;

	if (fd == -1) {
		flow_failed(f, code == SOCKS_DENIED ? REFUSED_UDP_TARGET :
		    REFUSED_UDP_UNREACHABLE);
		return;
	}
	f->family = d->he.list[d->winner].family;
	if (f->family == HE_V6) {
		f->way = way_get(d->way);
		f->source = d->way->source;
	}
	dial_free(d);
	f->dial = NULL;
	udp_flow_open(f, fd);
}

/* a socket that sends from that address and port, 0: any */
static int
bind_port(int fd, enum he_family family, const struct in6_addr *source,
    in_port_t port)
{
	union udp_addr	 a;

	memset(&a, 0, sizeof(a));
	if (family == HE_V6) {
		a.v6.sin6_family = AF_INET6;
		a.v6.sin6_addr = *source;
		a.v6.sin6_port = port;
	} else {
		a.v4.sin_family = AF_INET;
		a.v4.sin_port = port;
	}
	return (bind(fd, &a.sa, udp_addr_len(&a)));
}

static int
mapping_new(struct udp_flow *f, int fd, enum he_family family,
    const struct in6_addr *source)
{
	struct udp_mapping	*m;
	union udp_addr		 a;
	socklen_t		 len = sizeof(a);

	if (bind_port(fd, family, source, 0) == -1 ||
	    getsockname(fd, &a.sa, &len) == -1)
		return (-1);
	m = xcalloc(1, sizeof(*m));
	m->refs = 1;
	m->family = family;
	if (family == HE_V6)
		m->source = *source;
	m->port = family == HE_V6 ? a.v6.sin6_port : a.v4.sin_port;
	f->mapping = f->flows->mappings[family] = m;
	return (0);
}

/*
 * All flows of an association have the same port as long as there is one: peers
 * that tell each other of it can meet (RFC 4787, endpoint-independent mapping).
 * A port is not shared before it is taken, as the kernel would choose one that
 * somebody else here shares already.
 */
static int
flow_bind(void *arg, int fd, enum he_family family,
    const struct in6_addr *source)
{
	struct udp_flow		*f = arg;
	struct udp_mapping	*m;
	int			 on = 1, r = 0;

	if (!f->flows->shared)
		return (source != NULL ? bind_source(fd, source) : 0);
	mapping_put(f);		/* of an address before */
	m = f->flows->mappings[family];
	if (m == NULL || (source != NULL &&
	    !IN6_ARE_ADDR_EQUAL(&m->source, source)))
		r = mapping_new(f, fd, family, source);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == -1 ||
	    r == -1 || f->mapping != NULL)
		return (r);
	f->mapping = m;
	m->refs++;
	return (bind_port(fd, family, source, m->port));
}

void
udp_flow_dial(struct udp_flow *f, const struct socks_dest *dest,
    enum gw_family family, struct way *way)
{
	f->named = dest->family == AF_UNSPEC;
	f->dial = dial_datagrams(dest, family, way, flow_bind, flow_dialed, f);
}
