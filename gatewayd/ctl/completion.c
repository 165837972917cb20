/*
 * Scripts for bash, zsh and fish that complete gatewayctl's command line.  An
 * unprivileged client.
 *
 * Each has a function _gatewayctl_words that is made from the tables of
 * words.c: for a place it prints what may come there, a line of three fields
 * for each: the word, the place behind it, and what it is.  Place 0 is the
 * beginning, "end" is behind the last word, "-" has the options, and an
 * option that needs an argument is a place of its own.  Instead of a word it
 * may be @tunnels, @interfaces or such, which the daemon is asked for, @files,
 * or @number or @text, which nothing completes.
 * The rest of each script is the same whatever the tables hold.
 */
#include <err.h>
#include <stdio.h>

#include "completion.h"
#include "parser.h"

#define TABLES_MAX	64
#define NAME_SIZE	32	/* of an option or a place */

/* how a shell frames "if the first argument is one of these" */
struct frame {
	const char	*begin;
	const char	*place[2];	/* before and behind its name */
	const char	*place_end;
	const char	*end;
};

static const struct frame	 frame_sh = {
	"_gatewayctl_words() {\n\tcase $1 in\n",
	{ "\t", ")\n" }, "\t\t;;\n", "\tesac\n}\n"
};

static const struct frame	 frame_fish = {
	"function _gatewayctl_words\n\tswitch \"$argv[1]\"\n",
	{ "\tcase ", "\n" }, "", "\tend\nend\n"
};

/*
 * For bash and zsh.  _gatewayctl_walk goes along the words it gets and sets
 * place, and adds to ctl the options that a question to the daemon needs.
 */
static const char	 walk_sh[] =
"_gatewayctl_walk() {\n"
"\tlocal word w to help found n back\n"
"\tplace=0\n"
"\tfor word; do\n"
"\t\tif [[ $place == -* ]]; then\n"
"\t\t\t[[ $word == '=' ]] && continue\n"
"\t\t\t[[ $place == -s || $place == --socket ]] && ctl+=(-s \"$word\")\n"
"\t\t\tplace=$back\n"
"\t\t\tcontinue\n"
"\t\tfi\n"
"\t\tcase $word in\n"
"\t\t'=')\n"
"\t\t\tback=$place place=-\n"
"\t\t\tcontinue\n"
"\t\t\t;;\n"
"\t\t-s?* | --socket=*)\n"
"\t\t\tctl+=(\"$word\")\n"
"\t\t\tcontinue\n"
"\t\t\t;;\n"
"\t\t-?*)\n"
"\t\t\t[[ -n $(_gatewayctl_words \"$word\") ]] &&\n"
"\t\t\t    back=$place place=$word\n"
"\t\t\tcontinue\n"
"\t\t\t;;\n"
"\t\tesac\n"
"\t\tfound='' n=0\n"
"\t\twhile IFS=$'\\t' read -r w to help; do\n"
"\t\t\tcase $w in\n"
"\t\t\t@number)\n"
"\t\t\t\t[[ $word == *[!0-9]* ]] && continue\n"
"\t\t\t\tfound=$to n=1\n"
"\t\t\t\tbreak\n"
"\t\t\t\t;;\n"
"\t\t\t\"$word\" | @*)\n"
"\t\t\t\tfound=$to n=1\n"
"\t\t\t\tbreak\n"
"\t\t\t\t;;\n"
"\t\t\t\"$word\"*)\n"
"\t\t\t\tfound=$to n=$((n + 1))\n"
"\t\t\t\t;;\n"
"\t\t\tesac\n"
"\t\tdone < <(_gatewayctl_words \"$place\")\n"
"\t\tplace=end\n"
"\t\t[[ $n == 1 ]] && place=$found\n"
"\tdone\n"
"}\n";

static const char	 complete_bash[] =
"_gatewayctl() {\n"
"\tlocal cur=${COMP_WORDS[COMP_CWORD]} place w to help name\n"
"\tlocal -a ctl=(\"$1\")\n"
"\tCOMPREPLY=()\n"
"\t_gatewayctl_walk \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"\n"
"\t[[ $cur == '=' ]] && cur=\n"
"\t[[ $cur == -* && $place != -* ]] && place=-\n"
"\twhile IFS=$'\\t' read -r w to help; do\n"
"\t\tcase $w in\n"
"\t\t@files)\n"
"\t\t\tcompopt -o filenames 2>/dev/null\n"
"\t\t\twhile IFS= read -r name; do\n"
"\t\t\t\tCOMPREPLY+=(\"$name\")\n"
"\t\t\tdone < <(compgen -f -- \"$cur\")\n"
"\t\t\t;;\n"
"\t\t@number | @text) ;;\n"
"\t\t@*)\n"
"\t\t\twhile IFS= read -r name; do\n"
"\t\t\t\t[[ $name == \"$cur\"* ]] && COMPREPLY+=(\"$name\")\n"
"\t\t\tdone < <(\"${ctl[@]}\" completion \"${w#@}\" 2>/dev/null)\n"
"\t\t\t;;\n"
"\t\t\"$cur\"*)\n"
"\t\t\tCOMPREPLY+=(\"$w\")\n"
"\t\t\t;;\n"
"\t\tesac\n"
"\tdone < <(_gatewayctl_words \"$place\")\n"
"}\n"
"complete -F _gatewayctl gatewayctl\n";

