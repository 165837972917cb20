/*
 * What gatewayctl can be told: every word and every option, with what the
 * usage text and the completion say of it.  An unprivileged client.
 */
#include "completion.h"
#include "export.h"
#include "parser.h"
#include "wire_link.h"

#define END(action, help)	{ T_END, NULL, (action), 0, NULL, (help) }

static const struct token t_verb[] = {
	{ T_WORD, "up", ACT_TUNNEL, ADMIN_UP, NULL, "undo down" },
	{ T_WORD, "down", ACT_TUNNEL, ADMIN_DOWN, NULL,
	    "remove its interface, addresses and routes" },
	{ T_WORD, "restart", ACT_TUNNEL, ADMIN_RESTART, NULL,
	    "remove its interface and make it again" },
	{ T_WORD, "prefer", ACT_TUNNEL, ADMIN_PREFER, NULL,
	    "make it the active one whenever it is up" },
	{ T_WORD, "unprefer", ACT_TUNNEL, ADMIN_UNPREFER, NULL,
	    "undo prefer" },
	END(ACT_NONE, NULL)
};

static const struct token t_tunnel[] = {
	{ T_TUNNEL, "NAME", ACT_NONE, 0, t_verb, NULL },
	END(ACT_NONE, NULL)
};

static const struct token t_show_tunnel[] = {
	{ T_TUNNEL, "NAME", ACT_SHOW_TUNNEL, 0, NULL, "all about one" },
	END(ACT_SHOW_TUNNELS, "a line for each tunnel")
};

static const struct token t_show_address[] = {
	{ T_INTERFACE, "IFACE", ACT_SHOW_ADDRESS, 0, NULL,
	    "those of one interface" },
	END(ACT_SHOW_ADDRESSES, "IPv6 addresses of the tunnels")
};

static const struct token t_list_ports[] = {
	{ T_WORD, "udp", ACT_PORT_PROTOCOL, IPPROTO_UDP, NULL, "those of UDP" },
	{ T_WORD, "tcp", ACT_PORT_PROTOCOL, IPPROTO_TCP, NULL, "those of TCP" },
	END(ACT_SHOW_PORTS, "ports that lead through tunnels")
};

static const struct token t_show[] = {
	{ T_WORD, "tunnels", ACT_NONE, 0, t_show_tunnel,
	    "all tunnels, or all about one" },
	{ T_WORD, "addresses", ACT_NONE, 0, t_show_address,
	    "IPv6 addresses of the tunnels" },
	{ T_WORD, "ports", ACT_SHOW_PORTS, 0, t_list_ports,
	    "ports that lead through tunnels" },
	{ T_WORD, "health", ACT_SHOW_HEALTH, 0, NULL,
	    "the verdict and its latency" },
	{ T_WORD, "config", ACT_SHOW_CONFIG, 0, NULL,
	    "configuration in force" },
	{ T_WORD, "relay", ACT_SHOW_RELAY, 0, NULL,
	    "connections by IPv6 and by IPv4" },
	{ T_WORD, "metrics", ACT_SHOW_METRICS, 0, NULL,
	    "what Prometheus is told" },
	{ T_WORD, "version", ACT_SHOW_VERSION, 0, NULL,
	    "of gatewayd and of gatewayctl" },
	END(ACT_NONE, NULL)
};

/* what may be said of a mapping, in any order */
static const struct token t_published[4], t_forwarded[3];

#define DESCRIPTION(next)						\
	{ T_WORD, "description", ACT_NONE, 0, (next), "what it is for" }
#define TUNNEL(next)							\
	{ T_WORD, "tunnel", ACT_NONE, 0, (next), "only by this one" }
#define PROXY								\
	{ T_WORD, "proxy", ACT_PORT_PROXY, 0, t_published,		\
	    "tell the program its peer, by the PROXY protocol" }

static const struct token t_published_text[] = {
	{ T_TEXT, "TEXT", ACT_NONE, TEXT_DESCRIPTION, t_published, NULL },
	END(ACT_NONE, NULL)
};

static const struct token t_published_tunnel[] = {
	{ T_TUNNEL, "NAME", ACT_NONE, 0, t_published, NULL },
	END(ACT_NONE, NULL)
};

