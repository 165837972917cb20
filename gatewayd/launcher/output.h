/*
 * What wireguard-go writes, line by line into our log.  Runs in the launcher
 * (_gwlaunch, CAP_NET_ADMIN).
 */
#ifndef GW_OUTPUT_H
#define GW_OUTPUT_H

#include <event2/event.h>

#include "log.h"

struct output;

/* takes over the descriptor; fatal if there is no memory */
struct output	*output_new(struct event_base *, int fd, const char *iface);
/* logs what is still there, and closes */
void		 output_free(struct output *);

/*
 * The text of a line without level, interface and time, which our record has
 * already; *level is what it is logged at.
 */
const char	*output_text(const char *line, enum log_level *level);

#endif
