/*
 * Aligned columns that fit a terminal.  For gatewayctl, an unprivileged
 * client.
 */
#include <sys/ioctl.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "table.h"
#include "text.h"
#include "util.h"

#define GAP		2	/* spaces between columns */
#define CUT		".."	/* the end of a text that is too long */
#define WIDTH_MIN	20
#define WIDTH_MAX	10000

struct row {
	char		*cells[TABLE_COLUMNS];
	size_t		 coloured;
	enum colour	 colour;
};

struct table {
	const struct column	*columns;
	size_t			 ncolumns;
	size_t			 width[TABLE_COLUMNS];	/* 0: left out */
	struct row		*rows;
	size_t			 nrows;
	size_t			 room;		/* of rows */
};

size_t
terminal_width(void)
{
	struct winsize	 ws;
	const char	*env, *error;
	size_t		 width;

	if (!isatty(STDOUT_FILENO))
		return (0);
	if ((env = getenv("COLUMNS")) != NULL) {
		width = strtonum(env, WIDTH_MIN, WIDTH_MAX, &error);
		if (error == NULL)
			return (width);
	}
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 &&
	    ws.ws_col >= WIDTH_MIN)
		return (ws.ws_col);
	return (0);
}

static int
env_set(const char *name)
{
	const char	*env = getenv(name);

	return (env != NULL && *env != '\0');
}

int
terminal_dumb(void)
{
	const char	*term = getenv("TERM");

	return (!isatty(STDOUT_FILENO) || term == NULL ||
	    strcmp(term, "dumb") == 0);
}

/* no-color.org and bixense.com/clicolors; who says no is heard first */
static enum when
colour_auto(void)
{
	const char	*force = getenv("CLICOLOR_FORCE");

	if (env_set("NO_COLOR"))
		return (WHEN_NEVER);
	if (env_set("CLICOLOR_FORCE") && strcmp(force, "0") != 0)
		return (WHEN_ALWAYS);
	return (terminal_dumb() ? WHEN_NEVER : WHEN_ALWAYS);
}

static enum when	 colour_wanted = WHEN_AUTO;

void
colour_when(enum when when)
{
	colour_wanted = when;
}

static int
colours(void)
{
	if (colour_wanted == WHEN_AUTO)
		colour_wanted = colour_auto();
	return (colour_wanted == WHEN_ALWAYS);
}

const char *
colour_on(enum colour colour)
{
	static const char *const	 codes[] = {
		"", "\033[32m", "\033[33m", "\033[31m"
	};

	return (colours() ? codes[colour] : "");
}

const char *
colour_off(enum colour colour)
{
	return (colours() && colour != COLOUR_NONE ? "\033[0m" : "");
}

struct table *
table_new(const struct column *columns, size_t ncolumns)
{
	struct table	*t = xcalloc(1, sizeof(*t));
	size_t		 i;

	t->columns = columns;
	t->ncolumns = ncolumns;
	for (i = 0; i < ncolumns; i++)
		t->width[i] = strlen(columns[i].head);
	return (t);
}

void
table_row(struct table *t, const char *const *cells, size_t index,
    enum colour colour)
{
	struct row	*row;
	size_t		 i, len;

	if (t->nrows == t->room) {
		t->room = t->room > 0 ? t->room * 2 : 16;
		t->rows = recallocarray(t->rows, t->nrows, t->room,
		    sizeof(*t->rows));
		if (t->rows == NULL)
			fatal("recallocarray");
	}
	row = &t->rows[t->nrows++];
	row->coloured = index;
	row->colour = colour;
	for (i = 0; i < t->ncolumns; i++) {
		row->cells[i] = xstrdup(cells[i]);
		if ((len = text_width(cells[i])) > t->width[i])
			t->width[i] = len;
	}
}

/* of a line with all columns that are not left out */
static size_t
table_width(const struct table *t)
{
	size_t	 i, total = 0;

	for (i = 0; i < t->ncolumns; i++)
		if (t->width[i] > 0)
			total += t->width[i] + (total > 0 ? GAP : 0);
	return (total);
}

/* the first column to be left out, or ncolumns */
static size_t
table_last(const struct table *t)
{
	size_t	 i, last = t->ncolumns;

	for (i = 0; i < t->ncolumns; i++)
		if (t->width[i] > 0 && t->columns[i].drop > 0 &&
		    (last == t->ncolumns ||
		    t->columns[i].drop > t->columns[last].drop))
			last = i;
	return (last);
}

static size_t
table_widest(const struct table *t)
{
	size_t	 i, widest = 0;

	for (i = 1; i < t->ncolumns; i++)
		if (t->width[i] > t->width[widest])
			widest = i;
	return (widest);
}

/* leaves out columns until a line fits; if it never does, cuts the widest */
static void
table_fit(struct table *t)
{
	size_t	 last, limit = terminal_width();

	if (limit == 0)
		return;
	while (table_width(t) > limit && (last = table_last(t)) < t->ncolumns)
		t->width[last] = 0;
	while (table_width(t) > limit &&
	    t->width[table_widest(t)] > strlen(CUT) + 1)
		t->width[table_widest(t)]--;
}

static void
print_line(const struct table *t, const struct row *row)
{
	const char	*text;
	size_t		 i, len, width, pad = 0;
	enum colour	 c;
	int		 cut;

	for (i = 0; i < t->ncolumns; i++) {
		if (t->width[i] == 0)
			continue;
		text = row == NULL ? t->columns[i].head : row->cells[i];
		c = row != NULL && i == row->coloured ? row->colour :
		    COLOUR_NONE;
		width = text_width(text);
		cut = width > t->width[i];
		len = strlen(text);
		if (cut) {
			len = text_fit(text, t->width[i] - strlen(CUT));
			width = t->width[i];
		}
		printf("%*s%s%.*s%s%s", (int)pad, "", colour_on(c), (int)len,
		    text, cut ? CUT : "", colour_off(c));
		pad = t->width[i] - width + GAP;
	}
	printf("\n");
}

void
table_print(struct table *t)
{
	size_t	 i, n;

	table_fit(t);
	print_line(t, NULL);
	for (n = 0; n < t->nrows; n++) {
		print_line(t, &t->rows[n]);
		for (i = 0; i < t->ncolumns; i++)
			free(t->rows[n].cells[i]);
	}
	free(t->rows);
	free(t);
}
