/*
 * The kernel's side of the tunnels: interfaces, addresses, routes, and the
 * sockets the prober and encap work with.
 *
 * Runs in the parent (CAP_NET_ADMIN, CAP_NET_RAW).  It is told what is wanted
 * for each tunnel and keeps the kernel that way: it reads rtnetlink events and
 * puts right what differs.  All requests are synchronous rtnetlink exchanges,
 * which the kernel answers before sendmsg(2) returns; nothing here waits.
 */
#ifndef GW_LINK_H
#define GW_LINK_H

#include <event2/event.h>
#include <netinet/in.h>
#include <stdint.h>

#include "conf.h"
#include "wire_driver.h"
#include "wire_link.h"
#include "wire_probe.h"
#include "wire_resolve.h"

/* what the link layer asks of the rest of the parent */
struct link_ops {
	/* the state of a tunnel's link changed, or a want was carried out */
	void	(*state)(uint32_t id, const struct imsg_link *);
	/* a raw ICMPv6 socket, filtered, bound and locked; fd is handed over */
	void	(*probe_sock)(uint32_t id, int fd,
		    const struct imsg_probe_sock *);
	/* which ICMPv4 errors are about it; remote INADDR_ANY: none now */
	void	(*probe_path)(uint32_t id, const struct imsg_probe_path *);
	/* the userspace driver: parameters, then TUN, then raw socket */
	void	(*encap_set)(uint32_t id, const struct imsg_encap *);
	void	(*encap_tun)(uint32_t id, int fd,
		    const struct imsg_encap_tun *);
	void	(*encap_raw)(uint32_t id, int fd);
	void	(*encap_del)(uint32_t id);
	/*
	 * Userspace WireGuard: the TUN, then the listening UAPI socket, which
	 * starts wireguard-go; descriptors are handed over.  For each
	 * launch_uapi there is one link_launch_exited(), after a launch_stop
	 * too: only then may the TUN be opened again.
	 */
	void	(*launch_tun)(uint32_t id, int fd, const char *iface);
	void	(*launch_uapi)(uint32_t id, int fd);
	void	(*launch_stop)(uint32_t id);
	/* look the name up; the answer comes by link_resolved(), with the
	 * number of the query */
	void	(*resolve)(uint32_t id, uint32_t query, const char *name);
};

/*
 * Opens the netlink sockets and subscribes.  Called before privileges are
 * dropped; ops stays the caller's and must live as long.  Fatal on failure.
 */
void	 link_init(struct event_base *, const struct link_ops *);
/*
 * Takes over a configuration, which must live until the next call.  Tunnels
 * that left it are removed; tunnels that did not change (conf_tunnel_equal)
 * are not touched; the others are brought to their new form in place where
 * the kernel can.  At the first call, interfaces whose alias is
 * "gatewayd:NAME" and whose NAME is gone are removed.
 */
void	 link_conf(const struct gw_conf *);
/* nonzero if the tunnel's plain default is in the kernel: for adoption */
int	 link_has_default(uint32_t id);
/* the engine's wish, already checked; ops->state() follows, perhaps at once */
void	 link_want(uint32_t id, const struct imsg_want *);
/* the resolver's answer, checked here (addr4_endpoint_error) */
void	 link_resolved(uint32_t id, const struct imsg_resolved *);
/* wireguard-go of that tunnel ended, or could not be started */
void	 link_launch_exited(uint32_t id, const struct imsg_launch_exited *);
/*
 * The tunnel is down, or WireGuard's last handshake is old: looks the
 * endpoint's name up again, at most once in 5 s, and what the driver has is
 * compared with the configuration.
 */
void	 link_refresh(uint32_t id);
/* the address that the tunnel has, or is to have; 0, or -1: none is known */
int	 link_address(uint32_t id, struct in6_addr *);
/* the interface's counters; 0, or -1 if there is no interface */
int	 link_sample(uint32_t id, struct imsg_stats *);
/*
 * The end: removes default, source routes, address and interface of every
 * tunnel that is ours, unless keep; closes the sockets.
 */
void	 link_shutdown(int keep);

#endif
