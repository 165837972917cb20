/*
 * gatewayctl: asks and tells gatewayd over its control socket.
 *
 * An unprivileged client: it holds no right of its own; the daemon decides by
 * the caller's uid and groups what it may change.
 */
#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bridge.h"
#include "client.h"
#include "completion.h"
#include "conf.h"
#include "doctor_cmd.h"
#include "export.h"
#include "output.h"
#include "parser.h"
#include "ports_cmd.h"
#include "table.h"
#include "trace_cmd.h"
#include "usage.h"
#include "util.h"
#include "wait.h"
#include "watch.h"
#include "wire_ctl.h"

#define OPTIONS_MAX	16

#define WATCH_SECONDS	1	/* at least between two looks */
#define WAIT_SECONDS	30
#define SECONDS_MAX	86400
#define LOG_LINES	100
#define LOG_LINES_MAX	1000	/* as many as gatewayd keeps */

static const struct output	*output = &output_text;
static struct options		 opts = { NULL, 0, -1, -1, 0, -1, -1 };

/* fails unless the daemon was content */
static void
expect_ok(const struct answer *a)
{
	if (a->code != EXIT_OK)
		client_fail(a->code, "%s", a->text);
}

/* asks for a document: base, or base and a name behind it */
static void
send_show(const char *base, const char *name)
{
	struct imsg_ctl_show	 req;

	memset(&req, 0, sizeof(req));
	if ((size_t)snprintf(req.target, sizeof(req.target), "%s%s", base,
	    name) >= sizeof(req.target))
		client_fail(EXIT_NO_OBJECT, "\"%s\": no object has so long a "
		    "name", name);
	client_send(IMSG_CTL_SHOW, &req, sizeof(req));
}

static void
show(const char *base, const char *name, struct answer *a)
{
	send_show(base, name);
	client_receive(CLIENT_WAIT, a);
}

static int
show_document(const char *base, const char *name,
    void (*print)(const struct answer *))
{
	struct answer	 a;

	show(base, name, &a);
	expect_ok(&a);
	print(&a);
	answer_free(&a);
	return (EXIT_OK);
}

static void
get_status(struct status_docs *docs)
{
	char	**names;
	size_t	 i, sent = 0;

	show("/tunnels", "", &docs->tunnels);
	expect_ok(&docs->tunnels);
	show("/v6/address", "", &docs->addresses);
	expect_ok(&docs->addresses);
	names = document_names(&docs->tunnels, &docs->ndetails);
	docs->details = xcalloc(docs->ndetails, sizeof(*docs->details));
	for (i = 0; i < docs->ndetails; i++) {
		for (; sent < docs->ndetails && sent - i < CLIENT_WINDOW;
		    sent++)
			send_show("/tunnels/", names[sent]);
		client_receive(CLIENT_WAIT, &docs->details[i]);
		free(names[i]);
	}
	free(names);
}

static void
free_status(struct status_docs *docs)
{
	size_t	 i;

	for (i = 0; i < docs->ndetails; i++)
		answer_free(&docs->details[i]);
	free(docs->details);
	answer_free(&docs->addresses);
	answer_free(&docs->tunnels);
	answer_free(&docs->health);
}

static int
do_status(void)
{
	struct status_docs	 docs;
	int			 code;

	memset(&docs, 0, sizeof(docs));
	show("/health", "", &docs.health);
	expect_ok(&docs.health);
	if (output->status != NULL) {
		get_status(&docs);
		output->status(&docs);
	} else
		output->health(&docs.health);
	code = document_healthy(&docs.health) ? EXIT_OK : EXIT_FAILED;
	free_status(&docs);
	return (code);
}

static int
do_show_ports(int protocol)
{
	struct answer	 docs[2];
	size_t		 n = 0;

	if (protocol != IPPROTO_TCP)
		show("/ports/udp", "", &docs[n++]);
	if (protocol != IPPROTO_UDP)
		show("/ports/tcp", "", &docs[n++]);
	expect_ok(&docs[0]);
	expect_ok(&docs[n - 1]);
	output->ports(docs, n);
	while (n > 0)
		answer_free(&docs[--n]);
	return (EXIT_OK);
}

static int
do_port(const struct command *cmd)
{
	struct answer	 a;

	ports_order(cmd, &a);
	output->port(&a);
	answer_free(&a);
	return (EXIT_OK);
}

