/*
 * Closing other programs' sockets by their source address, by sock_diag(7).
 * Runs in the parent (CAP_NET_ADMIN).
 *
 * The kernel lists the sockets, one datagram for each wake-up, and each is
 * destroyed as it comes: a machine with many does not stop the event loop.
 */
#ifndef GW_SOCKDIAG_H
#define GW_SOCKDIAG_H

#include <event2/event.h>
#include <linux/inet_diag.h>
#include <netinet/in.h>
#include <netlink/msg.h>
#include <stdint.h>

/*
 * Opens the socket, before privileges are dropped.  A kernel that cannot is
 * no error until sockdiag_close_flows() is called.  Fatal if the event loop
 * does not take it.
 */
void	 sockdiag_open(struct event_base *);
void	 sockdiag_close(void);
/*
 * Closes TCP connections and connected UDP sockets whose source address is in
 * the prefix; their owners see ECONNABORTED.  Returns at once, the rest
 * follows by events; what goes wrong is logged.
 */
void	 sockdiag_close_flows(const struct in6_addr *, uint8_t len);

/* the identity of an IPv6 socket in an answer; 0, or -1 if there is none */
int	 sockdiag_parse(const struct nlmsghdr *, struct inet_diag_sockid *);

#endif
