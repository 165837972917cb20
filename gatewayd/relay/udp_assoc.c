/*
 * UDP ASSOCIATE: see udp_assoc.h.  Runs in the relay (_gwrelay, chroot).
 *
 * The front socket lies where the client has reached us, so that nobody does
 * from elsewhere.  The first datagram of the client's address, and of its user
 * where that can be told, decides who the client is: from then on the socket
 * is connected, and the kernel keeps others away.
 */
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "addr.h"
#include "log.h"
#include "sock_uid.h"
#include "udp_assoc.h"
#include "udp_flow.h"
#include "util.h"

#define FLOWS_MAX	256	/* of one association */

struct assoc {
	struct udp_flows	 flows;
	struct limit_user	*user;
	uid_t			 uid;		/* of the client's socket */
	int			 control;
	struct event		 control_ev;
	union udp_addr		 front;
	union udp_addr		 client;	/* without port: not yet */
	int			 local;		/* the client is of this
						 * machine */
};

static uint32_t	 nassocs;

static void
assoc_free(struct assoc *a)
{
	event_del(&a->control_ev);
	close(a->control);
	udp_flows_free(&a->flows);
	limits_give(a->user, LIMIT_UDP);
	limits_give(a->user, LIMIT_SESSIONS);
	stats_changed();
	nassocs--;
	free(a);
}

/* there is nothing to say on it any more, but its end is the association's */
static void
control_event(int fd, short what, void *arg)
{
	char	 buf[1024];
	ssize_t	 n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR))
		assoc_free(arg);
}

static in_port_t
addr_port(const union udp_addr *a)
{
	return (a->sa.sa_family == AF_INET ? a->v4.sin_port :
	    a->v6.sin6_port);
}

static void
set_port(union udp_addr *a, in_port_t port)
{
	if (a->sa.sa_family == AF_INET)
		a->v4.sin_port = port;
	else
		a->v6.sin6_port = port;
}

/* whether the socket that sends from there is of the client's user */
static int
owner_is(const struct assoc *a, const union udp_addr *from)
{
	struct sockaddr_storage	 local, peer;
	uid_t			 uid;

	memcpy(&local, from, sizeof(*from));
	memcpy(&peer, &a->front, sizeof(a->front));
	return (sock_uid_udp(relay.diag, &local, &peer, &uid) == 0 &&
	    uid == a->uid);
}

/* the client has shown itself */
static int
assoc_lock(struct assoc *a, const union udp_addr *from)
{
	union udp_addr	 client = a->client;

	set_port(&client, addr_port(from));
	if (!udp_addr_equal(&client, from)) {
		udp_flows_refuse(&a->flows, REFUSED_UDP_SENDER);
		return (-1);
	}
	if (a->local && !owner_is(a, from)) {
		udp_flows_refuse(&a->flows, REFUSED_OWNER);
		return (-1);
	}
	if (connect(a->flows.front.fd, &from->sa, udp_addr_len(from)) == -1)
		return (-1);
	a->client = *from;
	return (0);
}

static enum refusal
header_refusal(const uint8_t *data, size_t len)
{
	return (len > 2 && data[2] != 0 ? REFUSED_UDP_FRAGMENT :
	    REFUSED_UDP_HEADER);
}

/* a destination that has no flow yet; NULL if it does not get one */
static struct udp_flow *
assoc_flow(struct assoc *a, const struct socks_dest *dest, const uint8_t *key,
    size_t key_len)
{
	const struct acl_rule	*rule = acl_find(&relay.acl, dest);
	enum gw_family		 family;
	struct way		*way = way_for(rule, &family);
	struct udp_flow		*f;

	/* the upstream proxy takes connections, and nothing goes past it */
	if (dest->port == 0 || (rule != NULL && rule->way == ACL_UPSTREAM)) {
		udp_flows_refuse(&a->flows, REFUSED_UDP_TARGET);
		return (NULL);
	}
	if (dest->family == AF_UNSPEC && !limits_take(&relay.limits, a->user,
	    LIMIT_DNS, monotime_ms())) {
		udp_flows_refuse(&a->flows, REFUSED_LIMIT);
		return (NULL);
	}
	f = udp_flow_new(&a->flows, key, key_len);
	if (dest->family != AF_UNSPEC)
		udp_flow_head(f, dest);
	udp_flow_dial(f, dest, family, way);
	return (f);
}

