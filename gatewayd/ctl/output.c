/*
 * gatewayctl's text for the documents that "show" names.  An unprivileged
 * client.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "output.h"
#include "rows.h"
#include "util.h"

#define LABEL_WIDTH	15

/* a line "label  value" */
static void
print_line(const char *label, const char *text)
{
	printf("%-*s  %s\n", LABEL_WIDTH, label, text);
}

char **
document_names(const struct answer *doc, size_t *n)
{
	json_t		*root = document_parse(doc), *row;
	const json_t	*rows = document_get(root, "tunnels");
	char		**names;
	size_t		 i;

	*n = json_array_size(rows);
	names = xcalloc(*n + 1, sizeof(*names));
	json_array_foreach(rows, i, row)
		names[i] = xstrdup(format_text(document_get(row, "name")));
	json_decref(root);
	return (names);
}

int
document_healthy(const struct answer *doc)
{
	json_t	*root = document_parse(doc);
	int	 ok;

	ok = strcmp(format_text(document_get(root, "status")), "ok") == 0;
	json_decref(root);
	return (ok);
}

static void
text_health(const struct answer *doc)
{
	json_t	*root = document_parse(doc);

	print_line("status", format_text(document_get(root, "status")));
	print_line("IPv6 reachable",
	    format_yes(document_get(root, "v6_reachable")));
	print_line("latency", format_ms(document_get(root, "v6_latency_ms")));
	print_line("tunnels up",
	    format_integer(document_get(root, "active_tunnels")));
	print_line("last check", format_when(document_get(root, "last_check")));
	json_decref(root);
}

static void
text_tunnels(const struct answer *doc)
{
	static const struct row_column	 columns[] = {
		{ "name", 0, "name", format_text },
		{ "type", 3, "type", format_text },
		{ "state", 0, "state", format_text },
		{ "iface", 4, "iface", format_text },
		{ "prefix", 2, "v6_prefix", format_text },
		{ "received", 5, "rx_bytes", format_bytes },
		{ "sent", 6, "tx_bytes", format_bytes },
		{ "checked", 7, "last_check", format_ago }
	};
	json_t	*root = document_parse(doc);

	rows_print(document_get(root, "tunnels"), columns,
	    sizeof(columns) / sizeof(columns[0]), 2);
	json_decref(root);
}

static void
text_addresses(const struct answer *doc)
{
	static const struct row_column	 columns[] = {
		{ "iface", 0, "iface", format_text },
		{ "address", 0, "address", format_text },
		{ "len", 2, "prefix", format_integer },
		{ "reachable", 0, "reachable", format_yes },
		{ "latency", 1, "latency_ms", format_ms },
		{ "tunnel", 3, "tunnel", format_text },
		{ "role", 4, "role", format_text }
	};
	json_t	*root = document_parse(doc);

	rows_print(document_get(root, "addresses"), columns,
	    sizeof(columns) / sizeof(columns[0]), 3);
	json_decref(root);
}

/* what there is to say of one tunnel, in this order */
static const struct {
	const char	*label;
	const char	*path;
	const char	*(*format)(const json_t *);
} tunnel_fields[] = {
	{ "name", "name", format_text },
	{ "type", "type", format_text },
	{ "state", "state", format_text },
	{ "fine state", "detail.state", format_text },
	{ "reason", "detail.reason", format_text },
	{ "since", "detail.since", format_when },
	{ "role", "detail.role", format_text },
	{ "priority", "detail.priority", format_integer },
	{ "preferred", "detail.preferred", format_yes },
	{ "times active", "detail.switches", format_integer },
	{ "hold ends", "detail.hold_until", format_until },
	{ "default route", "detail.default_route", format_yes },
	{ "interface", "iface", format_text },
	{ "prefix", "v6_prefix", format_text },
	{ "local endpoint", "detail.endpoint_local", format_text },
	{ "remote endpoint", "detail.endpoint_remote", format_text },
	{ "driver", "detail.driver", format_text },
	{ "MTU", "detail.mtu", format_integer },
	{ "interface's MTU", "detail.mtu_max", format_integer },
	{ "path MTU", "detail.pmtu", format_integer },
	{ "black hole", "detail.black_hole", format_yes },
	{ "last handshake", "detail.handshake", format_when },
	{ "last RTT", "detail.rtt_ms.last", format_ms },
	{ "average RTT", "detail.rtt_ms.avg", format_ms },
	{ "95 % below", "detail.rtt_ms.p95", format_ms },
	{ "jitter", "detail.jitter_ms", format_ms },
	{ "loss", "detail.loss_ratio", format_percent },
	{ "received", "rx_bytes", format_bytes },
	{ "sent", "tx_bytes", format_bytes },
	{ "last check", "last_check", format_when },
	{ "tried again", "detail.retry_at", format_until },
	{ "last error", "detail.last_error", format_text },
};

