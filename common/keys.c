/*
 * Every section and key of the configuration: its name, its place in the
 * model, how it is read and printed, and what it may be.  Tables only.
 */
#include <stddef.h>

#include "parse.h"

/* the field is one member; or a key that fills several gets the whole */
#define KEY(type, text, structure, member)				\
	.name = (text), .set = set_##type, .print = print_##type,	\
	.offset = offsetof(struct structure, member)
#define WHOLE(type, text)						\
	.name = (text), .set = set_##type, .print = print_##type
/* two ways of reading what is printed in one way */
#define KEY2(type, out, text, structure, member)			\
	.name = (text), .set = set_##type, .print = print_##out,	\
	.offset = offsetof(struct structure, member)

/* limits of durations, in ms */
#define MS(n)		(n)
#define SECONDS(n)	((n) * 1000)
#define MINUTES(n)	((n) * 60 * 1000)
#define HOURS(n)	((n) * 60 * 60 * 1000)

#define PORT		.min = 1, .max = 65535

static const char *const level_words[] = {
	"error", "warn", "info", "debug", NULL
};
static const char *const format_words[] = { "text", "json", NULL };
static const char *const exit_words[] = { "remove", "keep", NULL };
static const char *const default_words[] = { "yes", "no", "if-none", NULL };
static const char *const mode_words[] = {
	"priority", "latency", "manual", NULL
};
static const char *const flows_words[] = {
	"drain", "unreachable", "reset", NULL
};
const char *const type_words[] = { "he_6in4", "wireguard", "external", NULL };
const char *const driver_words[] = { "auto", "kernel", "userspace", NULL };
static const char *const family_words[] = {
	"auto", "ipv6", "ipv4", "prefer-ipv4", NULL
};

static const char *const proxy_words[] = { "none", "v2", NULL };
/* enum gw_port_kind, for messages */
static const char *const port_words[] = {
	"a port that is published (internal_port)",
	"a port that is forwarded (listen_port and remote)", NULL
};

/* bit by bit: GW_EXPOSE_* */
const char *const expose_words[] = {
	"kernel", "proxy", "socks5", NULL
};

static const struct key core_keys[] = {
	{ KEY(word, "log_level", gw_conf, log_level), .words = level_words },
	{ KEY(word, "log_format", gw_conf, log_format),
	    .words = format_words },
	{ WHOLE(log_to, "log_to") },
	{ KEY2(path, text, "state_dir", gw_conf, state_dir) },
	/* gatewayd.sock lies in it */
	{ KEY2(path, text, "run_dir", gw_conf, run_dir),
	    .max = PATH_UN_MAX - 14 },
	{ KEY2(account, text, "user", gw_conf, user) },
	{ KEY2(account, text, "relay_user", gw_conf, relay_user) },
	{ KEY2(account, text, "launcher_user", gw_conf, launcher_user) },
	{ KEY(u16, "api_port", gw_conf, api_port), PORT },
	{ WHOLE(api_bind, "api_bind") },
	{ KEY2(path, text, "api_socket", gw_conf, api_socket),
	    .max = PATH_UN_MAX },
	{ KEY2(path, text, "api_token_file", gw_conf, api_token_file),
	    .flags = KEY_SECRET | KEY_EXISTS },
	{ KEY2(path, text, "mcp_socket", gw_conf, mcp_socket),
	    .max = PATH_UN_MAX },
	{ KEY2(account, text, "mcp_user", gw_conf, mcp_user) },
	{ KEY2(account, text, "mcp_group", gw_conf, mcp_group) },
	{ KEY2(account, text, "control_group", gw_conf, control_group) },
	{ KEY(word, "on_exit", gw_conf, keep_on_exit), .words = exit_words },
	{ KEY(u32, "route_metric", gw_conf, route_metric),
	    .min = 1, .max = UINT32_MAX },
	{ KEY(word, "default_route", gw_conf, default_route),
	    .words = default_words },
	{ .name = NULL }
};

