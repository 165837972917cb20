/*
 * The two rtnetlink sockets.  Runs in the parent (CAP_NET_ADMIN).
 */
#include <sys/socket.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/socket.h>
#include <stddef.h>

#include "log.h"
#include "rtsock.h"

#define RT_MESSAGE	512		/* more than any request of ours */
#define RT_EVENT_BUFFER	(1024 * 1024)

static struct nlsock	 rt_req;	/* requests */
static struct nlsock	 rt_ev;		/* events */

static const uint32_t	 rt_groups[] = {
	RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
	RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE,
	RTNLGRP_IPV6_RULE
};

/*
 * Routes of a busy router must not wake us: of IPv6 only defaults and our own
 * can matter, of IPv4 not the local table, which repeats the addresses.  A
 * filter loads half-words big-endian, the kernel writes the type as the host
 * does: NLTYPE() tells them apart.
 */
#define NLTYPE(t)	(__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? (t) : \
			    (uint32_t)(t) << 8)
#define RTM_AT(field)	(NLMSG_HDRLEN + (uint32_t)offsetof(struct rtmsg, field))
static const struct sock_filter rt_filter[] = {
	BPF_STMT(BPF_LD | BPF_H | BPF_ABS,
	    offsetof(struct nlmsghdr, nlmsg_type)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NLTYPE(RTM_NEWROUTE), 1, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NLTYPE(RTM_DELROUTE), 0, 9),
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, RTM_AT(rtm_family)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 2, 0),
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, RTM_AT(rtm_table)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, RT_TABLE_LOCAL, 4, 5),
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, RTM_AT(rtm_dst_len)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 3, 0),
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, RTM_AT(rtm_protocol)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, RTPROT_GATEWAYD, 1, 0),
	BPF_STMT(BPF_RET | BPF_K, 0),
	BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
};

static int
rtsock_open_events(void)
{
	struct sock_fprog	 prog = {
		.len = sizeof(rt_filter) / sizeof(rt_filter[0]),
		.filter = (struct sock_filter *)(uintptr_t)rt_filter
	};
	size_t			 i;
	int			 fd, size = RT_EVENT_BUFFER;

	if (nlsock_open(&rt_ev, NETLINK_ROUTE, 0) == -1)
		return (-1);
	fd = nlsock_fd(&rt_ev);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size,
	    sizeof(size)) == -1)
		log_warn("SO_RCVBUFFORCE on the netlink event socket");
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
	    sizeof(prog)) == -1)
		return (-1);
	for (i = 0; i < sizeof(rt_groups) / sizeof(rt_groups[0]); i++)
		if (nl_socket_add_membership(rt_ev.sk, (int)rt_groups[i]) < 0)
			return (-1);
	return (0);
}

int
rtsock_open(void)
{
	if (nlsock_open(&rt_req, NETLINK_ROUTE, 0) == -1)
		return (-1);
	if (rtsock_open_events() == -1) {
		rtsock_close();
		return (-1);
	}
	return (0);
}

void
rtsock_close(void)
{
	nlsock_close(&rt_req);
	nlsock_close(&rt_ev);
}

struct nl_msg *
rtsock_msg_new(uint16_t type, int flags)
{
	return (nlsock_msg_new(RT_MESSAGE, type, flags));
}

int
rtsock_request(struct nl_msg *msg, nlsock_fn fn, void *arg)
{
	return (nlsock_request(&rt_req, msg, fn, arg));
}

int
rtsock_event_fd(void)
{
	return (nlsock_fd(&rt_ev));
}

int
rtsock_event_read(int max, nlsock_fn fn, void *arg)
{
	return (nlsock_events(&rt_ev, max, fn, arg));
}
