/*
 * gatewayctl's usage text: a line for each way through the tables of words.c.
 * An unprivileged client.
 */
#include <string.h>

#include "parser.h"
#include "usage.h"

#define LINE_SIZE	80
#define HELP_COLUMN	29

static void
usage_line(FILE *f, const char *what, const char *help)
{
	fprintf(f, "  %-*s %s\n", HELP_COLUMN, what, help);
}

/* nonzero if the command may end behind it as well, without a line of its own
 * for that */
static int
may_end(const struct token *t)
{
	const struct token	*end;

	if (t->action != ACT_NONE && t->action != ACT_PORT_PROTOCOL)
		return (1);
	for (end = t->next; end->type != T_END; end++)
		;
	return (end->action != ACT_NONE && end->help == NULL);
}

/* every command that goes on from the words so far */
static void
usage_words(FILE *f, const struct token *table, const char *words)
{
	const struct token	*t;
	char			 line[LINE_SIZE];

	for (t = table; t->type != T_END; t++) {
		snprintf(line, sizeof(line), "%s%s%s", words,
		    *words != '\0' ? " " : "", t->word);
		if (t->next != NULL && may_end(t)) {
			strlcat(line, " [", sizeof(line));
			strlcat(line, t->next->word, sizeof(line));
			if (t->next[1].type != T_END)
				strlcat(line, " ...", sizeof(line));
			strlcat(line, "]", sizeof(line));
			usage_line(f, line, t->help);
		} else if (t->next != NULL)
			usage_words(f, t->next, line);
		else
			usage_line(f, line, t->help);
	}
	if (t->help != NULL)
		usage_line(f, words, t->help);
}

static void
usage_option(FILE *f, const struct ctl_option *o)
{
	char	 line[LINE_SIZE], letter[] = "-x, ";

	letter[1] = (char)o->letter;
	snprintf(line, sizeof(line), "%s--%s%s%s",
	    o->letter < OPTION_COLOUR ? letter : "    ", o->name,
	    o->arg == NULL ? "" : *o->arg == '[' ? "[=" : "=",
	    o->arg == NULL ? "" : o->arg + (*o->arg == '['));
	usage_line(f, line, o->help);
}

void
usage(FILE *f)
{
	const struct ctl_option	*o;

	fprintf(f, "usage: gatewayctl [option ...] [command]\noptions:\n");
	for (o = ctl_options; o->name != NULL; o++)
		usage_option(f, o);
	fprintf(f, "commands, whose words may be cut short:\n");
	usage_words(f, ctl_words, "");
}
