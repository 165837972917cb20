/*
 * The table of port mappings with made-up tunnels, a made-up parent that binds
 * nothing, and a made-up frontend that is told.
 */
#include <sys/socket.h>

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "log.h"
#include "peer.h"
#include "ports.h"
#include "ports_int.h"
#include "relay_int.h"
#include "unit.h"
#include "util.h"

#define UDP_BASE	40000
#define TCP_BASE	41000
#define MAPPINGS	1024

void	 __wrap_peer_send(struct peer *, enum imsg_type, uint32_t, int,
	    const void *, size_t);
uint64_t __wrap_monotime_ms(void);
int	 __wrap_getsockname(int, struct sockaddr *, socklen_t *);
int	 __real_event_add(struct event *, const struct timeval *);
int	 __wrap_event_add(struct event *, const struct timeval *);

struct relay	 relay;

static uint64_t		 now = 1000000;
static struct in6_addr	 bound;		/* what the parent's socket has */

/* what was sent last, and how often */
static struct {
	uint32_t		 listens;	/* asked for */
	uint32_t		 id;
	struct imsg_listen	 listen;
	uint32_t		 results;
	uint32_t		 request;
	struct imsg_port_result	 result;
	struct imsg_port_status	 status[MAPPINGS];	/* by number */
	uint32_t		 told;
	uint32_t		 gone;
	uint32_t		 saves;
	uint8_t			 saved[WIRE_PORTS_MAX];
	size_t			 saved_len;
	int			 saving;
	uint32_t		 bad;
} sent;

/* made-up data paths: how many are open, and whether one has sessions */
static struct path {
	int		 open;
	int		 draining;
	struct way	*way;
	uint32_t	 sessions;
	void		(*done)(void *);
	void		*arg;
} paths[MAPPINGS];
static int	 npaths;

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

static int
open_paths(void)
{
	int	 i, n = 0;

	for (i = 0; i < npaths; i++)
		n += paths[i].open;
	return (n);
}

static struct path *
last_path(void)
{
	return (&paths[npaths - 1]);
}

static void
path_end(struct path *p)
{
	p->sessions = 0;
	if (p->draining)
		p->done(p->arg);
}

