/*
 * The payloads of the messages in messages.def.
 *
 * Fixed widths, no pointers, no implicit padding: every struct is memset
 * before it is filled, and its size is asserted below.  Strings end in a NUL
 * inside their array; the receiver checks that with wire_string().
 * Addresses are in network byte order, times are Unix seconds.
 */
#ifndef GW_WIRE_H
#define GW_WIRE_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

#include "conf.h"
#include "histogram.h"
#include "relaystat.h"

#define WIRE_CHUNK	8192	/* largest piece of a text or document */
#define WIRE_STATE_MAX	(2 * 1024 * 1024) /* STATE_LOAD, STATE_SAVE in all */
#define WIRE_PORTS_MAX	(256 * 1024)	/* PORTS_LOAD, PORTS_SAVE in all */
#define WIRE_DOCTOR_MAX	(1024 * 1024)	/* DOCTOR_TEXT in all */
#define WIRE_REASON	160	/* a sentence and NUL */
#define WIRE_LOG_TEXT	1024	/* a log record's message at most */
#define WIRE_LINE	1024	/* a rule of the relay at most */
#define WIRE_ADDRS	16	/* of a name, in one family */
#define WIRE_ALL	UINT32_MAX	/* every process */

/* nonzero if the array holds a NUL-terminated string */
#define wire_string(a)	(memchr((a), '\0', sizeof(a)) != NULL)

/* SOCKET_PEER: the descriptor leads to this process; PROC_STAT: it is its
 * /proc/PID/stat */
struct imsg_peer {
	uint32_t	proc;		/* enum gw_proc */
};

/* LOG_LEVEL, PROC_LEVEL: of one process; SET_LEVEL, CTL_LOG: or WIRE_ALL */
struct imsg_level {
	uint32_t	level;		/* enum log_level */
	uint32_t	proc;		/* enum gw_proc */
};

/* a log record; its message follows, without NUL */
struct imsg_log {
	uint64_t	time;
	uint32_t	level;		/* enum log_level */
	uint32_t	proc;		/* enum gw_proc, stamped by the parent */
	uint32_t	dropped;	/* that process's records before it */
	char		tunnel[GW_NAME_SIZE];	/* "": none */
	char		pad[3];
};

enum api_token {
	API_TOKEN_NONE,			/* there is none */
	API_TOKEN_CHANGES,		/* its holder may change things */
	API_TOKEN_ALL			/* nobody else may read, over TCP */
};

struct imsg_conf {
	/* for the engine */
	uint32_t	interval_ms;
	uint32_t	standby_ms;
	uint32_t	down_min_ms;
	uint32_t	down_max_ms;
	uint32_t	window_ms;
	uint32_t	quorum;
	uint32_t	loss_degraded;	/* percent */
	uint32_t	latency_degraded_ms;
	uint32_t	hold_min_ms;
	uint32_t	hold_max_ms;
	uint32_t	mode;		/* enum gw_mode */
	uint32_t	preempt;
	uint32_t	margin_percent;	/* mode latency */
	uint32_t	margin_ms;
	uint32_t	margin_hold_ms;
	uint32_t	ntargets;
	struct in6_addr	targets[GW_TARGETS_MAX]; /* ::: the gateway */
	/* for the frontend */
	uint32_t	control_gid;	/* UINT32_MAX: none */
	uint16_t	api_port;	/* host byte order */
	uint8_t		api_family;	/* AF_INET, AF_INET6 */
	uint8_t		api_token;	/* enum api_token */
	struct in6_addr	api_addr;	/* IPv4 in the first four bytes */
	uint32_t	exposure;	/* GW_EXPOSE_* */
	uint32_t	pad;
	uint64_t	loaded_at;
	char		source[256];	/* path of the main file */
	char		socks_bind[128];
};

/* one [tunnel.NAME], in the order of the file */
struct imsg_tunnel {
	uint32_t	id;
	uint32_t	type;		/* enum gw_type */
	uint32_t	priority;
	uint32_t	keepalive_ms;
	uint8_t		enabled;
	uint8_t		was_active;	/* its default was in place at start */
	uint8_t		changed;	/* since the last configuration */
	uint8_t		prefix_len;
	uint8_t		has_address;
	uint8_t		has_gateway;	/* a gateway that can be probed */
	uint8_t		pad[2];
	struct in6_addr	address;
	struct in6_addr	gateway;
	char		name[GW_NAME_SIZE];
	char		iface[IFNAMSIZ];
	char		pad2[7];
};

