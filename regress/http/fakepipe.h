/*
 * Pipes between the frontend's code and other processes, both ends of them in
 * a test.
 */
#ifndef GW_FAKEPIPE_H
#define GW_FAKEPIPE_H

#include <event2/event.h>

#include "peer.h"

/*
 * Returns the frontend's end of a pipe to that process; what comes there and
 * at the other end, which *other is set to, goes to the two functions.  If it
 * ever closes the test ends.
 */
struct peer	*fakepipe(struct event_base *, enum gw_proc,
		    void (*frontend_dispatch)(struct peer *, struct imsg *),
		    void (*other_dispatch)(struct peer *, struct imsg *),
		    struct peer **other);

#endif
