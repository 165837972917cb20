/*
 * What the frontend counts: histograms, and requests by route, method and
 * status.
 */
#include <assert.h>
#include <string.h>

#include "counters.h"

/* of the last count_http_each() */
static struct {
	unsigned int	 samples;
	unsigned int	 zeros;
	uint64_t	 total;
	uint64_t	 not_modified;
	uint64_t	 nowhere;
} seen;

static void
test_histogram(void)
{
	struct histogram h;

	memset(&h, 0, sizeof(h));
	histogram_add(&h, histogram_probe, 0);
	histogram_add(&h, histogram_probe, 5000);	/* included */
	histogram_add(&h, histogram_probe, 5001);
	histogram_add(&h, histogram_probe, 5000000);
	histogram_add(&h, histogram_probe, 5000001);
	histogram_add(&h, histogram_probe, UINT32_MAX);
	assert(h.counts[0] == 2 && h.counts[1] == 1);
	assert(h.counts[HISTOGRAM_BOUNDS - 1] == 1);
	assert(h.counts[HISTOGRAM_BOUNDS] == 2);
	assert(h.sum_us == 5000 + 5001 + 5000000 + 5000001 +
	    (uint64_t)UINT32_MAX);
}

static void
test_bounds(histogram_bounds bounds)
{
	int i;

	for (i = 1; i < HISTOGRAM_BOUNDS; i++)
		assert(bounds[i] > bounds[i - 1]);
}

static void
see(void *arg, const struct rest_route *r, enum http_method method,
    int status, uint64_t n)
{
	assert(arg == &seen && status > 0);
	seen.samples++;
	seen.total += n;
	seen.zeros += n == 0;
	if (status == 304 && method == HTTP_HEAD)
		seen.not_modified = n;
	if (r == NULL)
		seen.nowhere = n;
}

static void
each(void)
{
	memset(&seen, 0, sizeof(seen));
	count_http_each(see, &seen);
}

static void
test_requests(void)
{
	struct rest_query q = { .path = "/health" };
	const struct rest_route *health;
	unsigned int i, readable = 0;

	assert(rest_route_find(&q) == 0);
	health = q.route;
	each();
	/* every resource is there before somebody has asked for it */
	for (i = 0; i < rest_route_count(); i++)
		readable += rest_route_at(i)->get != NULL;
	assert(seen.samples == readable && seen.zeros == readable);
	count_http_request(health, HTTP_GET, 200, 90);
	count_http_request(health, HTTP_HEAD, 304, 90);
	count_http_request(health, HTTP_HEAD, 304, 2000000);
	count_http_request(NULL, HTTP_OTHER, 404, 110);
	each();
	assert(seen.samples == readable + 2 && seen.zeros == readable - 1);
	assert(seen.total == 4 && seen.not_modified == 2 && seen.nowhere == 1);
	assert(counters.http_time.counts[0] == 2);
	assert(counters.http_time.counts[1] == 1);
	assert(counters.http_time.sum_us == 2000290);
}

/* more statuses than are told apart are counted all the same */
static void
test_statuses(void)
{
	int status;

	for (status = 400; status < 400 + 2 * COUNT_STATUSES; status++)
		count_http_request(NULL, HTTP_GET, status, 0);
	memset(&seen, 0, sizeof(seen));
	count_http_each(see, &seen);
	assert(seen.total == 4 + 2 * COUNT_STATUSES);
}

static void
test_refused(void)
{
	static const struct {
		int			 status;
		enum count_rejected	 why;
	} cases[] = {
		{ 400, REJECTED_MALFORMED }, { 505, REJECTED_MALFORMED },
		{ 408, REJECTED_TIMEOUT }, { 411, REJECTED_TOO_LARGE },
		{ 413, REJECTED_TOO_LARGE }, { 414, REJECTED_TOO_LARGE },
		{ 431, REJECTED_TOO_LARGE }, { 421, REJECTED_HOST },
		{ 503, REJECTED_BUSY },
	};
	uint64_t before;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		before = counters.http_rejected[cases[i].why];
		count_http_rejected(cases[i].status);
		assert(counters.http_rejected[cases[i].why] == before + 1);
	}
	for (i = 0; i < REJECTED_COUNT; i++)
		assert(count_rejected_word((enum count_rejected)i) != NULL);
}

static void
test_mcp(void)
{
	unsigned int i;

	for (i = 0; i < COUNT_MCP; i++) {
		count_mcp_request(count_mcp_method(i), 1);
		assert(counters.mcp[i][1] == 1 && counters.mcp[i][0] == 0);
	}
	count_mcp_request("tools/cal\xff\n", 0);
	assert(counters.mcp[COUNT_MCP - 1][0] == 1);
	assert(strcmp(count_mcp_method(COUNT_MCP - 1), "other") == 0);
}

static void
test_gauges(void)
{
	count_http_connection(1);
	count_http_connection(1);
	count_http_connection(-1);
	count_sse_stream(1);
	count_mcp_connection(1);
	count_mcp_connection(-1);
	assert(counters.http_connections == 1 && counters.sse_streams == 1 &&
	    counters.mcp_connections == 0);
	count_log(LL_WARN);
	assert(counters.log[LL_WARN] == 1 && counters.log[LL_INFO] == 0);
	count_reload(1);
	count_reload(0);
	assert(counters.reloads[0] == 1 && counters.reloads[1] == 1 &&
	    !counters.reload_ok);
}

int
main(void)
{
	test_histogram();
	test_bounds(histogram_probe);
	test_bounds(histogram_request);
	test_bounds(histogram_failover);
	test_requests();
	test_statuses();
	test_refused();
	test_mcp();
	test_gauges();
	return (0);
}