/* who, besides root, may change things: the members of control_group, without
 * the daemon's own users */
#define WIRE_UIDS	256

struct imsg_uids {
	uint32_t	count;
	uint32_t	uids[WIRE_UIDS];
};

/* the API's bearer token, never in clear below the parent */
struct imsg_token {
	struct salted	token;
};

enum listener {
	LISTENER_HTTP,			/* TCP */
	LISTENER_API,			/* AF_UNIX, HTTP */
	LISTENER_CONTROL,		/* AF_UNIX, imsg */
	LISTENER_MCP,			/* AF_UNIX, lines of JSON-RPC */
	LISTENER_SOCKS			/* TCP or AF_UNIX; the relay's */
};

struct imsg_listener {
	uint32_t	kind;		/* enum listener */
};

/* what the relay is to do; RELAY_LINE carries its lists */
struct imsg_relay_conf {
	uint32_t	modes;		/* GW_EXPOSE_* */
	uint32_t	family;		/* enum gw_family */
	uint32_t	auth;		/* TCP clients have to log in */
	uint32_t	attempt_delay_ms;
	uint32_t	resolution_delay_ms;
	uint32_t	idle_ms;
	struct gw_limits limits;
	uint16_t	udp_base_port;
	uint16_t	tcp_base_port;
	uint16_t	own_ports[2];	/* of our TCP listeners, 0: none */
};

enum relay_line {
	RELAY_RULE,
	RELAY_ALLOW,
	RELAY_DENY,
	RELAY_SERVER,			/* upstream */
	RELAY_LINES
};

/* its text follows, without NUL */
struct imsg_relay_line {
	uint32_t	kind;		/* enum relay_line */
};

/* who may log in; below the parent nobody has the password in clear */
struct imsg_relay_user {
	struct salted	password;
	char		name[GW_USER_MAX + 1];
};

struct imsg_relay_way {
	struct in6_addr	source;		/* connections are bound to it */
	uint8_t		usable;
	uint8_t		active;
	char		name[GW_NAME_SIZE];
	char		pad;
	/* the path below it: another one may work where this one does not */
	uint32_t	ifindex;
	struct in_addr	local;
	struct in_addr	remote;
};

struct imsg_lookup {
	uint16_t	family;		/* AF_INET, AF_INET6 */
	uint16_t	fresh;		/* what was learnt before does not do */
	char		name[GW_HOST_SIZE];
};

struct imsg_looked_up {
	uint32_t	error;		/* 0, or ARES_* */
	uint32_t	ttl;		/* seconds */
	uint32_t	naddrs;
	struct in6_addr	addrs[WIRE_ADDRS]; /* IPv4 in the first four bytes */
};

enum want {
	WANT_ABSENT,			/* no interface */
	WANT_PRESENT,			/* interface, address, source default */
	WANT_ACTIVE			/* and the plain default */
};

struct imsg_want {
	uint32_t	want;		/* enum want */
	uint32_t	mtu;		/* IPv6 packets at most, 0: any */
	uint8_t		lost;		/* it is down and another one carries
					 * the traffic: [failover] flows */
	uint8_t		pad[3];
};

enum link_state {
	LINK_ABSENT,			/* as wanted */
	LINK_SETUP,			/* a program behind it is started */
	LINK_WAIT_WAN,			/* no IPv4 route to the endpoint */
	LINK_WAIT_DNS,			/* the endpoint's name is looked up */
	LINK_READY,			/* all that is wanted is in place */
	LINK_DOWN,			/* external: missing or down */
	LINK_ERROR			/* reason says what is wrong */
};

struct imsg_link {
	uint32_t	state;		/* enum link_state */
	uint32_t	want;		/* what was wanted then */
	uint32_t	ifindex;
	uint32_t	mtu;		/* of IPv6, with the limit of WANT */
	uint32_t	mtu_max;	/* of the interface */
	uint32_t	driver;		/* enum gw_driver, AUTO: unknown yet */
	uint32_t	retry_s;	/* LINK_ERROR: next try; 0: on change */
	uint8_t		default_route;	/* our plain default is in place */
	uint8_t		mtu_fixed;	/* the configuration says how much */
	uint8_t		pad[2];
	struct in_addr	local;
	struct in_addr	remote;
	struct in6_addr	address;	/* external: found on the interface */
	uint8_t		has_address;
	uint8_t		prefix_len;
	char		reason[WIRE_REASON];
	char		pad2[6];
};

