/*
 * What the files of the control server share.  Runs in the frontend
 * (_gatewayd, chroot).
 */
#ifndef GW_CONTROL_INT_H
#define GW_CONTROL_INT_H

#include <sys/queue.h>
#include <sys/socket.h>
#include <stddef.h>

#include "control.h"
#include "events.h"
#include "order.h"
#include "port_order.h"
#include "tracing.h"
#include "wire_ctl.h"

/* a trace of a client, which has an answer if tracing.id is 0 */
struct client_trace {
	TAILQ_ENTRY(client_trace) entry;
	struct client		*client;
	uint32_t		 id;		/* the client's own number */
	struct tracing		 tracing;
	char			*text;		/* the document, or NULL */
	const char		*words;		/* why there is none */
	enum exit_code		 code;
};

struct client {
	TAILQ_ENTRY(client)	 entry;
	struct peer		*peer;
	struct ucred		 cred;
	size_t			 unread_max;	/* more, and it is dropped */
	struct order		 order;
	struct port_order	 port_order;
	uint32_t		 id;	/* the client's own number for it */
	struct event_follower	 follower;	/* cb NULL: no monitor */
	uint32_t		 monitor_id;	/* its number for that */
	TAILQ_HEAD(, client_trace) traces;	/* the first asked for first */
};

/* control.c; id is the client's number for its request */
void	 client_drop(struct client *);
void	 client_data(struct client *, uint32_t id, const char *, size_t);
void	 client_result(struct client *, uint32_t id, enum exit_code,
	    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* control_order.c: CTL_TUNNEL, CTL_RELOAD, CTL_LOG; CTL_PORT_ADD,
 * CTL_PORT_DEL */
void	 client_order_tunnel(struct client *, struct imsg *);
void	 client_order_reload(struct client *, struct imsg *);
void	 client_order_log(struct client *, struct imsg *);
void	 client_order_port(struct client *, struct imsg *);
/* nonzero if one of its orders is not answered yet */
int	 client_ordered(const struct client *);
void	 client_orders_cancel(struct client *);

/* control_trace.c: CTL_TRACE, and the end of all that are under way */
void	 client_trace(struct client *, struct imsg *);
void	 client_traces_drop(struct client *);

#endif