/* what it went from and to, when, and why */
static void
print_change(const char *label, const json_t *change)
{
	char	 line[256];

	snprintf(line, sizeof(line), "%s: %s to %s: %s",
	    format_ago(document_get(change, "time")),
	    format_text(document_get(change, "from")),
	    format_text(document_get(change, "to")),
	    format_text(document_get(change, "reason")));
	print_line(label, line);
}

static void
text_tunnel(const struct answer *doc)
{
	json_t		*root = document_parse(doc);
	const json_t	*value;
	json_t		*change;
	size_t		 i;

	for (i = 0; i < sizeof(tunnel_fields) / sizeof(tunnel_fields[0]); i++) {
		value = document_get(root, tunnel_fields[i].path);
		/* what its type does not have is not there */
		if (value != NULL)
			print_line(tunnel_fields[i].label,
			    tunnel_fields[i].format(value));
	}
	value = document_get(root, "detail.last_failover");
	if (json_is_object(value))
		print_change("last failover", value);
	json_array_foreach(document_get(root, "detail.transitions"), i, change)
		print_change(i == 0 ? "changes" : "", change);
	json_decref(root);
}

static void
print_pair(const char *key, const json_t *value)
{
	const char	*text = json_is_null(value) ? "" : format_text(value);

	printf("%s =%s%s\n", key, *text == '\0' ? "" : " ", text);
}

/* as in the file it came from, with every default */
static void
text_config(const struct answer *doc)
{
	json_t		*root = document_parse(doc), *section, *value, *item;
	const char	*name, *key;
	size_t		 i;

	printf("# %s, loaded %s\n", format_text(document_get(root, "source")),
	    format_ago(document_get(root, "loaded_at")));
	json_object_foreach(json_object_get(root, "config"), name, section) {
		printf("\n[%s]\n", name);
		json_object_foreach(section, key, value) {
			if (!json_is_array(value))
				print_pair(key, value);
			json_array_foreach(value, i, item)
				print_pair(key, item);
		}
	}
	json_decref(root);
}

/* a text already: there is nothing to make of it */
static void
text_metrics(const struct answer *doc)
{
	fwrite(doc->data, 1, doc->len, stdout);
}

static void
text_version(const struct answer *doc)
{
	json_t	*root = document_parse(doc);

	print_line("gatewayctl", GW_VERSION);
	print_line("gatewayd", format_text(document_get(root, "version")));
	print_line("running since", format_when(document_get(root, "started")));
	json_decref(root);
}

/* a member of each row, as a line of its own */
static void
print_column(const struct answer *doc, const char *rows, const char *key)
{
	json_t	*root = document_parse(doc), *row;
	size_t	 i;

	json_array_foreach(document_get(root, rows), i, row)
		printf("%s\n", format_text(document_get(row, key)));
	json_decref(root);
}

void
print_tunnel_names(const struct answer *doc)
{
	print_column(doc, "tunnels", "name");
}

void
print_interface_names(const struct answer *doc)
{
	print_column(doc, "addresses", "iface");
}

static void
text_done(const char *text)
{
	if (*text != '\0')
		printf("%s\n", text);
}

static void
text_port(const struct answer *a)
{
	text_done(a->text);
}

const struct output	 output_text = {
	.health = text_health,
	.tunnels = text_tunnels,
	.tunnel = text_tunnel,
	.addresses = text_addresses,
	.config = text_config,
	.metrics = text_metrics,
	.relay = text_relay,
	.version = text_version,
	.logs = text_logs,
	.log_levels = text_log_levels,
	.trace = text_trace,
	.ports = text_ports,
	.port = text_port,
	.status = text_status,
	.event = text_event,
	.done = text_done
};
