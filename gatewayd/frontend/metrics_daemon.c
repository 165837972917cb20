/*
 * The metrics of the daemon itself: what it is, its configuration, its clients
 * and its processes.  Runs in the frontend (_gatewayd, chroot).
 */
#include <stdio.h>

#include "counters.h"
#include "json_value.h"
#include "metrics.h"
#include "procstat.h"

#define US_DECIMALS	6

struct daemon_metric {
	struct metric	 metric;
	void		(*samples)(struct metrics_text *);
};

static void
one(struct metrics_text *x, uint64_t value)
{
	text_begin(x);
	text_uint(x, value);
}

static void
labelled(struct metrics_text *x, const char *label, const char *word,
    uint64_t value)
{
	text_begin(x);
	text_label(x, label, word);
	text_uint(x, value);
}

static void
build_info(struct metrics_text *x)
{
	labelled(x, "version", GW_VERSION, 1);
}

static void
start_time(struct metrics_text *x)
{
	one(x, fe_status.started);
}

static void
reload_successful(struct metrics_text *x)
{
	one(x, (uint64_t)counters.reload_ok);
}

static void
reload_timestamp(struct metrics_text *x)
{
	one(x, fe_status.conf.loaded_at);
}

/* failed, ok */
static const char *const	 results[] = { "error", "success" };

static void
reloads(struct metrics_text *x)
{
	int i;

	for (i = 0; i < 2; i++)
		labelled(x, "result", results[i], counters.reloads[i]);
}

static void
ipv6_up(struct metrics_text *x)
{
	one(x, fe_status.health.status == HEALTH_OK ||
	    fe_status.health.status == HEALTH_DEGRADED);
}

static void
default_tunnel(struct metrics_text *x)
{
	const struct fe_tunnel *t;

	t = fe_tunnels_id(&fe_status.tunnels, fe_status.health.active);
	if (t != NULL)
		labelled(x, "tunnel", t->conf.name, 1);
}

static const char *const	 causes[FAILOVER_CAUSES] = {
	[FAILOVER_FAILURE] = "failure",
	[FAILOVER_RECOVERY] = "recovery",
	[FAILOVER_PRIORITY] = "priority",
	[FAILOVER_LATENCY] = "latency",
	[FAILOVER_OPERATOR] = "operator",
};

static void
failovers(struct metrics_text *x)
{
	int i;

	for (i = 0; i < FAILOVER_CAUSES; i++)
		labelled(x, "reason", causes[i], fe_status.failovers[i]);
}

static void
failover_duration(struct metrics_text *x)
{
	text_histogram(x, NULL, NULL, &fe_status.outages, histogram_failover);
}

/* the path is the table's, the same for all tunnels: no label comes from a
 * client */
static void
http_sample(void *arg, const struct rest_route *r, enum http_method method,
    int status, uint64_t n)
{
	struct metrics_text *x = arg;
	char code[12];

	snprintf(code, sizeof(code), "%d", status);
	text_begin(x);
	text_label(x, "route", r != NULL ? r->path : "other");
	text_label(x, "method", count_http_method(method));
	text_label(x, "code", code);
	text_uint(x, n);
}

static void
http_requests(struct metrics_text *x)
{
	count_http_each(http_sample, x);
}

static void
http_duration(struct metrics_text *x)
{
	text_histogram(x, NULL, NULL, &counters.http_time,
	    histogram_request);
}

static void
http_connections(struct metrics_text *x)
{
	one(x, counters.http_connections);
}

static void
http_rejected(struct metrics_text *x)
{
	int i;

	for (i = 0; i < REJECTED_COUNT; i++)
		labelled(x, "reason", count_rejected_word(
		    (enum count_rejected)i), counters.http_rejected[i]);
}

static void
sse_streams(struct metrics_text *x)
{
	one(x, counters.sse_streams);
}

static void
mcp_connections(struct metrics_text *x)
{
	one(x, counters.mcp_connections);
}

static void
mcp_requests(struct metrics_text *x)
{
	unsigned int i;
	int ok;

	for (i = 0; i < COUNT_MCP; i++)
		for (ok = 0; ok < 2; ok++) {
			text_begin(x);
			text_label(x, "method", count_mcp_method(i));
			text_label(x, "result", results[ok]);
			text_uint(x, counters.mcp[i][ok]);
		}
}

static void
log_messages(struct metrics_text *x)
{
	int i;

	for (i = 0; i < COUNT_LEVELS; i++)
		labelled(x, "level", log_level_name((enum log_level)i),
		    counters.log[i]);
}

