/*
 * Counters: see counters.h.  Runs in the frontend (_gatewayd, chroot).
 */
#include <string.h>

#include "counters.h"
#include "util.h"

struct counters	 counters;

/* every request is counted: found by index, not by a search */
struct route_counts {
	uint64_t	 n[COUNT_METHODS][COUNT_STATUSES];
};
static struct route_counts	*routes;	/* the last one: no route */

/* the status of each column, as they come up; the last one is for the rest */
static int			 statuses[COUNT_STATUSES] = {
	[0] = 200,
	[COUNT_STATUSES - 1] = 599
};

static const char *const	 http_methods[] = {
	[HTTP_GET] = "GET",
	[HTTP_HEAD] = "HEAD",
	[HTTP_OPTIONS] = "OPTIONS",
	[HTTP_POST] = "POST",
	[HTTP_DELETE] = "DELETE",
	[HTTP_OTHER] = "other"
};
_Static_assert(HTTP_OTHER == 5, "each method of http_parse.h has its name");

static const char *const	 rejected[REJECTED_COUNT] = {
	[REJECTED_MALFORMED] = "malformed",
	[REJECTED_TOO_LARGE] = "too_large",
	[REJECTED_TIMEOUT] = "timeout",
	[REJECTED_HOST] = "host",
	[REJECTED_BUSY] = "busy"
};

static const char *const	 mcp_methods[COUNT_MCP] = {
	"initialize", "ping", "server/discover", "tools/list", "tools/call",
	"resources/list", "resources/templates/list", "resources/read",
	"resources/subscribe", "resources/unsubscribe", "prompts/list",
	"prompts/get", "completion/complete", "subscriptions/listen",
	"other"
};

void
count_http_connection(int change)
{
	counters.http_connections += (uint32_t)change;
}

void
count_sse_stream(int change)
{
	counters.sse_streams += (uint32_t)change;
}

void
count_mcp_connection(int change)
{
	counters.mcp_connections += (uint32_t)change;
}

static unsigned int
status_column(int status)
{
	unsigned int	 i;

	for (i = 0; i < COUNT_STATUSES - 1; i++) {
		if (statuses[i] == 0)
			statuses[i] = status;
		if (statuses[i] == status)
			return (i);
	}
	return (i);
}

static struct route_counts *
route_counts(const struct rest_route *r)
{
	if (routes == NULL)
		routes = xcalloc(rest_route_count() + 1, sizeof(*routes));
	return (&routes[r != NULL ? rest_route_number(r) :
	    rest_route_count()]);
}

void
count_http_request(const struct rest_route *r, enum http_method method,
    int status, uint64_t us)
{
	route_counts(r)->n[method][status_column(status)]++;
	histogram_add(&counters.http_time, histogram_request, us);
}

void
count_http_rejected(int status)
{
	enum count_rejected	 why = REJECTED_MALFORMED;

	switch (status) {
	case 408:
		why = REJECTED_TIMEOUT;
		break;
	case 411:
	case 413:
	case 414:
	case 431:
		why = REJECTED_TOO_LARGE;
		break;
	case 421:
		why = REJECTED_HOST;
		break;
	case 503:
		why = REJECTED_BUSY;
		break;
	}
	counters.http_rejected[why]++;
}

void
count_mcp_request(const char *method, int ok)
{
	unsigned int	 i;

	for (i = 0; i < COUNT_MCP - 1; i++)
		if (strcmp(method, mcp_methods[i]) == 0)
			break;
	counters.mcp[i][ok != 0]++;
}

void
count_log(enum log_level level)
{
	counters.log[level]++;
}

void
count_reload(int ok)
{
	counters.reloads[ok != 0]++;
	counters.reload_ok = ok != 0;
}

const char *
count_mcp_method(unsigned int i)
{
	return (mcp_methods[i]);
}

const char *
count_http_method(enum http_method method)
{
	return (http_methods[method]);
}

const char *
count_rejected_word(enum count_rejected why)
{
	return (rejected[why]);
}

void
count_http_each(void (*cb)(void *, const struct rest_route *,
    enum http_method, int, uint64_t), void *arg)
{
	const struct rest_route	*r;
	unsigned int		 i, method, column;
	uint64_t		 n;

	for (i = 0; i <= rest_route_count(); i++) {
		r = i < rest_route_count() ? rest_route_at(i) : NULL;
		for (method = 0; method < COUNT_METHODS; method++)
			for (column = 0; column < COUNT_STATUSES; column++) {
				n = route_counts(r)->n[method][column];
				if (n > 0 || (r != NULL && r->get != NULL &&
				    method == HTTP_GET && column == 0))
					cb(arg, r, (enum http_method)method,
					    statuses[column], n);
			}
	}
}
