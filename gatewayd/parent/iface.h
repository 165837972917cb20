/*
 * Interfaces, one at a time, by rtnetlink.  Runs in the parent
 * (CAP_NET_ADMIN).  Whatever fails is -1 with errno, and nlsock_error() says
 * it in words.
 */
#ifndef GW_IFACE_H
#define GW_IFACE_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "rtparse.h"
#include "wire_link.h"

/* how an interface of ours has to be; from local on it is for kind sit */
struct iface_want {
	char		 name[IFNAMSIZ];
	char		 alias[RT_ALIAS_SIZE];	/* gatewayd:NAME */
	uint32_t	 mtu;
	struct in_addr	 local;			/* INADDR_ANY: any */
	struct in_addr	 remote;
	uint32_t	 underlay;		/* ifindex, 0: any */
	uint8_t		 ttl;
};

/* ENODEV if there is none */
int	 iface_get(const char *name, struct rt_link *);
int	 iface_get_index(int ifindex, struct rt_link *);
/* gives RTM_NEWLINK of every interface to fn (of one kind, if not NULL) */
int	 iface_dump(const char *kind, void (*fn)(const struct nlmsghdr *,
	    void *), void *arg);

/* nonzero if the interface is not as wanted, and what is wrong, in words:
 * alias, MTU and address generation; not whether it is up */
int	 iface_differs(const struct rt_link *, const struct iface_want *,
	    char *what, size_t);
/* sets alias, MTU and address generation (none); leaves it up or down */
int	 iface_set(int ifindex, const struct iface_want *);
int	 iface_set_up(int ifindex, int up);
/* sets the interface down for the moment: the kernel asks for that */
int	 iface_rename(int ifindex, const char *name);
int	 iface_delete(int ifindex);
/* RTM_GETSTATS, 64 bits */
int	 iface_stats(int ifindex, struct imsg_stats *);

#endif
