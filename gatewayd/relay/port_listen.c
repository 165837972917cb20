/*
 * The sockets of port mappings follow the tunnels.  Runs in the relay
 * (_gwrelay, chroot).
 *
 * The parent binds; one socket is asked for at a time.  The new one is there
 * before the old one goes, and what came by the old one goes on.  A tunnel
 * that is only down keeps its socket: it may be the first to come back.
 */
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "log.h"
#include "ports_int.h"
#include "relay_int.h"
#include "util.h"

#define RETRY_MS	5000

struct way *
port_way(const struct port *p)
{
	struct way	*w;

	w = p->m.tunnel[0] != '\0' ? way_name(p->m.tunnel) : way_active();
	return (w != NULL && w->usable ? w : NULL);
}

/* nonzero if its socket belongs to one tunnel */
static int
port_bound(const struct port *p)
{
	return (p->m.kind == GW_PORT_PUBLISH || p->m.tunnel[0] != '\0');
}

/* nonzero if the socket cannot serve that way */
static int
listener_wrong(const struct port *p, const struct way *w)
{
	return (p->now->way != w || (p->m.kind == GW_PORT_PUBLISH &&
	    !IN6_ARE_ADDR_EQUAL(&p->now->addr, &w->source)));
}

/* adds what it has seen */
static void
listener_count(const struct port_listener *l, struct port_counters *sum)
{
	struct udp_port_counters u;
	struct port_counters	 c;

	memset(&c, 0, sizeof(c));
	if (l->tcp != NULL)
		port_tcp_counters(l->tcp, &c);
	else {
		udp_port_counters(l->udp, &u);
		c.rx_bytes = u.rx_bytes;
		c.tx_bytes = u.tx_bytes;
		c.refused = u.refused;
		c.sessions = u.sessions;
	}
	sum->rx_bytes += c.rx_bytes;
	sum->tx_bytes += c.tx_bytes;
	sum->total += c.total;
	sum->refused += c.refused;
	sum->sessions += c.sessions;
}

static void
listener_free(struct port_listener *l)
{
	struct port_counters	*past = &l->port->past;

	listener_count(l, past);
	past->sessions = 0;
	if (l->tcp != NULL)
		port_tcp_free(l->tcp);
	else
		udp_port_free(l->udp);
	way_put(l->way);
	free(l);
}

static void
listener_drained(void *arg)
{
	struct port_listener	*l = arg;
	struct port		*p = l->port;

	TAILQ_REMOVE(&p->old, l, entry);
	listener_free(l);
	if (p->deleted && !p->asked && TAILQ_EMPTY(&p->old))
		port_free(p);
	else
		port_touch();
}

int
port_close(struct port *p)
{
	struct port_listener	*l = p->now;
	int			 empty;

	p->now = NULL;
	if (l == NULL)
		return (TAILQ_EMPTY(&p->old));
	TAILQ_INSERT_TAIL(&p->old, l, entry);
	empty = l->tcp != NULL ?
	    port_tcp_drain(l->tcp, listener_drained, l) :
	    udp_port_drain(l->udp, listener_drained, l);
	if (empty) {
		TAILQ_REMOVE(&p->old, l, entry);
		listener_free(l);
	}
	return (TAILQ_EMPTY(&p->old));
}

void
port_stop(struct port *p)
{
	struct port_listener	*l;

	if (p->now != NULL)
		TAILQ_INSERT_TAIL(&p->old, p->now, entry);
	p->now = NULL;
	while ((l = TAILQ_FIRST(&p->old)) != NULL) {
		TAILQ_REMOVE(&p->old, l, entry);
		listener_free(l);
	}
}

void
port_count(const struct port *p, struct port_counters *sum)
{
	const struct port_listener	*l;

	*sum = p->past;
	if (p->now != NULL)
		listener_count(p->now, sum);
	TAILQ_FOREACH(l, &p->old, entry)
		listener_count(l, sum);
}

/* a datagram socket that drains would keep the new one from its address */
static void
port_clear(struct port *p, const struct way *w)
{
	struct port_listener	*l, *next;

	TAILQ_FOREACH_SAFE(l, &p->old, entry, next) {
		if (l->udp == NULL || (p->m.kind == GW_PORT_PUBLISH &&
		    !IN6_ARE_ADDR_EQUAL(&l->addr, &w->source)))
			continue;
		TAILQ_REMOVE(&p->old, l, entry);
		listener_free(l);
	}
}

