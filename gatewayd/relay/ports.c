/*
 * The table of port mappings: see ports.h.  Runs in the relay (_gwrelay,
 * chroot).
 *
 * A number of a protocol is one mapping's.  A mapping that is deleted leaves
 * the table of those in force at once, and is there until the last of its
 * connections has ended.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "log.h"
#include "portmap.h"
#include "ports.h"
#include "ports_int.h"
#include "relay_int.h"
#include "util.h"

#define TABLE_MAX	(4 * GW_PORTS_MAX)	/* with those that drain */
#define CHOICES		256	/* numbers tried until one is free */

struct ports	 ports = TAILQ_HEAD_INITIALIZER(ports);

static struct imsg_port	 next[GW_PORTS_MAX];	/* a configuration's */
static uint32_t		 nnext, nports;
static uint16_t		 udp_base, tcp_base;

struct port *
port_find(uint8_t protocol, uint16_t number)
{
	struct port	*p;

	TAILQ_FOREACH(p, &ports, entry)
		if (!p->deleted && p->m.protocol == protocol &&
		    p->m.port == number)
			return (p);
	return (NULL);
}

static struct port *
port_by_id(uint32_t id)
{
	struct port	*p;

	TAILQ_FOREACH(p, &ports, entry)
		if (p->id == id)
			return (p);
	return (NULL);
}

uint16_t
port_choose(uint8_t protocol, uint16_t from)
{
	uint32_t	 n;

	for (n = from; n <= UINT16_MAX; n++)
		if (port_find(protocol, (uint16_t)n) == NULL &&
		    !ports_own(protocol, (in_port_t)n))
			return ((uint16_t)n);
	return (0);
}

int
ports_own(uint8_t protocol, in_port_t number)
{
	struct port	*p = port_find(protocol, number);

	if (p != NULL && p->m.kind == GW_PORT_FORWARD)
		return (1);
	return (protocol == IPPROTO_TCP && number != 0 &&
	    (number == relay.own_ports[0] || number == relay.own_ports[1]));
}

/* the program behind a published port is one of our own listeners */
static int
port_loops(const struct imsg_port *m)
{
	const struct port	*p;

	if (m->kind == GW_PORT_PUBLISH)
		return (ports_own(m->protocol, m->target_port));
	if (m->port == 0)
		return (0);
	TAILQ_FOREACH(p, &ports, entry)
		if (!p->deleted && p->m.kind == GW_PORT_PUBLISH &&
		    p->m.protocol == m->protocol &&
		    p->m.target_port == m->port)
			return (1);
	return (0);
}

int
port_error(const struct imsg_port *m)
{
	if (m->port != 0 && m->port < PORTMAP_LOWEST && !m->fixed)
		return (EACCES);
	if (portmap_error(m) != NULL)
		return (EINVAL);
	return (port_loops(m) ? ELOOP : 0);
}

static void
port_dest(const struct imsg_port *m, struct socks_dest *d)
{
	/* port_error() has looked at it */
	if (socks_dest_text(d, m->host) != NULL)
		fatalx("port_dest: %s", m->host);
	d->port = m->target_port;
}

/* they do the same, whatever their numbers and names are, and whoever made
 * them */
static int
port_alike(const struct imsg_port *a, const struct imsg_port *b)
{
	return (a->protocol == b->protocol && a->kind == b->kind &&
	    a->proxy_protocol == b->proxy_protocol &&
	    a->target_port == b->target_port &&
	    strcmp(a->tunnel, b->tunnel) == 0 &&
	    strcasecmp(a->host, b->host) == 0);
}

static int
port_same(const struct imsg_port *a, const struct imsg_port *b)
{
	return (a->port == b->port && port_alike(a, b));
}

static void
result(uint32_t request, int error, const struct imsg_port *m)
{
	struct imsg_port_result	 r;

	memset(&r, 0, sizeof(r));
	r.error = (uint32_t)error;
	if (m != NULL)
		r.port = *m;
	peer_send(child_peer(PROC_FRONTEND), IMSG_PORT_RESULT, request, -1, &r,
	    sizeof(r));
}

void
port_answer(struct port *p, int error)
{
	uint32_t	 i;

	for (i = 0; i < p->nrequests; i++)
		result(p->requests[i], error == 0 && i > 0 ? EALREADY : error,
		    &p->m);
	p->nrequests = 0;
}

