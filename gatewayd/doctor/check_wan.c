/*
 * The IPv4 side of each tunnel: the route to its endpoint, the address the
 * packets leave with, and whether the endpoint answers.  Runs in the doctor
 * (_gwrelay, Landlock) and in gatewayctl.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "check.h"
#include "classify.h"
#include "echo.h"
#include "lookup.h"
#include "nlsock.h"
#include "util.h"

#define ECHO_SIZE	64	/* as ping(8) sends */

/* a tunnel's endpoint, while it is looked up and asked */
struct endpoint {
	struct doctor		*d;
	const struct gw_tunnel	*t;
	struct in_addr		 addr;
	struct echo		 echo;
};

static void
endpoint_echo(struct echo *echo, int error, unsigned int ms, int mtu)
{
	struct endpoint	*e = echo->arg;
	const char	*addr = addr4_text(e->addr);
	struct finding	*f;

	if (error == 0) {
		f = doctor_add(e->d, FINDING_OK, "wan.endpoint", e->t,
		    "the endpoint %s answers", addr);
		finding_evidence(f, "ICMP echo: %u ms", ms);
	} else if (error == EACCES || error == EPERM) {
		f = doctor_add(e->d, FINDING_SKIP, "wan.endpoint", e->t,
		    "whether the endpoint %s answers: not permitted", addr);
		finding_evidence(f, "socket: %s; net.ipv4.ping_group_range "
		    "does not have our group", strerror(error));
		finding_remedy(f, "as root: 'gatewayctl doctor', or 'ping -4 "
		    "%s'", addr);
	} else {
		f = doctor_add(e->d, FINDING_WARN, "wan.endpoint", e->t,
		    "the endpoint %s does not answer pings", addr);
		finding_evidence(f, "ICMP echo: %s", error == ETIMEDOUT ?
		    "no answer within 2 s" : strerror(error));
		finding_remedy(f, "is it the address that the broker gave? "
		    "some servers answer no pings: 'ping -4 %s' from "
		    "elsewhere tells", addr);
	}
	free(e);
}

static void
wan_nat(struct doctor *d, const struct gw_tunnel *t, const char *local,
    enum addr4_kind kind)
{
	struct finding	*f;

	f = doctor_add(d, FINDING_WARN, "wan.nat", t, kind == ADDR4_CGNAT ?
	    "the provider shares its IPv4 addresses (CGNAT): protocol 41 does "
	    "not get through that" :
	    "this machine is behind a NAT, which must pass protocol 41");
	finding_evidence(f, "packets to the endpoint leave with %s, which is "
	    "%s", local, kind == ADDR4_CGNAT ?
	    "of 100.64.0.0/10 (RFC 6598)" : kind == ADDR4_PRIVATE ?
	    "private (RFC 1918)" : "link-local (RFC 3927)");
	finding_remedy(f, "%s", kind == ADDR4_CGNAT ?
	    "use a WireGuard tunnel (type = wireguard), or ask the provider "
	    "for a public IPv4 address" :
	    "let the router pass protocol 41 to this machine (\"DMZ\" or "
	    "\"exposed host\"; it is a protocol, so no port can be "
	    "forwarded), or use a WireGuard tunnel");
}

/* 6in4 has no ports that a NAT could tell apart; WireGuard has */
static void
wan_local(struct doctor *d, const struct gw_tunnel *t,
    const struct rt_route *r)
{
	const char	*local = addr4_text(r->prefsrc4);
	enum addr4_kind	 kind = addr4_kind(r->prefsrc4);
	struct finding	*f;

	if (kind != ADDR4_PUBLIC && t->type == GW_HE_6IN4) {
		wan_nat(d, t, local, kind);
		return;
	}
	f = doctor_add(d, FINDING_OK, "wan.route", t,
	    "there is an IPv4 route to the endpoint");
	finding_evidence(f, "dev %s, from %s", netinfo_name(d->net, r->oif),
	    local);
}

