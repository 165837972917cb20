/*
 * Settings of the kernel that stop IPv6, or a tunnel.  Runs in the doctor
 * (_gwrelay, Landlock) and in gatewayctl; reads only.
 */

#include "check.h"
#include "sysfile.h"

#define CONF6	"/proc/sys/net/ipv6/conf/"
#define CONF4	"/proc/sys/net/ipv4/conf/"

static int
off(const char *iface)
{
	return (sysfile_number(CONF6 "%s/disable_ipv6", iface) == 1);
}

static void
sysctl_set(struct finding *f, const char *key, const char *value)
{
	finding_evidence(f, "net.%s = %s", key, value);
}

/* all and default switch it off everywhere; the daemon turns it on for its
 * own interfaces */
static void
disable_ipv6(struct doctor *d)
{
	const struct gw_tunnel	*t;
	struct finding		*f;
	int			 bad = 0;

	if (off("all") || off("default")) {
		bad = 1;
		f = doctor_add(d, FINDING_FAIL, "sysctl.disable_ipv6", NULL,
		    "IPv6 is switched off on %s interfaces",
		    off("all") ? "all" : "new");
		sysctl_set(f, off("all") ? "ipv6.conf.all.disable_ipv6" :
		    "ipv6.conf.default.disable_ipv6", "1");
		finding_remedy(f, "'sysctl -w net.ipv6.conf.all.disable_ipv6=0 "
		    "net.ipv6.conf.default.disable_ipv6=0'; for the next boot, "
		    "look for disable_ipv6 in /etc/sysctl.conf and "
		    "/etc/sysctl.d; then 'gatewayctl tunnel NAME restart'");
	}
	if (off("lo")) {
		bad = 1;
		f = doctor_add(d, FINDING_WARN, "sysctl.disable_ipv6", NULL,
		    "IPv6 is switched off on lo: local programs miss ::1");
		sysctl_set(f, "ipv6.conf.lo.disable_ipv6", "1");
		finding_remedy(f,
		    "'sysctl -w net.ipv6.conf.lo.disable_ipv6=0'");
	}
	for (t = doctor_tunnel(d, NULL); t != NULL; t = doctor_tunnel(d, t)) {
		if (!off(t->iface))
			continue;
		bad = 1;
		f = doctor_add(d, FINDING_FAIL, "sysctl.disable_ipv6", t,
		    "IPv6 is switched off on %s", t->iface);
		finding_evidence(f, "net.ipv6.conf.%s.disable_ipv6 = 1",
		    t->iface);
		finding_remedy(f, "'sysctl -w net.ipv6.conf.%s.disable_ipv6=0'"
		    ", then 'gatewayctl tunnel %s restart'", t->iface,
		    t->name);
	}
	if (!bad && sysfile_number(CONF6 "all/disable_ipv6") == 0)
		doctor_add(d, FINDING_OK, "sysctl.disable_ipv6", NULL,
		    "IPv6 is switched on");
}

/* the broker pings our IPv4 address before it takes it */
static void
icmp_echo(struct doctor *d)
{
	const struct gw_tunnel	*t;
	struct finding		*f;

	for (t = doctor_tunnel(d, NULL); t != NULL; t = doctor_tunnel(d, t))
		if (t->type == GW_HE_6IN4)
			break;
	if (t == NULL)
		return;
	if (sysfile_number("/proc/sys/net/ipv4/icmp_echo_ignore_all") != 1) {
		doctor_add(d, FINDING_OK, "sysctl.icmp_echo", NULL,
		    "the kernel answers IPv4 pings, as the broker wants it");
		return;
	}
	f = doctor_add(d, FINDING_WARN, "sysctl.icmp_echo", NULL,
	    "the kernel does not answer IPv4 pings: the broker refuses an "
	    "endpoint that it cannot ping");
	sysctl_set(f, "ipv4.icmp_echo_ignore_all", "1");
	finding_remedy(f, "'sysctl -w net.ipv4.icmp_echo_ignore_all=0', and "
	    "take it out of /etc/sysctl.d");
}

