/*
 * A relay that makes and deletes port mappings, which carry nothing.  Commands:
 *
 *	ports error ERRNO	what every request comes to; 999: no answer,
 *				0: as it should be
 *	ports drain NUMBER	one that is deleted drains (1) or is gone (0)
 *	ports fixed PORT	a [port.NAME] of udp, which leads to port 53
 *	ports is PORT STATE SESSIONS BYTES [REASON]
 *				how a mapping is
 *	ports end		what drains is gone
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fakeports.h"
#include "ports.h"

#define NO_ANSWER	999
#define MAPPINGS	256
#define TUNNEL		1	/* whose address is used */

static struct peer		*to_frontend;
static unsigned int		 error, drain;
/* by id - 1; those with port 0 are none */
static struct imsg_port_status	 mappings[MAPPINGS];

int
fakeports_message(struct imsg *imsg)
{
	switch (imsg->hdr.type) {
	case IMSG_PORT_STATUS:
		fe_port_status(imsg);
		return (1);
	case IMSG_PORT_GONE:
		fe_port_gone(imsg);
		return (1);
	case IMSG_PORT_RESULT:
		fe_port_result(imsg);
		return (1);
	default:
		return (0);
	}
}

static void
tell(const struct imsg_port_status *st)
{
	peer_send(to_frontend, st->port.port != 0 ? IMSG_PORT_STATUS :
	    IMSG_PORT_GONE, (uint32_t)(st - mappings) + 1, -1, st,
	    st->port.port != 0 ? sizeof(*st) : 0);
}

static struct imsg_port_status *
find(uint8_t protocol, uint16_t port)
{
	int	 i;

	for (i = 0; i < MAPPINGS; i++)
		if (mappings[i].port.port == port && (port == 0 ||
		    (mappings[i].port.protocol == protocol &&
		    mappings[i].state != PORT_DRAINING)))
			return (&mappings[i]);
	return (NULL);
}

static int
same(const struct imsg_port *a, const struct imsg_port *b)
{
	return (a->kind == b->kind && a->target_port == b->target_port &&
	    a->proxy_protocol == b->proxy_protocol &&
	    strcmp(a->tunnel, b->tunnel) == 0 && strcmp(a->host, b->host) == 0);
}

static struct imsg_port_status *
make(const struct imsg_port *port)
{
	struct imsg_port_status	*st = find(0, 0);

	memset(st, 0, sizeof(*st));
	st->port = *port;
	st->state = PORT_ACTIVE;
	st->tunnel = TUNNEL;
	tell(st);
	return (st);
}

static struct imsg_port_status *
asked(const struct imsg_port *port)
{
	int	 i;

	if (port->port != 0)
		return (find(port->protocol, port->port));
	for (i = 0; i < MAPPINGS; i++)
		if (mappings[i].port.port != 0 &&
		    mappings[i].port.protocol == port->protocol &&
		    mappings[i].state != PORT_DRAINING &&
		    same(&mappings[i].port, port))
			return (&mappings[i]);
	return (NULL);
}

static unsigned int
add(struct imsg_port *port)
{
	struct imsg_port_status	*st = asked(port);

	if (st != NULL) {
		if (!same(&st->port, port))
			return (EEXIST);
		if (port->description[0] != '\0') {
			memcpy(st->port.description, port->description,
			    sizeof(port->description));
			tell(st);
		}
		*port = st->port;
		return (EALREADY);
	}
	if (port->port == 0)
		for (port->port = port->protocol == IPPROTO_UDP ? 40000 :
		    41000; find(port->protocol, port->port) != NULL;)
			port->port++;
	if (find(0, 0) == NULL)
		return (ENOSPC);
	(void)make(port);
	return (0);
}

static unsigned int
del(const struct imsg_port_key *key)
{
	struct imsg_port_status	*st = find(key->protocol, key->port);

	if (st == NULL)
		return (ENOENT);
	if (st->port.fixed)
		return (EPERM);
	st->state = PORT_DRAINING;
	if (!drain)
		st->port.port = 0;
	tell(st);
	return (0);
}

void
fakeports_request(struct imsg *imsg)
{
	struct imsg_port_result	 m;
	struct imsg_port_key	 key;

	memset(&m, 0, sizeof(m));
	m.error = error;
	if (error == NO_ANSWER)
		return;
	if (imsg->hdr.type == IMSG_PORT_ADD) {
		imsg_get_data(imsg, &m.port, sizeof(m.port));
		if (error == 0)
			m.error = add(&m.port);
	} else if (error == 0) {
		imsg_get_data(imsg, &key, sizeof(key));
		m.port.protocol = key.protocol;
		m.error = del(&key);
	}
	peer_send(to_frontend, IMSG_PORT_RESULT, imsg->hdr.id, -1, &m,
	    sizeof(m));
}

void
fakeports_start(struct peer *p)
{
	to_frontend = p;
}

static void
fix(uint16_t number)
{
	struct imsg_port	 port;

	memset(&port, 0, sizeof(port));
	port.protocol = IPPROTO_UDP;
	port.port = number;
	port.target_port = 53;
	port.fixed = 1;
	(void)make(&port);
}

static void
is(uint16_t port, uint32_t state, uint32_t sessions, uint64_t bytes,
    const char *reason)
{
	struct imsg_port_status	*st = find(IPPROTO_UDP, port);

	if (st == NULL && (st = find(IPPROTO_TCP, port)) == NULL)
		errx(1, "ports: no port %u", port);
	st->state = state;
	st->tunnel = state == PORT_ACTIVE ? TUNNEL : WIRE_UNKNOWN;
	st->sessions = sessions;
	st->rx_bytes = bytes;
	st->tx_bytes = 2 * bytes;
	strlcpy(st->reason, reason, sizeof(st->reason));
	tell(st);
}

static void
end(void)
{
	int	 i;

	for (i = 0; i < MAPPINGS; i++)
		if (mappings[i].port.port != 0 &&
		    mappings[i].state == PORT_DRAINING) {
			mappings[i].port.port = 0;
			tell(&mappings[i]);
		}
}

int
fakeports_command(const char *line)
{
	unsigned int	 port, state, sessions, bytes;
	char		 reason[WIRE_REASON] = "";

	if (sscanf(line, "ports error %u", &error) == 1 ||
	    sscanf(line, "ports drain %u", &drain) == 1)
		return (1);
	if (sscanf(line, "ports fixed %u", &port) == 1)
		fix((uint16_t)port);
	else if (sscanf(line, "ports is %u %u %u %u %159[^\n]", &port, &state,
	    &sessions, &bytes, reason) >= 4)
		is((uint16_t)port, state, sessions, bytes, reason);
	else if (strncmp(line, "ports end", 9) == 0)
		end();
	else
		return (0);
	return (1);
}