static const struct token t_published[] = {
	DESCRIPTION(t_published_text), TUNNEL(t_published_tunnel), PROXY,
	END(ACT_PORT_ADD, NULL)
};

static const struct token t_external[] = {
	{ T_PORT, "EXTERNAL", ACT_NONE, PORT_OURS, t_published, NULL },
	DESCRIPTION(t_published_text), TUNNEL(t_published_tunnel), PROXY,
	END(ACT_PORT_ADD, NULL)
};

static const struct token t_forwarded_text[] = {
	{ T_TEXT, "TEXT", ACT_NONE, TEXT_DESCRIPTION, t_forwarded, NULL },
	END(ACT_NONE, NULL)
};

static const struct token t_forwarded_tunnel[] = {
	{ T_TUNNEL, "NAME", ACT_NONE, 0, t_forwarded, NULL },
	END(ACT_NONE, NULL)
};

static const struct token t_forwarded[] = {
	DESCRIPTION(t_forwarded_text), TUNNEL(t_forwarded_tunnel),
	END(ACT_PORT_ADD, NULL)
};

static const struct token t_remote[] = {
	{ T_TEXT, "REMOTE", ACT_NONE, TEXT_REMOTE, t_forwarded,
	    "forward a local port" },
	END(ACT_NONE, NULL)
};

static const struct token t_forward[] = {
	{ T_PORT, "LISTEN", ACT_NONE, PORT_OURS, t_remote, NULL },
	{ T_TEXT, "REMOTE", ACT_NONE, TEXT_REMOTE, t_forwarded,
	    "by the next free port" },
	END(ACT_NONE, NULL)
};

static const struct token t_add[] = {
	{ T_PORT, "INTERNAL", ACT_NONE, PORT_TARGET, t_external,
	    "publish a port of 127.0.0.1" },
	{ T_WORD, "forward", ACT_NONE, 0, t_forward, "lead to a host" },
	END(ACT_NONE, NULL)
};

static const struct token t_add_protocol[] = {
	{ T_WORD, "udp", ACT_PORT_PROTOCOL, IPPROTO_UDP, t_add, "of UDP" },
	{ T_WORD, "tcp", ACT_PORT_PROTOCOL, IPPROTO_TCP, t_add, "of TCP" },
	END(ACT_NONE, NULL)
};

static const struct token t_del_udp[] = {
	{ T_UDP_PORT, "PORT", ACT_PORT_DEL, PORT_OURS, NULL,
	    "delete a mapping" },
	END(ACT_NONE, NULL)
};

static const struct token t_del_tcp[] = {
	{ T_TCP_PORT, "PORT", ACT_PORT_DEL, PORT_OURS, NULL,
	    "delete a mapping" },
	END(ACT_NONE, NULL)
};

static const struct token t_del_protocol[] = {
	{ T_WORD, "udp", ACT_PORT_PROTOCOL, IPPROTO_UDP, t_del_udp, "of UDP" },
	{ T_WORD, "tcp", ACT_PORT_PROTOCOL, IPPROTO_TCP, t_del_tcp, "of TCP" },
	END(ACT_NONE, NULL)
};

static const struct token t_ports[] = {
	{ T_WORD, "list", ACT_SHOW_PORTS, 0, t_list_ports,
	    "the same as show ports" },
	{ T_WORD, "add", ACT_NONE, 0, t_add_protocol, "make a mapping" },
	{ T_WORD, "del", ACT_NONE, 0, t_del_protocol, "delete a mapping" },
	END(ACT_NONE, NULL)
};

static const struct token t_process[] = {
	{ T_WORD, "parent", ACT_LOG_OF, PROC_PARENT, NULL, "it alone" },
	{ T_WORD, "engine", ACT_LOG_OF, PROC_ENGINE, NULL, "it alone" },
	{ T_WORD, "frontend", ACT_LOG_OF, PROC_FRONTEND, NULL, "it alone" },
	{ T_WORD, "prober", ACT_LOG_OF, PROC_PROBER, NULL, "it alone" },
	{ T_WORD, "encap", ACT_LOG_OF, PROC_ENCAP, NULL, "it alone" },
	{ T_WORD, "resolver", ACT_LOG_OF, PROC_RESOLVER, NULL, "it alone" },
	{ T_WORD, "launcher", ACT_LOG_OF, PROC_LAUNCHER, NULL, "it alone" },
	{ T_WORD, "doctor", ACT_LOG_OF, PROC_DOCTOR, NULL, "it alone" },
	{ T_WORD, "relay", ACT_LOG_OF, PROC_RELAY, NULL, "it alone" },
	END(ACT_NONE, NULL)
};
_Static_assert(sizeof(t_process) / sizeof(t_process[0]) == PROC_COUNT + 1,
    "every process has its word");