static const struct key health_keys[] = {
	{ KEY(duration, "interval", gw_conf, health.interval_ms),
	    .min = MS(20), .max = HOURS(1) },
	{ KEY(duration, "standby_interval", gw_conf, health.standby_ms),
	    .min = MS(20), .max = HOURS(1) },
	{ KEY(range, "down_interval", gw_conf, health.down_min_ms),
	    .min = MS(20), .max = HOURS(1) },
	{ WHOLE(targets, "targets") },
	{ KEY(u32, "quorum", gw_conf, health.quorum),
	    .min = 1, .max = GW_TARGETS_MAX },
	{ KEY(duration, "window", gw_conf, health.window_ms),
	    .min = SECONDS(1), .max = HOURS(1) },
	{ KEY(percent, "loss_degraded", gw_conf, health.loss_degraded),
	    .min = 1, .max = 100 },
	{ KEY(duration, "latency_degraded", gw_conf,
	    health.latency_degraded_ms), .min = MS(1), .max = MINUTES(1) },
	{ KEY(range, "hold_down", gw_conf, health.hold_min_ms),
	    .min = 0, .max = HOURS(24) },
	{ .name = NULL }
};

static const struct key failover_keys[] = {
	{ KEY(word, "mode", gw_conf, failover.mode), .words = mode_words },
	{ KEY(flag, "preempt", gw_conf, failover.preempt) },
	{ KEY(word, "flows", gw_conf, failover.flows), .words = flows_words },
	{ WHOLE(margin, "switch_margin") },
	{ .name = NULL }
};

static const struct key tunnel_keys[] = {
	{ KEY(word, "type", gw_tunnel, type), .words = type_words,
	    .needed = TYPE_ALL },
	{ KEY2(iface, array, "iface", gw_tunnel, iface), .needed = TYPE_ALL },
	{ KEY(word, "driver", gw_tunnel, driver), .words = driver_words,
	    .types = TYPE_HE | TYPE_WG },
	{ KEY2(endpoint, array, "endpoint_ipv4", gw_tunnel, endpoint),
	    .types = TYPE_HE, .needed = TYPE_HE },
	{ WHOLE(local, "local_ipv4"), .types = TYPE_HE },
	{ KEY2(iface, array, "wan", gw_tunnel, wan),
	    .types = TYPE_HE | TYPE_WG },
	{ KEY2(path, text, "conf", gw_tunnel, wg_conf), .types = TYPE_WG,
	    .needed = TYPE_WG, .flags = KEY_SECRET },
	{ WHOLE(v6_prefix, "v6_prefix"), .needed = TYPE_HE },
	{ KEY(u8, "prefix_len", gw_tunnel, prefix_len),
	    .min = PREFIX_MIN, .max = 128 },
	{ WHOLE(gateway, "gateway_v6") },
	{ WHOLE(routed, "routed_prefix") },
	{ WHOLE(mtu, "mtu"), .min = MTU_MIN, .max = MTU_MAX,
	    .types = TYPE_HE | TYPE_WG },
	{ KEY(u8, "ttl", gw_tunnel, ttl), .min = 1, .max = 255,
	    .types = TYPE_HE },
	{ KEY(flag, "enabled", gw_tunnel, enabled) },
	{ KEY(u32, "priority", gw_tunnel, priority), .min = 0, .max = 65535 },
	{ KEY2(keepalive, duration, "keepalive", gw_tunnel, keepalive_ms),
	    .min = SECONDS(1), .max = HOURS(1) },
	{ KEY2(digits, text, "tunnel_id", gw_tunnel, tunnel_id), .max = 10,
	    .types = TYPE_HE },
	{ KEY(text, "username", gw_tunnel, username), .max = 128,
	    .types = TYPE_HE },
	{ KEY2(path, text, "update_key_file", gw_tunnel, update_key_file),
	    .types = TYPE_HE, .flags = KEY_SECRET },
	{ .name = NULL }
};

static const struct key exposure_keys[] = {
	{ KEY(modes, "mode", gw_conf, exposure.modes), .words = expose_words },
	{ .name = NULL }
};

