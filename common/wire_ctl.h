/*
 * Payloads: the control socket, on which gatewayctl asks the frontend.  Port
 * mappings and log levels go there as between processes.
 */
#ifndef GW_WIRE_CTL_H
#define GW_WIRE_CTL_H

#include <stdint.h>

#include "conf.h"
#include "wire.h"

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

/* gatewayctl(8), EXIT STATUS; the daemon says all but the third and fourth */
enum exit_code {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_UNREACHABLE = 3,
	EXIT_NO_OBJECT = 4,
	EXIT_NOT_PERMITTED = 5,
	EXIT_TIMEOUT = 6
};

/* the end of an answer */
struct imsg_ctl_result {
	uint32_t	code;		/* enum exit_code */
	char		text[WIRE_REASON];
};

WIRE_SIZE(imsg_ctl_show, 256);
WIRE_SIZE(imsg_ctl_trace, 8 + 256);
WIRE_SIZE(imsg_ctl_tunnel, 4 + 33 + 3);
WIRE_SIZE(imsg_ctl_monitor, 8);
WIRE_SIZE(imsg_ctl_result, 4 + 160);

#endif