/* nonzero if the endpoint can be asked at all */
static int
wan_route(struct doctor *d, const struct gw_tunnel *t, struct in_addr addr)
{
	const struct rt_link	*l;
	struct rt_route		 r;
	struct finding		*f;

	l = netinfo_link(d->net, t->wan);	/* "": whichever it is */
	if (netinfo_route4(addr, l != NULL ? l->ifindex : 0, &r) == -1 ||
	    r.oif == 0) {
		f = doctor_add(d, FINDING_FAIL, "wan.route", t,
		    "there is no IPv4 route to the endpoint %s",
		    addr4_text(addr));
		finding_evidence(f, "the kernel says: %s", nlsock_error());
		finding_remedy(f, "is the uplink plugged in, and has it an "
		    "address? see 'ip -4 route' and 'ip -4 address'");
		return (0);
	}
	l = netinfo_link_index(d->net, r.oif);
	if (r.type == RTN_LOCAL ||
	    (l != NULL && strcmp(l->kind, "sit") == 0)) {
		f = doctor_add(d, FINDING_FAIL, "wan.route", t,
		    "the endpoint %s is %s", addr4_text(addr),
		    r.type == RTN_LOCAL ? "an address of this machine" :
		    "reached through a tunnel");
		finding_evidence(f, "'ip route get %s' leads to %s",
		    addr4_text(addr), netinfo_name(d->net, r.oif));
		finding_remedy(f, "give endpoint_ipv4 the tunnel server's "
		    "address, and a route by the uplink");
		return (0);
	}
	wan_local(d, t, &r);
	return (1);
}

static void
endpoint_ask(struct endpoint *e)
{
	struct sockaddr_in	 sin = { .sin_family = AF_INET };

	if (!wan_route(e->d, e->t, e->addr)) {
		free(e);
		return;
	}
	sin.sin_addr = e->addr;
	e->echo.size = ECHO_SIZE;
	e->echo.done = endpoint_echo;
	e->echo.arg = e;
	echo_send(e->d, &e->echo, (const struct sockaddr *)&sin, NULL);
}

static void
endpoint_found(struct doctor *d, void *arg, int error,
    const struct ares_addrinfo *ai)
{
	struct endpoint		*e = arg;
	struct sockaddr_in	 sin;
	struct finding		*f;

	if (ai != NULL && ai->nodes != NULL &&
	    ai->nodes->ai_family == AF_INET) {
		memcpy(&sin, ai->nodes->ai_addr, sizeof(sin));
		e->addr = sin.sin_addr;
		endpoint_ask(e);
		return;
	}
	f = doctor_add(d, FINDING_FAIL, "wan.endpoint", e->t,
	    "the endpoint's name has no IPv4 address");
	finding_evidence(f, "DNS: %s",
	    ares_strerror(ai != NULL ? ARES_ENODATA : error));
	finding_remedy(f, "is the name right? see /etc/resolv.conf, and "
	    "'getent ahostsv4' with that name");
	free(e);
}

static void
endpoint_start(struct doctor *d, const struct gw_tunnel *t,
    struct in_addr addr, const char *name)
{
	struct endpoint	*e = xcalloc(1, sizeof(*e));

	e->d = d;
	e->t = t;
	e->addr = addr;
	if (addr.s_addr != INADDR_ANY)
		endpoint_ask(e);
	else
		lookup(d, name, AF_INET, endpoint_found, e);
}

/* the peers of WireGuard are in a file that only root may read */
static void
wan_wireguard(struct doctor *d, const struct gw_tunnel *t)
{
	const struct wg_peer	*p;
	struct finding		*f;

	if (t->wg == NULL) {
		f = doctor_add(d, FINDING_SKIP, "wan.endpoint", t,
		    "its endpoint: %s can be read by root only", t->wg_conf);
		finding_remedy(f, "as root: 'gatewayctl doctor'");
		return;
	}
	TAILQ_FOREACH(p, &t->wg->peers, entry)
		if (p->host[0] != '\0') {
			endpoint_start(d, t, p->addr, p->host);
			return;
		}
}

static void
wan_none(struct doctor *d)
{
	struct finding	*f;

	if (d->net->error != 0 || d->net->ndefaults4 > 0)
		return;
	f = doctor_add(d, FINDING_WARN, "wan.route", NULL,
	    "there is no IPv4 default route");
	finding_evidence(f, "'ip -4 route show default' shows nothing");
	finding_remedy(f, "is the uplink plugged in, and has it an address?");
}

void
check_wan(struct doctor *d)
{
	const struct gw_tunnel	*t;

	wan_none(d);
	for (t = doctor_tunnel(d, NULL); t != NULL; t = doctor_tunnel(d, t)) {
		if (t->type == GW_HE_6IN4)
			endpoint_start(d, t, t->endpoint_addr, t->endpoint);
		else if (t->type == GW_WIREGUARD)
			wan_wireguard(d, t);
	}
}