static int
do_tunnel(const struct command *cmd)
{
	struct imsg_ctl_tunnel	 req;
	struct answer		 a;

	memset(&req, 0, sizeof(req));
	req.verb = (uint32_t)cmd->value;
	if (strlcpy(req.name, cmd->name, sizeof(req.name)) >=
	    sizeof(req.name))
		client_fail(EXIT_NO_OBJECT, "no tunnel \"%s\": names have at "
		    "most %d characters", cmd->name, GW_NAME_SIZE - 1);
	if (opts.wait != -1)
		wait_begin(cmd->name, req.verb);
	client_request(IMSG_CTL_TUNNEL, &req, sizeof(req), CLIENT_WAIT, &a);
	expect_ok(&a);
	if (opts.wait != -1)
		strlcpy(a.text, wait_end((unsigned int)opts.wait),
		    sizeof(a.text));
	if (output->done != NULL)
		output->done(a.text);
	answer_free(&a);
	return (EXIT_OK);
}

static int
do_monitor(void)
{
	client_follow(EVENTS_LASTING, LL_ERROR, output->event);
	while (client_wait(-1) && fflush(stdout) == 0)
		;
	return (EXIT_OK);
}

/* what the daemon found wrong, or ignored, comes as lines for stderr */
static int
do_reload(void)
{
	struct answer	 a;

	client_request(IMSG_CTL_RELOAD, NULL, 0, CLIENT_WAIT_RELOAD, &a);
	fwrite(a.data, 1, a.len, stderr);
	expect_ok(&a);
	if (output->done != NULL)
		output->done(a.text);
	answer_free(&a);
	return (EXIT_OK);
}

static int
do_log(const struct command *cmd)
{
	struct imsg_level	 req;
	struct answer		 a;

	memset(&req, 0, sizeof(req));
	req.level = (uint32_t)cmd->value;
	req.proc = cmd->process == -1 ? WIRE_ALL : (uint32_t)cmd->process;
	client_request(IMSG_CTL_LOG, &req, sizeof(req), CLIENT_WAIT, &a);
	expect_ok(&a);
	answer_free(&a);
	return (EXIT_OK);
}

/* the records that the document holds, which is asked for after the events,
 * come as events too */
static uint64_t	 records_shown = UINT64_MAX;

static void
log_event(const char *line, size_t len)
{
	if (event_record(line, len) > records_shown)
		output->event(line, len);
}

static int
do_logs(void)
{
	enum log_level	 level = LL_DEBUG;
	struct answer	 a;
	char		 query[64];

	if (opts.level != -1)
		level = (enum log_level)opts.level;
	if (opts.follow)
		client_follow(EVENTS(EVENT_LOG), level, log_event);
	snprintf(query, sizeof(query), "?limit=%d&level=%s",
	    opts.lines != -1 ? opts.lines : LOG_LINES, log_level_name(level));
	show("/logs", query, &a);
	expect_ok(&a);
	output->logs(&a);
	records_shown = document_next(&a);
	answer_free(&a);
	while (opts.follow && fflush(stdout) == 0 && client_wait(-1))
		;
	return (EXIT_OK);
}

static void
check_line(void *arg, enum log_level level, const char *line)
{
	fprintf(stderr, "%s\n", line);
}

static int
do_check(const char *file)
{
	struct gw_conf	*conf;
	int		 root = (geteuid() == 0);

	if ((conf = conf_parse(file, root, check_line, NULL)) == NULL)
		return (EXIT_FAILED);
	conf_free(conf);
	if (!root)
		fprintf(stderr, "gatewayctl: not root: owner and mode of files "
		    "with secrets were not checked\n");
	printf("%s: configuration ok\n", file);
	return (EXIT_OK);
}

static int
do_export(const struct command *cmd)
{
	struct answer	 a;

	if (cmd->name != NULL) {
		show("/tunnels/", cmd->name, &a);
		expect_ok(&a);
		answer_free(&a);
	}
	show("/v6/address", "", &a);
	expect_ok(&a);
	export_print(cmd->value, &a, cmd->name);
	answer_free(&a);
	return (EXIT_OK);
}

