/*
 * What the frontend counts for /metrics, by what is known beforehand: never
 * by client, path or text.  Runs in the frontend (_gatewayd, chroot).
 */
#ifndef GW_COUNTERS_H
#define GW_COUNTERS_H

#include <stdint.h>

#include "histogram.h"
#include "http_parse.h"
#include "log.h"
#include "rest_route.h"

#define COUNT_METHODS	(HTTP_OTHER + 1)
#define COUNT_STATUSES	32	/* different ones that are told apart */
#define COUNT_LEVELS	(LL_DEBUG + 1)
#define COUNT_MCP	15	/* methods of MCP, the unknown ones as one */

/* why a request was refused, and its connection with it */
enum count_rejected {
	REJECTED_MALFORMED,		/* 400, 405, 501, 505 */
	REJECTED_TOO_LARGE,		/* 411, 413, 414, 431 */
	REJECTED_TIMEOUT,		/* 408 */
	REJECTED_HOST,			/* 421 */
	REJECTED_BUSY,			/* 503: too many connections */
	REJECTED_COUNT
};

struct counters {
	uint32_t		 http_connections;	/* open now */
	uint32_t		 sse_streams;
	uint32_t		 mcp_connections;
	struct histogram	 http_time;
	uint64_t		 http_rejected[REJECTED_COUNT];
	uint64_t		 mcp[COUNT_MCP][2];	/* failed, ok */
	uint64_t		 log[COUNT_LEVELS];
	uint64_t		 reloads[2];		/* failed, ok */
	int			 reload_ok;		/* the last one was */
};
extern struct counters	 counters;

/* +1 and -1, as they come and go */
void	 count_http_connection(int);
void	 count_sse_stream(int);
void	 count_mcp_connection(int);

/*
 * A request was answered, us after its last byte was there.  route: NULL if
 * there is none for it.  For a stream this is when it begins.
 */
void	 count_http_request(const struct rest_route *, enum http_method,
	    int status, uint64_t us);
/* one was refused with this status, and nothing behind it is read */
void	 count_http_rejected(int status);
/* ok: 0 if it was answered by an error, or by a result that is one */
void	 count_mcp_request(const char *method, int ok);
/* a record of any process */
void	 count_log(enum log_level);
/* a configuration was taken, or not */
void	 count_reload(int ok);

/* for /metrics */
const char	*count_mcp_method(unsigned int);	/* < COUNT_MCP */
const char	*count_http_method(enum http_method);
const char	*count_rejected_word(enum count_rejected);
/*
 * Calls back for each route, method and status that was answered, and for
 * each route's GET with 200 in any case.
 */
void		 count_http_each(void (*)(void *, const struct rest_route *,
		    enum http_method, int status, uint64_t n), void *);

#endif
