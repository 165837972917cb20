/*
 * gatewayctl -w.  An unprivileged client.
 */
#ifndef GW_WATCH_H
#define GW_WATCH_H

#include "parser.h"

/*
 * Runs the command, whose output is text on stdout, and again whenever
 * something happens, but not twice within so many seconds.  A terminal is
 * redrawn; elsewhere each output that differs from the one before it is
 * printed, and text has an empty line before it.  Returns when nobody reads
 * stdout any more.
 */
int	 watch(int (*run)(const struct command *), const struct command *,
	    unsigned int seconds, int json);

#endif
