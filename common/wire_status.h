/*
 * Payloads: what the engine makes of it all, as the API shows it.
 */
#ifndef GW_WIRE_STATUS_H
#define GW_WIRE_STATUS_H

#include <stdint.h>

#include "histogram.h"
#include "wire.h"
#include "wire_link.h"
#include "wire_probe.h"

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

WIRE_SIZE(histogram, 8 + 8 * (HISTOGRAM_BOUNDS + 1));
WIRE_SIZE(imsg_counters, 8 * 8 + sizeof(struct histogram));
WIRE_SIZE(imsg_status, 12 * 4 + 8 + 7 * 8 + sizeof(struct imsg_counters) +
    sizeof(struct imsg_link) + 320);
WIRE_SIZE(imsg_health, 24);
WIRE_SIZE(imsg_failover, 24 + 160);
WIRE_SIZE(imsg_outage, 4);

#endif
