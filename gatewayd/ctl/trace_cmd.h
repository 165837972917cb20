/*
 * "gatewayctl trace": how gatewayd's relay connects to hosts.  An unprivileged
 * client.
 */
#ifndef GW_TRACE_CMD_H
#define GW_TRACE_CMD_H

#include "output.h"

/*
 * Traces "HOST" or "HOST:PORT" so many times and prints each; more than one
 * ends in a summary, unless json.  Returns the exit code: that of the last one
 * that did not connect, if there is one.
 */
int	 trace_host(const char *target, unsigned int count,
	    const struct output *, int json);
/*
 * The hosts in a file, a line each, over both families: a table, or the
 * documents (as the rules say, IPv6 alone, IPv4 alone).  Nonzero if one does
 * not connect.
 */
int	 trace_file(const char *path, const struct output *, int json);

#endif
