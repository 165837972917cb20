/*
 * gatewayctl's command line: words from tables, in the manner of bgpctl(8).
 * The usage text and the completion of shells are made from the same tables.
 * An unprivileged client.
 */
#ifndef GW_PARSER_H
#define GW_PARSER_H

#include <stddef.h>
#include <stdint.h>

#include "log.h"

enum action {
	ACT_NONE,
	ACT_STATUS,
	ACT_SHOW_TUNNELS,
	ACT_SHOW_TUNNEL,
	ACT_SHOW_ADDRESSES,
	ACT_SHOW_ADDRESS,
	ACT_SHOW_PORTS,
	ACT_SHOW_HEALTH,
	ACT_SHOW_CONFIG,
	ACT_SHOW_METRICS,
	ACT_SHOW_RELAY,
	ACT_SHOW_VERSION,
	ACT_LAST_SHOW = ACT_SHOW_VERSION,	/* those before only look */
	ACT_TUNNEL,
	ACT_PORT_ADD,
	ACT_PORT_DEL,
	ACT_PORT_PROTOCOL,	/* behind any of the three */
	ACT_PORT_PROXY,	/* behind ACT_PORT_ADD */
	ACT_MONITOR,
	ACT_RELOAD,
	ACT_LOG,
	ACT_LOG_OF,	/* a process, behind ACT_LOG */
	ACT_LOG_LEVELS,
	ACT_LOGS,
	ACT_CHECK,
	ACT_DOCTOR,
	ACT_EXPORT,
	ACT_TRACE,
	ACT_TRACE_FILE,
	ACT_MCP,
	ACT_COMPLETION
};

enum token_type {
	T_WORD,		/* this word or a unique beginning of it */
	T_TUNNEL,	/* a tunnel's name */
	T_INTERFACE,	/* an interface's name */
	T_FILE,		/* a path */
	T_HOST,		/* a host, and maybe a port */
	T_PORT,		/* a number from 1 to 65535; value: enum port_word */
	T_UDP_PORT,	/* the same, one that is mapped */
	T_TCP_PORT,
	T_TEXT,		/* anything; value: enum text_word */
	T_END		/* nothing more; ends each table */
};

/* which of a mapping's ports it is */
enum port_word {
	PORT_OURS,		/* where it listens */
	PORT_TARGET		/* where it leads to */
};

enum text_word {
	TEXT_DESCRIPTION,
	TEXT_REMOTE
};

/*
 * One of the words that may come at some place.  Where there is more than
 * words, the first whose form it has is meant.
 */
struct token {
	enum token_type		 type;
	const char		*word;	/* in messages, if it is no T_WORD */
	enum action		 action;	/* ACT_NONE: as before */
	int			 value;	/* which of the action's words it is */
	const struct token	*next;	/* NULL: only the end may follow */
	/* what it is, or what the command does that ends here: a few words
	 * without quotes and backslashes */
	const char		*help;
};

/* an option, as getopt_long(3) has it */
struct ctl_option {
	const char	*name;
	int		 letter;	/* 256 and above: it has none */
	const char	*arg;		/* NULL: none, "[SEC]": may be given */
	enum token_type	 type;		/* of arg; T_WORD: it is one of words */
	const struct token *words;
	const char	*help;
};

enum option_letter {
	OPTION_COLOUR = 256,
	OPTION_LEVEL
};

/* "auto", "always", "never" are the values 0, 1, 2 */
enum when {
	WHEN_AUTO,
	WHEN_ALWAYS,
	WHEN_NEVER
};

struct command {
	enum action	 action;
	int		 value;		/* ACT_TUNNEL: enum admin_verb,
					 * ACT_LOG: enum log_level,
					 * ACT_EXPORT: enum export,
					 * ACT_COMPLETION: enum completion */
	int		 process;	/* ACT_LOG: enum gw_proc, -1: all */
	const char	*name;		/* of the tunnel, interface or host */
	const char	*file;		/* ACT_CHECK, ACT_DOCTOR,
					 * ACT_TRACE_FILE */
	/* ACT_PORT_ADD, ACT_PORT_DEL, ACT_SHOW_PORTS */
	int		 protocol;	/* IPPROTO_UDP, IPPROTO_TCP, 0: both */
	uint16_t	 port;		/* by enum port_word, 0: not given */
	uint16_t	 target;
	int		 proxy;
	const char	*remote;	/* NULL: it is not forwarded */
	const char	*description;
};

/* what options say */
struct options {
	const char	*socket;	/* NULL: the usual one */
	int		 json;
	int		 watch;		/* seconds, -1: it is not asked for */
	int		 wait;		/* seconds, -1: it is not asked for */
	int		 follow;
	int		 lines;		/* of the log, or so many traces;
					 * -1: nobody said */
	int		 level;		/* enum log_level, -1: nobody said */
};

/* the words a command may begin with */
extern const struct token	 ctl_words[];
/* ends in one without a name */
extern const struct ctl_option	 ctl_options[];

/*
 * Reads argv[0..argc-1], which the command then points into; no words at all
 * mean "status".  A word may be cut short as long as only one begins so.
 * 0, or -1 and a sentence in err that says what was expected.
 */
int	 parse_command(int argc, char **argv, struct command *, char *err,
	    size_t errsize);
/* the one of table whose word is meant: the value of its token, or -1 and a
 * sentence in err */
int	 parse_word(const struct token *table, const char *word, char *err,
	    size_t errsize);

/* what the option's argument may be */
const struct token *option_words(int letter);

#endif
