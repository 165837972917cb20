/*
 * gatewayctl's command line: words from tables, in the manner of bgpctl(8).
 * An unprivileged client.
 */
#ifndef GW_PARSER_H
#define GW_PARSER_H

#include <stddef.h>

#include "log.h"
#include "wire.h"

enum action {
	ACT_NONE,
	ACT_STATUS,
	ACT_SHOW_TUNNELS,
	ACT_SHOW_TUNNEL,
	ACT_SHOW_ADDRESSES,
	ACT_SHOW_ADDRESS,
	ACT_SHOW_HEALTH,
	ACT_SHOW_CONFIG,
	ACT_TUNNEL,
	ACT_MONITOR,
	ACT_RELOAD,
	ACT_LOG,
	ACT_CHECK,
	ACT_DOCTOR
};

struct command {
	enum action	 action;
	enum admin_verb	 verb;		/* ACT_TUNNEL */
	enum log_level	 level;		/* ACT_LOG */
	const char	*name;		/* of the tunnel or interface */
	const char	*file;		/* ACT_CHECK, ACT_DOCTOR */
};

/*
 * Reads argv[0..argc-1], which the command then points into; no words at all
 * mean "status".  A word may be cut short as long as only one begins so.
 * 0, or -1 and a sentence in err that says what was expected.
 */
int	 parse_command(int argc, char **argv, struct command *, char *err,
	    size_t errsize);

#endif
