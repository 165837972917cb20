/*
 * The sockets of port mappings: bound for the relay, which says which tunnel
 * and port, and nothing else.  Runs in the parent (root; for ports below 1024
 * CAP_NET_BIND_SERVICE).
 *
 * The address is what the parent knows as the tunnel's, or 127.0.0.1.  How
 * many the relay has is bounded by its descriptors, and how fast it gets them
 * here, so that a relay that was taken over cannot take all ports at once.
 */
#include <sys/socket.h>

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "link.h"
#include "log.h"
#include "parent.h"
#include "util.h"
#include "wire.h"
#include "wire_port.h"

#ifndef IPV6_FREEBIND
#define IPV6_FREEBIND	78	/* linux/in6.h, which netinet/in.h excludes */
#endif

#define PRIVILEGED	1024
#define BACKLOG		512
#define BURST		(4 * GW_PORTS_MAX)	/* sockets at once */
#define RATE		64	/* and then, a second */

/* nonzero if there is a section for that port */
static int
is_configured(const struct imsg_listen *m)
{
	const struct gw_port	*p;

	TAILQ_FOREACH(p, &env.conf->ports, entry)
		if (p->protocol == m->protocol && p->kind == m->kind &&
		    m->port == (p->kind == GW_PORT_PUBLISH ?
		    p->external_port : p->listen_port))
			return (1);
	return (0);
}

/* nonzero if the relay asks too fast */
static int
too_many(void)
{
	static uint64_t	 filled, tokens = BURST * 1000;
	uint64_t	 now = monotime_ms();

	if (filled != 0)
		tokens += (now - filled) * RATE;
	filled = now;
	if (tokens > BURST * 1000)
		tokens = BURST * 1000;
	if (tokens < 1000)
		return (1);
	tokens -= 1000;
	return (0);
}

/* 0, or -1 with errno: the tunnel has no address now */
static int
listen_address(const struct imsg_listen *m, struct sockaddr_storage *ss,
    socklen_t *len)
{
	struct sockaddr_in	*sin = (struct sockaddr_in *)ss;
	struct sockaddr_in6	*sin6 = (struct sockaddr_in6 *)ss;

	memset(ss, 0, sizeof(*ss));
	if (m->kind == GW_PORT_FORWARD) {
		sin->sin_family = AF_INET;
		sin->sin_port = htons(m->port);
		sin->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		*len = sizeof(*sin);
		return (0);
	}
	sin6->sin6_family = AF_INET6;
	sin6->sin6_port = htons(m->port);
	*len = sizeof(*sin6);
	if (link_address(m->tunnel, &sin6->sin6_addr) == 0)
		return (0);
	errno = EADDRNOTAVAIL;
	return (-1);
}

/*
 * The address may be away for a moment while an interface is made anew.
 * SO_REUSEADDR is for connections that linger; with datagrams it would let
 * another program take them.
 */
static int
listen_options(int fd, const struct imsg_listen *m)
{
	int	 on = 1;

	if (m->kind == GW_PORT_PUBLISH && (setsockopt(fd, IPPROTO_IPV6,
	    IPV6_V6ONLY, &on, sizeof(on)) == -1 || setsockopt(fd,
	    IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on)) == -1))
		return (-1);
	return (m->protocol == IPPROTO_TCP ? setsockopt(fd, SOL_SOCKET,
	    SO_REUSEADDR, &on, sizeof(on)) : 0);
}

/* -1 with errno */
static int
listen_socket(const struct imsg_listen *m)
{
	struct sockaddr_storage	 ss;
	socklen_t		 len;
	int			 fd, tcp = m->protocol == IPPROTO_TCP;

	if (listen_address(m, &ss, &len) == -1)
		return (-1);
	fd = socket(ss.ss_family, (tcp ? SOCK_STREAM : SOCK_DGRAM) |
	    SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return (-1);
	if (listen_options(fd, m) == -1 ||
	    bind(fd, (struct sockaddr *)&ss, len) == -1 ||
	    (tcp && listen(fd, BACKLOG) == -1))
		return (close_failed(fd));
	return (fd);
}

/* errno of why not, 0: nothing speaks against it */
static int
listen_refused(const struct imsg_listen *m)
{
	/* a reload may have taken either away a moment ago */
	if (m->kind == GW_PORT_PUBLISH &&
	    conf_tunnel_id(env.conf, m->tunnel) == NULL)
		return (ENODEV);
	if (m->port < PRIVILEGED && !is_configured(m))
		return (EACCES);
	return (too_many() ? EAGAIN : 0);
}

void
port_listen(const struct peer *p, const struct imsg *imsg)
{
	struct imsg_listen	 m;
	struct imsg_result	 r;
	int			 fd = -1;

	if (imsg_get_data(imsg, &m, sizeof(m)) == -1)
		fatalx("LISTEN: bad size");
	if ((m.protocol != IPPROTO_TCP && m.protocol != IPPROTO_UDP) ||
	    m.kind > GW_PORT_FORWARD || m.port == 0)
		parent_lied(p->proc, "LISTEN: malformed");
	if (m.kind == GW_PORT_PUBLISH ? m.tunnel >= env.next_id :
	    m.tunnel != 0)
		parent_lied(p->proc, "LISTEN: there was never a tunnel %u",
		    m.tunnel);
	errno = listen_refused(&m);
	if (errno == 0 && (fd = listen_socket(&m)) != -1) {
		peer_send(env.peers[PROC_RELAY], IMSG_LISTENED, imsg->hdr.id,
		    fd, NULL, 0);
		return;
	}
	r.error = (uint32_t)errno;
	peer_send(env.peers[PROC_RELAY], IMSG_LISTEN_FAILED, imsg->hdr.id, -1,
	    &r, sizeof(r));
}
