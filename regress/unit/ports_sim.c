/*
 * The world around the table of port mappings: see ports_sim.h.
 */
#include <sys/socket.h>

#include <arpa/inet.h>
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "log.h"
#include "ports_sim.h"
#include "util.h"

void	 __wrap_peer_send(struct peer *, enum imsg_type, uint32_t, int,
	    const void *, size_t);
uint64_t __wrap_monotime_ms(void);
int	 __wrap_getsockname(int, struct sockaddr *, socklen_t *);
int	 __real_event_add(struct event *, const struct timeval *);
int	 __wrap_event_add(struct event *, const struct timeval *);

struct relay	 relay;

uint64_t	 now = 1000000;
struct in6_addr	 bound;
struct sent	 sent;
int		 npaths;

static struct path	 paths[MAPPINGS];

uint64_t
__wrap_monotime_ms(void)
{
	return (now);
}

/* all timers are due */
int
__wrap_event_add(struct event *ev, const struct timeval *tv)
{
	static const struct timeval	 none;

	return (__real_event_add(ev, tv != NULL ? &none : NULL));
}

int
__wrap_getsockname(int fd, struct sockaddr *sa, socklen_t *len)
{
	struct sockaddr_in6	 sin6;

	memset(&sin6, 0, sizeof(sin6));
	sin6.sin6_family = AF_INET6;
	sin6.sin6_addr = bound;
	memcpy(sa, &sin6, sizeof(sin6));
	*len = sizeof(sin6);
	return (0);
}

struct peer *
child_peer(enum gw_proc proc)
{
	return (NULL);
}

static void
take_save(const void *data, size_t len)
{
	if (!sent.saving)
		sent.saved_len = 0;
	sent.saving = len > 0;
	CHECK(sent.saved_len + len <= sizeof(sent.saved));
	if (len > 0)
		memcpy(sent.saved + sent.saved_len, data, len);
	sent.saved_len += len;
	sent.saves += len == 0;
}

void
__wrap_peer_send(struct peer *p, enum imsg_type type, uint32_t id, int fd,
    const void *data, size_t len)
{
	switch (type) {
	case IMSG_LISTEN:
		CHECK(len == sizeof(sent.listen));
		memcpy(&sent.listen, data, len);
		sent.id = id;
		sent.listens++;
		break;
	case IMSG_PORT_RESULT:
		CHECK(len == sizeof(sent.result));
		memcpy(&sent.result, data, len);
		sent.request = id;
		sent.results++;
		break;
	case IMSG_PORT_STATUS:
		CHECK(len == sizeof(sent.status[0]) && id < MAPPINGS);
		memcpy(&sent.status[id], data, len);
		sent.told++;
		break;
	case IMSG_PORT_GONE:
		CHECK(id < MAPPINGS);
		sent.status[id].state = UINT32_MAX;
		sent.gone++;
		break;
	case IMSG_PORTS_SAVE:
		take_save(data, len);
		break;
	case IMSG_PORTS_BAD:
		sent.bad++;
		break;
	default:
		errx(1, "%s", msg_name(type));
	}
}

static struct path *
path_new(int fd, struct way *way)
{
	struct path	*p;

	CHECK(npaths < MAPPINGS);
	p = &paths[npaths++];
	memset(p, 0, sizeof(*p));
	p->open = 1;
	p->way = way;
	close(fd);
	return (p);
}

static int
path_drain(struct path *p, void (*done)(void *), void *arg)
{
	p->draining = 1;
	p->done = done;
	p->arg = arg;
	return (p->sessions == 0);
}

/* the data paths' interfaces */
struct port_tcp *
port_tcp_publish(int fd, uint32_t owner, in_port_t port, int proxy,
    struct way *way)
{
	return ((struct port_tcp *)path_new(fd, way));
}

struct port_tcp *
port_tcp_forward(int fd, const struct socks_dest *d, struct way *way)
{
	return ((struct port_tcp *)path_new(fd, way));
}

int
port_tcp_drain(struct port_tcp *t, void (*done)(void *), void *arg)
{
	return (path_drain((struct path *)t, done, arg));
}

void
port_tcp_free(struct port_tcp *t)
{
	((struct path *)t)->open = 0;
}

void
port_tcp_counters(const struct port_tcp *t, struct port_counters *c)
{
	memset(c, 0, sizeof(*c));
	c->sessions = ((const struct path *)t)->sessions;
	c->rx_bytes = 10;
}

struct udp_port *
udp_port_publish(int fd, in_port_t port, int proxy, struct way *way)
{
	return ((struct udp_port *)path_new(fd, way));
}

struct udp_port *
udp_port_forward(int fd, const struct socks_dest *d, struct way *way)
{
	return ((struct udp_port *)path_new(fd, way));
}

