/*
 * The model of a configuration: what SPEC calls [core], [health], [failover],
 * [tunnel.NAME], [exposure] and [port.NAME].  Filled by conf_parse() in the
 * parent; printed by conf_print().  A configuration is never changed in
 * place: a reload makes a new one.
 */
#ifndef GW_CONF_H
#define GW_CONF_H

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>

#include "log.h"
#include "salted.h"
#include "wgconf.h"

#define GW_CONF_FILE	"/etc/v6-gatewayd.conf"
/* where wg(8) and wireguard-go look for IFACE.sock: both fix it */
#define GW_UAPI_DIR	"/run/wireguard"
#define GW_NAME_SIZE	33	/* a tunnel's name: 32 characters and NUL */
#define GW_HOST_SIZE	256	/* a DNS name and NUL */
#define GW_TARGETS_MAX	8	/* probe targets */
#define GW_TUNNELS_MAX	4096
#define GW_PREFIXES_MAX	16	/* routed_prefix entries of one tunnel */
#define GW_PORTS_MAX	256	/* [port.NAME]; as many may come at run time */
#define GW_PORT_TEXT	128	/* a mapping's description and NUL */

enum gw_type {
	GW_HE_6IN4,
	GW_WIREGUARD,
	GW_EXTERNAL
};

enum gw_driver {
	GW_DRIVER_AUTO,
	GW_DRIVER_KERNEL,
	GW_DRIVER_USERSPACE
};

enum gw_log_to {
	GW_LOG_STDERR,
	GW_LOG_SYSLOG,
	GW_LOG_FILE
};

enum gw_default_route {
	GW_DEFAULT_YES,
	GW_DEFAULT_NO,
	GW_DEFAULT_IF_NONE
};

enum gw_mode {
	GW_MODE_PRIORITY,
	GW_MODE_LATENCY,
	GW_MODE_MANUAL
};

enum gw_flows {
	GW_FLOWS_DRAIN,
	GW_FLOWS_UNREACHABLE,
	GW_FLOWS_RESET
};

/* how a tunnel's IPv4 source address is found */
enum gw_local {
	GW_LOCAL_AUTO,		/* follow the route to the endpoint */
	GW_LOCAL_ANY,		/* 0.0.0.0 on the interface */
	GW_LOCAL_ADDR		/* gw_tunnel.local */
};

enum gw_family {
	GW_FAMILY_AUTO,
	GW_FAMILY_IPV6,
	GW_FAMILY_IPV4,
	GW_FAMILY_PREFER_IPV4
};

#define GW_EXPOSE_KERNEL	0x01
#define GW_EXPOSE_PROXY		0x02
#define GW_EXPOSE_SOCKS5	0x04
#define GW_EXPOSES		3	/* bits */

struct gw_prefix {
	struct in6_addr		 addr;
	uint8_t			 len;
};

/* a list of strings, for keys whose values the relay interprets */
struct gw_string {
	TAILQ_ENTRY(gw_string)	 entry;
	char			*text;
};
TAILQ_HEAD(gw_strings, gw_string);

struct gw_target {
	int			 gateway;	/* the tunnel's own gateway */
	struct in6_addr		 addr;		/* otherwise */
};

struct gw_health {
	uint32_t		 interval_ms;
	uint32_t		 standby_ms;
	uint32_t		 down_min_ms;
	uint32_t		 down_max_ms;
	struct gw_target	 targets[GW_TARGETS_MAX];
	uint32_t		 ntargets;
	uint32_t		 quorum;
	uint32_t		 window_ms;
	uint32_t		 loss_degraded;		/* percent */
	uint32_t		 latency_degraded_ms;
	uint32_t		 hold_min_ms;
	uint32_t		 hold_max_ms;
};

struct gw_failover {
	enum gw_mode		 mode;
	int			 preempt;
	enum gw_flows		 flows;
	uint32_t		 margin_percent;
	uint32_t		 margin_ms;
	uint32_t		 margin_hold_ms;
};

struct gw_tunnel {
	TAILQ_ENTRY(gw_tunnel)	 entry;
	uint32_t		 id;	/* stays with the name over reloads */
	char			 name[GW_NAME_SIZE];
	enum gw_type		 type;
	char			 iface[IFNAMSIZ];
	enum gw_driver		 driver;
	int			 enabled;
	uint32_t		 priority;
	char			 wan[IFNAMSIZ];	/* "": follow the route */
	char			 endpoint[GW_HOST_SIZE]; /* address or name */
	struct in_addr		 endpoint_addr;	/* INADDR_ANY: ask the DNS */
	enum gw_local		 local_mode;
	struct in_addr		 local;
	int			 has_address;
	struct in6_addr		 address;	/* ours, inside the prefix */
	uint8_t			 prefix_len;
	int			 has_gateway;	/* gateway can be probed */
	struct in6_addr		 gateway;	/* or its default; ::: none */
	struct gw_prefix	 routed[GW_PREFIXES_MAX];
	uint32_t		 nrouted;
	uint32_t		 mtu;		/* 0: auto */
	uint8_t			 ttl;
	uint32_t		 keepalive_ms;	/* 0: none */
	char			*wg_conf;	/* path */
	struct wg_conf		*wg;		/* what it says; its address
						 * and MTU are in force here */
	char			*tunnel_id;
	char			*username;
	char			*update_key_file;
};
TAILQ_HEAD(gw_tunnels, gw_tunnel);

