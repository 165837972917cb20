/*
 * GET /events: what happens, as server-sent events (HTML, section 9.2).  Runs
 * in the frontend (_gatewayd, chroot).
 *
 * A stream starts with "retry: 3000" and the event "snapshot"; then come those
 * that were missed, if Last-Event-ID says where the client was in this run of
 * the daemon, and from then on what happens.  The data of each is its line of
 * events.h.
 */
#ifndef GW_SSE_H
#define GW_SSE_H

#include "rest_route.h"

#define SSE_STREAMS	64		/* at once */

rest_handler	 get_events;

/*
 * What Last-Event-ID says: 0 and the id, or -1 if it is no id, or none that
 * this run of the daemon has given out.
 */
int	 sse_resume(const char *, size_t len, uint64_t *id);

#endif
