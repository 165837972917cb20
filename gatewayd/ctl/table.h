/*
 * Aligned columns that fit a terminal, colours, and text from elsewhere made
 * safe to print.  For gatewayctl, an unprivileged client.
 */
#ifndef GW_TABLE_H
#define GW_TABLE_H

#include <stddef.h>

#define TABLE_COLUMNS	12

enum colour {
	COLOUR_NONE,
	COLOUR_GREEN,
	COLOUR_YELLOW,
	COLOUR_RED
};

struct column {
	const char	*head;
	/* if the lines are too wide the column with the highest number is
	 * left out first; 0 stays */
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
 * Columns of the terminal: COLUMNS if set, the terminal's own if stdout is
 * one, otherwise 0 for "as wide as it gets".
 */
size_t		 terminal_width(void);
/* before and after a coloured word: "" unless stdout is a terminal, NO_COLOR
 * is not set and TERM is not dumb */
const char	*colour_on(enum colour);
const char	*colour_off(enum colour);
/* replaces control characters, so that no text can drive the terminal */
char		*printable(char *);

#endif
