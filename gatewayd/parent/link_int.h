/*
 * What the files link*.c share.  Runs in the parent (CAP_NET_ADMIN,
 * CAP_NET_RAW).
 */
#ifndef GW_LINK_INT_H
#define GW_LINK_INT_H

#include <sys/queue.h>

#include "conf.h"
#include "iface.h"
#include "link.h"
#include "log.h"
#include "route.h"
#include "route4.h"
#include "wan.h"
#include "wire.h"
#include "wire_driver.h"
#include "wire_link.h"
#include "wire_probe.h"

#define LINK_ALIAS		"gatewayd:"	/* IFLA_IFALIAS, with NAME */

#define LINK_GATHER_MS		5	/* the events of one cause */
#define LINK_WAN_MS		200	/* for another way to the endpoint */
#define LINK_STORM_MS		1000	/* when repairs do not last */
#define LINK_NEVER		UINT64_MAX
#define LINK_PREFIXES_MAX	(GW_PREFIXES_MAX + 1)

/* why a tunnel is to be looked after, each with a time of its own */
enum link_due {
	DUE_REPAIR,
	DUE_LOST,		/* is there a way to the endpoint at all? */
	DUE_WAN,		/* is it another one? */
	DUE_RETRY,
	DUE_FINISH,
	DUE_COUNT
};

/* what events make doubtful: looked at when DUE_REPAIR has come */
#define SUSPECT_IFACE	0x01
#define SUSPECT_ADDR	0x02
#define SUSPECT_ROUTE	0x04
#define SUSPECT_PIN	0x08
#define SUSPECT_ALL	0x0f

/* a peer of the tunnel, the ends of whose outer packets it is */
struct link_peer {
	const char	*host;		/* of the configuration; "": none */
	struct in_addr	 fixed;		/* so in there; INADDR_ANY: a name */
	struct in_addr	 addr;		/* INADDR_ANY: not known yet */
	uint16_t	 port;		/* host byte order, 0: none */
	struct in_addr	 told;		/* the driver, INADDR_ANY: nothing */
	uint32_t	 query;		/* look-up under way, 0: none */
	int		 ask;		/* one is to be made, */
	uint64_t	 ask_at;	/* not before, monotonic ms */
	unsigned int	 fails;		/* in a row */
};

/* what there is at the launcher */
enum link_process {
	WG_IDLE,
	WG_TUN,				/* a TUN */
	WG_RUNS,			/* and wireguard-go */
	WG_STOPS			/* it is to end */
};

/* of type wireguard */
struct link_wg {
	int		 told;		/* the driver has our peers */
	int		 force;		/* endpoints, whatever it has found */
	struct in_addr	 local;		/* of the way then */
	/* userspace driver */
	enum link_process process;
	char		 iface[IFNAMSIZ];
	uint64_t	 started;	/* monotonic ms */
	int		 ready;		/* it has taken a configuration */
	struct uapi	*set;		/* under way */
	struct uapi	*get;
	uint64_t	 handshake;	/* as of the last answer */
	uint64_t	 asked_ms;	/* for it, monotonic */
	char		 failed[WIRE_REASON];
	unsigned int	 failures;	/* in a row */
};

struct gw_link {
	TAILQ_ENTRY(gw_link)	 entry;
	uint32_t		 id;
	const struct gw_tunnel	*conf;
	int			 wanted;	/* link_want() was called */
	enum want		 want;
	uint32_t		 mtu_limit;	/* of IPv6 packets, 0: none */
	int			 lost;		/* its flows cannot go on */
	int			 flows_due;	/* they are to be reset */
	int			 rejecting;	/* it has routes that refuse */
	uint64_t		 due[DUE_COUNT]; /* monotonic ms */
	unsigned int		 suspect;

	struct link_peer	*peers;		/* as in the configuration */
	size_t			 npeers;
	struct in_addr		 remote;	/* first known, ANY: none */
	uint16_t		 port;		/* there */
	char			 dns_error[WIRE_REASON];

	int			 wan_known;
	struct wan		 wan;
	struct route4_pin	*pins;		/* ours in the kernel */
	size_t			 npins;

	int			 ifindex;	/* 0: none */
	int			 foreign;	/* who is in the way, or 0 */
	enum gw_driver		 driver;	/* AUTO: not decided yet */
	struct iface_want	 iface;		/* not of external ones */
	uint32_t		 mtu6;		/* of IPv6; 0: not known yet */
	int			 up;		/* interface was found up */
	int			 fresh;		/* it was made a moment ago */
	int			 has_address;
	struct in6_addr		 address;
	uint8_t			 prefix_len;
	int			 default_lost;	/* its src may be gone */

