/*
 * Payloads: how the relay connects to a host.
 */
#ifndef GW_WIRE_TRACE_H
#define GW_WIRE_TRACE_H

#include <netinet/in.h>
#include <stdint.h>

#include "conf.h"
#include "wire.h"

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

WIRE_SIZE(imsg_trace, 8 + 256);
WIRE_SIZE(imsg_trace_query, 16 + 4 + 16 * WIRE_RECORDS);
WIRE_SIZE(imsg_trace_attempt, 12 + 4 + 16 + 160);
WIRE_SIZE(imsg_trace_end, 8 + 4 + 16 + 33 + 3 + 2 * 160);

#endif
