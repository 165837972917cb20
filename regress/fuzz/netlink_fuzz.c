/*
 * netlink messages as received: several in one datagram, each read by every
 * reader, and routes drawn into the picture.
 */
#include <netlink/msg.h>
#include <stdint.h>
#include <string.h>

#include "route.h"
#include "rtparse.h"
#include "sockdiag.h"
#include "wg.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
read_message(const struct nlmsghdr *h)
{
	struct rt_link		 l;
	struct rt_ifaddr	 a;
	struct rt_route		 r;
	struct rt_rule		 rule;
	struct inet_diag_sockid	 id;
	struct wg_dev		 d;
	struct in_addr		 gateway;
	uint64_t		 last = 0;

	(void)rtparse_addr(h, &a);
	(void)sockdiag_parse(h, &id);
	if (rtparse_rule(h, &rule) == 0 &&
	    strlen(rule.iif) >= sizeof(rule.iif))
		__builtin_trap();
	memset(&d, 0, sizeof(d));
	wg_parse(h, &d);
	wg_parse(h, &d);
	wg_dev_sort(&d);
	wg_dev_free(&d);
	wg_parse_last(h, &last);
	if (rtparse_link(h, &l) == 0) {
		/* strings end inside of their arrays */
		if (strlen(l.name) >= sizeof(l.name) ||
		    strlen(l.alias) >= sizeof(l.alias) ||
		    strlen(l.kind) >= sizeof(l.kind))
			__builtin_trap();
		route_iface_gone(l.ifindex);
	}
	(void)rtparse_next_hop(h, 4, &gateway);
	if (rtparse_route(h, &r) == 0 && route_event(h, &r))
		(void)route_text(&r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t	 buf[32768] __attribute__((aligned(4)));
	struct nlmsghdr	*h = (struct nlmsghdr *)(void *)buf;
	int		 left;

	if (size > sizeof(buf))
		return (0);
	memcpy(buf, data, size);
	left = (int)size;
	for (; nlmsg_ok(h, left); h = nlmsg_next(h, &left))
		read_message(h);
	route_free();
	return (0);
}
