/*
 * Tables of a document's rows: one column for each thing they say.  For
 * gatewayctl, an unprivileged client.
 */
#ifndef GW_ROWS_H
#define GW_ROWS_H

#include <jansson.h>

struct row_column {
	const char	*head;
	unsigned int	 drop;		/* both as in struct column */
	/* the cell is the value there, or, if NULL, the whole row, */
	const char	*path;
	const char	*(*format)(const json_t *);	/* in this form */
};

/*
 * Prints a table of the objects in the list.  The text in one of the columns,
 * an index, has the colour of a state.
 */
void	 rows_print(const json_t *list, const struct row_column *, size_t n,
	    size_t coloured);

#endif