static const struct key socks5_keys[] = {
	{ KEY2(socks_bind, text, "bind", gw_conf, exposure.socks_bind) },
	{ KEY(word, "family", gw_conf, exposure.family),
	    .words = family_words },
	{ KEY2(rule, strings, "rule", gw_conf, exposure.rules),
	    .flags = KEY_REPEAT },
	{ KEY2(upstream, text, "upstream", gw_conf, exposure.upstream) },
	{ KEY2(destinations, strings, "allow", gw_conf, exposure.allow) },
	{ KEY2(destinations, strings, "deny", gw_conf, exposure.deny) },
	{ KEY2(path, text, "password_file", gw_conf, exposure.password_file),
	    .flags = KEY_SECRET },
	{ KEY(duration, "attempt_delay", gw_conf, exposure.attempt_delay_ms),
	    .min = MS(100), .max = SECONDS(2) },
	{ KEY(duration, "resolution_delay", gw_conf,
	    exposure.resolution_delay_ms), .min = MS(1), .max = SECONDS(1) },
	{ KEY(duration, "idle_timeout", gw_conf, exposure.idle_ms),
	    .min = SECONDS(10), .max = HOURS(24) },
	{ .name = NULL }
};

static const struct key limits_keys[] = {
	{ KEY(u32, "connections", gw_conf, exposure.limits.connections),
	    .min = 1, .max = 1000000 },
	{ KEY(u32, "half_open", gw_conf, exposure.limits.half_open),
	    .min = 1, .max = 1000000 },
	{ KEY(u32, "udp_associations", gw_conf,
	    exposure.limits.udp_associations), .min = 1, .max = 1000000 },
	{ KEY(u32, "new_per_second", gw_conf, exposure.limits.new_per_second),
	    .min = 1, .max = 1000000 },
	{ KEY(u32, "names_per_second", gw_conf,
	    exposure.limits.names_per_second), .min = 1, .max = 1000000 },
	{ KEY(u32, "bandwidth", gw_conf, exposure.limits.bandwidth),
	    .min = 0, .max = UINT32_MAX },
	{ .name = NULL }
};

static const struct key proxy_keys[] = {
	{ KEY(u16, "udp_base_port", gw_conf, exposure.udp_base_port),
	    .min = 1024, .max = 65535 },
	{ KEY(u16, "tcp_base_port", gw_conf, exposure.tcp_base_port),
	    .min = 1024, .max = 65535 },
	{ .name = NULL }
};

static const struct key port_keys[] = {
	{ KEY(protocol, "protocol", gw_port, protocol),
	    .needed = TYPE_PUBLISH | TYPE_FORWARD },
	{ KEY(u16, "internal_port", gw_port, internal_port), PORT,
	    .types = TYPE_PUBLISH, .needed = TYPE_PUBLISH },
	{ KEY(u16, "external_port", gw_port, external_port), PORT,
	    .types = TYPE_PUBLISH },
	{ KEY(word, "proxy_protocol", gw_port, proxy_protocol),
	    .words = proxy_words, .types = TYPE_PUBLISH },
	{ KEY(u16, "listen_port", gw_port, listen_port), PORT,
	    .types = TYPE_FORWARD, .needed = TYPE_FORWARD },
	{ WHOLE(remote, "remote"),
	    .types = TYPE_FORWARD, .needed = TYPE_FORWARD },
	{ KEY2(pin, array, "tunnel", gw_port, tunnel) },
	{ KEY(text, "description", gw_port, description),
	    .max = GW_PORT_TEXT - 1 },
	{ .name = NULL }
};

/* in the order in which they are printed */
const struct section_type section_types[] = {
	{ "core", core_keys, 0, NULL },
	{ "health", health_keys, 0, NULL },
	{ "failover", failover_keys, 0, NULL },
	{ "tunnel", tunnel_keys, SECTION_MANY, type_words },
	{ "exposure", exposure_keys, 0, NULL },
	{ "exposure.socks5", socks5_keys, 0, NULL },
	{ "exposure.limits", limits_keys, 0, NULL },
	{ "exposure.proxy", proxy_keys, 0, NULL },
	{ "port", port_keys, SECTION_MANY, port_words },
	{ NULL, NULL, 0, NULL }
};
const struct section_type *const section_tunnel = &section_types[3];
const struct section_type *const section_port = &section_types[8];

_Static_assert(sizeof(tunnel_keys) / sizeof(tunnel_keys[0]) <= KEYS_MAX,
    "section.given has a bit for each key");