struct imsg_stats {
	uint64_t	rx_bytes;
	uint64_t	tx_bytes;
	uint64_t	rx_packets;
	uint64_t	tx_packets;
	uint64_t	rx_errors;
	uint64_t	tx_errors;
	uint64_t	handshake;	/* WireGuard's last one, 0: none */
};

enum admin_verb {
	ADMIN_UP,
	ADMIN_DOWN,
	ADMIN_RESTART,
	ADMIN_PREFER,
	ADMIN_UNPREFER
};

struct imsg_admin {
	uint32_t	tunnel;
	uint32_t	verb;		/* enum admin_verb */
};

/* 0 or an errno value: ENOENT, EPERM, EBUSY, EALREADY, EINVAL, ... */
struct imsg_result {
	uint32_t	error;
};

struct imsg_probe_sock {
	struct in6_addr	source;
	uint32_t	ifindex;
};

/* the outer way: which ICMPv4 errors are about this tunnel */
struct imsg_probe_path {
	struct in_addr	local;		/* INADDR_ANY: any of ours */
	struct in_addr	remote;
	uint8_t		protocol;	/* IPPROTO_IPV6 or IPPROTO_UDP */
	uint8_t		pad;
	uint16_t	port;		/* UDP: of remote, host byte order */
};

struct imsg_probe_set {
	uint32_t	interval_ms;
	uint32_t	window_ms;
	uint32_t	ntargets;
	struct in6_addr	targets[GW_TARGETS_MAX];
};

struct imsg_probe_burst {
	uint32_t	count;		/* probes to each target */
	uint32_t	gap_ms;
};

enum probe_outcome {
	PROBE_REPLY,
	PROBE_TIMEOUT,
	PROBE_ERROR,			/* the kernel or a router refused it */
	PROBE_LATE			/* answered after its PROBE_TIMEOUT */
};

struct imsg_probe_result {
	uint32_t	outcome;	/* enum probe_outcome */
	uint32_t	target;		/* index in the set */
	uint32_t	error;		/* PROBE_ERROR: errno */
	uint32_t	burst;		/* it belonged to a burst */
	uint32_t	rtt_us;		/* PROBE_REPLY, PROBE_LATE */
	/* the window; WIRE_UNKNOWN for times nobody knows yet */
	uint32_t	sent;
	uint32_t	lost;
	uint32_t	avg_us;
	uint32_t	p95_us;
	uint32_t	jitter_us;
	/* PROBE_ERROR: an ICMPv4 error from there quotes the whole probe */
	struct in_addr	refuser;	/* INADDR_ANY: none */
	uint32_t	pad;
	uint64_t	time;		/* Unix seconds */
};

/* an ICMPv4 error that anybody may have sent: a reason to ask, no more */
struct imsg_probe_hint {
	struct in_addr	from;
	uint8_t		type;
	uint8_t		code;
	uint8_t		pad[2];
};

struct imsg_pmtu_start {
	uint32_t	max;		/* bytes of IPv6 packet to try up to */
};

struct imsg_pmtu_result {
	uint32_t	mtu;		/* what went through, 0: not even 1280 */
	uint32_t	max;		/* as asked */
	uint32_t	told;		/* something said "packet too big" */
};

struct imsg_encap {
	struct in_addr	local;
	struct in_addr	remote;
	struct in6_addr	address;	/* ours, source of what we report */
	uint32_t	mtu;
	uint8_t		ttl;
	uint8_t		nprefixes;	/* sources we may send from */
	uint8_t		pad[2];
	struct in6_addr	prefixes[GW_PREFIXES_MAX + 1];
	uint8_t		lens[GW_PREFIXES_MAX + 1];
	char		name[GW_NAME_SIZE];
	char		pad2[2];
};

struct imsg_encap_tun {
	uint32_t	offloads;	/* TUN_F_* in force on the queue */
};

/* the TUN interface wireguard-go is to serve */
struct imsg_launch_tun {
	char		iface[IFNAMSIZ];
};

enum launch_end {
	LAUNCH_MISSING,			/* it is not installed */
	LAUNCH_FAILED,			/* status: errno of fork(2) and such */
	LAUNCH_ENDED			/* status: as of waitpid(2) */
};

struct imsg_launch_exited {
	uint32_t	end;		/* enum launch_end */
	uint32_t	status;
};

