/*
 * gatewayctl's command line: tables of words, walked from left to right.
 * An unprivileged client.
 */
#include <stdio.h>
#include <string.h>

#include "parser.h"
#include "util.h"

#define WORDS_MAX	16	/* in one table */

enum token_type {
	T_WORD,		/* this word or a unique beginning of it */
	T_NAME,		/* a tunnel's or interface's */
	T_FILE,		/* a path */
	T_END		/* nothing more */
};

struct token {
	enum token_type		 type;
	const char		*word;	/* in messages, if it is no T_WORD */
	enum action		 action;	/* ACT_NONE: as before */
	int			 value;	/* verb or level */
	const struct token	*next;	/* NULL: only the end may follow */
};

static const struct token t_verb[] = {
	{ T_WORD, "up", ACT_TUNNEL, ADMIN_UP, NULL },
	{ T_WORD, "down", ACT_TUNNEL, ADMIN_DOWN, NULL },
	{ T_WORD, "restart", ACT_TUNNEL, ADMIN_RESTART, NULL },
	{ T_WORD, "prefer", ACT_TUNNEL, ADMIN_PREFER, NULL },
	{ T_WORD, "unprefer", ACT_TUNNEL, ADMIN_UNPREFER, NULL },
	{ T_END, NULL, ACT_NONE, 0, NULL }
};

static const struct token t_tunnel[] = {
	{ T_NAME, "NAME", ACT_NONE, 0, t_verb },
	{ T_END, NULL, ACT_NONE, 0, NULL }
};

static const struct token t_show_tunnel[] = {
	{ T_NAME, "NAME", ACT_SHOW_TUNNEL, 0, NULL },
	{ T_END, NULL, ACT_SHOW_TUNNELS, 0, NULL }
};

static const struct token t_show_address[] = {
	{ T_NAME, "IFACE", ACT_SHOW_ADDRESS, 0, NULL },
	{ T_END, NULL, ACT_SHOW_ADDRESSES, 0, NULL }
};

static const struct token t_show[] = {
	{ T_WORD, "tunnels", ACT_NONE, 0, t_show_tunnel },
	{ T_WORD, "addresses", ACT_NONE, 0, t_show_address },
	{ T_WORD, "health", ACT_SHOW_HEALTH, 0, NULL },
	{ T_WORD, "config", ACT_SHOW_CONFIG, 0, NULL },
	{ T_END, NULL, ACT_NONE, 0, NULL }
};

static const struct token t_level[] = {
	{ T_WORD, "error", ACT_LOG, LL_ERROR, NULL },
	{ T_WORD, "warn", ACT_LOG, LL_WARN, NULL },
	{ T_WORD, "info", ACT_LOG, LL_INFO, NULL },
	{ T_WORD, "debug", ACT_LOG, LL_DEBUG, NULL },
	{ T_END, NULL, ACT_NONE, 0, NULL }
};

static const struct token t_file[] = {
	{ T_FILE, "FILE", ACT_CHECK, 0, NULL },
	{ T_END, NULL, ACT_CHECK, 0, NULL }
};

static const struct token t_doctor[] = {
	{ T_FILE, "FILE", ACT_DOCTOR, 0, NULL },
	{ T_END, NULL, ACT_DOCTOR, 0, NULL }
};

static const struct token t_main[] = {
	{ T_WORD, "status", ACT_STATUS, 0, NULL },
	{ T_WORD, "show", ACT_NONE, 0, t_show },
	{ T_WORD, "tunnel", ACT_NONE, 0, t_tunnel },
	{ T_WORD, "monitor", ACT_MONITOR, 0, NULL },
	{ T_WORD, "reload", ACT_RELOAD, 0, NULL },
	{ T_WORD, "log", ACT_NONE, 0, t_level },
	{ T_WORD, "check", ACT_NONE, 0, t_file },
	{ T_WORD, "doctor", ACT_NONE, 0, t_doctor },
	{ T_END, NULL, ACT_STATUS, 0, NULL }
};

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
	char		 list[128];
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

static const struct token *
match(const struct token *table, const char *word, char *err, size_t errsize)
{
	const struct token	*t, *found = NULL;
	size_t			 len = strlen(word);

	if (table->type == T_NAME || table->type == T_FILE)
		return (table);
	for (t = table; t->type == T_WORD; t++) {
		if (strcmp(t->word, word) == 0)
			return (t);
		if (len == 0 || strncmp(t->word, word, len) != 0)
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

static void
apply(const struct token *t, const char *word, struct command *cmd)
{
	if (t->action != ACT_NONE)
		cmd->action = t->action;
	if (t->type == T_NAME)
		cmd->name = word;
	else if (t->type == T_FILE)
		cmd->file = word;
	else if (t->action == ACT_TUNNEL)
		cmd->verb = t->value;
	else if (t->action == ACT_LOG)
		cmd->level = t->value;
}

/* the words end here: is that allowed? */
static int
finish(const struct token *table, struct command *cmd, char *err,
    size_t errsize)
{
	const struct token	*t;
	char			 list[128];

	for (t = table; t->type != T_END; t++)
		;
	apply(t, NULL, cmd);
	if (cmd->action != ACT_NONE)
		return (0);
	snprintf(err, errsize, "something is missing at the end: expected: %s",
	    expected(table, list, sizeof(list)));
	return (-1);
}

int
parse_command(int argc, char **argv, struct command *cmd, char *err,
    size_t errsize)
{
	const struct token	*table = t_main, *t;
	int			 i;

	memset(cmd, 0, sizeof(*cmd));
	cmd->file = GW_CONF_FILE;
	for (i = 0; table != NULL && i < argc; i++) {
		if ((t = match(table, argv[i], err, errsize)) == NULL)
			return (-1);
		apply(t, argv[i], cmd);
		table = t->next;
	}
	if (i < argc) {
		snprintf(err, errsize, "unexpected \"%s\" after \"%s\"",
		    argv[i], argv[i - 1]);
		return (-1);
	}
	return (table == NULL ? 0 : finish(table, cmd, err, errsize));
}
