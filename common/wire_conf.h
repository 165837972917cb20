/*
 * Payloads: a configuration, for those who hold a copy of it, and who may
 * change things.
 */
#ifndef GW_WIRE_CONF_H
#define GW_WIRE_CONF_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>

#include "conf.h"
#include "wire.h"

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

/* nonzero if what indexes a table or is printed can be */
#define wire_tunnel(t)	((t)->type <= GW_EXTERNAL && \
	(t)->prefix_len <= 128 && wire_string((t)->name) && \
	wire_string((t)->iface))

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

struct imsg_auth {
	char		token[256];
};

WIRE_SIZE(imsg_conf, 16 * 4 + 16 * GW_TARGETS_MAX + 4 + 4 + 16 + 8 + 8 + 256 +
    128);
WIRE_SIZE(imsg_tunnel, 4 * 4 + 8 + 32 + 33 + 16 + 7);
WIRE_SIZE(imsg_uids, 4 + 4 * WIRE_UIDS);
WIRE_SIZE(imsg_token, 64);
WIRE_SIZE(imsg_auth, 256);

#endif