int
udp_port_drain(struct udp_port *u, void (*done)(void *), void *arg)
{
	return (path_drain((struct path *)u, done, arg));
}

void
udp_port_free(struct udp_port *u)
{
	((struct path *)u)->open = 0;
}

void
udp_port_counters(const struct udp_port *u, struct udp_port_counters *c)
{
	memset(c, 0, sizeof(*c));
	c->sessions = ((const struct path *)u)->sessions;
}

int
open_paths(void)
{
	int	 i, n = 0;

	for (i = 0; i < npaths; i++)
		n += paths[i].open;
	return (n);
}

struct path *
last_path(void)
{
	return (&paths[npaths - 1]);
}

void
path_end(struct path *p)
{
	p->sessions = 0;
	if (p->draining)
		p->done(p->arg);
}

void
timers(void)
{
	event_base_loop(relay.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

void
message(enum imsg_type type, uint32_t id, int fd, const void *data, size_t len)
{
	struct imsg	 imsg = { { type, id }, data, len, fd };

	CHECK(ports_message(&imsg) == 0);
}

void
way(uint32_t id, const char *name, const char *source, int usable, int active)
{
	struct way	*w = way_new(id);

	strlcpy(w->name, name, sizeof(w->name));
	inet_pton(AF_INET6, source, &w->source);
	w->usable = usable;
	w->active = active;
	ports_ways();
}

/* the parent's answers to the last LISTEN */
void
listened(void)
{
	const struct way	*w = way_id(sent.listen.tunnel);
	int			 fd = dup(STDERR_FILENO);

	if (sent.listen.kind == GW_PORT_PUBLISH && w != NULL)
		bound = w->source;
	message(IMSG_LISTENED, sent.id, fd, NULL, 0);
}

void
listen_failed(int error)
{
	struct imsg_result	 m = { (uint32_t)error };

	message(IMSG_LISTEN_FAILED, sent.id, -1, &m, sizeof(m));
}

struct imsg_port
publish(uint8_t protocol, uint16_t port, uint16_t target)
{
	struct imsg_port	 m;

	memset(&m, 0, sizeof(m));
	m.protocol = protocol;
	m.kind = GW_PORT_PUBLISH;
	m.port = port;
	m.target_port = target;
	return (m);
}

struct imsg_port
forward(uint8_t protocol, uint16_t port, const char *host, uint16_t target)
{
	struct imsg_port	 m = publish(protocol, port, target);

	m.kind = GW_PORT_FORWARD;
	strlcpy(m.host, host, sizeof(m.host));
	return (m);
}

/* asks, and returns the error; the parent binds it */
uint32_t
add(struct imsg_port m)
{
	static uint32_t	 request = 100;
	uint32_t	 asked = sent.listens;

	message(IMSG_PORT_ADD, ++request, -1, &m, sizeof(m));
	if (sent.listens > asked)
		listened();
	CHECK(sent.request == request);
	return (sent.result.error);
}

uint32_t
del(uint8_t protocol, uint16_t port)
{
	static uint32_t		 request = 500000;
	struct imsg_port_key	 key = { port, protocol, 0 };

	message(IMSG_PORT_DEL, ++request, -1, &key, sizeof(key));
	CHECK(sent.request == request);
	return (sent.result.error);
}

void
conf(struct imsg_port m)
{
	m.fixed = 1;
	message(IMSG_PORT_CONF, 0, -1, &m, sizeof(m));
}

void
commit(void)
{
	ports_commit(UDP_BASE, TCP_BASE);
}

/* commits; the parent binds all that is asked for */
void
commit_all(void)
{
	uint32_t	 asked = sent.listens;

	commit();
	if (sent.listens > asked)
		listened();
}

struct imsg_port_status *
status(uint8_t protocol, uint16_t port)
{
	struct port	*p = port_find(protocol, port);

	CHECK(p != NULL);
	return (&sent.status[p->id]);
}

/* as after the start: two tunnels, the first one active, no mapping */
void
start(void)
{
	struct port	*p;

	while ((p = TAILQ_FIRST(&ports)) != NULL)
		port_free(p);
	commit();
	way_gone(1);
	way_gone(2);
	way(1, "one", "2001:db8:1::2", 1, 1);
	way(2, "two", "2001:db8:2::2", 1, 0);
	timers();
	now += 100000;
	memset(&sent, 0, sizeof(sent));
	memset(paths, 0, sizeof(paths));
	npaths = 0;
}

void
sim_start(void)
{
	log_init(LL_ERROR, LF_TEXT, LT_STDERR, "test");
	if ((relay.base = event_base_new()) == NULL)
		errx(1, "event_base_new");
	TAILQ_INIT(&relay.ways);
}
