/*
 * Traces: how the relay connects to a host, asked of it and put into one
 * document, whatever way the question came by.  Runs in the frontend
 * (_gatewayd, chroot).
 */
#ifndef GW_TRACING_H
#define GW_TRACING_H

#include <sys/queue.h>
#include <event2/event.h>
#include <jansson.h>

#include "peer.h"
#include "wire_trace.h"

#define TRACINGS_MAX	8	/* under way at once */

struct tracing {
	TAILQ_ENTRY(tracing)	 entry;
	uint32_t		 id;		/* 0: none is under way */
	struct imsg_trace	 m;		/* what is asked */
	json_t			*queries;
	json_t			*attempts;
	json_t			*winner;
	struct event		*timer;
	/*
	 * The end: the document and a newline, to be freed, or NULL if the
	 * relay does not tell in time; it is over by then.
	 */
	void			(*done)(void *, char *text, enum trace_result);
	void			*arg;
};

/* NULL if the relay may be asked for that, else what is wrong with it */
const char *tracing_error(const char *host, uint32_t port);
/*
 * Asks the relay for m, of a tracing whose done is set and whose id is 0; it
 * is lent until done or tracing_cancel().  0, or -1 if there are as many as
 * there may be.
 */
int	 tracing_start(struct tracing *);
/* nobody waits for it any more */
void	 tracing_cancel(struct tracing *);
/* TRACE_QUERY, TRACE_ATTEMPT, TRACE_END */
void	 tracing_message(struct imsg *);

#endif
