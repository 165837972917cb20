/*
 * gatewayctl's table of port mappings.  An unprivileged client.
 */
#include <stdio.h>

#include "format.h"
#include "output.h"
#include "rows.h"

/* the port by which a mapping is named */
static const json_t *
port_number(const json_t *row)
{
	const json_t	*port = document_get(row, "external_port");

	return (port != NULL ? port : document_get(row, "listen_port"));
}

static const char *
port_target(const json_t *row)
{
	static char	 text[32];
	const json_t	*internal = document_get(row, "internal_port");

	if (internal == NULL)
		return (format_text(document_get(row, "remote")));
	snprintf(text, sizeof(text), "127.0.0.1:%s", format_integer(internal));
	return (text);
}

static const char *
port_name(const json_t *row)
{
	static char	 text[32];

	snprintf(text, sizeof(text), "%s %s",
	    format_text(document_get(row, "protocol")),
	    format_integer(port_number(row)));
	return (text);
}

/* why one is not as it should be, below the table */
static void
print_reason(const json_t *row)
{
	const json_t	*reason = document_get(row, "reason");

	if (json_is_string(reason))
		printf("%s: %s\n", port_name(row), format_text(reason));
}

void
text_ports(const struct answer *docs, size_t ndocs)
{
	static const struct row_column	 columns[] = {
		{ "port", 0, NULL, port_name },
		{ "state", 0, "state", format_text },
		{ "leads to", 1, NULL, port_target },
		{ "listens at", 2, "address", format_text },
		{ "only by", 5, "tunnel", format_text },
		{ "sessions", 4, "sessions", format_integer },
		{ "received", 6, "rx_bytes", format_bytes },
		{ "sent", 7, "tx_bytes", format_bytes },
		{ "source", 8, "source", format_text },
		{ "description", 3, "description", format_text }
	};
	json_t	*ports = json_array(), *root, *row;
	size_t	 i;

	for (i = 0; i < ndocs; i++) {
		root = document_parse(&docs[i]);
		json_array_extend(ports, json_object_get(root, "ports"));
		json_decref(root);
	}
	rows_print(ports, columns, sizeof(columns) / sizeof(columns[0]), 1);
	json_array_foreach(ports, i, row)
		print_reason(row);
	json_decref(ports);
}

void
print_port_numbers(const struct answer *doc)
{
	json_t	*root = document_parse(doc), *row;
	size_t	 i;

	json_array_foreach(document_get(root, "ports"), i, row)
		printf("%s\n", format_integer(port_number(row)));
	json_decref(root);
}
