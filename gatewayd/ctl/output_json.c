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

const struct output	 output_json = {
	.health = json_document,
	.tunnels = json_document,
	.tunnel = json_document,
	.addresses = json_document,
	.config = json_document,
	.status = NULL,
	.done = NULL
};
