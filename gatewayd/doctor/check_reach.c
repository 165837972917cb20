/*
 * Does the IPv6 Internet answer, by each tunnel and natively?  Asked by
 * ICMPv6, TCP and UDP side by side, from the tunnel's own address.  Runs in
 * the doctor (_gwrelay, Landlock) and in gatewayctl.
 *
 * Any answer will do, a refusal as well: it came back.  Port 53 is asked
 * because targets often are name servers, and then UDP has an answer too.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "addr.h"
#include "check.h"
#include "echo.h"
#include "target.h"
#include "util.h"
#include "wait.h"

#define REACH_WAIT_MS	3000
#define REACH_TARGETS	4	/* of them, by each way */
#define REACH_PORT	53

enum how {
	BY_ICMP6,
	BY_TCP,
	BY_UDP,
	HOWS
};

static const char *const	 how_name[HOWS] = { "ICMPv6", "TCP", "UDP" };

/* one way into the Internet */
struct reach {
	struct doctor		*d;
	const struct gw_tunnel	*t;		/* NULL: natively */
	struct in6_addr		 own;
	unsigned int		 left;		/* questions */
	unsigned int		 answered[HOWS];
	int			 error[HOWS];	/* the last one, 0: silence */
};

struct question {
	struct reach	*r;
	enum how	 how;
	struct echo	 echo;
};

/* "ICMPv6: 2 answers, TCP: no answer, UDP: Network is unreachable" */
static void
evidence(const struct reach *r, struct finding *f)
{
	char	 text[256] = "", one[80];
	int	 i;

	for (i = 0; i < HOWS; i++) {
		if (r->answered[i] > 0)
			snprintf(one, sizeof(one), "%u answer(s)",
			    r->answered[i]);
		else
			strlcpy(one, r->error[i] == 0 ? "no answer" :
			    strerror(r->error[i]), sizeof(one));
		strlcat(text, how_name[i], sizeof(text));
		strlcat(text, ": ", sizeof(text));
		strlcat(text, one, sizeof(text));
		strlcat(text, i + 1 < HOWS ? ", " : "", sizeof(text));
	}
	finding_evidence(f, "from %s: %s", addr6_text(&r->own), text);
}

static void
reach_none(const struct reach *r)
{
	struct finding	*f;

	if (r->t == NULL) {
		f = doctor_add(r->d, FINDING_FAIL, "reach.native", NULL,
		    "native IPv6 does not reach the Internet");
		finding_remedy(f, "ask the provider; until then a tunnel "
		    "helps if it is preferred: route_metric in [core] lower "
		    "than that of the native default route");
	} else {
		f = doctor_add(r->d, FINDING_FAIL, "reach.tunnel", r->t,
		    "nobody answers through the tunnel");
		finding_remedy(f, "%s; 'gatewayctl show tunnels %s' says "
		    "what gatewayd saw", r->t->type == GW_HE_6IN4 ?
		    "protocol 41 must pass every firewall and NAT, and the "
		    "broker must have this machine's IPv4 address" :
		    r->t->type == GW_WIREGUARD ? "does 'wg show' have a "
		    "recent handshake? keys and AllowedIPs must fit the other "
		    "end" : "see the program that made the interface",
		    r->t->name);
	}
	evidence(r, f);
}

static void
reach_judge(const struct reach *r)
{
	const char	*id = r->t == NULL ? "reach.native" : "reach.tunnel";
	struct finding	*f;
	int		 denied;

	denied = r->error[BY_ICMP6] == EACCES || r->error[BY_ICMP6] == EPERM;
	if (r->answered[BY_ICMP6] + r->answered[BY_TCP] +
	    r->answered[BY_UDP] == 0) {
		reach_none(r);
		return;
	}
	if (r->answered[BY_TCP] == 0 && r->answered[BY_UDP] == 0) {
		f = doctor_add(r->d, FINDING_WARN, id, r->t,
		    "pings are answered, TCP and UDP are not");
		finding_remedy(f, "a firewall on the way, or here ('nft list "
		    "ruleset'), lets ICMPv6 pass and nothing else");
	} else if (r->answered[BY_ICMP6] == 0 && !denied) {
		f = doctor_add(r->d, FINDING_WARN, id, r->t,
		    "connections work, pings do not");
		finding_remedy(f, "a firewall on the way, or here ('nft list "
		    "ruleset'), drops ICMPv6, which IPv6 needs (RFC 4890): "
		    "probes fail, and large packets may vanish");
	} else
		f = doctor_add(r->d, FINDING_OK, id, r->t, r->t == NULL ?
		    "native IPv6 reaches the Internet" :
		    "the tunnel reaches the Internet");
	evidence(r, f);
}

static void
reach_done(struct reach *r)
{
	if (--r->left > 0)
		return;
	reach_judge(r);
	free(r);
}

/* error 0: an answer; ETIMEDOUT is silence */
static void
answered(struct question *q, int error)
{
	struct reach	*r = q->r;

	if (error == 0 || error == ECONNREFUSED)
		r->answered[q->how]++;
	else if (error != ETIMEDOUT)
		r->error[q->how] = error;
	free(q);
	reach_done(r);
}

