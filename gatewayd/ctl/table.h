/*
 * Aligned columns that fit a terminal, and colours.  For gatewayctl, an
 * unprivileged client.
 */
#ifndef GW_TABLE_H
#define GW_TABLE_H

#include <stddef.h>

#include "parser.h"

#define TABLE_COLUMNS	16

enum colour {
	COLOUR_NONE,
	COLOUR_GREEN,
	COLOUR_YELLOW,
	COLOUR_RED
};

struct column {
	const char	*head;
	/* if the lines are too wide the column with the highest number is
	 * left out first; 0 stays, and is cut short if it has to be */
	unsigned int	 drop;
};

struct table;

/* columns, at most TABLE_COLUMNS, stay the caller's and must live as long */
struct table	*table_new(const struct column *columns, size_t ncolumns);
/* one text for each column, copied, and the colour of the one at index */
void		 table_row(struct table *, const char *const *cells,
		    size_t index, enum colour);
/* prints to stdout and frees */
void		 table_print(struct table *);

/*
 * Columns of the terminal: COLUMNS if set, otherwise its own; 0 for "as wide
 * as it gets" if stdout is none.
 */
size_t		 terminal_width(void);
/* nonzero if stdout is no terminal, or one that has no cursor to move */
int		 terminal_dumb(void);
/* overrides NO_COLOR, CLICOLOR_FORCE, and whether stdout is a terminal */
void		 colour_when(enum when);
/* before and after a coloured word: "" where there are no colours */
const char	*colour_on(enum colour);
const char	*colour_off(enum colour);

#endif
