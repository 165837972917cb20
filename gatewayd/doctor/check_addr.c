/*
 * The IPv6 addresses of this machine.  Runs in the doctor (_gwrelay,
 * Landlock) and in gatewayctl; reads only.
 */
#include <linux/if_addr.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "check.h"

#define SHOWN	4	/* addresses in a sentence */

/* nonzero if it is */
static int
addr_broken(struct doctor *d, const struct rt_ifaddr *a)
{
	const char	*name = netinfo_name(d->net, a->ifindex);
	struct finding	*f;

	if (a->flags & IFA_F_DADFAILED) {
		f = doctor_add(d, FINDING_FAIL, "address.dadfailed", NULL,
		    "%s is not used: another host on %s has it",
		    addr6_text(&a->addr), name);
		finding_evidence(f, "the address has the flag dadfailed "
		    "(duplicate address detection, RFC 4862)");
		finding_remedy(f, "give one of the two another address; then "
		    "'ip -6 address del %s/%u dev %s' and add it again",
		    addr6_text(&a->addr), a->prefix_len, name);
	} else if ((a->flags & IFA_F_TENTATIVE) &&
	    !(a->flags & IFA_F_OPTIMISTIC)) {
		f = doctor_add(d, FINDING_WARN, "address.tentative", NULL,
		    "%s on %s is not in use yet", addr6_text(&a->addr), name);
		finding_evidence(f, "the address has the flag tentative: "
		    "duplicate address detection is not over");
		finding_remedy(f, "wait two seconds; if it stays so, see "
		    "whether %s has a carrier ('ip link show dev %s')", name,
		    name);
	} else
		return (0);
	return (1);
}

/* "2001:db8::1 (eth0), ..." of those that count */
static size_t
addr_list(const struct doctor *d, uint32_t without, char *buf, size_t size)
{
	const struct rt_ifaddr	*a;
	char			 one[ADDR_TEXT_SIZE + IFNAMSIZ + 8];
	size_t			 i, n = 0;

	buf[0] = '\0';
	for (i = 0; i < d->net->naddrs; i++) {
		a = &d->net->addrs[i];
		if (!netinfo_global(a) || (a->flags & without) ||
		    (a->flags & IFA_F_DADFAILED) || n++ >= SHOWN)
			continue;
		snprintf(one, sizeof(one), "%s%s (%s)", n > 1 ? ", " : "",
		    addr6_text(&a->addr), netinfo_name(d->net, a->ifindex));
		strlcat(buf, one, size);
	}
	if (n > SHOWN)
		strlcat(buf, ", ...", size);
	return (n);
}

static void
addr_global(struct doctor *d)
{
	struct finding	*f;
	char		 list[512];
	size_t		 all;

	all = addr_list(d, 0, list, sizeof(list));
	if (all == 0) {
		f = doctor_add(d, FINDING_FAIL, "address.global", NULL,
		    "this machine has no IPv6 address of the Internet");
		finding_evidence(f, "%zu IPv6 addresses, all of them local",
		    d->net->naddrs);
		finding_remedy(f, "start gatewayd ('systemctl start "
		    "v6-gatewayd'), and see 'gatewayctl status'");
		return;
	}
	if (addr_list(d, IFA_F_DEPRECATED, list, sizeof(list)) > 0) {
		f = doctor_add(d, FINDING_OK, "address.global", NULL,
		    "programs have an IPv6 address of the Internet to use");
		finding_evidence(f, "%s", list);
		return;
	}
	(void)addr_list(d, 0, list, sizeof(list));
	f = doctor_add(d, FINDING_WARN, "address.deprecated", NULL,
	    "every IPv6 address of the Internet is deprecated: programs "
	    "prefer IPv4");
	finding_evidence(f, "%s", list);
	finding_remedy(f, "no tunnel carries traffic now: see 'gatewayctl "
	    "status'; with native IPv6, its router has stopped announcing "
	    "the prefix");
}

static void
addr_tunnel(struct doctor *d, const struct gw_tunnel *t)
{
	const struct rt_ifaddr	*a;
	const struct rt_link	*l;
	struct finding		*f;

	if (!t->has_address)
		return;
	l = netinfo_link(d->net, t->iface);
	a = netinfo_addr(d->net, &t->address);
	if (a != NULL && l != NULL && a->ifindex == l->ifindex)
		return;
	f = doctor_add(d, d->o.daemon || l != NULL ? FINDING_FAIL :
	    FINDING_WARN, "address.tunnel", t, "%s has not got its address %s",
	    t->iface, addr6_text(&t->address));
	if (l == NULL)
		finding_evidence(f, "there is no interface %s", t->iface);
	else if (a != NULL)
		finding_evidence(f, "it is on %s",
		    netinfo_name(d->net, a->ifindex));
	else
		finding_evidence(f, "'ip -6 address show dev %s' does not "
		    "show it", t->iface);
	finding_remedy(f, "'gatewayctl show tunnels %s' says why; "
	    "'gatewayctl tunnel %s restart' tries again", t->name, t->name);
}

void
check_addr(struct doctor *d)
{
	const struct gw_tunnel	*t;
	size_t			 i;
	int			 n = 0;

	for (i = 0; i < d->net->naddrs && n < DOCTOR_SAME; i++)
		n += addr_broken(d, &d->net->addrs[i]);
	addr_global(d);
	for (t = doctor_tunnel(d, NULL); t != NULL; t = doctor_tunnel(d, t))
		addr_tunnel(d, t);
}