void
port_free(struct port *p)
{
	port_answer(p, ENOENT);
	port_stop(p);
	peer_send0(child_peer(PROC_FRONTEND), IMSG_PORT_GONE, p->id);
	TAILQ_REMOVE(&ports, p, entry);
	nports--;
	way_put(p->asked_way);
	free(p);
}

/* those that drain are the first to go */
static void
make_room(void)
{
	struct port	*p;

	TAILQ_FOREACH(p, &ports, entry)
		if (p->deleted && nports >= TABLE_MAX) {
			port_free(p);
			return;
		}
}

/* a socket of UDP is needed for what drains by it; it has had its time when
 * somebody else is to have the port */
static void
clear_port(uint8_t protocol, uint16_t number)
{
	struct port	*p, *safe;

	if (protocol == IPPROTO_UDP)
		TAILQ_FOREACH_SAFE(p, &ports, entry, safe)
			if (p->deleted && p->m.protocol == protocol &&
			    p->m.port == number)
				port_free(p);
}

struct port *
port_new(const struct imsg_port *m)
{
	static uint32_t	 last;
	struct port	*p;

	make_room();
	clear_port(m->protocol, m->port);
	p = xcalloc(1, sizeof(*p));
	p->id = ++last;
	p->m = *m;
	TAILQ_INIT(&p->old);
	/* nothing has been told of it */
	p->told.state = UINT32_MAX;
	if (m->kind == GW_PORT_FORWARD)
		port_dest(m, &p->remote);
	if (m->port == 0) {
		p->choices = CHOICES;
		p->m.port = port_choose(m->protocol,
		    m->protocol == IPPROTO_UDP ? udp_base : tcp_base);
	}
	TAILQ_INSERT_TAIL(&ports, p, entry);
	nports++;
	port_follow(p);
	port_tell(p);
	port_touch();
	return (p);
}

void
port_drain(struct port *p)
{
	p->deleted = 1;
	p->error = 0;
	port_answer(p, ENOENT);
	if (port_close(p) && !p->asked)
		port_free(p);
	else
		port_tell(p);
}

static uint32_t
count_made(void)
{
	const struct port	*p;
	uint32_t		 n = 0;

	TAILQ_FOREACH(p, &ports, entry)
		n += !p->deleted && !p->m.fixed;
	return (n);
}

/* the answer for a new mapping that cannot be made: 0 it can, or errno */
static int
add_error(const struct imsg_port *m)
{
	if (m->tunnel[0] != '\0' && way_name(m->tunnel) == NULL)
		return (ENODEV);
	if (m->port == 0 && port_choose(m->protocol,
	    m->protocol == IPPROTO_UDP ? udp_base : tcp_base) == 0)
		return (EADDRNOTAVAIL);
	return (count_made() >= GW_PORTS_MAX ? ENOSPC : 0);
}

/*
 * Who has that number, or without one who does the same already: a program that
 * starts again and asks for its port gets the one that it had.  NULL: nobody.
 */
static struct port *
port_asked(const struct imsg_port *m)
{
	struct port	*p;

	if (m->port != 0)
		return (port_find(m->protocol, m->port));
	TAILQ_FOREACH(p, &ports, entry)
		if (!p->deleted && port_alike(&p->m, m))
			return (p);
	return (NULL);
}

/* a name of its own is all that can be new about it */
static void
port_rename(struct port *p, const struct imsg_port *m)
{
	if (p->m.fixed || m->description[0] == '\0' ||
	    strcmp(p->m.description, m->description) == 0)
		return;
	memcpy(p->m.description, m->description, sizeof(p->m.description));
	port_tell(p);
	port_save();
}

static void
port_again(struct port *p, uint32_t request, const struct imsg_port *m)
{
	int	 error = EALREADY;

	if (!port_alike(&p->m, m))
		error = EEXIST;
	else if (p->nrequests == PORT_REQUESTS)
		error = EBUSY;
	else
		port_rename(p, m);
	if (error == EALREADY && p->nrequests > 0)
		p->requests[p->nrequests++] = request;
	else
		result(request, error, &p->m);
}

static void
ports_add(uint32_t request, const struct imsg_port *m)
{
	int		 error = m->fixed ? EINVAL : port_error(m);
	struct port	*p = error == 0 ? port_asked(m) : NULL;

	if (p != NULL) {
		port_again(p, request, m);
		return;
	}
	if (error != 0 || (error = add_error(m)) != 0) {
		result(request, error, m);
		return;
	}
	p = port_new(m);
	p->requests[p->nrequests++] = request;
	if (!p->asked) {
		port_answer(p, 0);
		port_save();
	}
}