static const struct token t_level[] = {
	{ T_WORD, "error", ACT_LOG, LL_ERROR, t_process, "log errors only" },
	{ T_WORD, "warn", ACT_LOG, LL_WARN, t_process, "and warnings" },
	{ T_WORD, "info", ACT_LOG, LL_INFO, t_process, "and what happens" },
	{ T_WORD, "debug", ACT_LOG, LL_DEBUG, t_process, "and every detail" },
	END(ACT_LOG_LEVELS, "how much each process logs")
};

static const struct token t_file[] = {
	{ T_FILE, "FILE", ACT_CHECK, 0, NULL,
	    "is FILE a good configuration?" },
	END(ACT_CHECK, "is the configuration file good?")
};

static const struct token t_doctor[] = {
	{ T_FILE, "FILE", ACT_DOCTOR, 0, NULL,
	    "what prevents what FILE asks for?" },
	END(ACT_DOCTOR, "what here prevents IPv6?")
};

static const struct token t_export_name[] = {
	{ T_TUNNEL, "NAME", ACT_NONE, 0, NULL, "by a certain tunnel" },
	END(ACT_NONE, NULL)
};

static const struct token t_export_tor[] = {
	{ T_WORD, "relay", ACT_EXPORT, EXPORT_TOR_RELAY, t_export_name,
	    "lines for torrc, with our address" },
	{ T_WORD, "client", ACT_EXPORT, EXPORT_TOR_CLIENT, t_export_name,
	    "lines for one that uses IPv6" },
	{ T_WORD, "exit", ACT_EXPORT, EXPORT_TOR_EXIT, t_export_name,
	    "those of a relay, and IPv6Exit" },
	END(ACT_EXPORT, "the same as export tor relay")
};

static const struct token t_export[] = {
	{ T_WORD, "tor", ACT_NONE, 0, t_export_tor, "lines for torrc" },
	{ T_WORD, "i2pd", ACT_EXPORT, EXPORT_I2PD, t_export_name,
	    "lines for i2pd.conf" },
	{ T_WORD, "i2p", ACT_EXPORT, EXPORT_I2P, t_export_name,
	    "lines for router.config" },
	END(ACT_NONE, NULL)
};

static const struct token t_trace_file[] = {
	{ T_FILE, "FILE", ACT_TRACE_FILE, 0, NULL,
	    "which hosts of a list are reached how?" },
	END(ACT_NONE, NULL)
};

static const struct token t_trace[] = {
	{ T_WORD, "file", ACT_NONE, 0, t_trace_file, "a list of hosts" },
	{ T_HOST, "HOST[:PORT]", ACT_TRACE, 0, NULL,
	    "how does the relay connect to it?" },
	END(ACT_NONE, NULL)
};

static const struct token t_completion[] = {
	{ T_WORD, "bash", ACT_COMPLETION, COMPLETION_BASH, NULL,
	    "print a script for bash" },
	{ T_WORD, "zsh", ACT_COMPLETION, COMPLETION_ZSH, NULL,
	    "print a script for zsh" },
	{ T_WORD, "fish", ACT_COMPLETION, COMPLETION_FISH, NULL,
	    "print a script for fish" },
	{ T_WORD, "tunnels", ACT_COMPLETION, COMPLETION_TUNNELS, NULL,
	    "print the names of tunnels" },
	{ T_WORD, "interfaces", ACT_COMPLETION, COMPLETION_INTERFACES, NULL,
	    "print the names of their interfaces" },
	{ T_WORD, "udp-ports", ACT_COMPLETION, COMPLETION_UDP_PORTS, NULL,
	    "print the ports of UDP mappings" },
	{ T_WORD, "tcp-ports", ACT_COMPLETION, COMPLETION_TCP_PORTS, NULL,
	    "print the ports of TCP mappings" },
	END(ACT_NONE, NULL)
};

