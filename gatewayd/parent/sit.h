/*
 * The kernel driver of 6in4 tunnels: interfaces of kind sit (RFC 4213).
 * Runs in the parent (CAP_NET_ADMIN).
 */
#ifndef GW_SIT_H
#define GW_SIT_H

#include "iface.h"

/*
 * Makes the interface, down and without its alias, which the kernel takes
 * from iface_set() only.  0, or -1 with errno: EOPNOTSUPP if the kernel has
 * no sit, EEXIST if the name, or the pair of addresses, is taken.
 */
int	 sit_create(const struct iface_want *);
/* nonzero if addresses, ttl or the like differ, and what, in words */
int	 sit_differs(const struct rt_link *, const struct iface_want *,
	    char *what, size_t);
/* changes all of it in place: ifindex, addresses and routes survive */
int	 sit_change(int ifindex, const struct iface_want *);
/* the interface that has this pair of addresses; 0, or -1 if none has */
int	 sit_holder(const struct iface_want *, struct rt_link *);

#endif
