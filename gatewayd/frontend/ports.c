/*
 * Port mappings: see ports.h.  Runs in the frontend (_gatewayd, chroot).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "child.h"
#include "log.h"
#include "portmap.h"
#include "ports.h"
#include "status.h"
#include "util.h"

/* those of the configuration, of run time, and as many that drain */
#define FE_PORTS_MAX	(4 * GW_PORTS_MAX)

struct fe_ports	 fe_ports = TAILQ_HEAD_INITIALIZER(fe_ports);

static uint32_t			 nports;
static TAILQ_HEAD(, port_request) requests =
				    TAILQ_HEAD_INITIALIZER(requests);

static struct fe_port *
port_by_id(uint32_t id)
{
	struct fe_port	*p;

	TAILQ_FOREACH(p, &fe_ports, entry)
		if (p->id == id)
			return (p);
	return (NULL);
}

struct fe_port *
fe_port_find(uint8_t protocol, uint16_t port)
{
	struct fe_port	*p;

	TAILQ_FOREACH(p, &fe_ports, entry)
		if (p->st.port.protocol == protocol &&
		    p->st.port.port == port && p->st.state != PORT_DRAINING)
			return (p);
	return (NULL);
}

/* nonzero if a comes after b */
static int
port_after(const struct fe_port *a, const struct fe_port *b)
{
	const struct imsg_port	*x = &a->st.port, *y = &b->st.port;

	if (x->port != y->port)
		return (x->port > y->port);
	if (x->protocol != y->protocol)
		return (x->protocol > y->protocol);
	return (a->id > b->id);
}

static void
port_insert(struct fe_port *new)
{
	struct fe_port	*p;

	TAILQ_FOREACH(p, &fe_ports, entry)
		if (port_after(p, new))
			break;
	if (p != NULL)
		TAILQ_INSERT_BEFORE(p, new, entry);
	else
		TAILQ_INSERT_TAIL(&fe_ports, new, entry);
}

void
fe_port_status(const struct imsg *imsg)
{
	struct imsg_port_status	 m;
	struct fe_port		*p = port_by_id(imsg->hdr.id);

	if (imsg_get_data(imsg, &m, sizeof(m)) == -1 || !wire_port(&m.port) ||
	    m.port.port == 0 || m.state > PORT_DRAINING ||
	    !wire_string(m.reason) || (p == NULL && nports == FE_PORTS_MAX))
		fatalx("PORT_STATUS: malformed");
	if (p == NULL) {
		p = xcalloc(1, sizeof(*p));
		p->id = imsg->hdr.id;
		nports++;
	} else
		TAILQ_REMOVE(&fe_ports, p, entry);
	p->st = m;
	port_insert(p);
	fe_changed();
}

void
fe_port_gone(const struct imsg *imsg)
{
	struct fe_port	*p = port_by_id(imsg->hdr.id);

	if (p == NULL)
		return;
	TAILQ_REMOVE(&fe_ports, p, entry);
	free(p);
	nports--;
	fe_changed();
}

static void
port_ask(struct port_request *r, enum imsg_type type, const void *data,
    size_t len)
{
	static uint32_t	 last;

	if (++last == 0)
		last = 1;
	r->id = last;
	TAILQ_INSERT_TAIL(&requests, r, entry);
	peer_send(child_peer(PROC_RELAY), type, r->id, -1, data, len);
}

void
fe_port_add(struct port_request *r, const struct imsg_port *m, const char *who)
{
	char	 number[8] = "any";

	if (m->port != 0)
		snprintf(number, sizeof(number), "%u", m->port);
	log_info("control: %s asks: %s %s port %s", who,
	    m->kind == GW_PORT_PUBLISH ? "publish" : "forward",
	    portmap_protocol(m->protocol), number);
	port_ask(r, IMSG_PORT_ADD, m, sizeof(*m));
}

void
fe_port_del(struct port_request *r, uint8_t protocol, uint16_t port,
    const char *who)
{
	struct imsg_port_key	 m;

	log_info("control: %s asks: delete %s port %u", who,
	    portmap_protocol(protocol), port);
	memset(&m, 0, sizeof(m));
	m.protocol = protocol;
	m.port = port;
	port_ask(r, IMSG_PORT_DEL, &m, sizeof(m));
}

void
fe_port_cancel(struct port_request *r)
{
	if (r->id == 0)
		return;
	r->id = 0;
	TAILQ_REMOVE(&requests, r, entry);
}

void
fe_port_result(const struct imsg *imsg)
{
	struct imsg_port_result	 m;
	struct port_request	*r;

	if (imsg_get_data(imsg, &m, sizeof(m)) == -1 ||
	    ((m.error == 0 || m.error == EALREADY) && !wire_port(&m.port)))
		fatalx("PORT_RESULT: malformed");
	TAILQ_FOREACH(r, &requests, entry)
		if (r->id == imsg->hdr.id)
			break;
	if (r == NULL)
		return;		/* cancelled meanwhile */
	fe_port_cancel(r);
	r->done(r->arg, &m);
}