	int			 tun_ifindex;	/* encap has a TUN for it */
	struct imsg_encap	 encap;		/* what encap was told */
	int			 raw;		/* it has a socket for that */
	uint32_t		 raw_underlay;	/* bound to it, 0: to none */
	struct link_wg		 wg;
	int			 probe_ifindex;	/* the prober's socket */
	struct in6_addr		 probe_source;
	struct imsg_probe_path	 probe_path;	/* what the prober was told */

	enum link_state		 state;
	char			 reason[WIRE_REASON];
	uint32_t		 retry_s;
	unsigned int		 fails;		/* in a row */
	uint64_t		 retry_at;	/* monotonic ms, 0: none */
	int			 settled;	/* differences are repairs */
	int			 repaired;	/* in this run */
	unsigned int		 repairs;	/* runs since repairs_at */
	uint64_t		 repairs_at;
	struct imsg_link	 told;
	int			 told_once;
	int			 owed;		/* a report, news or not */
};
TAILQ_HEAD(gw_links, gw_link);

/* link.c */
extern struct gw_links		 links;
extern struct event_base	*links_base;
extern const struct gw_conf	*links_conf;
extern const struct link_ops	*links_ops;
extern struct gw_link		*links_active;	/* as the engine wants it */

/* the one of that tunnel, of that interface; NULL: there is none */
struct gw_link	*link_find(uint32_t id);
struct gw_link	*link_by_ifindex(int ifindex);
/* nonzero if the tunnel is to have an interface, or a foreign one's routes */
int	 link_wanted(const struct gw_link *);
/* looks after the tunnel in delay ms, if not earlier anyway */
void	 link_schedule(struct gw_link *, enum link_due, uint64_t delay);
/* an event made these doubtful */
void	 link_suspect(struct gw_link *, unsigned int);
/* events were lost: everything is doubtful */
void	 link_resync(void);
/* sets the timer for what is due next */
void	 link_arm(void);
/* carries out what is wanted of the tunnel, and reports */
void	 link_reconcile(struct gw_link *, int report);
/*
 * Ends a run: state and sentence.  With retry, the next one comes by itself,
 * later each time; else an event brings it.  Returns -1.
 */
int	 link_stop(struct gw_link *, enum link_state, int retry,
	    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* one log line for what was put right; at first set-up, none */
void	 link_repaired(struct gw_link *, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));
/* forgets all that was in the kernel */
void	 link_forget(struct gw_link *);

/* what follows a run: the prober's socket, then the news */
void	 link_finish(struct gw_link *);
/* sends the tunnel's state if it is news, or in any case */
void	 link_report(struct gw_link *, int force);
/* "configuration carried out" is to be logged when all is there */
void	 link_conf_begin(void);
/* closes what link_init() opened */
void	 link_close(void);

/* link_name.c: takes the peers from a new configuration, which must still be
 * there beside the old one: what is known of a name stays known */
void	 link_peers(struct gw_link *);
/* the address of one peer at least; 0, or -1 after link_stop() */
int	 link_endpoint(struct gw_link *);
/* looks the names up again, each at most once in 5 s */
void	 link_ask_again(struct gw_link *);

/* link_endpoint.c: the way to the endpoint; 0, or -1 after link_stop() */
int	 link_wan(struct gw_link *);
/* nonzero if there is no way to the endpoint any more */
int	 link_wan_lost(struct gw_link *);
/* nonzero if the way to the endpoint is another than it was */
int	 link_wan_changed(struct gw_link *);
/* tells the prober which ICMPv4 errors are about the tunnel, if it is news;
 * remote INADDR_ANY: none any more */
void	 link_probe_path(struct gw_link *, const struct imsg_probe_path *);

/* link_pin.c: WireGuard with wan = IFACE */
int	 link_pinned(const struct gw_link *);
/* the host routes to its endpoints; 0, or -1 after link_stop() */
int	 link_pin(struct gw_link *);
void	 link_unpin(struct gw_link *);
/* nonzero if a route to dst/mask may lead to an endpoint of a pinned tunnel */
int	 link_pin_concerns(const struct gw_link *, struct in_addr dst,
	    uint32_t mask);
/* nonzero if this is the echo of a route that the tunnel has set */
int	 link_pin_echo(const struct gw_link *, const struct nlmsghdr *,
	    const struct rt_route *);
/* host routes of an earlier run that no tunnel needs: away with them */
void	 link_pin_sweep(void);

/* link_step.c: a tunnel of our own; 0 if all is there, -1 after link_stop() */
int	 link_step(struct gw_link *);
/* default, source routes, address, interface: away with what is ours */
void	 link_remove(struct gw_link *);
/* nonzero if this interface carries our alias, or is the one we made */
int	 link_ours(const struct gw_link *, const struct rt_link *);
/* nonzero if an interface of ours is as it has to be */
int	 link_iface_right(const struct gw_link *, const struct rt_link *);
/* nonzero if this address of the tunnel is not as it has to be */
int	 link_address_differs(const struct gw_link *,
	    const struct rt_ifaddr *);
