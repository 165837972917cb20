/*
 * Traces: a connection like any other that the relay makes, with the same
 * rules, ways, health and limits, of which somebody is told how it went.  It
 * is closed when it is there.  Runs in the relay (_gwrelay, chroot).
 */
#ifndef GW_TRACE_H
#define GW_TRACE_H

#include <stdint.h>

#include "wire_trace.h"

#define TRACES_MAX	8	/* at once */

/*
 * Begins one.  id is the asker's number for it, and comes with what is told.
 * Each ends by relay_trace_end(), which does not come before this returns
 * unless nothing is tried at all: a malformed destination, a limit.
 */
void	 trace_start(uint32_t id, const struct imsg_trace *);

/*
 * The surroundings: what is told, at the end all at once: AAAA and A, unless
 * the destination is an address; the attempts, in their order; the end.
 */
void	 relay_trace_query(uint32_t id, const struct imsg_trace_query *);
void	 relay_trace_attempt(uint32_t id, const struct imsg_trace_attempt *);
void	 relay_trace_end(uint32_t id, const struct imsg_trace_end *);

#endif
