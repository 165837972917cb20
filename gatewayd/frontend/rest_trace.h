/*
 * POST /trace.  Runs in the frontend (_gatewayd, chroot).
 */
#ifndef GW_REST_TRACE_H
#define GW_REST_TRACE_H

#include "rest_route.h"

void	 post_trace(const struct rest_query *, struct rest_answer *);

#endif
