/*
 * The addresses of this machine: see own.h.  Runs in the relay (_gwrelay,
 * chroot); rtnetlink tells everybody.
 *
 * Whenever one comes or goes all are asked for again: that is rare, and leaves
 * nothing to keep in step.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "nlsock.h"
#include "own.h"
#include "relay_int.h"
#include "rtparse.h"

#define INTERRUPTED_MAX	3	/* dumps of a table that changes meanwhile */
#define CHANGES_MAX	64	/* at one wake-up */

static struct nlsock	 monitor, dump;

static void
own_add(const struct nlmsghdr *h, void *arg)
{
	struct acl		*acl = &relay.acl;
	struct rt_ifaddr	 a;

	if (rtparse_addr(h, &a) == -1 ||
	    (a.family != AF_INET && a.family != AF_INET6))
		return;
	acl->own = reallocarray(acl->own, acl->nown + 1, sizeof(*acl->own));
	if (acl->own == NULL)
		fatal("reallocarray");
	acl->own[acl->nown++] = a.family == AF_INET ? acl_mapped(a.addr4) :
	    a.addr;
}

static void
own_load(void)
{
	struct nl_msg	*msg;
	int		 i, r = -1;

	for (i = 0; i < INTERRUPTED_MAX && r == -1; i++) {
		relay.acl.nown = 0;
		msg = nlsock_msg_new(NLMSG_SPACE(sizeof(struct ifaddrmsg)),
		    RTM_GETADDR, NLM_F_DUMP);
		nlsock_header(msg, sizeof(struct ifaddrmsg)); /* AF_UNSPEC */
		r = nlsock_request(&dump, msg, own_add, NULL);
	}
	if (r == -1)
		log_warnx("own addresses: %s", nlsock_error());
}

static void
own_ignore(const struct nlmsghdr *h, void *arg)
{
}

static void
own_changed(int fd, short what, void *arg)
{
	(void)nlsock_events(&monitor, CHANGES_MAX, own_ignore, NULL);
	own_load();
}

void
own_watch(struct event_base *base)
{
	struct event	*ev;

	if (nlsock_open(&monitor, NETLINK_ROUTE, 0) == -1 ||
	    nlsock_open(&dump, NETLINK_ROUTE, 0) == -1 ||
	    nl_socket_add_memberships(monitor.sk, RTNLGRP_IPV4_IFADDR,
	    RTNLGRP_IPV6_IFADDR, 0) != 0)
		fatal("rtnetlink");
	ev = event_new(base, nlsock_fd(&monitor), EV_READ | EV_PERSIST,
	    own_changed, NULL);
	if (ev == NULL || event_add(ev, NULL) == -1)
		fatalx("event_new");
	own_load();
}
