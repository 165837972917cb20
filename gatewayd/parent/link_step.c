/*
 * The steps that make a tunnel of our own what it has to be: interface,
 * sysctls, address, routes, probe socket.  Runs in the parent (CAP_NET_ADMIN,
 * CAP_NET_RAW).  Each step looks first and changes only what differs; what
 * differs by type is in link_6in4.c and link_wg.c.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "addr.h"
#include "ifaddr.h"
#include "link_int.h"
#include "probe_sock.h"
#include "rtsock.h"
#include "sysctl.h"

int
link_ours(const struct gw_link *l, const struct rt_link *k)
{
	char	 alias[RT_ALIAS_SIZE];

	/* somebody may have changed the alias of the one we made */
	if (l->ifindex != 0 && k->ifindex == l->ifindex)
		return (1);
	snprintf(alias, sizeof(alias), LINK_ALIAS "%s", l->conf->name);
	return (strcmp(k->alias, alias) == 0);
}

static int
link_right_kind(const struct gw_link *l, const struct rt_link *k)
{
	int	 kernel = strcmp(k->kind, link_type(l)->kind) == 0;
	int	 tun = strcmp(k->kind, "tun") == 0;

	switch (l->conf->driver) {
	case GW_DRIVER_KERNEL:
		return (kernel);
	case GW_DRIVER_USERSPACE:
		return (tun);
	default:
		return (kernel || tun);
	}
}

/* what of the kernel driver's own settings is wrong */
static int
link_type_differs(const struct gw_link *l, const struct rt_link *k,
    char *what, size_t size)
{
	return (l->driver == GW_DRIVER_KERNEL &&
	    link_type(l)->differs != NULL &&
	    link_type(l)->differs(k, &l->iface, what, size));
}

/* what is wrong with an interface of ours, in words; 0 if nothing */
static int
link_iface_wrong(const struct gw_link *l, const struct rt_link *k, char *what,
    size_t size)
{
	if (strcmp(k->name, l->iface.name) != 0) {
		snprintf(what, size, "its name was %s", k->name);
		return (1);
	}
	if (link_type_differs(l, k, what, size))
		return (1);
	return (iface_differs(k, &l->iface, what, size));
}

/* the MTU that IPv6 has to have on an interface of ours */
static uint32_t
link_mtu6(const struct gw_link *l)
{
	if (l->mtu_limit == 0 || l->mtu_limit > l->iface.mtu ||
	    l->conf->mtu != 0)
		return (l->iface.mtu);
	return (l->mtu_limit);
}

int
link_iface_right(const struct gw_link *l, const struct rt_link *k)
{
	char	 what[80];

	return (link_right_kind(l, k) && (k->flags & IFF_UP) &&
	    (k->mtu6 == 0 || k->mtu6 == link_mtu6(l)) &&
	    !link_iface_wrong(l, k, what, sizeof(what)));
}

static int
link_foreign(struct gw_link *l, const struct rt_link *k)
{
	l->foreign = k->ifindex;
	return (link_stop(l, LINK_ERROR, 0, "%s is not ours (%s%s%.40s%s, "
	    "ifindex %d): delete or rename it, or choose another iface.",
	    l->conf->iface, k->kind[0] != '\0' ? k->kind : "hardware",
	    k->alias[0] != '\0' ? ", alias \"" : "", k->alias,
	    k->alias[0] != '\0' ? "\"" : "", k->ifindex));
}

/* EEXIST: the name is taken (1), or another interface has our addresses */
static int
link_taken(struct gw_link *l)
{
	struct rt_link	 k;

	if (iface_get(l->iface.name, &k) == 0)
		return (1);
	if (link_type(l)->taken != NULL && link_type(l)->taken(l) == -1)
		return (-1);
	return (link_stop(l, LINK_ERROR, 1, "Cannot make %s: its name was "
	    "taken a moment ago.", l->conf->iface));
}

static int
link_failed(struct gw_link *l, const char *what)
{
	return (link_stop(l, LINK_ERROR, 1, "Cannot %s %s: %s.", what,
	    l->conf->iface, nlsock_error()));
}

int
link_tun_failed(struct gw_link *l, int exists)
{
	if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
		return (link_stop(l, LINK_ERROR, 1, "There is no "
		    "/dev/net/tun: run modprobe tun, or give the container "
		    "that device."));
	/* to make one: the name is taken */
	if (errno == EBUSY && !exists)
		return (1);
	if (errno == EBUSY)
		return (link_stop(l, LINK_ERROR, 1, "%s is in use by another "
		    "program: stop it, or choose another iface.",
		    l->conf->iface));
	return (link_stop(l, LINK_ERROR, 1, "Cannot open the TUN interface "
	    "%s: %s.", l->conf->iface, strerror(errno)));
}