/* a tunnel may have several peers: the number tells the answers apart */
struct imsg_resolve {
	uint32_t	query;
	char		name[GW_HOST_SIZE];
};

struct imsg_resolved {
	uint32_t	query;		/* as asked */
	uint32_t	error;		/* 0, or ARES_* */
	uint32_t	ttl;		/* seconds */
	uint32_t	naddrs;
	struct in_addr	addrs[8];
	char		reason[WIRE_REASON];
};

/* PORT_CONF: a [port.NAME]; PORT_ADD: one that is to be made */
struct imsg_port {
	uint8_t		protocol;	/* IPPROTO_UDP, IPPROTO_TCP */
	uint8_t		kind;		/* enum gw_port_kind */
	uint8_t		proxy_protocol;	/* its version: 0 (none) or 2 */
	uint8_t		fixed;		/* of the configuration */
	/* external_port or listen_port, and internal_port or the remote's; 0
	 * in PORT_ADD: any that is free.  Host byte order. */
	uint16_t	port;
	uint16_t	target_port;
	char		tunnel[GW_NAME_SIZE];	/* "": the active one */
	char		host[GW_HOST_SIZE];	/* forwarded: address or name */
	char		description[GW_PORT_TEXT];
	char		pad[7];
};

struct imsg_port_key {
	uint16_t	port;
	uint8_t		protocol;
	uint8_t		pad;
};

/*
 * PORT_ADD: 0, and the mapping as it is, which was there already if it is the
 * same; EINVAL (no such mapping can be), EEXIST (the port is another
 * mapping's), EADDRINUSE (another program's), EADDRNOTAVAIL (no port is free),
 * EACCES (below 1024), ELOOP (it would lead to a listener of ours), ENODEV
 * (there is no such tunnel), ENOSPC (there are too many), EBUSY (the same is
 * being made).
 * PORT_DEL: 0, ENOENT, EPERM (it is the configuration's).
 */
struct imsg_port_result {
	uint32_t	error;
	struct imsg_port port;
};

enum port_state {
	PORT_WAITING,			/* for a tunnel, or its socket */
	PORT_ACTIVE,
	PORT_FAILED,			/* reason says why; it is tried again */
	PORT_DRAINING			/* deleted; what is open goes on */
};

struct imsg_port_status {
	uint64_t	rx_bytes;	/* that came by IPv6 */
	uint64_t	tx_bytes;
	uint64_t	total;		/* sessions so far */
	uint64_t	refused;	/* connections or datagrams */
	uint32_t	sessions;	/* at present */
	uint32_t	state;		/* enum port_state */
	uint32_t	tunnel;		/* in use, WIRE_UNKNOWN: none */
	uint32_t	pad;
	struct imsg_port port;
	char		reason[WIRE_REASON];
};

/* the address comes from the parent's configuration */
struct imsg_listen {
	uint32_t	tunnel;		/* published; else 0 */
	uint16_t	port;		/* host byte order */
	uint8_t		protocol;	/* IPPROTO_UDP, IPPROTO_TCP */
	uint8_t		kind;		/* enum gw_port_kind */
};

/* the fine state of a tunnel */
enum tunnel_state {
	TS_DISABLED,
	TS_WAIT_WAN,
	TS_WAIT_DNS,
	TS_CONFIGURING,
	TS_PROBING,
	TS_UP,
	TS_DEGRADED,
	TS_SUSPECT,
	TS_DOWN,
	TS_RECOVERING,
	TS_ERROR
};

enum tunnel_role {
	ROLE_STANDBY,
	ROLE_ACTIVE,
	ROLE_DRAINING
};

#define WIRE_UNKNOWN	UINT32_MAX	/* no value yet: null in JSON */

/* what only rises, from 0 when the tunnel came */
struct imsg_counters {
	uint64_t	rx_packets;
	uint64_t	tx_packets;
	uint64_t	rx_errors;
	uint64_t	tx_errors;
	uint64_t	probes[PROBE_LATE + 1];	/* by outcome */
	struct histogram rtt;		/* of answers, late ones as well */
};

