/*
 * A trace as people read it: what was asked, what was tried, what came of it.
 * For gatewayctl, an unprivileged client.
 */
#include <stdio.h>
#include <string.h>

#include "format.h"
#include "output.h"

#define CELL_SIZE	256

static const char *
family_name(const json_t *family)
{
	return (strcmp(format_text(family), "ipv6") == 0 ? "IPv6" : "IPv4");
}

static void
print_head(const json_t *root)
{
	const json_t	*rule = document_get(root, "rule");
	const json_t	*tunnel = document_get(root, "tunnel");

	printf("%s port %s: ", format_text(document_get(root, "host")),
	    format_integer(document_get(root, "port")));
	if (json_is_true(document_get(root, "upstream")))
		printf("by the upstream server, to which:\n");
	else
		printf("family %s, %s%s, %s goes first\n",
		    format_text(document_get(root, "family")),
		    json_is_string(tunnel) ? "IPv6 by tunnel " : "no tunnel",
		    json_is_string(tunnel) ? format_text(tunnel) : "",
		    family_name(document_get(root, "first")));
	if (json_is_string(rule))
		printf("rule = %s\n", format_text(rule));
}

/* a line for each record, and one for an answer without */
static void
query_rows(struct table *table, const json_t *query)
{
	const json_t	*records = document_get(query, "records");
	const json_t	*record;
	const char	*cells[4];
	size_t		 i;

	cells[0] = format_text(document_get(query, "type"));
	cells[1] = format_ms(document_get(query, "ms"));
	cells[2] = format_text(document_get(query, "error"));
	cells[3] = "";
	if (json_array_size(records) == 0) {
		table_row(table, cells, 2, COLOUR_NONE);
		return;
	}
	json_array_foreach(records, i, record) {
		cells[2] = format_text(document_get(record, "address"));
		cells[3] = format_integer(document_get(record, "ttl"));
		table_row(table, cells, 2, COLOUR_NONE);
		cells[0] = cells[1] = "";
	}
}

static void
print_queries(const json_t *queries)
{
	static const struct column	 columns[] = {
		{ "QUERY", 0 }, { "TIME", 0 }, { "ANSWER", 0 }, { "TTL", 1 }
	};
	struct table			*table;
	const json_t			*query;
	size_t				 i;

	if (json_array_size(queries) == 0)
		return;
	printf("\n");
	table = table_new(columns, 4);
	json_array_foreach(queries, i, query)
		query_rows(table, query);
	table_print(table);
}

static enum colour
result_colour(const char *result)
{
	if (strcmp(result, "connected") == 0)
		return (COLOUR_GREEN);
	if (strcmp(result, "failed") == 0)
		return (COLOUR_RED);
	return (strcmp(result, "refused") == 0 ? COLOUR_YELLOW : COLOUR_NONE);
}

static void
attempt_row(struct table *table, size_t number, const json_t *attempt)
{
	const char	*cells[5], *result;
	const json_t	*error = document_get(attempt, "error");
	char		 n[24], text[CELL_SIZE];

	result = format_text(document_get(attempt, "result"));
	snprintf(n, sizeof(n), "%zu", number);
	strlcpy(text, strcmp(result, "not_tried") == 0 ? "not tried" : result,
	    sizeof(text));
	if (json_is_string(error)) {
		strlcat(text, ": ", sizeof(text));
		strlcat(text, format_text(error), sizeof(text));
	}
	cells[0] = n;
	cells[1] = format_text(document_get(attempt, "address"));
	cells[2] = format_ms(document_get(attempt, "start_ms"));
	cells[3] = format_ms(document_get(attempt, "ms"));
	cells[4] = text;
	table_row(table, cells, 4, result_colour(result));
}

static void
print_attempts(const json_t *attempts)
{
	static const struct column	 columns[] = {
		{ "#", 0 }, { "ADDRESS", 0 }, { "BEGAN", 1 }, { "TOOK", 2 },
		{ "RESULT", 0 }
	};
	struct table			*table;
	const json_t			*attempt;
	size_t				 i;

	if (json_array_size(attempts) == 0)
		return;
	printf("\n");
	table = table_new(columns, 5);
	json_array_foreach(attempts, i, attempt)
		attempt_row(table, i + 1, attempt);
	table_print(table);
}

static void
print_end(const json_t *root)
{
	const json_t	*winner = document_get(root, "winner");
	const json_t	*tunnel = document_get(winner, "tunnel");
	const char	*result = format_text(document_get(root, "result"));
	const char	*ms = format_ms(document_get(root, "ms"));

	if (!json_is_object(winner)) {
		printf("\n%s after %s: %s\n", result, ms,
		    format_text(document_get(root, "reason")));
		return;
	}
	printf("\n%s after %s by %s from %s%s%s\n", result, ms,
	    family_name(document_get(winner, "family")),
	    format_text(document_get(winner, "source")),
	    json_is_string(tunnel) ? ", tunnel " : "",
	    json_is_string(tunnel) ? format_text(tunnel) : "");
}

void
text_trace(const struct answer *doc)
{
	json_t	*root = document_parse(doc);

	print_head(root);
	print_queries(document_get(root, "queries"));
	print_attempts(document_get(root, "attempts"));
	print_end(root);
	json_decref(root);
}