const struct token	 ctl_words[] = {
	{ T_WORD, "status", ACT_STATUS, 0, NULL,
	    "health and one line per tunnel" },
	{ T_WORD, "show", ACT_NONE, 0, t_show, "show a part of it" },
	{ T_WORD, "tunnel", ACT_NONE, 0, t_tunnel, "give a tunnel an order" },
	{ T_WORD, "ports", ACT_NONE, 0, t_ports,
	    "ports that lead through tunnels" },
	{ T_WORD, "monitor", ACT_MONITOR, 0, NULL,
	    "what happens, until Ctrl-C" },
	{ T_WORD, "reload", ACT_RELOAD, 0, NULL,
	    "read the configuration again" },
	{ T_WORD, "log", ACT_NONE, 0, t_level, "how much gatewayd logs" },
	{ T_WORD, "logs", ACT_LOGS, 0, NULL, "what it logged last" },
	{ T_WORD, "check", ACT_NONE, 0, t_file, "check a configuration" },
	{ T_WORD, "doctor", ACT_NONE, 0, t_doctor,
	    "what here prevents IPv6?" },
	{ T_WORD, "export", ACT_NONE, 0, t_export,
	    "configure a program with our address" },
	{ T_WORD, "trace", ACT_NONE, 0, t_trace,
	    "how the relay connects to a host" },
	{ T_WORD, "mcp", ACT_MCP, 0, NULL,
	    "be an MCP server on stdin and stdout" },
	{ T_WORD, "completion", ACT_NONE, 0, t_completion,
	    "what shells complete this with" },
	{ T_WORD, "version", ACT_SHOW_VERSION, 0, NULL,
	    "of gatewayd and of gatewayctl" },
	END(ACT_STATUS, NULL)
};

static const struct token t_when[] = {
	{ T_WORD, "auto", ACT_NONE, WHEN_AUTO, NULL, "on a terminal" },
	{ T_WORD, "always", ACT_NONE, WHEN_ALWAYS, NULL, "in any case" },
	{ T_WORD, "never", ACT_NONE, WHEN_NEVER, NULL, "in no case" },
	END(ACT_NONE, NULL)
};

static const struct token t_lines[] = {
	{ T_WORD, "10", ACT_NONE, 10, NULL, NULL },
	{ T_WORD, "100", ACT_NONE, 100, NULL, NULL },
	{ T_WORD, "1000", ACT_NONE, 1000, NULL, "all that are kept" },
	END(ACT_NONE, NULL)
};

static const struct token t_least[] = {
	{ T_WORD, "error", ACT_NONE, LL_ERROR, NULL, "errors only" },
	{ T_WORD, "warn", ACT_NONE, LL_WARN, NULL, "and warnings" },
	{ T_WORD, "info", ACT_NONE, LL_INFO, NULL, "and what happened" },
	{ T_WORD, "debug", ACT_NONE, LL_DEBUG, NULL, "all that was logged" },
	END(ACT_NONE, NULL)
};

const struct ctl_option	 ctl_options[] = {
	{ "help", 'h', NULL, T_END, NULL, "print this and exit" },
	{ "json", 'j', NULL, T_END, NULL, "print the document of the API" },
	{ "follow", 'f', NULL, T_END, NULL, "logs: go on with what comes" },
	{ "lines", 'n', "N", T_WORD, t_lines,
	    "logs: the last N; trace: N times" },
	{ "level", OPTION_LEVEL, "LEVEL", T_WORD, t_least,
	    "logs: this and what is worse" },
	{ "socket", 's', "SOCKET", T_FILE, NULL,
	    "socket of another gatewayd" },
	{ "watch", 'w', "[SEC]", T_END, NULL,
	    "status, show: again at each change" },
	{ "wait", 'W', "[SEC]", T_END, NULL,
	    "tunnel: wait until it is so" },
	{ "color", OPTION_COLOUR, "WHEN", T_WORD, t_when,
	    "auto, always or never" },
	{ "version", 'V', NULL, T_END, NULL, "print the version and exit" },
	{ NULL, 0, NULL, T_END, NULL, NULL }
};