static void
port_ask(struct port *p, struct way *w)
{
	struct imsg_listen	 m;

	port_clear(p, w);
	memset(&m, 0, sizeof(m));
	m.protocol = p->m.protocol;
	m.kind = p->m.kind;
	m.port = p->m.port;
	if (m.kind == GW_PORT_PUBLISH)
		m.tunnel = w->id;
	p->asked = 1;
	p->asked_way = way_get(port_bound(p) ? w : NULL);
	peer_send(child_peer(PROC_PARENT), IMSG_LISTEN, p->id, -1, &m,
	    sizeof(m));
}

void
port_follow(struct port *p)
{
	struct way	*w = port_way(p);

	/* a tunnel that was removed has no address for us any more */
	if (p->now != NULL && p->now->way != NULL &&
	    way_id(p->now->way->id) != p->now->way)
		(void)port_close(p);
	if (port_bound(p) && w == NULL)
		p->error = 0;	/* there is nothing to listen on */
	if (p->asked || p->deleted || p->retry_at > monotime_ms())
		return;
	if (port_bound(p) ? w != NULL && (p->now == NULL ||
	    listener_wrong(p, w)) : p->now == NULL)
		port_ask(p, w);
}

/* the address that a socket of the parent's is bound to */
static int
listener_addr(int fd, struct in6_addr *addr)
{
	struct sockaddr_storage		 ss;
	const struct sockaddr_in6	*sin6 = (void *)&ss;
	socklen_t			 len = sizeof(ss);

	if (getsockname(fd, (struct sockaddr *)&ss, &len) == -1 ||
	    ss.ss_family != AF_INET6)
		return (-1);
	*addr = sin6->sin6_addr;
	return (0);
}

static struct port_listener *
listener_new(struct port *p, int fd, struct way *w)
{
	struct port_listener	*l = xcalloc(1, sizeof(*l));
	int			 proxy = p->m.proxy_protocol != 0;

	l->port = p;
	l->way = way_get(w);
	if (p->m.kind == GW_PORT_PUBLISH) {
		l->addr = w->source;
		if (p->m.protocol == IPPROTO_TCP)
			l->tcp = port_tcp_publish(fd, p->id,
			    p->m.target_port, proxy, w);
		else
			l->udp = udp_port_publish(fd, p->m.target_port,
			    proxy, w);
	} else if (p->m.protocol == IPPROTO_TCP)
		l->tcp = port_tcp_forward(fd, &p->remote, w);
	else
		l->udp = udp_port_forward(fd, &p->remote, w);
	return (l);
}

/* 0, or the errno of why it cannot serve */
static int
port_take(struct port *p, int fd, struct way *w)
{
	struct port_listener	*l;
	struct in6_addr		 addr;

	/* the parent is the first to know of an address, the engine tells us
	 * next: then it is asked for again */
	if (p->m.kind == GW_PORT_PUBLISH && (listener_addr(fd, &addr) == -1 ||
	    !IN6_ARE_ADDR_EQUAL(&addr, &w->source))) {
		close(fd);
		return (EADDRNOTAVAIL);
	}
	l = listener_new(p, fd, w);
	(void)port_close(p);
	p->now = l;
	return (0);
}

/* the number that we chose is another program's: 1 and the next one is asked
 * for, or 0 */
static int
port_next(struct port *p, struct way *w)
{
	uint16_t	 number;

	if (p->error != EADDRINUSE || p->choices == 0)
		return (0);
	p->choices--;
	number = p->m.port == UINT16_MAX ? 0 :
	    port_choose(p->m.protocol, p->m.port + 1);
	if (number == 0)
		return (0);
	p->m.port = number;
	p->error = 0;
	port_ask(p, w);
	return (1);
}

/* whoever has asked for it is told; nonzero if that was its end */
static int
port_made(struct port *p)
{
	if (p->nrequests == 0)
		return (0);
	if (p->error != 0) {
		port_answer(p, p->error);
		port_free(p);
		return (1);
	}
	port_tell(p);
	port_answer(p, 0);
	port_save();
	return (0);
}

void
port_listened(struct port *p, int fd, int error)
{
	struct way	*w = p->asked_way;
	int		 gone;

	p->asked = 0;
	p->asked_way = NULL;
	if (p->deleted) {
		if (fd != -1)
			close(fd);
		way_put(w);
		if (TAILQ_EMPTY(&p->old))
			port_free(p);
		return;
	}
	p->error = fd != -1 ? port_take(p, fd, w) : error;
	p->retry_at = p->error != 0 ? monotime_ms() + RETRY_MS : 0;
	gone = port_next(p, w) ? 0 : port_made(p);
	way_put(w);
	if (gone)
		return;
	p->choices = p->error == 0 && !p->asked ? 0 : p->choices;
	/* another one may have become the active one meanwhile */
	port_follow(p);
	port_tell(p);
	port_touch();
}