static void
forwarding(struct doctor *d)
{
	const struct gw_tunnel	*t;
	struct finding		*f;

	for (t = doctor_tunnel(d, NULL); t != NULL; t = doctor_tunnel(d, t))
		if (t->nrouted > 0)
			break;
	if (t == NULL)
		return;
	if (sysfile_number(CONF6 "all/forwarding") != 0) {
		doctor_add(d, FINDING_OK, "sysctl.forwarding", t,
		    "IPv6 packets for the routed prefixes are forwarded");
		return;
	}
	f = doctor_add(d, FINDING_WARN, "sysctl.forwarding", t,
	    "other hosts cannot use the routed prefixes: IPv6 packets are not "
	    "forwarded");
	sysctl_set(f, "ipv6.conf.all.forwarding", "0");
	finding_remedy(f, "'sysctl -w net.ipv6.conf.all.forwarding=1', and a "
	    "line in /etc/sysctl.d; it is not needed for this host alone");
}

/* interface number i of those with an IPv4 default route, NULL: no more; one
 * with two routes comes twice */
static const struct rt_link *
uplink(const struct doctor *d, size_t i)
{
	const struct rt_link	*l;

	for (; i < d->net->ndefaults4; i++) {
		l = netinfo_link_index(d->net, d->net->defaults4[i].oif);
		if (l != NULL)
			return (l);
	}
	return (NULL);
}

/* a forwarding host takes no router advertisements unless accept_ra is 2 */
static void
accept_ra(struct doctor *d)
{
	const struct rt_link	*l = uplink(d, 0);
	struct finding		*f;

	if (l == NULL ||
	    sysfile_number(CONF6 "%s/forwarding", l->name) != 1 ||
	    sysfile_number(CONF6 "%s/accept_ra", l->name) != 1)
		return;
	f = doctor_add(d, FINDING_WARN, "sysctl.accept_ra", NULL,
	    "%s takes no router advertisements, because it forwards: native "
	    "IPv6 does not come by them", l->name);
	finding_evidence(f, "net.ipv6.conf.%s: forwarding = 1, accept_ra = 1",
	    l->name);
	finding_remedy(f, "if a router there gives you native IPv6: 'sysctl -w "
	    "net.ipv6.conf.%s.accept_ra=2'; otherwise '...accept_ra=0' says "
	    "that it is meant so", l->name);
}

/* strict: a packet is dropped unless its answer would go where it came from;
 * with several uplinks a pinned tunnel's do not (RFC 3704) */
static void
rp_filter(struct doctor *d)
{
	const struct rt_link	*l;
	struct finding		*f;
	long			 all, own;
	size_t			 i;

	if (d->net->ndefaults4 < 2)
		return;
	all = sysfile_number(CONF4 "all/rp_filter");
	for (i = 0; i < DOCTOR_SAME && (l = uplink(d, i)) != NULL; i++) {
		own = sysfile_number(CONF4 "%s/rp_filter", l->name);
		if ((own > all ? own : all) != 1)
			continue;
		f = doctor_add(d, FINDING_WARN, "sysctl.rp_filter", NULL,
		    "%s drops packets whose answers would leave by another "
		    "uplink, a tunnel's among them", l->name);
		finding_evidence(f, "net.ipv4.conf.all.rp_filter = %ld, "
		    "net.ipv4.conf.%s.rp_filter = %ld, and %zu IPv4 default "
		    "routes", all, l->name, own, d->net->ndefaults4);
		finding_remedy(f, "'sysctl -w net.ipv4.conf.%s.rp_filter=2' "
		    "(loose)", l->name);
	}
}

void
check_sysctl(struct doctor *d)
{
	disable_ipv6(d);
	icmp_echo(d);
	forwarding(d);
	accept_ra(d);
	rp_filter(d);
}