/* names for a script: nobody reads why there are none */
static int
do_completion(const struct command *cmd)
{
	switch (cmd->value) {
	case COMPLETION_TUNNELS:
		return (show_document("/tunnels", "", print_tunnel_names));
	case COMPLETION_INTERFACES:
		return (show_document("/v6/address", "",
		    print_interface_names));
	case COMPLETION_UDP_PORTS:
		return (show_document("/ports/udp", "", print_port_numbers));
	case COMPLETION_TCP_PORTS:
		return (show_document("/ports/tcp", "", print_port_numbers));
	default:
		completion_script(cmd->value);
		return (EXIT_OK);
	}
}

static int
run(const struct command *cmd)
{
	switch (cmd->action) {
	case ACT_STATUS:
		return (do_status());
	case ACT_SHOW_TUNNELS:
		return (show_document("/tunnels", "", output->tunnels));
	case ACT_SHOW_TUNNEL:
		return (show_document("/tunnels/", cmd->name, output->tunnel));
	case ACT_SHOW_ADDRESSES:
		return (show_document("/v6/address", "", output->addresses));
	case ACT_SHOW_ADDRESS:
		return (show_document("/v6/address?iface=", cmd->name,
		    output->addresses));
	case ACT_SHOW_PORTS:
		return (do_show_ports(cmd->protocol));
	case ACT_SHOW_HEALTH:
		return (show_document("/health", "", output->health));
	case ACT_SHOW_CONFIG:
		return (show_document("/config", "", output->config));
	case ACT_SHOW_RELAY:
		return (show_document("/relay", "", output->relay));
	case ACT_SHOW_METRICS:
		return (show_document("/metrics", "", output->metrics));
	case ACT_SHOW_VERSION:
		return (show_document("/version", "", output->version));
	case ACT_TUNNEL:
		return (do_tunnel(cmd));
	case ACT_PORT_ADD:
	case ACT_PORT_DEL:
		return (do_port(cmd));
	case ACT_MONITOR:
		return (do_monitor());
	case ACT_RELOAD:
		return (do_reload());
	case ACT_LOG:
		return (do_log(cmd));
	case ACT_LOG_LEVELS:
		return (show_document("/logs?limit=1", "",
		    output->log_levels));
	case ACT_LOGS:
		return (do_logs());
	case ACT_LOG_OF:	/* it comes behind ACT_LOG */
	case ACT_CHECK:
		return (do_check(cmd->file));
	case ACT_DOCTOR:
		return (doctor_command(cmd->file, opts.json));
	case ACT_EXPORT:
		return (do_export(cmd));
	case ACT_TRACE:
		return (trace_host(cmd->name, opts.lines != -1 ?
		    (unsigned int)opts.lines : 1, output, opts.json));
	case ACT_TRACE_FILE:
		return (trace_file(cmd->file, output, opts.json));
	case ACT_COMPLETION:
		return (do_completion(cmd));
	case ACT_MCP:
		return (bridge(opts.socket != NULL ? opts.socket :
		    BRIDGE_SOCKET));
	case ACT_NONE:
	case ACT_PORT_PROTOCOL:	/* they come behind another one */
	case ACT_PORT_PROXY:
		break;
	}
	return (EXIT_USAGE);
}

/* what getopt_long wants to know of ctl_options, into two zeroed arrays */
static void
getopt_tables(struct option longs[OPTIONS_MAX + 1],
    char letters[3 * OPTIONS_MAX + 1])
{
	const struct ctl_option	*o;
	size_t			 n = 0;

	for (o = ctl_options; o->name != NULL && n < OPTIONS_MAX; o++, n++) {
		longs[n].name = o->name;
		longs[n].val = o->letter;
		longs[n].has_arg = o->arg == NULL ? no_argument :
		    *o->arg == '[' ? optional_argument : required_argument;
		if (o->letter >= OPTION_COLOUR)
			continue;
		*letters++ = (char)o->letter;
		if (o->arg != NULL)
			*letters++ = ':';
		if (o->arg != NULL && *o->arg == '[')
			*letters++ = ':';
	}
}

/* the value of the option's word */
static int
option_word(int letter, const char *name)
{
	char	 error[256];
	int	 value;

	value = parse_word(option_words(letter), optarg, error,
	    sizeof(error));
	if (value == -1)
		client_fail(EXIT_USAGE, "--%s: %s", name, error);
	return (value);
}

static int
lines(void)
{
	const char	*error;
	int		 n = (int)strtonum(optarg, 1, LOG_LINES_MAX, &error);

	if (error != NULL)
		client_fail(EXIT_USAGE, "--lines: %s: not 1 to %d", optarg,
		    LOG_LINES_MAX);
	return (n);
}

