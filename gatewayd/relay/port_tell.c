/*
 * What the frontend and the log are told of port mappings.  Runs in the relay
 * (_gwrelay, chroot).
 *
 * A change of state is told at once, counters once a second.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "child.h"
#include "log.h"
#include "portmap.h"
#include "ports_int.h"
#include "relay_int.h"
#include "util.h"

const char *
port_protocol(uint8_t protocol)
{
	return (protocol == IPPROTO_UDP ? "udp" : "tcp");
}

static enum port_state
port_state(const struct port *p)
{
	if (p->deleted)
		return (PORT_DRAINING);
	if (p->error != 0)
		return (PORT_FAILED);
	if (p->now == NULL)
		return (PORT_WAITING);
	return (port_way(p) != NULL ? PORT_ACTIVE : PORT_WAITING);
}

static const char *
port_reason(const struct port *p, enum port_state state)
{
	static char	 text[WIRE_REASON];

	text[0] = '\0';
	if (state == PORT_WAITING && p->asked)
		return (text);
	if (state == PORT_WAITING)
		snprintf(text, sizeof(text), p->m.tunnel[0] != '\0' ?
		    "Tunnel %s is not up." : "No tunnel is up.", p->m.tunnel);
	if (state != PORT_FAILED)
		return (text);
	switch (p->error) {
	case EADDRINUSE:
		snprintf(text, sizeof(text), "Port %u is taken on this "
		    "machine by another program.", p->m.port);
		break;
	case EACCES:
		snprintf(text, sizeof(text), "Port %u is below %d, and no "
		    "[port.NAME] has it.", p->m.port, PORTMAP_LOWEST);
		break;
	default:
		snprintf(text, sizeof(text), "Cannot listen on port %u: %s.",
		    p->m.port, strerror(p->error));
	}
	return (text);
}

static void
port_log(const struct port *p, const struct imsg_port_status *m)
{
	if (m->state == p->told.state &&
	    strcmp(m->reason, p->told.reason) == 0)
		return;
	log_record(m->state == PORT_FAILED ? LL_WARN : LL_INFO,
	    p->now != NULL && p->now->way != NULL ? p->now->way->name : NULL,
	    "%s port %u: %s%s%s", port_protocol(p->m.protocol), p->m.port,
	    m->state == PORT_WAITING ? "waiting" :
	    m->state == PORT_ACTIVE ? "active" :
	    m->state == PORT_FAILED ? "failed" : "deleted",
	    m->reason[0] != '\0' ? ": " : "", m->reason);
}

void
port_tell(struct port *p)
{
	const struct way	*w = port_way(p);
	struct imsg_port_status	 m;
	struct port_counters	 c;

	port_count(p, &c);
	memset(&m, 0, sizeof(m));
	m.rx_bytes = c.rx_bytes;
	m.tx_bytes = c.tx_bytes;
	m.total = c.total;
	m.refused = c.refused;
	m.sessions = c.sessions;
	m.state = port_state(p);
	m.tunnel = w != NULL && m.state == PORT_ACTIVE ? w->id : WIRE_UNKNOWN;
	m.port = p->m;
	strlcpy(m.reason, port_reason(p, (enum port_state)m.state),
	    sizeof(m.reason));
	if (memcmp(&m, &p->told, sizeof(m)) == 0)
		return;
	port_log(p, &m);
	p->told = m;
	peer_send(child_peer(PROC_FRONTEND), IMSG_PORT_STATUS, p->id, -1, &m,
	    sizeof(m));
}

/* nonzero if something about it may change without our being told */
static int
port_moves(const struct port *p)
{
	return (p->error != 0 || p->m.protocol == IPPROTO_UDP ||
	    p->told.sessions > 0 || !TAILQ_EMPTY(&p->old));
}

static void
tick(int fd, short what, void *arg)
{
	struct port	*p, *safe;
	uint64_t	 now = monotime_ms();
	int		 moves = 0;

	TAILQ_FOREACH_SAFE(p, &ports, entry, safe) {
		if (p->error != 0 && p->retry_at <= now)
			port_follow(p);
		port_tell(p);
		moves |= port_moves(p);
	}
	if (moves)
		port_touch();
}

void
port_touch(void)
{
	static const struct timeval	 second = { 1, 0 };
	static struct event		*ev;

	if (ev == NULL && (ev = evtimer_new(relay.base, tick, NULL)) == NULL)
		fatalx("evtimer_new");
	if (!evtimer_pending(ev, NULL) && evtimer_add(ev, &second) == -1)
		fatalx("evtimer_add");
}
