/*
 * gatewayctl's command line: every command, every abbreviation rule, every
 * kind of mistake.
 */
#include <err.h>
#include <stdio.h>
#include <string.h>

#include "completion.h"
#include "export.h"
#include "parser.h"
#include "wire_link.h"

#define WORDS	10

static const struct {
	const char	*words[WORDS + 1];
	enum action	 action;
	int		 value;
	const char	*name;		/* tunnel or file */
} good[] = {
	{ { NULL }, ACT_STATUS, 0, NULL },
	{ { "status", NULL }, ACT_STATUS, 0, NULL },
	{ { "st", NULL }, ACT_STATUS, 0, NULL },
	{ { "show", "tunnels", NULL }, ACT_SHOW_TUNNELS, 0, NULL },
	{ { "sh", "t", NULL }, ACT_SHOW_TUNNELS, 0, NULL },
	{ { "show", "tunnel", "he", NULL }, ACT_SHOW_TUNNEL, 0, "he" },
	{ { "show", "addresses", NULL }, ACT_SHOW_ADDRESSES, 0, NULL },
	{ { "show", "addr", "he0", NULL }, ACT_SHOW_ADDRESS, 0, "he0" },
	{ { "show", "h", NULL }, ACT_SHOW_HEALTH, 0, NULL },
	{ { "show", "ports", NULL }, ACT_SHOW_PORTS, 0, NULL },
	{ { "sh", "p", "t", NULL }, ACT_SHOW_PORTS, 0, NULL },
	{ { "p", "l", NULL }, ACT_SHOW_PORTS, 0, NULL },
	{ { "ports", "list", "udp", NULL }, ACT_SHOW_PORTS, 0, NULL },
	{ { "ports", "del", "tcp", "7654", NULL }, ACT_PORT_DEL, PORT_OURS,
	    NULL },
	{ { "show", "config", NULL }, ACT_SHOW_CONFIG, 0, NULL },
	{ { "show", "r", NULL }, ACT_SHOW_RELAY, 0, NULL },
	{ { "show", "m", NULL }, ACT_SHOW_METRICS, 0, NULL },
	{ { "show", "v", NULL }, ACT_SHOW_VERSION, 0, NULL },
	{ { "export", "tor", NULL }, ACT_EXPORT, EXPORT_TOR_RELAY, NULL },
	{ { "e", "t", "c", NULL }, ACT_EXPORT, EXPORT_TOR_CLIENT, NULL },
	{ { "export", "tor", "exit", "he", NULL }, ACT_EXPORT,
	    EXPORT_TOR_EXIT, "he" },
	{ { "export", "i2p", NULL }, ACT_EXPORT, EXPORT_I2P, NULL },
	{ { "export", "i2pd", "relay", NULL }, ACT_EXPORT, EXPORT_I2PD,
	    "relay" },
	{ { "version", NULL }, ACT_SHOW_VERSION, 0, NULL },
	{ { "co", "fish", NULL }, ACT_COMPLETION, COMPLETION_FISH, NULL },
	{ { "tunnel", "he", "up", NULL }, ACT_TUNNEL, ADMIN_UP, "he" },
	{ { "tu", "he", "d", NULL }, ACT_TUNNEL, ADMIN_DOWN, "he" },
	{ { "tunnel", "up", "restart", NULL }, ACT_TUNNEL, ADMIN_RESTART,
	    "up" },
	{ { "tunnel", "he", "r", NULL }, ACT_TUNNEL, ADMIN_RESTART, "he" },
	{ { "tunnel", "he", "prefer", NULL }, ACT_TUNNEL, ADMIN_PREFER, "he" },
	{ { "tunnel", "he", "p", NULL }, ACT_TUNNEL, ADMIN_PREFER, "he" },
	{ { "tu", "he", "un", NULL }, ACT_TUNNEL, ADMIN_UNPREFER, "he" },
	{ { "trace", "example.org", NULL }, ACT_TRACE, 0, "example.org" },
	{ { "tr", "file:80", NULL }, ACT_TRACE, 0, "file:80" },
	{ { "trace", "fil", NULL }, ACT_TRACE, 0, "fil" },
	{ { "monitor", NULL }, ACT_MONITOR, 0, NULL },
	{ { "mo", NULL }, ACT_MONITOR, 0, NULL },
	{ { "mc", NULL }, ACT_MCP, 0, NULL },
	{ { "r", NULL }, ACT_RELOAD, 0, NULL },
	{ { "log", "error", NULL }, ACT_LOG, LL_ERROR, NULL },
	{ { "log", "d", NULL }, ACT_LOG, LL_DEBUG, NULL },
	{ { "log", "warn", "fr", NULL }, ACT_LOG, LL_WARN, NULL },
	{ { "log", NULL }, ACT_LOG_LEVELS, 0, NULL },
	{ { "logs", NULL }, ACT_LOGS, 0, NULL },
	{ { "check", NULL }, ACT_CHECK, 0, GW_CONF_FILE },
	{ { "check", "./a b", NULL }, ACT_CHECK, 0, "./a b" },
	{ { "trace", "file", "hosts", NULL }, ACT_TRACE_FILE, 0, "hosts" },
};

