/*
 * The payloads of the messages in messages.def: what every process has to do
 * with.  The wire_*.h have the others, each for one thing the daemon does.
 *
 * Fixed widths, no pointers, no implicit padding: every struct is memset
 * before it is filled, and its size is asserted behind it.  Strings end in a
 * NUL inside their array; the receiver checks that with wire_string(), and
 * what indexes a table or is printed with wire_tunnel() and the like, whoever
 * sent it.  Addresses are in network byte order, times are Unix seconds.
 */
#ifndef GW_WIRE_H
#define GW_WIRE_H

#include <stdint.h>
#include <string.h>

#include "conf.h"

#define WIRE_CHUNK	8192	/* largest piece of a text or document */
#define WIRE_STATE_MAX	(2 * 1024 * 1024) /* STATE_LOAD, STATE_SAVE in all */
#define WIRE_DOCTOR_MAX	(1024 * 1024)	/* DOCTOR_TEXT in all */
#define WIRE_REASON	160	/* a sentence and NUL */
#define WIRE_LOG_TEXT	1024	/* a log record's message at most */
#define WIRE_ALL	UINT32_MAX	/* every process */
#define WIRE_UNKNOWN	UINT32_MAX	/* no value yet: null in JSON */

/* nonzero if the array holds a NUL-terminated string */
#define wire_string(a)	(memchr((a), '\0', sizeof(a)) != NULL)

#define WIRE_SIZE(type, size) \
	_Static_assert(sizeof(struct type) == (size), #type " has padding")

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
	uint32_t	proc;		/* enum gw_proc, by the parent */
	uint32_t	dropped;	/* that process's records before it */
	char		tunnel[GW_NAME_SIZE];	/* "": none */
	char		pad[3];
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

/* 0 or an errno value: ENOENT, EPERM, EBUSY, EALREADY, EINVAL, ... */
struct imsg_result {
	uint32_t	error;
};

WIRE_SIZE(imsg_peer, 4);
WIRE_SIZE(imsg_level, 8);
WIRE_SIZE(imsg_log, 8 + 12 + 33 + 3);
WIRE_SIZE(imsg_listener, 4);
WIRE_SIZE(imsg_result, 4);

#endif
