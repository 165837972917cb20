/*
 * Do packets of full size get through?  Runs in the doctor (_gwrelay,
 * Landlock) and in gatewayctl.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "check.h"
#include "echo.h"
#include "target.h"
#include "util.h"

#define MTU_MIN		1280	/* of IPv6, RFC 8200 */
#define HEADER		40	/* of IPv6 */
#define SMALL		64	/* an echo that always fits */

/* one tunnel: a small packet and one as large as its interface allows */
struct pmtu {
	struct doctor		*d;
	const struct gw_tunnel	*t;
	unsigned int		 mtu;
	struct echo		 small;
	struct echo		 large;
	int			 small_error;
	int			 large_error;
	int			 path;	/* MTU the kernel was told of, 0 */
	int			 left;	/* answers to come */
};

static void
pmtu_told(const struct pmtu *p)
{
	struct finding	*f;

	f = doctor_add(p->d, FINDING_OK, "mtu.path", p->t,
	    "packets of up to %d bytes get through, and routers say so",
	    p->path);
	finding_evidence(f, "%s has an MTU of %u; a router answered \"packet "
	    "too big\"", p->t->iface, p->mtu);
}

static void
pmtu_black_hole(const struct pmtu *p)
{
	struct finding	*f;

	f = doctor_add(p->d, FINDING_WARN, "mtu.path", p->t,
	    "large packets vanish on the way: connections will hang");
	finding_evidence(f, "an echo of %u bytes is answered, one of %u bytes "
	    "is not, and nobody says \"packet too big\"",
	    SMALL + HEADER, p->mtu);
	finding_remedy(f, "'mtu = auto' in its section lets gatewayd find "
	    "what passes; otherwise a lower value, 1280 at least, here and "
	    "at the broker; and let ICMP through every firewall");
}

static void
pmtu_judge(const struct pmtu *p)
{
	struct finding	*f;

	if (p->small_error == EACCES || p->small_error == EPERM) {
		f = doctor_add(p->d, FINDING_SKIP, "mtu.path", p->t,
		    "whether large packets get through: not permitted");
		finding_evidence(f, "socket: %s; net.ipv4.ping_group_range "
		    "does not have our group", strerror(p->small_error));
		finding_remedy(f, "as root: 'gatewayctl doctor'");
	} else if (p->small_error != 0) {
		f = doctor_add(p->d, FINDING_SKIP, "mtu.path", p->t,
		    "whether large packets get through: small ones do not");
		finding_evidence(f, "ICMPv6 echo: %s",
		    strerror(p->small_error));
	} else if (p->large_error == 0) {
		f = doctor_add(p->d, FINDING_OK, "mtu.path", p->t,
		    "packets of full size get through");
		finding_evidence(f, "an ICMPv6 echo of %u bytes was answered",
		    p->mtu);
	} else if ((p->path != 0 && p->path < (int)p->mtu) ||
	    p->large_error == EMSGSIZE)
		pmtu_told(p);
	else
		pmtu_black_hole(p);
}

static void
pmtu_done(struct pmtu *p)
{
	if (--p->left > 0)
		return;
	pmtu_judge(p);
	free(p);
}

static void
small_done(struct echo *e, int error, unsigned int ms, int mtu)
{
	struct pmtu	*p = e->arg;

	p->small_error = error;
	pmtu_done(p);
}

static void
large_done(struct echo *e, int error, unsigned int ms, int mtu)
{
	struct pmtu	*p = e->arg;

	p->large_error = error;
	p->path = mtu;
	pmtu_done(p);
}

static void
pmtu_start(struct doctor *d, const struct gw_tunnel *t, unsigned int mtu)
{
	struct sockaddr_in6	 to, src;
	struct pmtu		*p;

	/* the last one: the gateway comes first, if it is one */
	if (target_tunnel(d, t, target_count(d, t) - 1, &to, &src) == -1)
		return;
	p = xcalloc(1, sizeof(*p));
	p->d = d;
	p->t = t;
	p->mtu = mtu;
	p->left = 2;
	p->small.size = SMALL;
	p->small.done = small_done;
	p->large.size = mtu - HEADER;
	p->large.whole = 1;
	p->large.done = large_done;
	p->small.arg = p->large.arg = p;
	echo_send(d, &p->small, (const struct sockaddr *)&to,
	    (const struct sockaddr *)&src);
	echo_send(d, &p->large, (const struct sockaddr *)&to,
	    (const struct sockaddr *)&src);
}

/* the kernel takes IPv6 off an interface below 1280 */
static int
mtu_iface(struct doctor *d, const struct gw_tunnel *t,
    const struct rt_link *l)
{
	struct finding	*f;

	if (l->mtu >= MTU_MIN)
		return (1);
	f = doctor_add(d, FINDING_FAIL, "mtu.interface", t,
	    "the MTU of %s is too small for IPv6", t->iface);
	finding_evidence(f, "%u bytes; IPv6 needs %d (RFC 8200)", l->mtu,
	    MTU_MIN);
	finding_remedy(f, "'ip link set dev %s mtu %d', or 'mtu = auto' in its "
	    "section and 'gatewayctl tunnel %s restart'", t->iface, MTU_MIN,
	    t->name);
	return (0);
}

/* the outer header has to fit as well */
static void
mtu_outer(struct doctor *d, const struct gw_tunnel *t,
    const struct rt_link *l)
{
	const struct rt_link	*wan = netinfo_link(d->net, t->wan);
	struct rt_route		 r;
	struct finding		*f;

	if (t->type != GW_HE_6IN4 || t->endpoint_addr.s_addr == INADDR_ANY ||
	    netinfo_route4(t->endpoint_addr, wan != NULL ? wan->ifindex : 0,
	    &r) == -1 ||
	    (wan = netinfo_link_index(d->net, r.oif)) == NULL ||
	    l->mtu + 20 <= wan->mtu)
		return;
	f = doctor_add(d, FINDING_WARN, "mtu.interface", t,
	    "%s takes larger packets than %s can carry in one piece",
	    t->iface, wan->name);
	finding_evidence(f, "MTU %u and 20 bytes of IPv4 header, MTU %u on "
	    "%s", l->mtu, wan->mtu, wan->name);
	finding_remedy(f, "'mtu = auto' or 'mtu = %u' in its section, then "
	    "'gatewayctl reload'", wan->mtu >= MTU_MIN + 20 ? wan->mtu - 20 :
	    MTU_MIN);
}

void
check_mtu(struct doctor *d)
{
	const struct gw_tunnel	*t;
	const struct rt_link	*l;

	for (t = doctor_tunnel(d, NULL); t != NULL; t = doctor_tunnel(d, t)) {
		if ((l = netinfo_link(d->net, t->iface)) == NULL ||
		    !mtu_iface(d, t, l))
			continue;
		mtu_outer(d, t, l);
		pmtu_start(d, t, l->mtu);
	}
}
