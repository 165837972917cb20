/*
 * GET /metrics: which metrics there are, and the document they make.  Runs in
 * the frontend (_gatewayd, chroot).
 */
#ifndef GW_METRICS_H
#define GW_METRICS_H

#include "http_accept.h"
#include "metrics_text.h"
#include "rest_route.h"

/*
 * The format for what a client accepts: OpenMetrics if it names that, and
 * likes it as well as text 0.0.4 at least; text if it names neither.  Begin
 * with metrics_accept_init(), and accept_add() each line to both.
 */
void	 metrics_accept_init(struct accept_type [METRICS_FORMATS]);
enum metrics_format metrics_accept_choose(
	    const struct accept_type [METRICS_FORMATS]);

/* the resource; a document of the last second is sent again */
void	 metrics_get(const struct rest_query *, struct rest_answer *);

/* metrics_daemon.c, metrics_tunnel.c, metrics_relay.c: writes these families
 * and samples */
void	 metrics_daemon(struct metrics_text *);
void	 metrics_tunnels(struct metrics_text *);
void	 metrics_relay(struct metrics_text *);

#endif