static void
ports_del(uint32_t request, const struct imsg_port_key *key)
{
	struct port	*p = port_find(key->protocol, key->port);
	struct imsg_port m;

	if (p == NULL || p->m.fixed) {
		result(request, p == NULL ? ENOENT : EPERM,
		    p == NULL ? NULL : &p->m);
		return;
	}
	m = p->m;
	/* the frontend knows what has become of it before it is answered */
	port_drain(p);
	port_save();
	result(request, 0, &m);
}

/* the mapping of a configuration that wants the same, NULL: none */
static struct imsg_port *
next_find(const struct imsg_port *m)
{
	uint32_t	 i;

	for (i = 0; i < nnext; i++)
		if (port_same(&next[i], m))
			return (&next[i]);
	return (NULL);
}

/* the configuration has the last word on its numbers */
static void
commit_one(const struct imsg_port *m)
{
	struct port	*p = port_find(m->protocol, m->port);

	if (p != NULL && !p->m.fixed)
		port_save();
	if (p != NULL && port_same(&p->m, m)) {
		p->m = *m;
		port_tell(p);
		return;
	}
	if (p != NULL) {
		log_warnx("%s port %u is the configuration's from now on: the "
		    "mapping that was there is deleted",
		    port_protocol(m->protocol), m->port);
		port_drain(p);
	}
	port_new(m);
}

void
ports_commit(uint16_t udp, uint16_t tcp)
{
	struct port	*p, *safe;
	uint32_t	 i;

	udp_base = udp;
	tcp_base = tcp;
	TAILQ_FOREACH_SAFE(p, &ports, entry, safe)
		if (!p->deleted && p->m.fixed && next_find(&p->m) == NULL)
			port_drain(p);
	for (i = 0; i < nnext; i++)
		commit_one(&next[i]);
	nnext = 0;
	port_restore();
}

void
ports_abort(void)
{
	nnext = 0;
}

void
ports_ways(void)
{
	struct port	*p, *safe;

	TAILQ_FOREACH_SAFE(p, &ports, entry, safe) {
		p->retry_at = 0;
		port_follow(p);
		port_tell(p);
	}
}

static void
message_add(const struct imsg *imsg)
{
	struct imsg_port	 m;

	if (imsg_get_data(imsg, &m, sizeof(m)) == -1 || relay.base == NULL)
		fatalx("PORT_ADD: malformed, or too early");
	ports_add(imsg->hdr.id, &m);
}

static void
message_del(const struct imsg *imsg)
{
	struct imsg_port_key	 m;

	if (imsg_get_data(imsg, &m, sizeof(m)) == -1)
		fatalx("PORT_DEL: malformed");
	ports_del(imsg->hdr.id, &m);
}

static void
message_conf(const struct imsg *imsg)
{
	struct imsg_port	 m;

	if (imsg_get_data(imsg, &m, sizeof(m)) == -1 || !m.fixed ||
	    m.port == 0 || nnext == GW_PORTS_MAX || port_error(&m) == EINVAL)
		fatalx("PORT_CONF: malformed");
	next[nnext++] = m;
}

static void
message_listen(struct imsg *imsg)
{
	struct imsg_result	 m = { 0 };
	struct port		*p = port_by_id(imsg->hdr.id);
	int			 fd = imsg_get_fd(imsg);

	if (fd == -1 &&
	    (imsg_get_data(imsg, &m, sizeof(m)) == -1 || m.error == 0))
		fatalx("LISTEN_FAILED: malformed");
	if (p != NULL && p->asked)
		port_listened(p, fd, (int)m.error);
	else if (fd != -1)
		close(fd);	/* it had to make room */
}

int
ports_message(struct imsg *imsg)
{
	switch (imsg->hdr.type) {
	case IMSG_PORT_ADD:
		message_add(imsg);
		break;
	case IMSG_PORT_DEL:
		message_del(imsg);
		break;
	case IMSG_PORT_CONF:
		message_conf(imsg);
		break;
	case IMSG_LISTENED:
	case IMSG_LISTEN_FAILED:
		message_listen(imsg);
		break;
	case IMSG_PORTS_LOAD:
		port_load(imsg->data, imsg->len);
		break;
	default:
		return (-1);
	}
	return (0);
}
