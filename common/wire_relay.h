/*
 * Payloads: what the relay is to do, by which tunnels, and what it has
 * counted.
 */
#ifndef GW_WIRE_RELAY_H
#define GW_WIRE_RELAY_H

#include <netinet/in.h>
#include <stdint.h>

#include "conf.h"
#include "relaystat.h"
#include "wire.h"

#define WIRE_LINE	1024	/* a rule of the relay at most */

/* what the relay is to do; RELAY_LINE carries its lists */
struct imsg_relay_conf {
	uint32_t	modes;		/* GW_EXPOSE_* */
	uint32_t	family;		/* enum gw_family */
	uint32_t	auth;		/* TCP clients have to log in */
	uint32_t	attempt_delay_ms;
	uint32_t	resolution_delay_ms;
	uint32_t	idle_ms;
	uint32_t	flows;		/* enum gw_flows */
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
	uint8_t		lost;		/* as in struct imsg_want */
	char		name[GW_NAME_SIZE];
	/* the path below it: another one may work where this one does not */
	uint32_t	ifindex;
	struct in_addr	local;
	struct in_addr	remote;
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

WIRE_SIZE(relay_counts, 8 * (5 + LOSSES) + sizeof(struct histogram));
WIRE_SIZE(relay_uid, 4 * 4 + 8 * (RELAY_WAYS + 2 + LIMIT_KINDS));
WIRE_SIZE(imsg_relay_conf, 7 * 4 + 6 * 4 + 8);
WIRE_SIZE(imsg_relay_line, 4);
WIRE_SIZE(imsg_relay_user, 64 + 256);
WIRE_SIZE(imsg_relay_way, 16 + 3 + 33 + 12);
WIRE_SIZE(imsg_relay_stats, 8 + RELAY_WAYS * sizeof(struct relay_counts) +
    8 * (ANSWERS + REFUSALS));
WIRE_SIZE(imsg_relay_way_stats, 16 + sizeof(struct relay_counts));

#endif
