/*
 * UDP ports: see udp_port.h.  Runs in the relay (_gwrelay, chroot).
 */
#include <sys/socket.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "program.h"
#include "proxy2.h"
#include "udp_flow.h"
#include "udp_port.h"
#include "util.h"

#define SESSIONS_MAX	1024	/* of one port */

struct udp_port {
	struct udp_flows	 flows;
	struct way		*way;		/* forward: or NULL */
	int			 publish;
	int			 proxy;
	union udp_addr		 front;		/* publish: our address */
	struct socks_dest	 target;
	void			(*done)(void *);
	void			*arg;
};

/* the tunnel that a session is forwarded by, NULL: there is none just now */
static struct way *
forward_way(const struct udp_port *p)
{
	struct way	*way = p->way != NULL ? p->way : way_active();

	return (way != NULL && way->usable ? way : NULL);
}

/* what is meant for the upstream server, which takes no datagrams */
static int
is_upstream(const struct socks_dest *d)
{
	const struct acl_rule	*rule = acl_find(&relay.acl, d);

	return (rule != NULL && rule->way == ACL_UPSTREAM);
}

/* a new session, or NULL */
static struct udp_flow *
port_session(struct udp_port *p, const union udp_addr *from)
{
	struct udp_flow	*f;
	int		 fd = -1;

	if (p->publish && (fd = connect_program(SOCK_DGRAM,
	    p->target.port)) == -1) {
		udp_flows_refuse(&p->flows, REFUSED_UDP_LOST);
		return (NULL);
	}
	if (!p->publish && is_upstream(&p->target)) {
		udp_flows_refuse(&p->flows, REFUSED_UDP_TARGET);
		return (NULL);
	}
	if ((f = udp_flow_new(&p->flows, from, udp_addr_len(from))) == NULL) {
		udp_flows_refuse(&p->flows, REFUSED_UDP_SENDER);
		if (fd != -1)
			close(fd);
		return (NULL);
	}
	f->peer = *from;
	f->has_peer = 1;
	if (p->publish) {
		f->way = way_get(p->way);
		f->family = HE_V6;
		udp_flow_open(f, fd);
	} else
		udp_flow_dial(f, &p->target, GW_FAMILY_IPV6, forward_way(p));
	return (f);
}

static void
port_datagram(void *arg, const union udp_addr *from, const uint8_t *data,
    size_t len)
{
	struct udp_port	*p = arg;
	uint8_t		 header[PROXY2_SIZE];
	struct udp_flow	*f;

	if ((f = udp_flow_find(&p->flows, from, udp_addr_len(from))) != NULL) {
		udp_flow_send(f, NULL, 0, data, len);
		return;
	}
	if ((f = port_session(p, from)) == NULL)
		return;
	if (!p->proxy) {
		udp_flow_send(f, NULL, 0, data, len);
		return;
	}
	proxy2_header(header, SOCK_DGRAM, &from->v6, &p->front.v6);
	udp_flow_send(f, header, sizeof(header), data, len);
	udp_flush();
}

static struct udp_port *
port_new(int fd, struct way *way)
{
	struct udp_port	*p = xcalloc(1, sizeof(*p));
	socklen_t	 len = sizeof(p->front);

	if (getsockname(fd, &p->front.sa, &len) == -1)
		memset(&p->front, 0, sizeof(p->front));
	p->way = way_get(way);
	udp_flows_init(&p->flows, fd, SESSIONS_MAX, port_datagram, p);
	return (p);
}

struct udp_port *
udp_port_publish(int fd, in_port_t port, int proxy, struct way *way)
{
	struct udp_port	*p = port_new(fd, way);

	p->publish = 1;
	p->proxy = proxy;
	p->target.port = port;
	p->flows.inward = 1;
	return (p);
}

struct udp_port *
udp_port_forward(int fd, const struct socks_dest *remote, struct way *way)
{
	struct udp_port	*p = port_new(fd, way);

	p->target = *remote;
	return (p);
}

static void
port_drained(void *arg)
{
	struct udp_port	*p = arg;

	p->done(p->arg);
}

int
udp_port_drain(struct udp_port *p, void (*done)(void *), void *arg)
{
	p->done = done;
	p->arg = arg;
	return (udp_flows_drain(&p->flows, port_drained));
}

void
udp_port_free(struct udp_port *p)
{
	udp_flows_free(&p->flows);
	way_put(p->way);
	free(p);
}

void
udp_port_counters(const struct udp_port *p, struct udp_port_counters *c)
{
	c->sessions = p->flows.n;
	c->total = p->flows.total;
	c->rx_bytes = p->publish ? p->flows.up_bytes : p->flows.down_bytes;
	c->tx_bytes = p->publish ? p->flows.down_bytes : p->flows.up_bytes;
	c->refused = p->flows.refused;
}