static void
assoc_datagram(void *arg, const union udp_addr *from, const uint8_t *data,
    size_t len)
{
	struct assoc		*a = arg;
	struct socks_dest	 dest;
	struct udp_flow		*f;
	const char		*error;
	int			 n;

	if (addr_port(&a->client) == 0 && assoc_lock(a, from) == -1)
		return;
	if (!udp_addr_equal(from, &a->client)) {
		udp_flows_refuse(&a->flows, REFUSED_UDP_SENDER);
		return;
	}
	if ((n = socks_udp(data, len, &dest, &error)) == -1) {
		udp_flows_refuse(&a->flows, header_refusal(data, len));
		return;
	}
	/* the key is the destination as it was sent, behind RSV and FRAG */
	f = udp_flow_find(&a->flows, data + 3, (size_t)n - 3);
	if (f == NULL)
		f = assoc_flow(a, &dest, data + 3, (size_t)n - 3);
	if (f != NULL)
		udp_flow_send(f, NULL, 0, data + n, len - (size_t)n);
}

/* where the client is and where it has reached us, both without a port */
static void
ends(int control, union udp_addr *local, union udp_addr *peer)
{
	socklen_t	 len = sizeof(*local);

	memset(local, 0, sizeof(*local));
	memset(peer, 0, sizeof(*peer));
	if (getsockname(control, &local->sa, &len) == 0 &&
	    local->sa.sa_family != AF_UNIX) {
		len = sizeof(*peer);
		getpeername(control, &peer->sa, &len);
	} else {
		local->v4.sin_family = peer->v4.sin_family = AF_INET;
		local->v4.sin_addr.s_addr = peer->v4.sin_addr.s_addr =
		    htonl(INADDR_LOOPBACK);
	}
	set_port(local, 0);
	set_port(peer, 0);
}

/* a front socket there, whose port is in a then; or -1 */
static int
front_socket(union udp_addr *a)
{
	socklen_t	 len = sizeof(*a);
	int		 fd;

	fd = socket(a->sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);
	if (fd == -1)
		return (-1);
	if (bind(fd, &a->sa, udp_addr_len(a)) == -1 ||
	    getsockname(fd, &a->sa, &len) == -1) {
		close(fd);
		return (-1);
	}
	return (fd);
}

static int
assoc_reply(int control, const union udp_addr *front)
{
	struct socks_dest	 bound;
	uint8_t			 out[SOCKS_REPLY];
	size_t			 len;

	udp_addr_dest(front, &bound);
	len = socks_reply(SOCKS_SUCCEEDED, &bound, out);
	return (send(control, out, len, MSG_NOSIGNAL | MSG_DONTWAIT) ==
	    (ssize_t)len ? 0 : -1);
}

enum socks_code
udp_assoc_new(struct limit_user *user, uid_t uid, int control)
{
	union udp_addr	 front, client;
	struct assoc	*a;
	int		 fd;

	if (!limits_take(&relay.limits, user, LIMIT_UDP, monotime_ms())) {
		stats_refused(REFUSED_LIMIT);
		return (SOCKS_DENIED);
	}
	ends(control, &front, &client);
	if ((fd = front_socket(&front)) == -1 ||
	    assoc_reply(control, &front) == -1) {
		if (fd != -1)
			close(fd);
		limits_give(user, LIMIT_UDP);
		return (SOCKS_FAILURE);
	}
	stats_changed();
	a = xcalloc(1, sizeof(*a));
	a->user = user;
	a->uid = uid;
	a->control = control;
	a->front = front;
	a->client = client;
	a->local = sockaddr_loopback(&client.sa);
	udp_flows_init(&a->flows, fd, FLOWS_MAX, assoc_datagram, a);
	a->flows.user = user;
	a->flows.socks = a->flows.shared = 1;
	event_assign(&a->control_ev, relay.base, control, EV_READ | EV_PERSIST,
	    control_event, a);
	if (event_add(&a->control_ev, NULL) == -1)
		fatalx("event_add");
	nassocs++;
	return (SOCKS_SUCCEEDED);
}

uint32_t
udp_assoc_count(void)
{
	return (nassocs);
}
