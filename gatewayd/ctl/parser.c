/*
 * gatewayctl's command line: the tables of words.c, walked from left to
 * right.  An unprivileged client.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "parser.h"
#include "util.h"

#define WORDS_MAX	32	/* in one table */
#define LIST_SIZE	256	/* of all of them */

/* "up, down, restart" */
static const char *
expected(const struct token *table, char *buf, size_t size)
{
	const struct token	*t;

	buf[0] = '\0';
	for (t = table; t->type != T_END; t++) {
		if (t != table)
			strlcat(buf, ", ", size);
		strlcat(buf, t->word, size);
	}
	return (buf);
}

/* no word of the table begins like this one: which is near, which there are */
static void
unknown_word(const struct token *table, const char *word, char *err,
    size_t errsize)
{
	const char	*words[WORDS_MAX + 1], *near;
	char		 list[LIST_SIZE];
	size_t		 i;

	for (i = 0; table[i].type != T_END && i < WORDS_MAX; i++)
		words[i] = table[i].word;
	words[i] = NULL;
	if ((near = nearest(word, words)) != NULL)
		snprintf(err, errsize, "unknown word \"%s\": did you mean "
		    "\"%s\"? expected: %s", word, near,
		    expected(table, list, sizeof(list)));
	else
		snprintf(err, errsize, "unknown word \"%s\": expected: %s",
		    word, expected(table, list, sizeof(list)));
}

/* nonzero if the word has the token's form */
static int
fits(const struct token *t, const char *word)
{
	switch (t->type) {
	case T_PORT:
	case T_UDP_PORT:
	case T_TCP_PORT:
		return (*word != '\0' &&
		    strspn(word, "0123456789") == strlen(word));
	case T_WORD:
		return (0);
	default:
		return (1);
	}
}

/* the word is the beginning of only one of the table's */
static const struct token *
match_begun(const struct token *table, const char *word, char *err,
    size_t errsize)
{
	const struct token	*t, *found = NULL;
	size_t			 len = strlen(word);

	for (t = table; t->type != T_END; t++) {
		if (t->type != T_WORD || len == 0 ||
		    strncmp(t->word, word, len) != 0)
			continue;
		if (found != NULL) {
			snprintf(err, errsize, "\"%s\" is ambiguous: it may "
			    "be \"%s\" or \"%s\"", word, found->word, t->word);
			return (NULL);
		}
		found = t;
	}
	if (found == NULL)
		unknown_word(table, word, err, errsize);
	return (found);
}

/* where anything may stand no word is cut short */
static const struct token *
match(const struct token *table, const char *word, char *err, size_t errsize)
{
	const struct token	*t;

	for (t = table; t->type != T_END; t++)
		if (t->type == T_WORD && strcmp(t->word, word) == 0)
			return (t);
	for (t = table; t->type != T_END; t++)
		if (fits(t, word))
			return (t);
	return (match_begun(table, word, err, errsize));
}

/* 0, or -1 if that can be no port */
static int
apply_port(const struct token *t, const char *word, struct command *cmd,
    char *err, size_t errsize)
{
	const char	*error;
	uint16_t	 port;

	port = (uint16_t)strtonum(word, 1, UINT16_MAX, &error);
	if (error != NULL) {
		snprintf(err, errsize, "%s: \"%s\" is no port: expected 1 to "
		    "65535", t->word, word);
		return (-1);
	}
	if (t->value == PORT_OURS)
		cmd->port = port;
	else
		cmd->target = port;
	return (0);
}

/* what the token itself means */
static void
apply_action(const struct token *t, struct command *cmd)
{
	switch (t->action) {
	case ACT_NONE:
		break;
	case ACT_LOG_OF:
		cmd->process = t->value;
		break;
	case ACT_PORT_PROTOCOL:
		cmd->protocol = t->value;
		break;
	case ACT_PORT_PROXY:
		cmd->proxy = 1;
		break;
	default:
		cmd->action = t->action;
		cmd->value = t->value;
	}
}

/* 0, or -1 if the word cannot be what it should */
static int
apply(const struct token *t, const char *word, struct command *cmd, char *err,
    size_t errsize)
{
	apply_action(t, cmd);
	switch (t->type) {
	case T_TUNNEL:
	case T_INTERFACE:
	case T_HOST:
		cmd->name = word;
		break;
	case T_FILE:
		cmd->file = word;
		break;
	case T_PORT:
	case T_UDP_PORT:
	case T_TCP_PORT:
		return (apply_port(t, word, cmd, err, errsize));
	case T_TEXT:
		if (t->value == TEXT_REMOTE)
			cmd->remote = word;
		else
			cmd->description = word;
		break;
	case T_WORD:
	case T_END:
		break;
	}
	return (0);
}

/* the words end here: is that allowed? */
static int
finish(const struct token *table, struct command *cmd, char *err,
    size_t errsize)
{
	const struct token	*t;
	char			 list[LIST_SIZE];

	for (t = table; t->type != T_END; t++)
		;
	apply_action(t, cmd);
	if (cmd->action != ACT_NONE)
		return (0);
	snprintf(err, errsize, "something is missing at the end: expected: %s",
	    expected(table, list, sizeof(list)));
	return (-1);
}

const struct token *
option_words(int letter)
{
	const struct ctl_option	*o;

	for (o = ctl_options; o->letter != letter; o++)
		;
	return (o->words);
}

int
parse_word(const struct token *table, const char *word, char *err,
    size_t errsize)
{
	const struct token	*t = match(table, word, err, errsize);

	return (t == NULL ? -1 : t->value);
}

int
parse_command(int argc, char **argv, struct command *cmd, char *err,
    size_t errsize)
{
	const struct token	*table = ctl_words, *t;
	int			 i;

	memset(cmd, 0, sizeof(*cmd));
	cmd->file = GW_CONF_FILE;
	cmd->process = -1;
	for (i = 0; table != NULL && i < argc; i++) {
		if ((t = match(table, argv[i], err, errsize)) == NULL)
			return (-1);
		if (apply(t, argv[i], cmd, err, errsize) == -1)
			return (-1);
		table = t->next;
	}
	if (i < argc) {
		snprintf(err, errsize, "unexpected \"%s\" after \"%s\"",
		    argv[i], argv[i - 1]);
		return (-1);
	}
	return (table == NULL ? 0 : finish(table, cmd, err, errsize));
}
