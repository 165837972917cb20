/*
 * Log records on their way to the frontend, which keeps the last ones: from a
 * child to the parent, and from there on.  No privilege; any process.
 */
#ifndef GW_LOGPIPE_H
#define GW_LOGPIPE_H

#include "log.h"
#include "peer.h"
#include "wire.h"

/* a record of now; tunnel may be NULL */
void	 logpipe_fill(struct imsg_log *, enum gw_proc, enum log_level,
	    const char *tunnel);
/*
 * Sends the record, whose text is cut at WIRE_LOG_TEXT.  Never waits: if the
 * peer has much to read already the record is dropped, and the next one of
 * that process says how many were.
 */
void	 logpipe_send(struct peer *, enum imsg_type, const struct imsg_log *,
	    const char *text, size_t len);
/* the text's length, or -1 if this is no record */
int	 logpipe_get(const struct imsg *, struct imsg_log *,
	    const char **text);

#endif