static const struct {
	const char	*words[WORDS + 1];
	const char	*says;		/* somewhere in the error */
} bad[] = {
	{ { "s", NULL }, "may be \"status\" or \"show\"" },
	{ { "", NULL }, "unknown word" },
	{ { "statsu", NULL }, "did you mean \"status\"" },
	{ { "statuses", NULL }, "unknown word" },
	{ { "frobnicate", NULL },
	    "expected: status, show, tunnel, ports, monitor, reload, log, "
	    "logs, check, doctor" },
	{ { "show", NULL },
	    "expected: tunnels, addresses, ports, health, config, relay, "
	    "metrics, version" },
	{ { "c", NULL }, "may be \"check\" or \"completion\"" },
	{ { "export", NULL }, "expected: tor, i2pd, i2p" },
	{ { "export", "tor", "he", NULL }, "expected: relay, client, exit" },
	{ { "completion", "tcsh", NULL }, "expected: bash, zsh, fish" },
	{ { "show", "ports", "sctp", NULL }, "expected: udp, tcp" },
	{ { "ports", NULL }, "expected: list, add, del" },
	{ { "ports", "add", NULL }, "expected: udp, tcp" },
	{ { "ports", "add", "udp", NULL }, "expected: INTERNAL, forward" },
	{ { "ports", "add", "udp", "x", NULL }, "INTERNAL, forward" },
	{ { "ports", "add", "udp", "0", NULL }, "INTERNAL: \"0\" is no port" },
	{ { "ports", "add", "udp", "65536", NULL }, "1 to 65535" },
	{ { "ports", "add", "udp", "-1", NULL }, "INTERNAL, forward" },
	{ { "ports", "add", "udp", "1", "99999", NULL }, "EXTERNAL: \"9" },
	{ { "ports", "add", "udp", "1", "2", "3", NULL },
	    "expected: description, tunnel, proxy" },
	{ { "ports", "add", "udp", "1", "prox", "pro", "tunel", NULL },
	    "did you mean \"tunnel\"" },
	{ { "ports", "add", "udp", "1", "tunnel", NULL }, "expected: NAME" },
	{ { "ports", "add", "udp", "1", "desc", NULL }, "expected: TEXT" },
	{ { "ports", "add", "udp", "forward", NULL }, "LISTEN, REMOTE" },
	{ { "ports", "add", "udp", "forward", "1", NULL }, "REMOTE" },
	{ { "ports", "add", "udp", "forward", "1", "a:1", "proxy", NULL },
	    "expected: description, tunnel" },
	{ { "ports", "del", "udp", NULL }, "expected: PORT" },
	{ { "ports", "del", "udp", "x", NULL }, "expected: PORT" },
	{ { "ports", "del", "udp", "1", "2", NULL }, "unexpected \"2\"" },
	{ { "show", "tunnels", "he", "wg", NULL }, "unexpected \"wg\"" },
	{ { "t", "he", NULL }, "may be \"tunnel\" or \"trace\"" },
	{ { "trace", NULL }, "expected: file, HOST[:PORT]" },
	{ { "trace", "file", NULL }, "expected: FILE" },
	{ { "trace", "a", "b", NULL }, "unexpected \"b\"" },
	{ { "tunnel", NULL }, "expected: NAME" },
	{ { "tunnel", "he", NULL },
	    "expected: up, down, restart, prefer, unprefer" },
	{ { "tunnel", "he", "u", NULL }, "may be \"up\" or \"unprefer\"" },
	{ { "tunnel", "he", "prefre", NULL }, "did you mean \"prefer\"" },
	{ { "monitor", "he", NULL }, "unexpected \"he\"" },
	{ { "tunnel", "he", "upp", NULL }, "did you mean \"up\"" },
	{ { "tunnel", "he", "up", "now", NULL }, "unexpected \"now\"" },
	{ { "lo", "info", NULL }, "may be \"log\" or \"logs\"" },
	{ { "log", "info", "nobody", NULL }, "expected: parent, engine, " },
	{ { "logs", "info", NULL }, "unexpected \"info\"" },
	{ { "log", "loud", NULL }, "expected: error, warn, info, debug" },
	{ { "reload", "now", NULL }, "unexpected \"now\" after \"reload\"" },
	{ { "check", "a", "b", NULL }, "unexpected \"b\"" },
};