/* by the kernel's driver, or the driver is userspace afterwards */
static int
link_make_kernel(struct gw_link *l)
{
	const char	*kind = link_type(l)->kind;

	if (link_type(l)->create(&l->iface) == 0) {
		l->driver = GW_DRIVER_KERNEL;
		return (0);
	}
	if (errno == EEXIST)
		return (link_taken(l));
	if (errno != EOPNOTSUPP)
		return (link_failed(l, "make"));
	if (l->conf->driver == GW_DRIVER_AUTO) {
		log_record(LL_INFO, l->conf->name, "this kernel has no %s "
		    "driver; %s uses the userspace driver", kind,
		    l->conf->iface);
		l->driver = GW_DRIVER_USERSPACE;
		return (0);
	}
	return (link_stop(l, LINK_ERROR, 1, "The kernel has no %s driver: "
	    "run modprobe %s, or set driver = auto or userspace.", kind,
	    kind));
}

/* the one that was just made gets what the kernel takes only now */
static int
link_made(struct gw_link *l)
{
	l->ifindex = (int)if_nametoindex(l->iface.name);
	l->fresh = 1;
	l->up = 0;
	if (l->ifindex == 0)
		return (link_stop(l, LINK_ERROR, 1, "Cannot find %s, which "
		    "was made just now.", l->iface.name));
	if (iface_set(l->ifindex, &l->iface) == 0)
		return (0);
	/* without the alias it would be a stranger's next time */
	(void)link_failed(l, "set up");
	(void)iface_delete(l->ifindex);
	link_forget(l);
	return (-1);
}

/*
 * Makes the interface, as yet down and without an address.  1 if there is one
 * of that name.
 */
static int
link_make(struct gw_link *l)
{
	int	 rc = 0;

	l->driver = l->conf->driver == GW_DRIVER_AUTO ? l->driver :
	    l->conf->driver;
	if (l->driver != GW_DRIVER_USERSPACE)
		rc = link_make_kernel(l);
	if (rc == 0 && l->driver == GW_DRIVER_USERSPACE)
		rc = link_type(l)->make(l);
	if (rc != 0 || (rc = link_made(l)) != 0)
		return (rc);
	log_record(LL_INFO, l->conf->name, "made %s: %s driver, local %s, "
	    "endpoint %s, MTU %u", l->iface.name, gw_driver_name(l->driver),
	    l->iface.local.s_addr == INADDR_ANY ? "any" :
	    addr4_text(l->iface.local), addr4_text(l->iface.remote),
	    l->iface.mtu);
	return (0);
}

/* the one that is there is ours: what differs is changed in place */
static int
link_fix(struct gw_link *l, const struct rt_link *k)
{
	char	 what[80];
	int	 type;

	if (l->driver == GW_DRIVER_AUTO)
		log_record(LL_INFO, l->conf->name, "took over %s (ifindex "
		    "%d)", k->name, k->ifindex);
	l->ifindex = k->ifindex;
	l->driver = strcmp(k->kind, "tun") == 0 ? GW_DRIVER_USERSPACE :
	    GW_DRIVER_KERNEL;
	l->up = (k->flags & IFF_UP) != 0;
	l->mtu6 = k->mtu6;
	if (!link_iface_wrong(l, k, what, sizeof(what)))
		return (0);
	link_repaired(l, "%s was changed: %s", l->iface.name, what);
	type = link_type_differs(l, k, what, sizeof(what));
	if (type && link_type(l)->change(l->ifindex, &l->iface) == -1) {
		if (errno != EEXIST)
			return (link_failed(l, "change"));
		/* give up our pair too: two tunnels may be swapping theirs */
		(void)iface_delete(l->ifindex);
		link_forget(l);
		return (link_taken(l) == 0 ? 0 : -1);
	}
	if (k->mtu != l->iface.mtu || type)
		l->mtu6 = 0;
	if (iface_set(l->ifindex, &l->iface) == -1)
		return (link_failed(l, "change"));
	return (0);
}

/* as link_make(), where there was no such interface a moment ago */
static int
link_make_again(struct gw_link *l)
{
	int	 rc;

	link_forget(l);
	if ((rc = link_make(l)) != 1)
		return (rc);
	return (link_stop(l, LINK_ERROR, 1, "Cannot make %s: its name was "
	    "taken a moment ago.", l->conf->iface));
}

/* no interface of that name: ours may have been given another one */
static int
link_missing(struct gw_link *l)
{
	struct rt_link	 k;

	if (l->ifindex == 0 || iface_get_index(l->ifindex, &k) == -1) {
		if (l->ifindex != 0)
			link_repaired(l, "%s was deleted; making it again",
			    l->conf->iface);
		return (link_make_again(l));
	}
	link_repaired(l, "%s was renamed to %s", l->iface.name, k.name);
	if (iface_rename(l->ifindex, l->iface.name) == -1 ||
	    iface_get_index(l->ifindex, &k) == -1)
		return (link_failed(l, "rename"));
	return (link_fix(l, &k));
}

