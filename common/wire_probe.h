/*
 * Payloads: probes, what came of them, and the path MTU.
 */
#ifndef GW_WIRE_PROBE_H
#define GW_WIRE_PROBE_H

#include <netinet/in.h>
#include <stdint.h>

#include "conf.h"
#include "wire.h"

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
	uint32_t	mtu;		/* what goes through, 0: not 1280 */
	uint32_t	max;		/* as asked */
	uint32_t	told;		/* something said "packet too big" */
};

WIRE_SIZE(imsg_probe_sock, 20);
WIRE_SIZE(imsg_probe_path, 12);
WIRE_SIZE(imsg_probe_set, 12 + 16 * GW_TARGETS_MAX);
WIRE_SIZE(imsg_probe_burst, 8);
WIRE_SIZE(imsg_probe_result, 56);
WIRE_SIZE(imsg_probe_hint, 8);
WIRE_SIZE(imsg_pmtu_start, 4);
WIRE_SIZE(imsg_pmtu_result, 12);

#endif
