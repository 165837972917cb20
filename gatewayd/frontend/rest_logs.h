/*
 * GET /logs and GET /history.  Runs in the frontend (_gatewayd, chroot).
 */
#ifndef GW_REST_LOGS_H
#define GW_REST_LOGS_H

#include "rest_route.h"

/* rest_logs.c; parameters: since, level, limit */
const char	*check_since(const char *);
const char	*check_level(const char *);
const char	*check_limit(const char *);
void		 get_logs(const struct rest_query *, struct rest_answer *);

/* rest_history.c; parameters: tunnel, range */
const char	*check_tunnel(const char *);
const char	*check_range(const char *);
void		 get_history(const struct rest_query *, struct rest_answer *);

#endif
