/*
 * Userspace WireGuard's configuration protocol
 * (https://www.wireguard.com/xplatform/): the socket that wireguard-go serves
 * and the client of it.
 *
 * Runs in the parent (root, three capabilities).  The other end of the socket
 * is a process with CAP_NET_ADMIN and no other right: its answers are hostile
 * input.
 */
#ifndef GW_UAPI_H
#define GW_UAPI_H

#include <event2/event.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "wgconf.h"
#include "wire_driver.h"

/* makes GW_UAPI_DIR; called before privileges are dropped.  If that is not
 * possible the log says why, and uapi_open() will say it again */
void	 uapi_init(void);
/*
 * The listening socket of an interface, for LAUNCH_UAPI; one that a dead
 * process left is replaced.  Mode 0644: wireguard-go has to see it, and only
 * root may connect.  The descriptor is the caller's and close-on-exec; -1
 * with a sentence in reason.
 */
int	 uapi_open(const char *iface, char *reason, size_t size);
/* removes the socket from the file system; who serves it ends by itself */
void	 uapi_remove(const char *iface);

/* summed over the peers */
struct uapi_status {
	uint64_t	 handshake;	/* Unix seconds of the last one, or 0 */
	uint64_t	 rx_bytes;
	uint64_t	 tx_bytes;
};

/*
 * The end of an exchange.  error: 0; what wireguard-go answered (EINVAL,
 * EADDRINUSE, ...); ETIMEDOUT; EPROTO if the answer was malformed or too long;
 * ECONNREFUSED or ENOENT if nobody listens; ECONNRESET if it closed instead.
 * The status is all 0 but after uapi_get() with error 0; it is the callee's
 * until it returns.
 */
typedef void (*uapi_fn)(void *arg, int error, const struct uapi_status *);

/*
 * One exchange with wireguard-go.  fn is called exactly once, from the event
 * loop and never from inside these, at most 5 s later, and the exchange is
 * freed before that; uapi_cancel() frees it without a call.  The
 * configuration, keys and all, is copied into the request at once and wiped
 * when it is sent.  Never NULL.
 *
 * Until wireguard-go runs, the request waits in the socket's queue.  When it
 * starts it sets the interface's MTU to 1420: what is said about the MTU
 * before the first answer is lost.
 */
struct uapi;

/*
 * The whole configuration, in place of what it has: sessions end.  endpoints:
 * one for each peer, in the order of the list; INADDR_ANY: none.
 */
struct uapi	*uapi_set(struct event_base *, const char *iface,
		    const struct wg_conf *, const struct in_addr *endpoints,
		    uapi_fn fn, void *arg);
/* only the endpoints of the peers that have one: sessions go on */
struct uapi	*uapi_set_endpoints(struct event_base *, const char *iface,
		    const struct wg_conf *, const struct in_addr *endpoints,
		    uapi_fn fn, void *arg);
/* asks for handshakes and counters */
struct uapi	*uapi_get(struct event_base *, const char *iface, uapi_fn fn,
		    void *arg);
void		 uapi_cancel(struct uapi *);

/* why wireguard-go does not run, in a sentence that says what to do */
void		 uapi_exit_text(const struct imsg_launch_exited *,
		    char *reason, size_t size);

#endif
