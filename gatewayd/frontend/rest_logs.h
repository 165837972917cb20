/*
 * GET /logs and GET /history.  Runs in the frontend (_gatewayd, chroot).
 */
#ifndef GW_REST_LOGS_H
#define GW_REST_LOGS_H

#include "rest_route.h"

/* parameters: since, level, limit */
const char	*check_since(const char *);
const char	*check_level(const char *);
const char	*check_limit(const char *);
void		 get_logs(const struct rest_query *, struct rest_answer *);

#endif