static void
timers(void)
{
	event_base_loop(relay.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

static void
message(enum imsg_type type, uint32_t id, int fd, const void *data, size_t len)
{
	struct imsg	 imsg = { { type, id }, data, len, fd };

	CHECK(ports_message(&imsg) == 0);
}

static void
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
static void
listened(void)
{
	const struct way	*w = way_id(sent.listen.tunnel);
	int			 fd = dup(STDERR_FILENO);

	if (sent.listen.kind == GW_PORT_PUBLISH && w != NULL)
		bound = w->source;
	message(IMSG_LISTENED, sent.id, fd, NULL, 0);
}

static void
listen_failed(int error)
{
	struct imsg_result	 m = { (uint32_t)error };

	message(IMSG_LISTEN_FAILED, sent.id, -1, &m, sizeof(m));
}

static struct imsg_port
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

static struct imsg_port
forward(uint8_t protocol, uint16_t port, const char *host, uint16_t target)
{
	struct imsg_port	 m = publish(protocol, port, target);

	m.kind = GW_PORT_FORWARD;
	strlcpy(m.host, host, sizeof(m.host));
	return (m);
}

/* asks, and returns the error; the parent binds it */
static uint32_t
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

static uint32_t
del(uint8_t protocol, uint16_t port)
{
	static uint32_t		 request = 500000;
	struct imsg_port_key	 key = { port, protocol, 0 };

	message(IMSG_PORT_DEL, ++request, -1, &key, sizeof(key));
	CHECK(sent.request == request);
	return (sent.result.error);
}

static void
conf(struct imsg_port m)
{
	m.fixed = 1;
	message(IMSG_PORT_CONF, 0, -1, &m, sizeof(m));
}

static void
commit(void)
{
	ports_commit(UDP_BASE, TCP_BASE);
}

/* commits; the parent binds all that is asked for */
static void
commit_all(void)
{
	uint32_t	 asked = sent.listens;

	commit();
	if (sent.listens > asked)
		listened();
}

static struct imsg_port_status *
status(uint8_t protocol, uint16_t port)
{
	struct port	*p = port_find(protocol, port);

	CHECK(p != NULL);
	return (&sent.status[p->id]);
}

/* as after the start: two tunnels, the first one active, no mapping */
static void
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

static void
test_add(void)
{
	struct imsg_port	 m = publish(IPPROTO_UDP, 7654, 7655);

	start();
	CHECK(add(m) == 0);
	CHECK(sent.listen.tunnel == 1 && sent.listen.port == 7654 &&
	    sent.listen.protocol == IPPROTO_UDP &&
	    sent.listen.kind == GW_PORT_PUBLISH);
	CHECK(status(IPPROTO_UDP, 7654)->state == PORT_ACTIVE);
	CHECK(status(IPPROTO_UDP, 7654)->tunnel == 1);
	/* another one is not the same */
	m.target_port = 1;
	CHECK(add(m) == EEXIST);
	CHECK(add(forward(IPPROTO_UDP, 7654, "2001:db8::9", 1)) == EEXIST);
	/* the other protocol has numbers of its own */
	CHECK(add(publish(IPPROTO_TCP, 7654, 7655)) == 0);
	CHECK(open_paths() == 2);
	CHECK(sent.saves == 1);		/* the second one waits, */
	timers();
	CHECK(sent.saves == 2);
}

/* the same once more, as a program asks that starts again */
static void
test_again(void)
{
	struct imsg_port	 m = publish(IPPROTO_TCP, 7000, 80);

	start();
	strlcpy(m.description, "web", sizeof(m.description));
	CHECK(add(m) == 0);
	timers();
	CHECK(add(m) == EALREADY && sent.result.port.port == 7000);
	/* whatever its number is */
	m.port = 0;
	CHECK(add(m) == EALREADY && sent.result.port.port == 7000);
	CHECK(strcmp(sent.result.port.description, "web") == 0);
	timers();
	CHECK(sent.listens == 1 && sent.saves == 1);
	/* it may be called something else, and that is kept */
	now += 10000;
	strlcpy(m.description, "mail", sizeof(m.description));
	CHECK(add(m) == EALREADY && sent.saves == 2);
	CHECK(strcmp(sent.result.port.description, "mail") == 0);
	CHECK(strcmp(status(IPPROTO_TCP, 7000)->port.description, "mail") == 0);
	m.description[0] = '\0';	/* it is not said how */
	CHECK(add(m) == EALREADY && sent.listens == 1);
	CHECK(strcmp(sent.result.port.description, "mail") == 0);
	/* with anything else it is another one */
	m.protocol = IPPROTO_UDP;
	CHECK(add(m) == 0 && sent.result.port.port == UDP_BASE);
	m.protocol = IPPROTO_TCP;
	m.proxy_protocol = 2;
	CHECK(add(m) == 0 && sent.result.port.port == TCP_BASE);
	strlcpy(m.tunnel, "two", sizeof(m.tunnel));
	CHECK(add(m) == 0 && sent.result.port.port == TCP_BASE + 1);
	m.target_port = 81;
	CHECK(add(m) == 0 && sent.result.port.port == TCP_BASE + 2);
	m = forward(IPPROTO_TCP, 0, "host.example", 80);
	CHECK(add(m) == 0 && sent.result.port.port == TCP_BASE + 3);
	m = forward(IPPROTO_TCP, 0, "Host.Example", 80);
	CHECK(add(m) == EALREADY && sent.result.port.port == TCP_BASE + 3);
	m = forward(IPPROTO_TCP, 0, "other.example", 80);
	CHECK(add(m) == 0 && sent.result.port.port == TCP_BASE + 4);
	/* one that was deleted is nobody's, though it drains */
	last_path()->sessions = 1;
	CHECK(del(IPPROTO_TCP, TCP_BASE + 4) == 0);
	CHECK(add(m) == 0);
}

/* several ask for the same at the same time */
static void
test_together(void)
{
	struct imsg_port	 m = publish(IPPROTO_TCP, 0, 80);
	uint32_t		 i;

	start();
	for (i = 0; i < PORT_REQUESTS; i++)
		message(IMSG_PORT_ADD, 70 + i, -1, &m, sizeof(m));
	CHECK(sent.listens == 1 && sent.results == 0);
	message(IMSG_PORT_ADD, 90, -1, &m, sizeof(m));
	CHECK(sent.request == 90 && sent.result.error == EBUSY);
	m.port = TCP_BASE;
	m.target_port = 81;
	message(IMSG_PORT_ADD, 91, -1, &m, sizeof(m));
	CHECK(sent.request == 91 && sent.result.error == EEXIST);
	listened();
	CHECK(sent.results == 2 + PORT_REQUESTS && sent.saves == 1);
	CHECK(sent.request == 70 + PORT_REQUESTS - 1);
	CHECK(sent.result.error == EALREADY);
	CHECK(sent.result.port.port == TCP_BASE && open_paths() == 1);
}

/* one of the configuration does as well, and is called what that says */
static void
test_again_fixed(void)
{
	struct imsg_port	 m = publish(IPPROTO_UDP, 53, 5353);

	start();
	strlcpy(m.description, "dns", sizeof(m.description));
	conf(m);
	commit_all();
	m.port = 0;
	strlcpy(m.description, "mine", sizeof(m.description));
	CHECK(add(m) == EALREADY && sent.result.port.port == 53);
	CHECK(strcmp(sent.result.port.description, "dns") == 0);
	CHECK(sent.saves == 0);
	commit_all();
}

static void
test_malformed(void)
{
	struct imsg_port	 m;

	start();
	CHECK(add(publish(IPPROTO_SCTP, 7000, 1)) == EINVAL);
	CHECK(add(publish(IPPROTO_TCP, 7000, 0)) == EINVAL);
	CHECK(add(publish(IPPROTO_TCP, 1023, 1)) == EACCES);
	CHECK(add(forward(IPPROTO_TCP, 80, "2001:db8::9", 1)) == EACCES);
	CHECK(add(forward(IPPROTO_TCP, 7000, "", 1)) == EINVAL);
	CHECK(add(forward(IPPROTO_TCP, 7000, "a+b.example", 1)) == EINVAL);
	CHECK(add(forward(IPPROTO_TCP, 7000, "192.0.2.300", 1)) == EINVAL);
	CHECK(add(forward(IPPROTO_TCP, 7000, "192.0.2.7", 1)) == EINVAL);
	CHECK(add(forward(IPPROTO_TCP, 7000, "::1", 1)) == EINVAL);
	m = publish(IPPROTO_TCP, 7000, 1);
	m.kind = 2;
	CHECK(add(m) == EINVAL);
	m = publish(IPPROTO_TCP, 7000, 1);
	m.proxy_protocol = 1;
	CHECK(add(m) == EINVAL);
	m = publish(IPPROTO_TCP, 7000, 1);
	m.fixed = 1;
	CHECK(add(m) == EINVAL);
	m = publish(IPPROTO_TCP, 7000, 1);
	memset(m.description, 'x', sizeof(m.description));
	CHECK(add(m) == EINVAL);
	strlcpy(m.description, "two\nlines", sizeof(m.description));
	CHECK(add(m) == EINVAL);
	m = publish(IPPROTO_TCP, 7000, 1);
	strlcpy(m.host, "2001:db8::9", sizeof(m.host));
	CHECK(add(m) == EINVAL);
	m = forward(IPPROTO_TCP, 7000, "2001:db8::9", 1);
	m.proxy_protocol = 2;
	CHECK(add(m) == EINVAL);
	m = publish(IPPROTO_TCP, 7000, 1);
	strlcpy(m.tunnel, "three", sizeof(m.tunnel));
	CHECK(add(m) == ENODEV);
	CHECK(sent.listens == 0 && TAILQ_EMPTY(&ports));
}

static void
test_loops(void)
{
	start();
	relay.own_ports[0] = 8642;
	relay.own_ports[1] = 1080;
	CHECK(add(publish(IPPROTO_TCP, 7000, 8642)) == ELOOP);
	CHECK(add(publish(IPPROTO_TCP, 7000, 1080)) == ELOOP);
	CHECK(add(publish(IPPROTO_UDP, 7000, 1080)) == 0);
	CHECK(add(forward(IPPROTO_TCP, 7001, "2001:db8::9", 1)) == 0);
	CHECK(add(publish(IPPROTO_TCP, 7002, 7001)) == ELOOP);
	CHECK(add(publish(IPPROTO_TCP, 7002, 7003)) == 0);
	CHECK(add(forward(IPPROTO_TCP, 7003, "2001:db8::9", 1)) == ELOOP);
	CHECK(ports_own(IPPROTO_TCP, 7001) && !ports_own(IPPROTO_UDP, 7001));
	CHECK(ports_own(IPPROTO_TCP, 1080) && !ports_own(IPPROTO_TCP, 7002));
}

static void
test_choose(void)
{
	struct imsg_port	 m = publish(IPPROTO_UDP, 0, 1);

	start();
	CHECK(add(m) == 0 && sent.result.port.port == UDP_BASE);
	m.target_port = 2;
	CHECK(add(m) == 0 && sent.result.port.port == UDP_BASE + 1);
	m.target_port = 1;
	m.protocol = IPPROTO_TCP;
	CHECK(add(m) == 0 && sent.result.port.port == TCP_BASE);
	CHECK(del(IPPROTO_UDP, UDP_BASE) == 0);
	m.protocol = IPPROTO_UDP;
	/* another program has that one */
	message(IMSG_PORT_ADD, 77, -1, &m, sizeof(m));
	CHECK(sent.listen.port == UDP_BASE);
	listen_failed(EADDRINUSE);
	CHECK(sent.request != 77 && sent.listen.port == UDP_BASE + 2);
	listened();
	CHECK(sent.request == 77 && sent.result.error == 0);
	CHECK(sent.result.port.port == UDP_BASE + 2);
}

static void
test_taken(void)
{
	struct imsg_port	 m = publish(IPPROTO_TCP, 7000, 1);

	start();
	message(IMSG_PORT_ADD, 77, -1, &m, sizeof(m));
	/* the same is under way: it waits as well */
	message(IMSG_PORT_ADD, 78, -1, &m, sizeof(m));
	CHECK(sent.results == 0 && sent.listens == 1);
	listen_failed(EADDRINUSE);
	CHECK(sent.results == 2);
	CHECK(sent.request == 78 && sent.result.error == EADDRINUSE);
	CHECK(TAILQ_EMPTY(&ports) && sent.gone == 1 && sent.saves == 0);
	/* one of the configuration stays, and is tried again */
	conf(m);
	commit();
	listen_failed(EADDRINUSE);
	CHECK(status(IPPROTO_TCP, 7000)->state == PORT_FAILED);
	CHECK(strstr(status(IPPROTO_TCP, 7000)->reason,
	    "7000 is taken on this machine") != NULL);
	timers();
	CHECK(sent.listens == 2);
	now += 5000;
	timers();
	CHECK(sent.listens == 3);
	listened();
	CHECK(status(IPPROTO_TCP, 7000)->state == PORT_ACTIVE);
	CHECK(status(IPPROTO_TCP, 7000)->reason[0] == '\0');
}

/* what waits for the disk's sake is written before the end */
static void
test_flush(void)
{
	start();
	CHECK(add(publish(IPPROTO_TCP, 7000, 1)) == 0 && sent.saves == 1);
	CHECK(add(publish(IPPROTO_TCP, 7001, 1)) == 0 && sent.saves == 1);
	ports_flush();
	CHECK(sent.saves == 2);
	CHECK(sent.saved_len == 16 + 2 * sizeof(struct imsg_port));
	ports_flush();
	timers();
	CHECK(sent.saves == 2);
}

static void
test_cap(void)
{
	uint16_t	 i;

	start();
	for (i = 0; i < GW_PORTS_MAX; i++)
		CHECK(add(publish(IPPROTO_TCP, 0, i + 1)) == 0);
	CHECK(add(publish(IPPROTO_TCP, 0, i + 1)) == ENOSPC);
	CHECK(add(publish(IPPROTO_UDP, 7000, 1)) == ENOSPC);
	CHECK(add(publish(IPPROTO_TCP, 0, 1)) == EALREADY);
	CHECK(del(IPPROTO_TCP, TCP_BASE) == 0);
	CHECK(add(publish(IPPROTO_UDP, 7000, 1)) == 0);
	timers();
	CHECK(sent.saved_len == 16 + GW_PORTS_MAX * sizeof(struct imsg_port));
}

static void
test_drain(void)
{
	struct path	*old;

	start();
	CHECK(add(publish(IPPROTO_TCP, 7000, 1)) == 0);
	old = last_path();
	old->sessions = 2;
	timers();
	CHECK(status(IPPROTO_TCP, 7000)->sessions == 2);
	CHECK(del(IPPROTO_TCP, 7000) == 0);
	CHECK(old->draining && old->open && sent.gone == 0);
	CHECK(sent.status[TAILQ_FIRST(&ports)->id].state == PORT_DRAINING);
	/* it is nobody's any more */
	CHECK(del(IPPROTO_TCP, 7000) == ENOENT);
	CHECK(add(publish(IPPROTO_TCP, 7000, 2)) == 0);
	CHECK(last_path() != old && open_paths() == 2);
	path_end(old);
	CHECK(sent.gone == 1 && open_paths() == 1);
	/* without sessions it goes at once */
	CHECK(del(IPPROTO_TCP, 7000) == 0 && sent.gone == 2);
	CHECK(open_paths() == 0 && TAILQ_EMPTY(&ports));
	/* datagrams drain by the socket that a new mapping needs */
	CHECK(add(publish(IPPROTO_UDP, 7000, 1)) == 0);
	last_path()->sessions = 1;
	CHECK(del(IPPROTO_UDP, 7000) == 0 && open_paths() == 1);
	CHECK(add(publish(IPPROTO_UDP, 7000, 1)) == 0 && open_paths() == 1);
}

static void
test_follow(void)
{
	struct path	*old;

	start();
	CHECK(add(publish(IPPROTO_TCP, 7000, 1)) == 0);
	old = last_path();
	old->sessions = 1;
	/* it only fails: the socket stays */
	way(1, "one", "2001:db8:1::2", 0, 0);
	CHECK(status(IPPROTO_TCP, 7000)->state == PORT_WAITING);
	CHECK(strcmp(status(IPPROTO_TCP, 7000)->reason, "No tunnel is up.") ==
	    0);
	CHECK(!old->draining && sent.listens == 1);
	/* the other one takes over: its socket first, then the old one goes */
	way(2, "two", "2001:db8:2::2", 1, 1);
	CHECK(sent.listens == 2 && sent.listen.tunnel == 2);
	CHECK(!old->draining);
	listened();
	CHECK(old->draining && old->open && last_path()->way == way_id(2));
	CHECK(status(IPPROTO_TCP, 7000)->state == PORT_ACTIVE);
	CHECK(status(IPPROTO_TCP, 7000)->tunnel == 2);
	path_end(old);
	CHECK(!old->open && open_paths() == 1);
	/* another address */
	way(2, "two", "2001:db8:2::3", 1, 1);
	CHECK(sent.listens == 3);
	listened();
	CHECK(open_paths() == 1);
	/* the tunnel is removed */
	way_gone(2);
	ports_ways();
	CHECK(open_paths() == 0);
	CHECK(status(IPPROTO_TCP, 7000)->state == PORT_WAITING);
}

/* what changes while the parent is asked */
static void
test_races(void)
{
	struct imsg_port	 m = publish(IPPROTO_TCP, 7000, 1);

	start();
	message(IMSG_PORT_ADD, 77, -1, &m, sizeof(m));
	way(1, "one", "2001:db8:1::2", 1, 0);
	way(2, "two", "2001:db8:2::2", 1, 1);
	CHECK(sent.listens == 1);
	listened();
	CHECK(sent.result.error == 0);
	CHECK(sent.listens == 2 && sent.listen.tunnel == 2);
	listened();
	CHECK(open_paths() == 1 && last_path()->way == way_id(2));
	/* it is deleted meanwhile */
	way(2, "two", "2001:db8:2::2", 1, 0);
	way(1, "one", "2001:db8:1::2", 1, 1);
	CHECK(sent.listens == 3);
	CHECK(del(IPPROTO_TCP, 7000) == 0);
	CHECK(sent.gone == 0);
	listened();
	CHECK(sent.gone == 1 && open_paths() == 0 && TAILQ_EMPTY(&ports));
	/* the parent knows of a new address before we do */
	CHECK(add(m) == 0);
	way(1, "one", "2001:db8:1::3", 1, 1);
	inet_pton(AF_INET6, "2001:db8:1::4", &bound);
	message(IMSG_LISTENED, sent.id, dup(STDERR_FILENO), NULL, 0);
	CHECK(status(IPPROTO_TCP, 7000)->state == PORT_FAILED);
	CHECK(sent.listens == 5);
	way(1, "one", "2001:db8:1::4", 1, 1);
	CHECK(sent.listens == 6);
	listened();
	CHECK(status(IPPROTO_TCP, 7000)->state == PORT_ACTIVE);
	CHECK(open_paths() == 1);
	/* an answer that nobody waits for is not kept */
	message(IMSG_LISTENED, 999999, dup(STDERR_FILENO), NULL, 0);
}

static void
test_pinned(void)
{
	struct imsg_port	 m = publish(IPPROTO_TCP, 7000, 1);

	start();
	strlcpy(m.tunnel, "two", sizeof(m.tunnel));
	CHECK(add(m) == 0 && sent.listen.tunnel == 2);
	way(2, "two", "2001:db8:2::2", 0, 0);
	CHECK(status(IPPROTO_TCP, 7000)->state == PORT_WAITING);
	CHECK(strcmp(status(IPPROTO_TCP, 7000)->reason,
	    "Tunnel two is not up.") == 0);
	CHECK(sent.listens == 1);
	way(2, "two", "2001:db8:2::2", 1, 0);
	CHECK(status(IPPROTO_TCP, 7000)->state == PORT_ACTIVE);
	CHECK(sent.listens == 1);
}

static void
test_waiting(void)
{
	start();
	way(1, "one", "2001:db8:1::2", 0, 0);
	CHECK(add(publish(IPPROTO_TCP, 7000, 1)) == 0);
	CHECK(sent.listens == 0 && sent.saves == 1);
	CHECK(status(IPPROTO_TCP, 7000)->state == PORT_WAITING);
	/* what is on this machine does not wait for a tunnel */
	CHECK(add(forward(IPPROTO_TCP, 7001, "host.example", 1)) == 0);
	CHECK(sent.listens == 1 && sent.listen.kind == GW_PORT_FORWARD &&
	    sent.listen.tunnel == 0);
	CHECK(status(IPPROTO_TCP, 7001)->state == PORT_WAITING);
	way(1, "one", "2001:db8:1::2", 1, 1);
	listened();
	CHECK(status(IPPROTO_TCP, 7000)->state == PORT_ACTIVE);
	CHECK(status(IPPROTO_TCP, 7001)->state == PORT_ACTIVE);
	CHECK(sent.listens == 2);
}

static void
test_conf(void)
{
	struct imsg_port	 m = publish(IPPROTO_TCP, 443, 8443);
	struct path		*kept;

	start();
	conf(m);
	commit_all();
	CHECK(status(IPPROTO_TCP, 443)->state == PORT_ACTIVE);
	CHECK(status(IPPROTO_TCP, 443)->port.fixed);
	kept = last_path();
	CHECK(del(IPPROTO_TCP, 443) == EPERM);
	/* nothing of it is kept elsewhere */
	CHECK(sent.saves == 0);
	/* a reload touches what has changed */
	strlcpy(m.description, "new", sizeof(m.description));
	conf(m);
	conf(publish(IPPROTO_UDP, 53, 5353));
	commit_all();
	CHECK(sent.listens == 2 && open_paths() == 2 && kept->open);
	CHECK(strcmp(status(IPPROTO_TCP, 443)->port.description, "new") == 0);
	m.target_port = 8444;
	conf(m);
	commit_all();
	CHECK(!kept->open && open_paths() == 1 && sent.listens == 3);
	CHECK(port_find(IPPROTO_UDP, 53) == NULL);
	/* one that was given up changes nothing */
	conf(publish(IPPROTO_TCP, 444, 1));
	ports_abort();
	conf(m);
	commit_all();
	CHECK(port_find(IPPROTO_TCP, 444) == NULL && sent.listens == 3);
	commit_all();
	CHECK(TAILQ_EMPTY(&ports) && open_paths() == 0);
}

/* the configuration has the last word on its numbers */
static void
test_conf_wins(void)
{
	start();
	CHECK(add(publish(IPPROTO_TCP, 7000, 1)) == 0);
	CHECK(add(publish(IPPROTO_TCP, 7001, 1)) == 0);
	timers();
	now += 10000;
	sent.saves = 0;
	conf(publish(IPPROTO_TCP, 7000, 1));
	conf(publish(IPPROTO_TCP, 7001, 2));
	commit_all();
	CHECK(sent.listens == 3 && open_paths() == 2);
	CHECK(del(IPPROTO_TCP, 7000) == EPERM);
	CHECK(status(IPPROTO_TCP, 7001)->port.target_port == 2);
	timers();
	CHECK(sent.saves >= 1 && sent.saved_len == 16);
	CHECK(add(publish(IPPROTO_TCP, 7001, 2)) == EALREADY);
	CHECK(add(publish(IPPROTO_TCP, 7001, 3)) == EEXIST);
}

static void
load(const void *data, size_t len)
{
	const uint8_t	*s = data;
	size_t		 n;

	for (; len > 0; s += n, len -= n) {
		n = len < 1000 ? len : 1000;
		message(IMSG_PORTS_LOAD, 0, -1, s, n);
	}
	message(IMSG_PORTS_LOAD, 0, -1, NULL, 0);
}

static void
test_persistence(void)
{
	static uint8_t		 blob[WIRE_PORTS_MAX];
	struct imsg_port	 m = publish(IPPROTO_TCP, 7000, 1);
	size_t			 len, i;

	start();
	strlcpy(m.tunnel, "two", sizeof(m.tunnel));
	strlcpy(m.description, "a relay", sizeof(m.description));
	CHECK(add(m) == 0);
	CHECK(add(forward(IPPROTO_UDP, 7001, "host.example", 9)) == 0);
	CHECK(add(publish(IPPROTO_UDP, 7002, 3)) == 0);
	CHECK(del(IPPROTO_UDP, 7002) == 0);
	timers();
	len = sent.saved_len;
	CHECK(len == 16 + 2 * sizeof(m));
	memcpy(blob, sent.saved, len);

	start();
	load(blob, len);
	commit();
	CHECK(sent.bad == 0 && sent.listens == 2);
	CHECK(port_find(IPPROTO_UDP, 7002) == NULL);
	CHECK(memcmp(&status(IPPROTO_TCP, 7000)->port, &m, sizeof(m)) == 0);
	CHECK(strcmp(status(IPPROTO_UDP, 7001)->port.host, "host.example") ==
	    0);
	/* it is read once */
	start();
	commit();
	CHECK(TAILQ_EMPTY(&ports));
	/* the configuration has one of its numbers now */
	load(blob, len);
	conf(publish(IPPROTO_TCP, 7000, 2));
	commit();
	CHECK(status(IPPROTO_TCP, 7000)->port.target_port == 2);
	CHECK(port_find(IPPROTO_UDP, 7001) != NULL);
	/* foreign, cut, longer, another version, another number */
	for (i = 0; i < 16; i++) {
		start();
		blob[i] ^= 0x40;
		load(blob, len);
		commit();
		blob[i] ^= 0x40;
		CHECK(sent.bad == 1 && TAILQ_EMPTY(&ports));
	}
	start();
	load(blob, len - 1);
	commit();
	load(blob, len + 1);
	commit();
	load(blob, 3);
	commit();
	/* a mapping that cannot be: none of them is made */
	blob[len - sizeof(m)] = IPPROTO_ICMP;
	load(blob, len);
	commit();
	CHECK(sent.bad == 4 && TAILQ_EMPTY(&ports));
}

/* deleted again and again while their connections stay: the table is finite */
static void
test_bounded(void)
{
	struct port	*p;
	int		 i, n = 0;

	start();
	for (i = 0; i < 1030; i++) {
		if (npaths == MAPPINGS)
			break;
		CHECK(add(publish(IPPROTO_TCP, 7000, 1)) == 0);
		last_path()->sessions = 1;
		CHECK(del(IPPROTO_TCP, 7000) == 0);
		/* numbers rise, the test's table does not */
		if (TAILQ_LAST(&ports, ports)->id >= MAPPINGS - 2)
			break;
	}
	TAILQ_FOREACH(p, &ports, entry)
		n++;
	CHECK(n <= 4 * GW_PORTS_MAX);
	while ((p = TAILQ_FIRST(&ports)) != NULL)
		port_free(p);
	CHECK(open_paths() == 0);
}

int
main(void)
{
	log_init(LL_ERROR, LF_TEXT, LT_STDERR, "test");
	if ((relay.base = event_base_new()) == NULL)
		errx(1, "event_base_new");
	TAILQ_INIT(&relay.ways);
	test_add();
	test_again();
	test_together();
	test_again_fixed();
	test_malformed();
	test_loops();
	test_choose();
	test_taken();
	test_drain();
	test_follow();
	test_races();
	test_pinned();
	test_waiting();
	test_conf();
	test_conf_wins();
	test_persistence();
	test_flush();
	test_cap();
	test_bounded();
	return (0);
}