/* "-w 5" as well as "-w5": getopt_long takes only the latter for its own */
static int
seconds(int argc, char **argv, int none)
{
	const char	*arg = optarg, *error;
	int		 n;

	if (arg == NULL && optind < argc && *argv[optind] != '\0' &&
	    strspn(argv[optind], "0123456789") == strlen(argv[optind]))
		arg = argv[optind++];
	if (arg == NULL)
		return (none);
	n = (int)strtonum(arg, 0, SECONDS_MAX, &error);
	if (error != NULL)
		client_fail(EXIT_USAGE, "%s: not 0 to %d seconds", arg,
		    SECONDS_MAX);
	return (n);
}

static void
apply_option(int letter, int argc, char **argv)
{
	switch (letter) {
	case 'h':
		usage(stdout);
		exit(EXIT_OK);
	case 'j':
		opts.json = 1;
		output = &output_json;
		break;
	case 's':
		opts.socket = optarg;
		break;
	case 'w':
		opts.watch = seconds(argc, argv, WATCH_SECONDS);
		break;
	case 'W':
		opts.wait = seconds(argc, argv, WAIT_SECONDS);
		break;
	case OPTION_COLOUR:
		colour_when(option_word(letter, "color"));
		break;
	case OPTION_LEVEL:
		opts.level = option_word(letter, "level");
		break;
	case 'f':
		opts.follow = 1;
		break;
	case 'n':
		opts.lines = lines();
		break;
	case 'V':
		printf("gatewayctl %s\n", GW_VERSION);
		exit(EXIT_OK);
	default:
		usage(stderr);
		exit(EXIT_USAGE);
	}
}

/* options and words may be mixed: "gatewayctl status -j" is usual elsewhere */
static void
parse_options(int argc, char **argv)
{
	struct option	 longs[OPTIONS_MAX + 1];
	char		 letters[3 * OPTIONS_MAX + 1];
	int		 ch;

	memset(longs, 0, sizeof(longs));
	memset(letters, 0, sizeof(letters));
	getopt_tables(longs, letters);
	while ((ch = getopt_long(argc, argv, letters, longs, NULL)) != -1)
		apply_option(ch, argc, argv);
}

/* a reader that left early ("| head") is no failure of ours */
static int
finish(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return (code);
	if (errno != EPIPE) {
		fprintf(stderr, "gatewayctl: stdout: %s\n", strerror(errno));
		return (EXIT_FAILED);
	}
	return (code);
}

static int
needs_daemon(const struct command *cmd)
{
	if (cmd->action == ACT_COMPLETION)
		return (cmd->value >= COMPLETION_TUNNELS);
	return (cmd->action != ACT_CHECK && cmd->action != ACT_DOCTOR &&
	    cmd->action != ACT_MCP);
}

/* options that this command has no use for were meant for another */
static void
check_options(const struct command *cmd)
{
	if (opts.watch != -1 && cmd->action > ACT_LAST_SHOW)
		client_fail(EXIT_USAGE, "--watch is for status and show");
	if (opts.wait != -1 && cmd->action != ACT_TUNNEL)
		client_fail(EXIT_USAGE, "--wait is for tunnel");
	if ((opts.follow || opts.level != -1) && cmd->action != ACT_LOGS)
		client_fail(EXIT_USAGE, "--follow and --level are for logs");
	if (opts.lines != -1 && cmd->action != ACT_LOGS &&
	    cmd->action != ACT_TRACE)
		client_fail(EXIT_USAGE, "--lines is for logs and trace");
}

int
main(int argc, char *argv[])
{
	struct command	 cmd;
	char		 error[512];

	signal(SIGPIPE, SIG_IGN);
	(void)setlocale(LC_CTYPE, "");
	log_init(LL_WARN, LF_TEXT, LT_STDERR, "gatewayctl");
	parse_options(argc, argv);
	argc -= optind;
	argv += optind;
	if (parse_command(argc, argv, &cmd, error, sizeof(error)) == -1) {
		fprintf(stderr, "gatewayctl: %s\n", error);
		return (EXIT_USAGE);
	}
	check_options(&cmd);
	if (needs_daemon(&cmd))
		client_open(opts.socket != NULL ? opts.socket : CLIENT_SOCKET);
	if (opts.watch != -1)
		return (finish(watch(run, &cmd, (unsigned int)opts.watch,
		    opts.json)));
	return (finish(run(&cmd)));
}
