/*
 * rtnetlink transport: one socket for requests, one for events (netlink(7),
 * rtnetlink(7)).  Runs in the parent (CAP_NET_ADMIN).
 *
 * A request is answered by the kernel before sendmsg(2) returns, so reading
 * the answer never waits; the sockets are non-blocking all the same.
 */
#ifndef GW_RTSOCK_H
#define GW_RTSOCK_H

#include <netlink/msg.h>
#include <stdint.h>

#define RTPROT_GATEWAYD	201	/* rtm_protocol and IFA_PROTO of ours */

/* one message that answers a request; called before rtsock_request() returns */
typedef void (*rtsock_fn)(const struct nlmsghdr *, void *arg);

/* opens both sockets; 0, or -1 with errno */
int	 rtsock_open(void);
void	 rtsock_close(void);

/* a message with room for what follows a link, address or route; fatal if
 * there is no memory */
struct nl_msg *rtsock_msg_new(uint16_t type, int flags);
/* appends; fatal if the message is full, which ours cannot be */
void	 rtsock_put(struct nl_msg *, int attr, const void *, size_t);
void	 rtsock_put_u8(struct nl_msg *, int attr, uint8_t);
void	 rtsock_put_u32(struct nl_msg *, int attr, uint32_t);
/* the family header of the message: len bytes, zeroed */
void	*rtsock_header(struct nl_msg *, size_t len);

/*
 * Sends the message, which it frees, and gives every answer to fn (which may
 * be NULL, and must not make a request itself).  A dump (NLM_F_DUMP) runs to
 * its end.  0, or -1 with errno; then
 * rtsock_error() says it in words.  A dump that the kernel interrupted
 * (NLM_F_DUMP_INTR) is EINTR: repeat it.
 */
int	 rtsock_request(struct nl_msg *, rtsock_fn, void *arg);
/* the last error: the kernel's own text (NLMSGERR_ATTR_MSG) or strerror(3) */
const char *rtsock_error(void);

/* the event socket, for an event loop */
int	 rtsock_event_fd(void);
/*
 * Gives at most max events to fn.  1 if there may be more, 0 if there are
 * none, -1 if the kernel dropped some (ENOBUFS): read on, then dump anew.
 */
int	 rtsock_event_read(int max, rtsock_fn, void *arg);

#endif
