/*
 * netlink transport (netlink(7)), the same for every protocol: building
 * messages, requests, events.  For the parent (CAP_NET_ADMIN), and for those
 * who only read: the doctor and gatewayctl.
 *
 * A request is answered by the kernel before sendmsg(2) returns, so reading
 * the answer never waits; the sockets are non-blocking all the same.
 */
#ifndef GW_NLSOCK_H
#define GW_NLSOCK_H

#include <netlink/msg.h>
#include <netlink/socket.h>
#include <stddef.h>
#include <stdint.h>

struct nlsock {
	struct nl_sock	*sk;		/* NULL: not open */
	int		 secret;	/* messages hold keys: wipe them */
};

/* one message; called before the function that it was given to returns */
typedef void (*nlsock_fn)(const struct nlmsghdr *, void *arg);

/* opens a socket of that protocol (NETLINK_*); 0, or -1 with errno */
int	 nlsock_open(struct nlsock *, int protocol, int secret);
/* leaves errno as it is; the socket need not be open */
void	 nlsock_close(struct nlsock *);
int	 nlsock_fd(const struct nlsock *);

/* a message with room for size bytes; fatal if there is no memory */
struct nl_msg *nlsock_msg_new(size_t size, uint16_t type, int flags);
/* appends; fatal if the message is full, which ours cannot be */
void	 nlsock_put(struct nl_msg *, int attr, const void *, size_t);
void	 nlsock_put_u8(struct nl_msg *, int attr, uint8_t);
void	 nlsock_put_u32(struct nl_msg *, int attr, uint32_t);
/* the family header of the message: len bytes, zeroed */
void	*nlsock_header(struct nl_msg *, size_t len);

/*
 * Sends the message, which it frees, and gives every answer to fn (which may
 * be NULL, and must not make a request itself).  A dump (NLM_F_DUMP) runs to
 * its end.  0, or -1 with errno; then nlsock_error() says it in words.  A
 * dump that the kernel interrupted (NLM_F_DUMP_INTR) is EINTR: repeat it.
 */
int	 nlsock_request(struct nlsock *, struct nl_msg *, nlsock_fn,
	    void *arg);
/*
 * The same in two halves, for a dump too large for one turn of the event loop.
 * nlsock_send() frees the message and waits for nothing: its sequence number,
 * or 0 with errno.  nlsock_read() gives every message of one datagram to fn,
 * those of netlink itself (NLMSG_DONE, NLMSG_ERROR) as well: 1, 0 if there is
 * none, or -1 with errno.
 */
uint32_t nlsock_send(struct nlsock *, struct nl_msg *);
int	 nlsock_read(struct nlsock *, nlsock_fn, void *arg);
/* the errno of an NLMSG_ERROR or NLMSG_DONE, 0: it went well */
int	 nlsock_result(const struct nlmsghdr *);
/* the last error: the kernel's own text (NLMSGERR_ATTR_MSG) or strerror(3) */
const char *nlsock_error(void);

/*
 * Gives at most max events to fn.  1 if there may be more, 0 if there are
 * none, -1 if the kernel dropped some (ENOBUFS): read on, then dump anew.
 */
int	 nlsock_events(struct nlsock *, int max, nlsock_fn, void *arg);

#endif