struct imsg_status {
	uint32_t	order;		/* place in the configuration */
	uint32_t	state;		/* enum tunnel_state */
	uint32_t	role;		/* enum tunnel_role */
	uint32_t	transitions;	/* changes of state so far */
	uint32_t	rtt_us;		/* WIRE_UNKNOWN if not reachable */
	uint32_t	avg_us;
	uint32_t	p95_us;
	uint32_t	jitter_us;
	uint32_t	sent;		/* in the window */
	uint32_t	lost;
	uint32_t	switches;	/* times it became the active one */
	uint32_t	pmtu;		/* as probed, 0: not yet */
	uint8_t		preferred;	/* by an operator */
	uint8_t		black_hole;	/* above pmtu packets vanish unsaid */
	uint8_t		pad[6];
	uint64_t	since;
	uint64_t	last_check;	/* 0: never */
	uint64_t	rx_bytes;	/* beyond restarts of the daemon */
	uint64_t	tx_bytes;
	uint64_t	retry_at;	/* 0: none */
	uint64_t	hold_until;	/* recovering: 0: it is not held */
	uint64_t	handshake;	/* WireGuard, 0: none */
	struct imsg_counters counters;
	struct imsg_link link;
	char		reason[WIRE_REASON];
	char		last_error[WIRE_REASON];
};

enum health_status {
	HEALTH_STARTING,
	HEALTH_OK,
	HEALTH_DEGRADED,
	HEALTH_DOWN
};

struct imsg_health {
	uint32_t	status;		/* enum health_status */
	uint32_t	latency_us;	/* WIRE_UNKNOWN if not reachable */
	uint32_t	active_tunnels;
	uint32_t	active;		/* the active one's id, WIRE_UNKNOWN */
	uint64_t	last_check;	/* 0: never */
};

enum failover_cause {
	FAILOVER_FAILURE,		/* the one before carries nothing */
	FAILOVER_RECOVERY,		/* there was none before */
	FAILOVER_PRIORITY,		/* a better one is back */
	FAILOVER_LATENCY,		/* a faster one */
	FAILOVER_OPERATOR,		/* prefers another, or took it down */
	FAILOVER_CAUSES
};

/* the default route moved */
struct imsg_failover {
	uint32_t	from;		/* tunnels, WIRE_UNKNOWN: none */
	uint32_t	to;
	uint32_t	cause;		/* enum failover_cause */
	uint32_t	pad;
	uint64_t	time;
	char		reason[WIRE_REASON];
};

/* after a failure: from the old tunnel's last answer until the kernel had the
 * new default route */
struct imsg_outage {
	uint32_t	ms;
};

/* TRACE: connect to it, and tell what happened */
enum trace_families {
	TRACE_POLICY,			/* those that the rules say */
	TRACE_IPV6,			/* one alone, to its end */
	TRACE_IPV4
};

struct imsg_trace {
	uint32_t	uid;		/* who asks */
	uint16_t	port;		/* host byte order */
	uint8_t		families;	/* enum trace_families */
	uint8_t		pad;
	char		host[GW_HOST_SIZE];	/* an address or a name */
};

/* one look-up: AAAA, then A; not of an address */
enum trace_asked {
	TRACE_NOT_ASKED,
	TRACE_UNANSWERED,		/* by the end */
	TRACE_ANSWERED
};

#define WIRE_RECORDS	16

struct imsg_trace_query {
	uint32_t	asked;		/* enum trace_asked */
	uint32_t	ms;		/* until the answer */
	uint32_t	error;		/* 0, or ARES_* */
	uint32_t	ttl;		/* seconds */
	uint8_t		family;		/* 4 or 6 */
	uint8_t		nrecords;
	uint8_t		pad[2];
	struct in6_addr	records[WIRE_RECORDS];	/* IPv4: four bytes */
};

enum trace_state {
	TRACE_WAITED,			/* its turn never came */
	TRACE_OVERTAKEN,		/* another one was faster */
	TRACE_CONNECTED,
	TRACE_FAILED,
	TRACE_DENIED			/* by the rules */
};

/* one address, in the order in which they are tried */
struct imsg_trace_attempt {
	uint32_t	start_ms;	/* after the beginning */
	uint32_t	ms;		/* it took so long */
	uint32_t	error;		/* TRACE_FAILED: errno */
	uint8_t		family;		/* 4 or 6 */
	uint8_t		state;		/* enum trace_state */
	uint8_t		pad[2];
	struct in6_addr	addr;		/* IPv4: four bytes */
	char		why[WIRE_REASON];	/* TRACE_DENIED: which rule */
};

enum trace_result {
	TRACE_RESULT_CONNECTED,
	TRACE_RESULT_FAILED,
	TRACE_RESULT_TIMEOUT
};