enum gw_port_kind {
	GW_PORT_PUBLISH,	/* the tunnel's address to 127.0.0.1 */
	GW_PORT_FORWARD		/* 127.0.0.1 to a host by IPv6 */
};

struct gw_port {
	TAILQ_ENTRY(gw_port)	 entry;
	char			 name[GW_NAME_SIZE];
	int			 protocol;	/* IPPROTO_UDP, IPPROTO_TCP */
	enum gw_port_kind	 kind;
	uint16_t		 internal_port;	/* GW_PORT_PUBLISH */
	uint16_t		 external_port;
	int			 proxy_protocol; /* its version 2 */
	uint16_t		 listen_port;	/* GW_PORT_FORWARD */
	char			 remote[GW_HOST_SIZE];	/* address or name */
	uint16_t		 remote_port;
	char			 tunnel[GW_NAME_SIZE];	/* "": the active one */
	char			*description;
};
TAILQ_HEAD(gw_ports, gw_port);

/* how much one user may have of the relay */
struct gw_limits {
	uint32_t		 connections;
	uint32_t		 half_open;	/* of them, not through yet */
	uint32_t		 udp_associations;
	uint32_t		 new_per_second;
	uint32_t		 names_per_second;
	uint32_t		 bandwidth;	/* bytes a second, 0: any */
};

#define GW_USER_MAX	255	/* bytes of a user's name, of a password */
#define GW_USERS_MAX	1024

/* a line of password_file */
struct gw_user {
	TAILQ_ENTRY(gw_user)	 entry;
	char			 name[GW_USER_MAX + 1];
	struct salted		 password;
};
TAILQ_HEAD(gw_users, gw_user);

struct gw_exposure {
	uint32_t		 modes;		/* GW_EXPOSE_* */
	char			*socks_bind;	/* ADDR:PORT or unix:PATH */
	enum gw_family		 family;
	struct gw_strings	 rules;
	char			*upstream;
	struct gw_strings	 allow;
	struct gw_strings	 deny;
	char			*password_file;
	struct gw_users		 users;		/* what it says */
	uint32_t		 nusers;
	uint32_t		 attempt_delay_ms;	/* RFC 8305 */
	uint32_t		 resolution_delay_ms;
	uint32_t		 idle_ms;
	struct gw_limits	 limits;
	uint16_t		 udp_base_port;
	uint16_t		 tcp_base_port;
};

struct gw_conf {
	/* every file it was read from, the first being the main one */
	struct gw_strings	 files;

	enum log_level		 log_level;
	enum log_format		 log_format;
	enum gw_log_to		 log_to;
	char			*log_file;
	char			*state_dir;
	char			*run_dir;
	char			*user;
	char			*relay_user;
	char			*launcher_user;
	uint16_t		 api_port;
	struct sockaddr_storage	 api_bind;	/* with api_port */
	char			*api_socket;
	char			*api_token_file;
	char			*mcp_socket;
	char			*mcp_user;
	char			*mcp_group;
	char			*control_group;
	int			 keep_on_exit;
	uint32_t		 route_metric;
	enum gw_default_route	 default_route;

	struct gw_health	 health;
	struct gw_failover	 failover;
	struct gw_tunnels	 tunnels;
	uint32_t		 ntunnels;
	struct gw_exposure	 exposure;
	struct gw_ports		 ports;
};

/*
 * Called once for each error and each note, with a complete line without a
 * newline.  LL_ERROR: "FILE:LINE:COLUMN: what is wrong; what is allowed; did
 * you mean ...".  LL_INFO: "FILE:LINE:COLUMN: note: ..." about what is read
 * but has no effect; a configuration with notes is good.
 */
typedef void (*conf_report_fn)(void *arg, enum log_level, const char *line);

/*
 * Reads FILE, its includes and the wg-quick files of its tunnels.  Reports
 * every error there is, then returns NULL; otherwise a new configuration that
 * the caller frees with conf_free(), which wipes its keys.
 * Its tunnels are numbered from 1 in the order of the files; a reload gives
 * them their old ids.  Blocks on nothing but the disk.
 * With check_secrets, a file that holds or is a secret and that is not
 * root's, or that others may read, is an error, and so is an mcp_user or
 * mcp_group that this machine does not have.  Without, a wg-quick file that
 * cannot be read for want of permission is not: gw_tunnel.wg is NULL then.
 */
struct gw_conf	*conf_parse(const char *file, int check_secrets,
		    conf_report_fn, void *arg);
void		 conf_free(struct gw_conf *);

/*
 * Writes the whole configuration, defaults included, in a form that
 * conf_parse() reads back to the same model; 0, or -1 with errno.  No key
 * holds a secret itself, only names of files that do, so nothing is hidden.
 */
int		 conf_print(const struct gw_conf *, FILE *);

/* the configuration's own, or NULL */
struct gw_tunnel *conf_tunnel_name(const struct gw_conf *, const char *);
struct gw_tunnel *conf_tunnel_id(const struct gw_conf *, uint32_t);
/* nonzero if both describe the same tunnel in the same way (ids aside) */
int		 conf_tunnel_equal(const struct gw_tunnel *,
		    const struct gw_tunnel *);

/* the words of v6-gatewayd.conf(5): "he_6in4", "kernel", ... */
const char	*gw_type_name(enum gw_type);
const char	*gw_driver_name(enum gw_driver);
/* of the mode 1 << bit of GW_EXPOSE_*; NULL: there is none */
const char	*gw_expose_name(unsigned int bit);

#endif
