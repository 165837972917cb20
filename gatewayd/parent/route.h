/*
 * IPv6 routes of the main table that concern us: every default and all of
 * protocol 201.  Runs in the parent (CAP_NET_ADMIN).
 *
 * A picture of them is kept up to date from events, so that looking costs
 * nothing: a dump is made at the start, after lost events, and after changes
 * that an event does not tell fully (several next hops).  The messages are
 * built and parsed here, not by libnl's route objects, whose identity lacks
 * the source prefix.
 */
#ifndef GW_ROUTE_H
#define GW_ROUTE_H

#include <stddef.h>

#include "rtparse.h"

/* the picture is out of date: the next route_sync() dumps */
void	 route_stale(void);
/* brings the picture up to date; 0, or -1 with errno and nlsock_error() */
int	 route_sync(void);
void	 route_free(void);
/* RTM_NEWROUTE, RTM_DELROUTE; nonzero if it was about the picture */
int	 route_event(const struct nlmsghdr *, const struct rt_route *);
/* the kernel dropped all routes of this interface */
void	 route_iface_gone(int ifindex);

/* the routes of the picture in turn, NULL at the end; i starts with 0 */
const struct rt_route *route_next(size_t *i);
/* nonzero if they are the same in all that is known of them */
int	 route_equal(const struct rt_route *, const struct rt_route *);
/* nonzero if exactly this route is there */
int	 route_present(const struct rt_route *);
/* a route of the same destination, source and metric that is not of protocol
 * 201, or NULL */
const struct rt_route *route_foreign(const struct rt_route *);
/* nonzero if one of protocol 201 has that destination, source and metric */
int	 route_own(const struct rt_route *);
/* a default of somebody else's for any source, or NULL */
const struct rt_route *route_foreign_default(void);

/* a route of ours: unicast, main table, protocol 201 */
void	 route_init(struct rt_route *, int oif, uint32_t metric);
/* the same that refuses packets; the kernel has those by the loopback */
void	 route_init_reject(struct rt_route *, uint32_t metric);
/*
 * A route to a prefix goes beside others of that prefix.  A default, with
 * replace, takes the place of the one with the same source and metric,
 * whosever it is; without, such a one is EEXIST.  0, or -1 with errno and
 * nlsock_error().
 */
int	 route_add(const struct rt_route *, int replace);
/* ESRCH: it is not there */
int	 route_del(const struct rt_route *);
/* "unreachable default from 2001:db8::/64", in a static buffer */
const char *route_text(const struct rt_route *);

#endif