static const char	 complete_zsh[] =
"_gatewayctl() {\n"
"\tlocal place w to help\n"
"\tlocal -a ctl found\n"
"\tctl=(\"${words[1]}\")\n"
"\t_gatewayctl_walk \"${(@)words[2,CURRENT-1]}\"\n"
"\tif [[ $PREFIX == --*=* ]]; then\n"
"\t\tplace=${PREFIX%%=*}\n"
"\t\tcompset -P '*='\n"
"\telif [[ $PREFIX == -* && $place != -* ]]; then\n"
"\t\tplace=-\n"
"\tfi\n"
"\twhile IFS=$'\\t' read -r w to help; do\n"
"\t\tcase $w in\n"
"\t\t@files)\n"
"\t\t\t_files\n"
"\t\t\t;;\n"
"\t\t@number | @text) ;;\n"
"\t\t@*)\n"
"\t\t\tfound+=(\"${(@f)$(\"${ctl[@]}\" completion \"${w#@}\" "
"2>/dev/null)}\")\n"
"\t\t\t;;\n"
"\t\t*)\n"
"\t\t\tfound+=(\"${w}:$help\")\n"
"\t\t\t;;\n"
"\t\tesac\n"
"\tdone < <(_gatewayctl_words \"$place\")\n"
"\t((${#found})) && _describe gatewayctl found\n"
"}\n"
"if [[ ${funcstack[1]} == _gatewayctl ]]; then\n"
"\t_gatewayctl \"$@\"\n"
"else\n"
"\tcompdef _gatewayctl gatewayctl\n"
"fi\n";

static const char	 complete_fish[] =
"function _gatewayctl\n"
"\tset -l typed (commandline -opc)\n"
"\tset -l ctl $typed[1]\n"
"\tset -l place 0\n"
"\tset -l back 0\n"
"\tfor word in $typed[2..-1]\n"
"\t\tif string match -q -- '-*' $place\n"
"\t\t\tcontains -- $place -s --socket; and set -a ctl -s $word\n"
"\t\t\tset place $back\n"
"\t\t\tcontinue\n"
"\t\tend\n"
"\t\tif string match -q -r -- '^(-s.|--socket=)' $word\n"
"\t\t\tset -a ctl $word\n"
"\t\t\tcontinue\n"
"\t\tend\n"
"\t\tif string match -q -- '-?*' $word\n"
"\t\t\tif test -n \"$(_gatewayctl_words $word)\"\n"
"\t\t\t\tset back $place\n"
"\t\t\t\tset place $word\n"
"\t\t\tend\n"
"\t\t\tcontinue\n"
"\t\tend\n"
"\t\tset -l exact\n"
"\t\tset -l begun\n"
"\t\tfor line in (_gatewayctl_words $place)\n"
"\t\t\tset -l field (string split \\t -- $line)\n"
"\t\t\tif test $field[1] = @number\n"
"\t\t\t\tstring match -q -r -- '^[0-9]+$' $word; "
"and set exact $field[2]; and break\n"
"\t\t\telse if test $field[1] = $word; "
"or string match -q -- '@*' $field[1]\n"
"\t\t\t\tset -q exact[1]; or set exact $field[2]\n"
"\t\t\telse if test (string sub -l (string length -- $word) -- "
"$field[1]) = $word\n"
"\t\t\t\tset -a begun $field[2]\n"
"\t\t\tend\n"
"\t\tend\n"
"\t\tset place end\n"
"\t\tif set -q exact[1]\n"
"\t\t\tset place $exact\n"
"\t\telse if test (count $begun) = 1\n"
"\t\t\tset place $begun\n"
"\t\tend\n"
"\tend\n"
"\tset -l cur (commandline -ct)\n"
"\tset -l front ''\n"
"\tif string match -q -- '--*=*' \"$cur\"\n"
"\t\tset place (string replace -r '=.*' '' -- $cur)\n"
"\t\tset front $place=\n"
"\telse if string match -q -- '-*' \"$cur\"; "
"and not string match -q -- '-*' $place\n"
"\t\tset place -\n"
"\tend\n"
"\tfor line in (_gatewayctl_words $place)\n"
"\t\tset -l field (string split \\t -- $line)\n"
"\t\tswitch $field[1]\n"
"\t\tcase @files\n"
"\t\t\t__fish_complete_path \"$cur\"\n"
"\t\tcase @number @text\n"
"\t\tcase '@*'\n"
"\t\t\t$ctl completion (string sub -s 2 -- $field[1]) 2>/dev/null\n"
"\t\tcase '*'\n"
"\t\t\tprintf '%s%s\\t%s\\n' \"$front\" $field[1] $field[3]\n"
"\t\tend\n"
"\tend\n"
"end\n"
"complete -c gatewayctl -f -a '(_gatewayctl)'\n";

