/*
 * What the relay is told of a configuration, and its SOCKS listener.  Runs in
 * the parent (root, three capabilities).
 */
#include <string.h>

#include "addr.h"
#include "parent.h"
#include "wire.h"
#include "wire_port.h"
#include "wire_relay.h"

static int
same_listener(const struct gw_conf *a, const struct gw_conf *b)
{
	return ((a->exposure.modes & b->exposure.modes & GW_EXPOSE_SOCKS5) &&
	    strcmp(a->exposure.socks_bind, b->exposure.socks_bind) == 0);
}

int
relay_conf_listen(const struct gw_conf *conf, int *fd)
{
	*fd = -1;
	if (!(conf->exposure.modes & GW_EXPOSE_SOCKS5) ||
	    (env.conf != conf && same_listener(env.conf, conf)))
		return (0);
	return ((*fd = listen_socks(conf)) == -1 ? -1 : 0);
}

void
relay_conf_done(const struct gw_conf *old)
{
	if (!same_listener(old, env.conf))
		listen_socks_close(old);
}

static void
send_line(enum relay_line kind, const char *text)
{
	struct {
		struct imsg_relay_line	 m;
		char			 text[WIRE_LINE];
	} line;
	size_t			 len = strlen(text);

	/* conf_parse() lets nothing through that is longer */
	line.m.kind = kind;
	memcpy(line.text, text, len);
	peer_send(env.peers[PROC_RELAY], IMSG_RELAY_LINE, 0, -1, &line,
	    sizeof(line.m) + len);
}

static void
send_lines(const struct gw_strings *lines, enum relay_line kind)
{
	const struct gw_string	*s;

	TAILQ_FOREACH(s, lines, entry)
		send_line(kind, s->text);
}

static void
send_users(const struct gw_users *users)
{
	const struct gw_user	*u;
	struct imsg_relay_user	 m;

	TAILQ_FOREACH(u, users, entry) {
		memset(&m, 0, sizeof(m));
		m.password = u->password;
		strlcpy(m.name, u->name, sizeof(m.name));
		peer_send(env.peers[PROC_RELAY], IMSG_RELAY_USER, 0, -1, &m,
		    sizeof(m));
	}
}

/* the TCP port of 127.0.0.1 that the SOCKS listener has, 0: none */
static uint16_t
socks_port(const struct gw_exposure *e)
{
	struct sockaddr_storage		 ss;
	const struct sockaddr_in	*sin = (const void *)&ss;

	/* it is in the same place in both families */
	return ((e->modes & GW_EXPOSE_SOCKS5) &&
	    sockaddr_parse(e->socks_bind, &ss) == 0 &&
	    ss.ss_family != AF_UNIX ? ntohs(sin->sin_port) : 0);
}

static void
send_port(const struct gw_port *p)
{
	struct imsg_port	 m;

	memset(&m, 0, sizeof(m));
	m.protocol = (uint8_t)p->protocol;
	m.kind = (uint8_t)p->kind;
	m.proxy_protocol = p->proxy_protocol ? 2 : 0;
	m.fixed = 1;
	m.port = p->kind == GW_PORT_PUBLISH ? p->external_port :
	    p->listen_port;
	m.target_port = p->kind == GW_PORT_PUBLISH ? p->internal_port :
	    p->remote_port;
	strlcpy(m.tunnel, p->tunnel, sizeof(m.tunnel));
	strlcpy(m.host, p->remote, sizeof(m.host));
	strlcpy(m.description, p->description != NULL ? p->description :
	    p->name, sizeof(m.description));
	peer_send(env.peers[PROC_RELAY], IMSG_PORT_CONF, 0, -1, &m,
	    sizeof(m));
}

void
relay_conf_send(const struct gw_conf *conf, int fd)
{
	const struct gw_exposure	*e = &conf->exposure;
	struct imsg_listener		 listener = { LISTENER_SOCKS };
	const struct gw_port		*port;
	struct imsg_relay_conf		 m;

	memset(&m, 0, sizeof(m));
	m.modes = e->modes;
	m.family = e->family;
	m.auth = e->password_file != NULL;
	m.attempt_delay_ms = e->attempt_delay_ms;
	m.resolution_delay_ms = e->resolution_delay_ms;
	m.idle_ms = e->idle_ms;
	m.flows = conf->failover.flows;
	m.limits = e->limits;
	m.udp_base_port = e->udp_base_port;
	m.tcp_base_port = e->tcp_base_port;
	m.own_ports[0] = conf->api_port;
	m.own_ports[1] = socks_port(e);
	peer_send(env.peers[PROC_RELAY], IMSG_RELAY_CONF, 0, -1, &m,
	    sizeof(m));
	send_lines(&e->rules, RELAY_RULE);
	send_lines(&e->allow, RELAY_ALLOW);
	send_lines(&e->deny, RELAY_DENY);
	if (e->upstream != NULL)
		send_line(RELAY_SERVER, e->upstream);
	send_users(&e->users);
	TAILQ_FOREACH(port, &conf->ports, entry)
		send_port(port);
	if (fd != -1)
		peer_send(env.peers[PROC_RELAY], IMSG_LISTENER, 0, fd,
		    &listener, sizeof(listener));
}
