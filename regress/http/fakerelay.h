/*
 * The relay's end of the frontend's pipe, for tests.
 */
#ifndef GW_FAKERELAY_H
#define GW_FAKERELAY_H

#include <event2/event.h>

#include "peer.h"

/* the frontend's end; its messages go to tracing_message() */
struct peer	*fakerelay_start(struct event_base *);

#endif