static int
link_step_iface(struct gw_link *l)
{
	struct rt_link	 k;
	int		 rc;

	l->foreign = 0;
	/* mostly there is none yet, and the kernel says so if there is */
	if (l->ifindex == 0 && (rc = link_make(l)) != 1)
		return (rc);
	if (iface_get(l->iface.name, &k) == -1) {
		if (errno != ENODEV)
			return (link_failed(l, "look up"));
		return (link_missing(l));
	}
	if (!link_ours(l, &k))
		return (link_foreign(l, &k));
	if (link_right_kind(l, &k))
		return (link_fix(l, &k));
	log_record(LL_INFO, l->conf->name, "%s is of kind %s, not of driver "
	    "%s; making it again", k.name, k.kind,
	    gw_driver_name(l->conf->driver));
	if (iface_delete(k.ifindex) == -1)
		return (link_failed(l, "delete"));
	return (link_make_again(l));
}

/* no router may configure our interface; without these it still works */
static void
link_step_ra(struct gw_link *l)
{
	static const char *const keys[] = { "accept_ra", "autoconf" };
	size_t	 i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if ((l->fresh ? sysctl_write : sysctl_set)(l->iface.name,
		    keys[i], 0) == -1 && !l->settled)
			log_record(LL_WARN, l->conf->name, "cannot set "
			    "net.ipv6.conf.%s.%s to 0: %s", l->iface.name,
			    keys[i], strerror(errno));
}

/*
 * Packets that we send are held to the limit, and through advmss those that
 * answer; the interface keeps its MTU, so that larger probes can go out.  The
 * kernel resets it when the interface gets another MTU or is set up.
 */
static void
link_step_mtu6(struct gw_link *l)
{
	uint32_t	 want = link_mtu6(l);
	int		 rc;

	/* set up just now, a new one has that of the interface */
	if (l->fresh && l->mtu6 == 0)
		l->mtu6 = l->iface.mtu;
	if (l->mtu6 == want)
		return;
	if ((rc = sysctl_set(l->iface.name, "mtu", want)) == -1) {
		if (!l->settled)
			log_record(LL_WARN, l->conf->name, "cannot set "
			    "net.ipv6.conf.%s.mtu to %u: %s", l->iface.name,
			    want, strerror(errno));
		if (l->mtu6 == 0)
			l->mtu6 = l->iface.mtu;
		return;
	}
	if (rc == 1 && l->mtu6 != 0)
		link_repaired(l, "the IPv6 MTU of %s was %u", l->iface.name,
		    l->mtu6);
	l->mtu6 = want;
}

static int
link_enable_ipv6(struct gw_link *l)
{
	int	 rc;

	rc = sysctl_set(l->iface.name, "disable_ipv6", 0);
	if (rc == 1)
		log_record(LL_INFO, l->conf->name, "set "
		    "net.ipv6.conf.%s.disable_ipv6 to 0", l->iface.name);
	if (rc != -1)
		return (0);
	if (!sysctl_has_ipv6())
		return (link_stop(l, LINK_ERROR, 0, "IPv6 is switched off in "
		    "the kernel: take ipv6.disable=1 from its command "
		    "line."));
	return (link_stop(l, LINK_ERROR, 1, "Cannot set net.ipv6.conf.%s."
	    "disable_ipv6 to 0: %s. Set net.ipv6.conf.default.disable_ipv6=0 "
	    "(docker: --sysctl).", l->iface.name, strerror(errno)));
}

static int
link_step_up(struct gw_link *l)
{
	link_step_ra(l);
	/* for a new one, link_set_address() finds out */
	if (!l->fresh && link_enable_ipv6(l) == -1)
		return (-1);
	if (!l->up) {
		if (!l->fresh)
			link_repaired(l, "%s was down", l->iface.name);
		if (iface_set_up(l->ifindex, 1) == -1)
			return (errno == EADDRINUSE ? link_port_taken(l) :
			    link_failed(l, "set up"));
		l->up = 1;
		l->mtu6 = 0;
	}
	link_step_mtu6(l);
	return (0);
}

int
link_address_differs(const struct gw_link *l, const struct rt_ifaddr *a)
{
	char	 what[80];

	return (ifaddr_differs(a, l->conf->prefix_len, link_preferred(l),
	    what, sizeof(what)));
}