struct imsg_trace_end {
	uint32_t	result;		/* enum trace_result */
	uint32_t	ms;		/* in all */
	uint8_t		policy;		/* enum gw_family */
	uint8_t		first;		/* which family went first: 4, 6 */
	uint16_t	source_port;	/* of the one that connected */
	struct in6_addr	source;		/* IPv4: four bytes */
	char		tunnel[GW_NAME_SIZE];	/* for IPv6; "": none */
	uint8_t		upstream;	/* it went to that server */
	char		pad[2];
	char		rule[WIRE_REASON];	/* "": none */
	char		reason[WIRE_REASON];	/* it is not connected */
};

/* what the relay has counted */
struct imsg_relay_stats {
	uint32_t	half_open;	/* clients that are not through yet */
	uint32_t	udp;		/* UDP associations */
	struct relay_counts ways[RELAY_WAYS];
	uint64_t	answers[ANSWERS];
	uint64_t	refused[REFUSALS];
};

/* the same of IPv6 by one tunnel, and whether it goes first there */
struct imsg_relay_way_stats {
	uint32_t	health;		/* enum relay_health */
	uint32_t	pad;
	uint64_t	retry_at;	/* 0: it is not put off */
	struct relay_counts counts;
};

/* RELAY_UID_STATS: as many struct relay_uid as there are */
#define WIRE_UID_STATS	((RELAY_UIDS + 1) * sizeof(struct relay_uid))

struct imsg_auth {
	char		token[256];
};

struct imsg_ctl_show {
	char		target[256];	/* as in REST: "/tunnels/he" */
};

struct imsg_ctl_trace {
	uint32_t	port;
	uint32_t	families;	/* enum trace_families */
	char		host[GW_HOST_SIZE];
};

struct imsg_ctl_tunnel {
	uint32_t	verb;		/* enum admin_verb */
	char		name[GW_NAME_SIZE];
	char		pad[3];
};

/* what happens: the kinds of events, and masks of them */
enum event_kind {
	EVENT_TUNNEL,
	EVENT_HEALTH,
	EVENT_FAILOVER,
	EVENT_PROBE,
	EVENT_LOG
};

#define EVENTS(kind)	(1U << (kind))
#define EVENTS_LASTING	(EVENTS(EVENT_TUNNEL) | EVENTS(EVENT_HEALTH) | \
			    EVENTS(EVENT_FAILOVER))
#define EVENTS_ALL	(EVENTS_LASTING | EVENTS(EVENT_PROBE) | \
			    EVENTS(EVENT_LOG))

struct imsg_ctl_monitor {
	uint32_t	kinds;		/* mask; lasting ones begin with a
					 * snapshot */
	uint32_t	level;		/* of logs: enum log_level */
};

/* the end of an answer; the exit codes of gatewayctl(8) */
struct imsg_ctl_result {
	uint32_t	code;
	char		text[WIRE_REASON];
};

/*
 * nonzero if what indexes a table or is printed can be: a process checks that
 * itself, whoever sent it
 */
#define wire_tunnel(t)	((t)->type <= GW_EXTERNAL && \
	(t)->prefix_len <= 128 && wire_string((t)->name) && \
	wire_string((t)->iface))
#define wire_link(l)	((l)->state <= LINK_ERROR && \
	(l)->want <= WANT_ACTIVE && (l)->driver <= GW_DRIVER_USERSPACE && \
	(l)->prefix_len <= 128 && wire_string((l)->reason))

#define wire_port(p)	(((p)->protocol == IPPROTO_UDP || \
	(p)->protocol == IPPROTO_TCP) && (p)->kind <= GW_PORT_FORWARD && \
	((p)->proxy_protocol == 0 || (p)->proxy_protocol == 2) && \
	(p)->fixed <= 1 && wire_string((p)->tunnel) && \
	wire_string((p)->host) && wire_string((p)->description))