/* a TUN could not be opened: -1 after link_stop(); 1: it exists already,
 * though it was to be made */
int	 link_tun_failed(struct gw_link *, int exists);
/* the prober's socket, if it needs another one; 0, or -1 */
int	 link_probe_sock(struct gw_link *);

/*
 * What a type of tunnel of our own has to itself; what is NULL is not needed.
 * Kernel driver: functions that return -1 with errno.  Userspace driver and
 * both: 0, or -1 after link_stop().
 */
struct link_type {
	const char	*kind;		/* of the kernel driver's interfaces */
	uint8_t		 protocol;	/* of the outer packets */
	uint32_t	 overhead;	/* bytes around an IPv6 packet */
	uint32_t	 mtu_max;	/* of mtu = auto */
	/* makes the interface; EOPNOTSUPP: the kernel has no driver; EEXIST:
	 * the name is taken, or taken() knows what is */
	int	(*create)(const struct iface_want *);
	int	(*taken)(struct gw_link *);
	/* nonzero if settings of that kind differ, and what, in words */
	int	(*differs)(const struct rt_link *, const struct iface_want *,
		    char *what, size_t);
	int	(*change)(int ifindex, const struct iface_want *);
	/* makes the userspace driver's interface; 1: the name is taken */
	int	(*make)(struct gw_link *);
	/* all that has to be done before the interface is set up */
	int	(*configure)(struct gw_link *);
	/* the interface is gone, or ours no more */
	void	(*forget)(struct gw_link *);
	/* the tunnel is down: look at what cannot be seen from outside */
	void	(*refresh)(struct gw_link *);
	/* adds to the interface's counters */
	void	(*sample)(struct gw_link *, struct imsg_stats *);
};
extern const struct link_type	 link_6in4;	/* link_6in4.c */
extern const struct link_type	 link_wg;	/* link_wg.c */
/* EADDRINUSE: somebody else listens on WireGuard's port; returns -1 */
int	 link_port_taken(struct gw_link *);
/* not for external ones */
#define link_type(l)	((l)->conf->type == GW_WIREGUARD ? &link_wg : \
			    &link_6in4)

/* link_external.c */
int	 link_external(struct gw_link *);

/* link_route.c: 0, or -1 after link_stop() */
int	 link_routes(struct gw_link *);
/* nonzero if the picture of the routes shows what is wanted, no more */
int	 link_routes_right(const struct gw_link *);
/* metric of the source-specific defaults; what refuses comes before them */
uint32_t link_source_metric(void);
int	 link_default_present(const struct gw_link *);
/* puts the plain default in place if it is to be this tunnel's: 1 if that
 * was news, 0 if there was nothing to do */
int	 link_default_put(struct gw_link *);
/* removes other plain defaults of ours; -1 with errno, and no link_stop() */
int	 link_default_alone(const struct gw_link *);
/* removes the tunnel's plain default if it is not to have one */
void	 link_default_drop(const struct gw_link *);
/* us: how long it took, 0: not said */
void	 link_default_log(const struct gw_link *, uint64_t us);
void	 link_routes_remove(struct gw_link *);
/* routes of protocol 201 whose interface is no tunnel's: away with them */
void	 link_routes_sweep(void);

/* link_fence.c: who may use the tunnels without [exposure] mode = kernel */
void	 link_fence_open(void);
void	 link_fence_close(void);
/* puts the rules right for the configuration; without one, none are left */
void	 link_fence(void);
/* an event made them doubtful */
void	 link_fence_suspect(void);

/* link_flows.c: [failover] flows */
/* its source prefixes (LINK_PREFIXES_MAX at most), whether or not it has an
 * interface now */
size_t	 link_prefixes(const struct gw_link *, struct gw_prefix *);
/* all that is to be done about the flows of a tunnel that is lost or not */
void	 link_flows(struct gw_link *);
/* nonzero if the picture of the routes shows that */
int	 link_flows_right(const struct gw_link *);
/* nonzero if this route refuses packets of the tunnel's */
int	 link_flows_concern(const struct gw_link *, const struct rt_route *);
/* takes away what refuses packets, before the prefixes change or at the end */
void	 link_flows_clear(struct gw_link *);

/* link_switch.c: what the active tunnel has and others have not */
/* the preferred lifetime that the tunnel's address has to have */
uint32_t link_preferred(const struct gw_link *);
/* the short way of a switch, from old, which may be NULL: 0, or -1 if it
 * takes an ordinary run */
int	 link_switch(struct gw_link *, struct gw_link *old);
/* after a run that stopped early: takes away what must not be there */
void	 link_retreat(struct gw_link *);

/* link_event.c */
/* reads events; at most as many as one wake-up may cost */
void	 link_event_drain(void);
void	 link_event_read(int fd, short what, void *arg);

#endif