static void
echo_answered(struct echo *e, int error, unsigned int ms, int mtu)
{
	answered(e->arg, error);
}

static enum wait_verdict
socket_answered(void *arg, int fd, int ready, unsigned int ms)
{
	socklen_t	 len = sizeof(int);
	int		 error = ETIMEDOUT;

	if (ready)
		(void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
	answered(arg, error);
	return (WAIT_DONE);
}

/* which name servers the root has: the shortest question there is */
static int
ask_udp(int fd)
{
	static const uint8_t	 query[] = {
		0x47, 0x57,	/* our number */
		0x01, 0x00,	/* recursion desired */
		0, 1, 0, 0, 0, 0, 0, 0,
		0, 0, 2, 0, 1	/* . IN NS */
	};

	return (send(fd, query, sizeof(query), 0) == -1 ? -1 : 0);
}

static void
ask_socket(struct question *q, const struct sockaddr_in6 *to,
    const struct sockaddr_in6 *src)
{
	int	 fd, saved, type, tcp = q->how == BY_TCP;

	type = tcp ? SOCK_STREAM : SOCK_DGRAM;
	fd = socket(AF_INET6, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1) {
		answered(q, errno);
		return;
	}
	if (bind(fd, (const struct sockaddr *)src, sizeof(*src)) == -1 ||
	    (connect(fd, (const struct sockaddr *)to, sizeof(*to)) == -1 &&
	    errno != EINPROGRESS) || (!tcp && ask_udp(fd) == -1)) {
		saved = errno;
		close(fd);
		answered(q, saved);
		return;
	}
	wait_fd(q->r->d, fd, tcp ? EV_WRITE : EV_READ, REACH_WAIT_MS,
	    socket_answered, q);
}

static void
ask(struct reach *r, enum how how, struct sockaddr_in6 *to,
    struct sockaddr_in6 *src)
{
	struct question	*q = xcalloc(1, sizeof(*q));

	q->r = r;
	q->how = how;
	r->left++;
	if (how == BY_ICMP6) {
		q->echo.size = 64;
		q->echo.done = echo_answered;
		q->echo.arg = q;
		echo_send(r->d, &q->echo, (struct sockaddr *)to,
		    (struct sockaddr *)src);
		return;
	}
	to->sin6_port = htons(REACH_PORT);
	ask_socket(q, to, src);
	to->sin6_port = 0;
}

static void
reach_start(struct doctor *d, const struct gw_tunnel *t,
    const struct in6_addr *own)
{
	struct sockaddr_in6	 to, src;
	struct reach		*r = xcalloc(1, sizeof(*r));
	unsigned int		 i;
	int			 how;

	r->d = d;
	r->t = t;
	r->own = *own;
	r->left = 1;		/* answers may come before all are asked */
	for (i = 0; i < REACH_TARGETS; i++) {
		if ((t != NULL ? target_tunnel(d, t, i, &to, &src) :
		    target_native(d, own, i, &to, &src)) == -1)
			break;
		for (how = 0; how < HOWS; how++)
			ask(r, (enum how)how, &to, &src);
	}
	if (i == 0) {
		free(r);
		return;
	}
	reach_done(r);
}

/* an address of the Internet on no tunnel's interface, NULL if there is none */
static const struct rt_ifaddr *
native_address(const struct doctor *d)
{
	const struct gw_tunnel	*t;
	const struct rt_ifaddr	*a;
	size_t			 i;

	for (i = 0; i < d->net->naddrs; i++) {
		a = &d->net->addrs[i];
		if (!netinfo_global(a))
			continue;
		TAILQ_FOREACH(t, &d->conf->tunnels, entry)
			if (strcmp(netinfo_name(d->net, a->ifindex),
			    t->iface) == 0)
				break;
		if (t == NULL)
			return (a);
	}
	return (NULL);
}

static void
reach_native(struct doctor *d)
{
	const struct rt_ifaddr	*a = native_address(d);
	size_t			 i;

	for (i = 0; i < d->net->ndefaults; i++)
		if (a != NULL && d->net->defaults[i].oif == a->ifindex)
			break;
	if (i < d->net->ndefaults)
		reach_start(d, NULL, &a->addr);
	else
		doctor_add(d, FINDING_OK, "reach.native", NULL,
		    "no native IPv6: no other interface has both a default "
		    "route and an address of the Internet");
}

void
check_reach(struct doctor *d)
{
	const struct gw_tunnel	*t;

	if (d->conf == NULL)
		return;
	for (t = doctor_tunnel(d, NULL); t != NULL; t = doctor_tunnel(d, t)) {
		if (!t->has_address)
			continue;
		if (netinfo_link(d->net, t->iface) != NULL)
			reach_start(d, t, &t->address);
		else
			doctor_add(d, FINDING_SKIP, "reach.tunnel", t,
			    "whether the tunnel reaches the Internet: there "
			    "is no %s", t->iface);
	}
	reach_native(d);
}
