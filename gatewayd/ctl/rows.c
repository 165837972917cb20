/*
 * Tables of a document's rows: see rows.h.  For gatewayctl, an unprivileged
 * client.
 */
#include "format.h"
#include "rows.h"
#include "table.h"

static void
add_row(struct table *table, const struct row_column *columns, size_t n,
    size_t coloured, const json_t *row)
{
	const char	*cells[TABLE_COLUMNS];
	size_t		 i;

	for (i = 0; i < n; i++)
		cells[i] = columns[i].format(columns[i].path == NULL ? row :
		    document_get(row, columns[i].path));
	table_row(table, cells, coloured, state_colour(cells[coloured]));
}

void
rows_print(const json_t *list, const struct row_column *columns, size_t n,
    size_t coloured)
{
	struct column	 heads[TABLE_COLUMNS];
	struct table	*table;
	json_t		*row;
	size_t		 i;

	for (i = 0; i < n; i++) {
		heads[i].head = columns[i].head;
		heads[i].drop = columns[i].drop;
	}
	table = table_new(heads, n);
	json_array_foreach(list, i, row)
		add_row(table, columns, n, coloured, row);
	table_print(table);
}