static int
parse(const char *const *words, struct command *cmd, char *error, size_t size)
{
	static char	 store[WORDS][128];
	char		*argv[WORDS + 1];
	int		 argc;

	for (argc = 0; words[argc] != NULL; argc++) {
		strlcpy(store[argc], words[argc], sizeof(store[argc]));
		argv[argc] = store[argc];
	}
	argv[argc] = NULL;
	return (parse_command(argc, argv, cmd, error, size));
}

static void
test_good(size_t i)
{
	struct command	 cmd;
	const char	*name = NULL;
	char		 error[512];

	if (parse(good[i].words, &cmd, error, sizeof(error)) == -1)
		errx(1, "good %zu: %s", i, error);
	if (cmd.action != good[i].action)
		errx(1, "good %zu: action %d", i, cmd.action);
	if (cmd.value != good[i].value)
		errx(1, "good %zu: value %d", i, cmd.value);
	if (cmd.action == ACT_CHECK || cmd.action == ACT_TRACE_FILE)
		name = cmd.file;
	else
		name = cmd.name;
	if ((name == NULL) != (good[i].name == NULL) ||
	    (name != NULL && strcmp(name, good[i].name) != 0))
		errx(1, "good %zu: name %s", i, name == NULL ? "-" : name);
}

static void
test_bad(size_t i)
{
	struct command	 cmd;
	char		 error[512] = "";

	if (parse(bad[i].words, &cmd, error, sizeof(error)) != -1)
		errx(1, "bad %zu: accepted", i);
	if (strstr(error, bad[i].says) == NULL)
		errx(1, "bad %zu: \"%s\" lacks \"%s\"", i, error, bad[i].says);
}

/* a word longer than the message must not write past it */
static void
test_long_word(void)
{
	struct command	 cmd;
	char		 error[64], word[1000], *argv[1] = { word };

	memset(word, 'x', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	if (parse_command(1, argv, &cmd, error, sizeof(error)) != -1 ||
	    strlen(error) >= sizeof(error))
		errx(1, "long word");
}

/* all that can be said of a mapping */
static void
test_ports(void)
{
	static const char *const publish[] = { "ports", "add", "udp", "7654",
	    "7655", "tunnel", "he", "proxy", "description", "tunnel", NULL };
	static const char *const next[] = { "po", "a", "t", "80", "desc",
	    "7655", NULL };
	static const char *const forward[] = { "ports", "add", "tcp",
	    "forward", "40001", "[2001:db8::9]:7654", "tunnel", "wg", NULL };
	static const char *const any[] = { "ports", "add", "udp", "forward",
	    "peer.example:7654", NULL };
	struct command	 cmd;
	char		 error[512];

	if (parse(publish, &cmd, error, sizeof(error)) == -1 ||
	    cmd.action != ACT_PORT_ADD || cmd.protocol != IPPROTO_UDP ||
	    cmd.target != 7654 || cmd.port != 7655 || !cmd.proxy ||
	    strcmp(cmd.name, "he") != 0 || cmd.remote != NULL ||
	    strcmp(cmd.description, "tunnel") != 0)
		errx(1, "publish: %s", error);
	if (parse(next, &cmd, error, sizeof(error)) == -1 ||
	    cmd.action != ACT_PORT_ADD || cmd.protocol != IPPROTO_TCP ||
	    cmd.target != 80 || cmd.port != 0 || cmd.proxy ||
	    strcmp(cmd.description, "7655") != 0)
		errx(1, "next: %s", error);
	if (parse(forward, &cmd, error, sizeof(error)) == -1 ||
	    cmd.action != ACT_PORT_ADD || cmd.port != 40001 ||
	    cmd.target != 0 || strcmp(cmd.name, "wg") != 0 ||
	    strcmp(cmd.remote, "[2001:db8::9]:7654") != 0)
		errx(1, "forward: %s", error);
	if (parse(any, &cmd, error, sizeof(error)) == -1 ||
	    cmd.action != ACT_PORT_ADD || cmd.port != 0 ||
	    strcmp(cmd.remote, "peer.example:7654") != 0)
		errx(1, "any: %s", error);
}

int
main(void)
{
	size_t	 i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		test_good(i);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		test_bad(i);
	test_ports();
	test_long_word();
	return (0);
}
