/*
 * gatewayctl -j: the API's documents, byte by byte.  An unprivileged client.
 */
#include <stdio.h>

#include "output.h"

static void
json_document(const struct answer *doc)
{
	fwrite(doc->data, 1, doc->len, stdout);
}

/* a line for each */
static void
json_ports(const struct answer *docs, size_t ndocs)
{
	size_t	 i;

	for (i = 0; i < ndocs; i++)
		json_document(&docs[i]);
}

static void
json_event(const char *line, size_t len)
{
	fwrite(line, 1, len, stdout);
}

const struct output	 output_json = {
	.health = json_document,
	.tunnels = json_document,
	.tunnel = json_document,
	.addresses = json_document,
	.config = json_document,
	.metrics = json_document,
	.relay = json_document,
	.version = json_document,
	.logs = json_document,
	.log_levels = json_document,
	.trace = json_document,
	.ports = json_ports,
	.port = json_document,
	.status = NULL,
	.event = json_event,
	.done = NULL
};