#define WIRE_SIZE(type, size) \
	_Static_assert(sizeof(struct type) == (size), #type " has padding")

WIRE_SIZE(histogram, 8 + 8 * (HISTOGRAM_BOUNDS + 1));
WIRE_SIZE(imsg_peer, 4);
WIRE_SIZE(imsg_level, 8);
WIRE_SIZE(imsg_log, 8 + 12 + 33 + 3);
WIRE_SIZE(imsg_conf, 16 * 4 + 16 * GW_TARGETS_MAX + 4 + 4 + 16 + 8 + 8 + 256 +
    128);
WIRE_SIZE(imsg_tunnel, 4 * 4 + 8 + 32 + 33 + 16 + 7);
WIRE_SIZE(imsg_uids, 4 + 4 * WIRE_UIDS);
WIRE_SIZE(imsg_token, 64);
WIRE_SIZE(imsg_listener, 4);
WIRE_SIZE(imsg_relay_conf, 6 * 4 + 6 * 4 + 8);
WIRE_SIZE(imsg_relay_line, 4);
WIRE_SIZE(imsg_relay_user, 64 + 256);
WIRE_SIZE(imsg_relay_way, 16 + 2 + 33 + 1 + 12);
WIRE_SIZE(imsg_lookup, 4 + 256);
WIRE_SIZE(imsg_looked_up, 12 + 16 * WIRE_ADDRS);
WIRE_SIZE(imsg_want, 12);
WIRE_SIZE(imsg_link, 7 * 4 + 4 + 8 + 16 + 2 + 160 + 6);
WIRE_SIZE(imsg_stats, 56);
WIRE_SIZE(imsg_admin, 8);
WIRE_SIZE(imsg_result, 4);
WIRE_SIZE(imsg_probe_sock, 20);
WIRE_SIZE(imsg_probe_path, 12);
WIRE_SIZE(imsg_probe_set, 12 + 16 * GW_TARGETS_MAX);
WIRE_SIZE(imsg_probe_burst, 8);
WIRE_SIZE(imsg_probe_result, 56);
WIRE_SIZE(imsg_probe_hint, 8);
WIRE_SIZE(imsg_pmtu_start, 4);
WIRE_SIZE(imsg_pmtu_result, 12);
WIRE_SIZE(imsg_encap, 8 + 16 + 8 + 17 * 16 + 17 + 33 + 2);
WIRE_SIZE(imsg_encap_tun, 4);
WIRE_SIZE(imsg_launch_tun, IFNAMSIZ);
WIRE_SIZE(imsg_launch_exited, 8);
WIRE_SIZE(imsg_resolve, 4 + 256);
WIRE_SIZE(imsg_resolved, 16 + 32 + 160);
WIRE_SIZE(imsg_port, 8 + 33 + 256 + 128 + 7);
WIRE_SIZE(imsg_port_key, 4);
WIRE_SIZE(imsg_port_result, 4 + sizeof(struct imsg_port));
WIRE_SIZE(imsg_port_status, 48 + sizeof(struct imsg_port) + 160);
WIRE_SIZE(imsg_listen, 8);
WIRE_SIZE(imsg_counters, 8 * 8 + sizeof(struct histogram));
WIRE_SIZE(imsg_status, 12 * 4 + 8 + 7 * 8 + sizeof(struct imsg_counters) +
    sizeof(struct imsg_link) + 320);
WIRE_SIZE(imsg_health, 24);
WIRE_SIZE(imsg_failover, 24 + 160);
WIRE_SIZE(imsg_outage, 4);
WIRE_SIZE(imsg_trace, 8 + 256);
WIRE_SIZE(imsg_trace_query, 16 + 4 + 16 * WIRE_RECORDS);
WIRE_SIZE(imsg_trace_attempt, 12 + 4 + 16 + 160);
WIRE_SIZE(imsg_trace_end, 8 + 4 + 16 + 33 + 3 + 2 * 160);
WIRE_SIZE(relay_counts, 8 * (5 + LOSSES) + sizeof(struct histogram));
WIRE_SIZE(relay_uid, 4 * 4 + 8 * (RELAY_WAYS + 2 + LIMIT_KINDS));
WIRE_SIZE(imsg_relay_stats, 8 + RELAY_WAYS * sizeof(struct relay_counts) +
    8 * (ANSWERS + REFUSALS));
WIRE_SIZE(imsg_relay_way_stats, 16 + sizeof(struct relay_counts));
WIRE_SIZE(imsg_auth, 256);
WIRE_SIZE(imsg_ctl_show, 256);
WIRE_SIZE(imsg_ctl_trace, 8 + 256);
WIRE_SIZE(imsg_ctl_tunnel, 4 + 33 + 3);
WIRE_SIZE(imsg_ctl_monitor, 8);
WIRE_SIZE(imsg_ctl_result, 4 + 160);

#endif