/* each process for which the parent has given us a way to ask */
static void
each_process(struct metrics_text *x,
    void (*value)(struct metrics_text *, const struct procstat *))
{
	struct procstat st;
	int i;

	for (i = 0; i < PROC_COUNT; i++) {
		if (procstat_read((enum gw_proc)i, &st) == -1)
			continue;
		text_begin(x);
		text_label(x, "process", proc_name((enum gw_proc)i));
		value(x, &st);
	}
}

static void
cpu_value(struct metrics_text *x, const struct procstat *st)
{
	text_decimal(x, st->cpu_us, US_DECIMALS);
}

static void
process_cpu(struct metrics_text *x)
{
	each_process(x, cpu_value);
}

static void
resident_value(struct metrics_text *x, const struct procstat *st)
{
	text_uint(x, st->resident);
}

static void
process_resident(struct metrics_text *x)
{
	each_process(x, resident_value);
}

static void
started_value(struct metrics_text *x, const struct procstat *st)
{
	text_decimal(x, st->started_us, US_DECIMALS);
}

static void
process_started(struct metrics_text *x)
{
	each_process(x, started_value);
}

static void
process_open_fds(struct metrics_text *x)
{
	labelled(x, "process", proc_name(PROC_FRONTEND),
	    procstat_open_fds());
}

static void
process_max_fds(struct metrics_text *x)
{
	labelled(x, "process", proc_name(PROC_FRONTEND), procstat_max_fds());
}

static const struct daemon_metric	 table[] = {
	{ { "v6gw_build", METRIC_INFO, NULL,
	    "The version of v6-gatewayd." }, build_info },
	{ { "v6gw_start_time_seconds", METRIC_GAUGE, "seconds",
	    "When the daemon started, in Unix time." }, start_time },
	{ { "v6gw_config_last_reload_successful", METRIC_GAUGE, NULL,
	    "Whether the last configuration that was read is in force." },
	    reload_successful },
	{ { "v6gw_config_last_reload_timestamp_seconds", METRIC_GAUGE,
	    "seconds", "When the configuration in force was loaded, in Unix "
	    "time." }, reload_timestamp },
	{ { "v6gw_config_reloads", METRIC_COUNTER, NULL,
	    "Configurations that were read again, by result." }, reloads },
	{ { "v6gw_ipv6_up", METRIC_GAUGE, NULL,
	    "Whether there is IPv6: the active tunnel is up or degraded." },
	    ipv6_up },
	{ { "v6gw_default_tunnel", METRIC_INFO, NULL,
	    "The active tunnel; without a sample if there is none." },
	    default_tunnel },
	{ { "v6gw_failovers", METRIC_COUNTER, NULL,
	    "Changes of the active tunnel, by reason." }, failovers },
	{ { "v6gw_failover_duration_seconds", METRIC_HISTOGRAM, "seconds",
	    "After a failure: from the last answer through the old tunnel "
	    "until the kernel had the new default route." },
	    failover_duration },
	{ { "v6gw_http_requests", METRIC_COUNTER, NULL,
	    "HTTP requests that were answered, by resource." },
	    http_requests },
	{ { "v6gw_http_request_duration_seconds", METRIC_HISTOGRAM, "seconds",
	    "From the last byte of an HTTP request to its answer." },
	    http_duration },
	{ { "v6gw_http_connections", METRIC_GAUGE, NULL,
	    "HTTP connections that are open." }, http_connections },
	{ { "v6gw_http_rejected", METRIC_COUNTER, NULL,
	    "HTTP connections that were closed for what came over them, or "
	    "for being too many." }, http_rejected },
	{ { "v6gw_sse_streams", METRIC_GAUGE, NULL,
	    "Event streams that are open." }, sse_streams },
	{ { "v6gw_mcp_connections", METRIC_GAUGE, NULL,
	    "MCP connections that are open." }, mcp_connections },
	{ { "v6gw_mcp_requests", METRIC_COUNTER, NULL,
	    "MCP requests that were answered." }, mcp_requests },
	{ { "v6gw_log_messages", METRIC_COUNTER, NULL,
	    "Log records of all processes, by level." }, log_messages },
	{ { "process_cpu_seconds", METRIC_COUNTER, "seconds",
	    "CPU time of the user and the system, by process." },
	    process_cpu },
	{ { "process_resident_memory_bytes", METRIC_GAUGE, "bytes",
	    "Resident memory, by process; shared pages count in each." },
	    process_resident },
	{ { "process_start_time_seconds", METRIC_GAUGE, "seconds",
	    "When the process started, in Unix time." }, process_started },
	{ { "process_open_fds", METRIC_GAUGE, NULL,
	    "Open descriptors of the process that has the clients." },
	    process_open_fds },
	{ { "process_max_fds", METRIC_GAUGE, NULL,
	    "Descriptors that it may have." }, process_max_fds },
};

void
metrics_daemon(struct metrics_text *x)
{
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		text_family(x, &table[i].metric);
		table[i].samples(x);
	}
}