static const char *const	 names[] = { "bash", "zsh", "fish" };
static const char *const	 completes[] = {
	complete_bash, complete_zsh, complete_fish
};

/* the tables that can be reached; their index is their place's name */
static const struct token	*tables[TABLES_MAX];
static int			 ntables;

static int
table_place(const struct token *table)
{
	int	 i;

	for (i = 0; i < ntables; i++)
		if (tables[i] == table)
			return (i);
	if (ntables == TABLES_MAX)
		errx(1, "completion: too many tables");
	tables[ntables] = table;
	return (ntables++);
}

static const char *
token_word(enum token_type type, const char *word)
{
	switch (type) {
	case T_TUNNEL:
		return ("@tunnels");
	case T_INTERFACE:
		return ("@interfaces");
	case T_FILE:
		return ("@files");
	case T_HOST:
		return ("@hosts");	/* the daemon knows none */
	case T_PORT:
		return ("@number");
	case T_UDP_PORT:
		return ("@udp-ports");
	case T_TCP_PORT:
		return ("@tcp-ports");
	case T_TEXT:
		return ("@text");
	case T_WORD:
	case T_END:
		break;
	}
	return (word);
}

static void
print_field(const char *word, const char *place, const char *help)
{
	printf("\t\tprintf '%%s\\t%%s\\t%%s\\n' '%s' '%s' '%s'\n", word,
	    place, help != NULL ? help : "");
}

static void
print_table(const struct token *table)
{
	const struct token	*t;
	char			 place[NAME_SIZE];

	for (t = table; t->type != T_END; t++) {
		snprintf(place, sizeof(place), "end");
		if (t->next != NULL)
			snprintf(place, sizeof(place), "%d",
			    table_place(t->next));
		print_field(token_word(t->type, t->word), place, t->help);
	}
}

static void
print_place(const struct frame *frame, const char *name)
{
	printf("%s%s%s", frame->place[0], name, frame->place[1]);
}

/* both ways to write it; the shorter one in letter, "" if there is none */
static void
option_names(const struct ctl_option *o, char name[NAME_SIZE],
    char letter[NAME_SIZE])
{
	snprintf(name, NAME_SIZE, "--%s", o->name);
	letter[0] = '\0';
	if (o->letter < OPTION_COLOUR)
		snprintf(letter, NAME_SIZE, "-%c", o->letter);
}

static void
print_argument(const struct frame *frame, const struct ctl_option *o,
    const char *name)
{
	if (*name == '\0')
		return;
	print_place(frame, name);
	if (o->type == T_WORD)
		print_table(o->words);
	else
		print_field(token_word(o->type, NULL), "end", o->help);
	fputs(frame->place_end, stdout);
}

/* one place with all of them, and one for each that needs an argument */
static void
print_options(const struct frame *frame)
{
	const struct ctl_option	*o;
	char			 name[NAME_SIZE], letter[NAME_SIZE];

	print_place(frame, "-");
	for (o = ctl_options; o->name != NULL; o++) {
		option_names(o, name, letter);
		print_field(name, "-", o->help);
		if (*letter != '\0')
			print_field(letter, "-", o->help);
	}
	fputs(frame->place_end, stdout);
	for (o = ctl_options; o->name != NULL; o++) {
		if (o->arg == NULL || *o->arg == '[')
			continue;
		option_names(o, name, letter);
		print_argument(frame, o, name);
		print_argument(frame, o, letter);
	}
}

static void
print_words(const struct frame *frame)
{
	char	 place[NAME_SIZE];
	int	 i;

	fputs(frame->begin, stdout);
	(void)table_place(ctl_words);
	for (i = 0; i < ntables; i++) {
		snprintf(place, sizeof(place), "%d", i);
		print_place(frame, place);
		print_table(tables[i]);
		fputs(frame->place_end, stdout);
	}
	print_options(frame);
	fputs(frame->end, stdout);
}

void
completion_script(enum completion which)
{
	printf("%s# %s completion for gatewayctl, as \"gatewayctl completion "
	    "%s\" prints it\n", which == COMPLETION_ZSH ?
	    "#compdef gatewayctl\n" : "", names[which], names[which]);
	print_words(which == COMPLETION_FISH ? &frame_fish : &frame_sh);
	if (which != COMPLETION_FISH)
		fputs(walk_sh, stdout);
	fputs(completes[which], stdout);
}