/* nonzero if the address has to be set */
static int
link_address_wrong(struct gw_link *l)
{
	struct ifaddr_want	 w;
	struct rt_ifaddr	 a;
	char			 what[80];

	memset(&w, 0, sizeof(w));
	w.ifindex = l->ifindex;
	w.addr = l->conf->address;
	if (!l->settled)
		ifaddr_sweep(l->ifindex, &l->conf->address);
	if (ifaddr_find(&w, &a) == -1) {
		link_repaired(l, "%s had lost the address %s", l->iface.name,
		    addr6_text(&w.addr));
		return (1);
	}
	if (!ifaddr_differs(&a, l->conf->prefix_len, link_preferred(l), what,
	    sizeof(what)))
		return (0);
	link_repaired(l, "the address %s of %s was changed: %s",
	    addr6_text(&w.addr), l->iface.name, what);
	/* the prefix length of an address cannot be changed */
	if (a.prefix_len != l->conf->prefix_len)
		(void)ifaddr_del(l->ifindex, &a.addr, a.prefix_len);
	return (1);
}

static int
link_set_address(struct gw_link *l)
{
	const struct gw_tunnel	*t = l->conf;

	if (ifaddr_set(l->ifindex, &t->address, t->prefix_len,
	    link_preferred(l)) == 0)
		return (0);
	/* EACCES: disable_ipv6 is set; anything else may be that there is
	 * no IPv6, which the same function notices */
	if (link_enable_ipv6(l) == -1)
		return (-1);
	if (ifaddr_set(l->ifindex, &t->address, t->prefix_len,
	    link_preferred(l)) == 0)
		return (0);
	return (link_stop(l, LINK_ERROR, 1, "Cannot give %s the address %s: "
	    "%s.", l->iface.name, addr6_text(&t->address), nlsock_error()));
}

static int
link_step_address(struct gw_link *l)
{
	/* the one of a former configuration, if it was told by us */
	if (l->has_address && !IN6_ARE_ADDR_EQUAL(&l->address,
	    &l->conf->address))
		(void)ifaddr_del(l->ifindex, &l->address, l->prefix_len);
	if (l->fresh || link_address_wrong(l)) {
		if (link_set_address(l) == -1)
			return (-1);
		/* the kernel takes the src from routes of a lost address,
		 * and tells nobody */
		l->default_lost = 1;
	}
	l->has_address = 1;
	l->address = l->conf->address;
	l->prefix_len = l->conf->prefix_len;
	return (0);
}

int
link_probe_sock(struct gw_link *l)
{
	struct imsg_probe_sock	 m;
	const char		*what;
	int			 fd;

	/* while a tunnel is not ready the prober may drop its socket */
	if (l->told_once && l->told.state == LINK_READY &&
	    l->probe_ifindex == l->ifindex &&
	    IN6_ARE_ADDR_EQUAL(&l->probe_source, &l->address))
		return (0);
	fd = probe_sock_open(l->conf->iface, &l->address, &what);
	if (fd == -1)
		return (link_stop(l, LINK_ERROR, 1, "Cannot open a probe "
		    "socket on %s (%s): %s.", l->conf->iface, what,
		    strerror(errno)));
	l->probe_ifindex = l->ifindex;
	l->probe_source = l->address;
	memset(&m, 0, sizeof(m));
	m.source = l->address;
	m.ifindex = (uint32_t)l->ifindex;
	links_ops->probe_sock(l->id, fd, &m);
	return (0);
}

int
link_step(struct gw_link *l)
{
	if (link_endpoint(l) == -1 || link_wan(l) == -1 ||
	    link_step_iface(l) == -1 || link_type(l)->configure(l) == -1)
		return (-1);
	if (link_step_up(l) == -1 || link_step_address(l) == -1)
		return (-1);
	return (link_routes(l));
}

void
link_forget(struct gw_link *l)
{
	if (l->conf->type != GW_EXTERNAL)
		link_type(l)->forget(l);
	l->ifindex = l->probe_ifindex = 0;
	l->has_address = l->up = l->fresh = 0;
}

void
link_remove(struct gw_link *l)
{
	static const struct imsg_probe_path	 none;
	struct rt_link				 k;
	int					 ours;

	ours = l->conf->type != GW_EXTERNAL &&
	    iface_get(l->conf->iface, &k) == 0 && link_ours(l, &k);
	if (ours)
		l->ifindex = k.ifindex;
	link_flows_clear(l);
	if (l->ifindex != 0)
		link_routes_remove(l);
	if (ours) {
		if (l->has_address)
			(void)ifaddr_del(k.ifindex, &l->address,
			    l->prefix_len);
		if (iface_delete(k.ifindex) == -1)
			log_record(LL_WARN, l->conf->name, "cannot delete "
			    "%s: %s", k.name, nlsock_error());
		else
			log_record(LL_INFO, l->conf->name, "deleted %s",
			    k.name);
	}
	link_forget(l);
	link_unpin(l);		/* until then packets keep to their uplink */
	link_probe_path(l, &none);
	l->driver = GW_DRIVER_AUTO;
	l->foreign = 0;
	l->settled = l->wan_known = 0;
	memset(&l->iface, 0, sizeof(l->iface));
}
