/*
 * gatewayctl's table of port mappings.  An unprivileged client.
 */
#include <stdio.h>

#include "format.h"
#include "output.h"
#include "table.h"

static enum colour
port_colour(const char *state)
{
	switch (*state) {
	case 'a':	/* active */
		return (COLOUR_GREEN);
	case 'f':	/* failed */
		return (COLOUR_RED);
	default:
		return (COLOUR_YELLOW);
	}
}

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

static void
add_row(struct table *table, const json_t *row)
{
	const char	*state = format_text(document_get(row, "state"));
	char		 port[32];

	snprintf(port, sizeof(port), "%s %s",
	    format_text(document_get(row, "protocol")),
	    format_integer(port_number(row)));
	table_row(table, (const char *const []) {
	    port,
	    state,
	    port_target(row),
	    format_text(document_get(row, "address")),
	    format_text(document_get(row, "tunnel")),
	    format_integer(document_get(row, "sessions")),
	    format_bytes(document_get(row, "rx_bytes")),
	    format_bytes(document_get(row, "tx_bytes")),
	    format_text(document_get(row, "source")),
	    format_text(document_get(row, "description"))
	    }, 1, port_colour(state));
}

/* why one is not as it should be, below the table */
static void
print_reason(const json_t *row)
{
	const json_t	*reason = document_get(row, "reason");

	if (json_is_string(reason))
		printf("%s %s: %s\n",
		    format_text(document_get(row, "protocol")),
		    format_integer(port_number(row)), format_text(reason));
}

void
text_ports(const struct answer *docs, size_t ndocs)
{
	static const struct column	 columns[] = {
		{ "port", 0 }, { "state", 0 }, { "leads to", 1 },
		{ "listens at", 2 }, { "only by", 5 }, { "sessions", 4 },
		{ "received", 6 }, { "sent", 7 }, { "source", 8 },
		{ "description", 3 }
	};
	struct table	*table;
	json_t		*roots[2], *row;
	size_t		 i, n;

	table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
	for (n = 0; n < ndocs; n++) {
		roots[n] = document_parse(&docs[n]);
		json_array_foreach(document_get(roots[n], "ports"), i, row)
			add_row(table, row);
	}
	table_print(table);
	for (n = 0; n < ndocs; n++) {
		json_array_foreach(document_get(roots[n], "ports"), i, row)
			print_reason(row);
		json_decref(roots[n]);
	}
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
