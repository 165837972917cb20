/*
 * The parent: root, and after the start only CAP_NET_ADMIN, CAP_NET_RAW and
 * CAP_NET_BIND_SERVICE, inside Landlock.
 *
 * It opens every socket, starts every process, holds the configuration and
 * carries out what the engine wants for a tunnel (link.c).  It parses nothing
 * from strangers and decides nothing.
 *
 * A daemon's life: configuration -> pid file -> listeners -> children ->
 * privileges dropped -> configuration to the children -> STARTUP -> ready;
 * then TERM -> engine and relay settle -> interfaces removed -> pipes closed.
 * A child that is lost ends it at once, and the kernel keeps its tunnels.
 */
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <libutil.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "drop.h"
#include "gatewayd.h"
#include "link.h"
#include "log.h"
#include "notify.h"
#include "parent.h"
#include "probe_sock.h"
#include "sandbox.h"
#include "state.h"
#include "uapi.h"
#include "util.h"
#include "wire.h"
#include "wire_driver.h"
#include "wire_link.h"
#include "wire_probe.h"
#include "wire_resolve.h"

#define STOP_WAIT_MS	5000	/* for children to end */

struct parent		 env;

static struct pidfh	*pidfile;

static void
need_user(const char *key, const char *user)
{
	errno = 0;
	if (getpwnam(user) != NULL)
		return;
	log_record(LL_ERROR, NULL, "%s: there is no user %s; make it with "
	    "'useradd --system --user-group --home-dir /nonexistent --shell "
	    "/usr/sbin/nologin %s'", key, user, user);
	exit(1);
}

/* ours, and nobody else may write to it: what lies there is trusted */
static void
need_dir(const char *key, const char *path, mode_t mode)
{
	struct stat	 st;

	/* whatever the umask is */
	if (mkdir(path, mode) == 0 ? chmod(path, mode) == -1 :
	    errno != EEXIST)
		fatal("%s %s", key, path);
	if (stat(path, &st) == -1)
		fatal("%s %s", key, path);
	if (!S_ISDIR(st.st_mode) || st.st_uid != 0 ||
	    (st.st_mode & (S_IWGRP | S_IWOTH)))
		fatalx("%s %s: must be a directory of root that nobody else "
		    "may write to; use 'chown root %s; chmod go-w %s'", key,
		    path, path, path);
}

static void
need_dirs(const struct gw_conf *conf)
{
	char	 empty[4096];

	need_dir("run_dir", conf->run_dir, 0755);
	snprintf(empty, sizeof(empty), "%s/empty", conf->run_dir);
	need_dir("run_dir", empty, 0555);
	need_dir("state_dir", conf->state_dir, 0700);
}

static void
lock_pidfile(const struct gw_conf *conf)
{
	char	 path[4096];
	pid_t	 other;

	snprintf(path, sizeof(path), "%s/gatewayd.pid", conf->run_dir);
	if ((pidfile = pidfile_open(path, 0644, &other)) != NULL)
		return;
	if (errno == EEXIST)
		fatalx("gatewayd runs already, as process %d (%s)",
		    (int)other, path);
	fatal("%s", path);
}

static void
raise_nofile(void)
{
	struct rlimit	 rl;

	/* each tunnel costs the prober and encap a socket or two */
	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		fatal("getrlimit");
	rl.rlim_cur = rl.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &rl) == -1)
		fatal("setrlimit");
}

static void
parent_log(const struct parent_args *args)
{
	const struct gw_conf	*conf = args->conf;

	env.debug = args->debug;
	env.log_to = conf->log_to;
	if (args->debug)
		env.log_to = GW_LOG_STDERR;
	else if (!args->foreground && conf->log_to == GW_LOG_STDERR)
		env.log_to = GW_LOG_SYSLOG;	/* there will be no stderr */
	log_init(args->debug ? LL_DEBUG : conf->log_level, conf->log_format,
	    log_detect(), "parent");
	logrelay_init();
}

/* waits for the children, whose pipes are closed; one that hangs is left to the
 * service manager, since without CAP_KILL nothing more can be done here */
static void
wait_children(void)
{
	const struct timespec	 pause = { 0, 5000000 };
	uint64_t		 end = monotime_ms() + STOP_WAIT_MS;
	pid_t			 pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) != -1 || errno == EINTR) {
		if (monotime_ms() > end) {
			log_warnx("children did not end within %d ms",
			    STOP_WAIT_MS);
			return;
		}
		if (pid == 0)
			nanosleep(&pause, NULL);
	}
}

static void __attribute__((noreturn))
parent_exit(int code)
{
	int	 i;

	endpoints_flush();
	state_blob_flush(&state_engine);
	state_blob_flush(&state_ports);
	logrelay_stop();
	for (i = PROC_PARENT + 1; i < PROC_COUNT; i++)
		if (env.peers[i] != NULL)
			peer_free(env.peers[i]);
	wait_children();
	listen_close(env.conf);
	pidfile_remove(pidfile);
	log_info("stopped");
	exit(code);
}

static void
parent_finish(void)
{
	link_shutdown(env.conf->keep_on_exit);
	parent_exit(0);
}

static void
settle_timeout(int fd, short events, void *arg)
{
	int	 i;

	for (i = 0; i < PROC_COUNT; i++)
		if (env.unsettled & 1U << i)
			log_warnx("the %s does not settle",
			    proc_name((enum gw_proc)i));
	parent_finish();
}

static void
settle(enum gw_proc proc)
{
	env.unsettled |= 1U << proc;
	peer_send0(env.peers[proc], IMSG_SETTLE, 0);
}

static void
parent_stop(void)
{
	static const struct timeval	 tv = { 2, 0 };

	if (env.stopping)
		return;
	env.stopping = 1;
	log_info("stopping; interfaces are %s",
	    env.conf->keep_on_exit ? "kept" : "removed");
	notify_send("STOPPING=1");
	settle(PROC_ENGINE);
	settle(PROC_RELAY);
	if (event_base_once(env.base, -1, EV_TIMEOUT, settle_timeout, NULL,
	    &tv) == -1)
		parent_finish();
}

/* interfaces stay: the next start adopts them */
static void __attribute__((noreturn))
parent_lost(void)
{
	log_record(LL_ERROR, NULL, "a process was lost: ending; the kernel's "
	    "tunnels stay and the next start takes them over");
	notify_send("STATUS=a process was lost");
	parent_exit(1);
}

void
parent_lied(enum gw_proc proc, const char *fmt, ...)
{
	char	 what[256];
	va_list	 ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	log_record(LL_ERROR, NULL, "%s broke the rules: %s", proc_name(proc),
	    what);
	parent_lost();
}

void
parent_settled(enum gw_proc proc)
{
	if (!(env.unsettled & 1U << proc))
		parent_lied(proc, "SETTLED: nobody asked");
	env.unsettled &= ~(1U << proc);
	if (env.unsettled == 0)
		parent_finish();
}

static const char *
pid_name(pid_t pid)
{
	int	 i;

	for (i = PROC_PARENT + 1; i < PROC_COUNT; i++)
		if (env.procs[i].pid == pid)
			return (proc_name((enum gw_proc)i));
	return (NULL);
}

static void
parent_reap(void)
{
	const char	*name;
	pid_t		 pid;
	int		 status, lost = 0;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if ((name = pid_name(pid)) == NULL)
			continue;
		lost = 1;
		if (WIFSIGNALED(status))
			log_record(LL_ERROR, NULL, "%s (process %d) was "
			    "killed by signal %d (%s)", name, (int)pid,
			    WTERMSIG(status), strsignal(WTERMSIG(status)));
		else
			log_record(LL_ERROR, NULL, "%s (process %d) ended "
			    "with status %d", name, (int)pid,
			    WEXITSTATUS(status));
	}
	if (lost)
		parent_lost();
}

static void
parent_signal(int sig, short events, void *arg)
{
	switch (sig) {
	case SIGTERM:
	case SIGINT:
		parent_stop();
		break;
	case SIGHUP:
		reload(0);
		break;
	case SIGUSR1:
		logsink_reopen();
		break;
	case SIGCHLD:
		parent_reap();
		break;
	}
}

static void
catch_signals(void)
{
	static const int	 caught[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1,
				    SIGCHLD };
	struct event		*ev;
	size_t			 i;

	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < sizeof(caught) / sizeof(caught[0]); i++) {
		ev = evsignal_new(env.base, caught[i], parent_signal, NULL);
		if (ev == NULL || event_add(ev, NULL) == -1)
			fatalx("evsignal");
	}
}

static void
still_there(int fd, short events, void *arg)
{
	const struct peer	*p = arg;

	parent_lied(p->proc, "closed its pipe and lives on");
}

static void
peer_gone(struct peer *p, const char *why)
{
	static const struct timeval	 tv = { 1, 0 };

	if (why != NULL)
		parent_lied(p->proc, "%s", why);
	event_del(p->read_ev);
	/* a child lost before signals were caught is here; for any other
	 * SIGCHLD is on its way */
	parent_reap();
	if (event_base_once(env.base, -1, EV_TIMEOUT, still_there, p,
	    &tv) == -1)
		parent_lost();
}

/* a pipe between two children, one end for each */
static void
connect_children(enum gw_proc a, enum gw_proc b)
{
	struct imsg_peer	 ma = { b }, mb = { a };
	int			 sv[2];

	if (socketpair(AF_UNIX,
	    SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sv) == -1)
		fatal("socketpair");
	peer_send(env.peers[a], IMSG_SOCKET_PEER, 0, sv[0], &ma, sizeof(ma));
	peer_send(env.peers[b], IMSG_SOCKET_PEER, 0, sv[1], &mb, sizeof(mb));
}

/* without it a tunnel server that refuses looks like one that is silent */
static void
send_icmp4(void)
{
	int	 fd;

	if ((fd = probe_sock_icmp4()) == -1)
		log_warn("cannot open a raw ICMPv4 socket");
	else
		peer_send(env.peers[PROC_PROBER], IMSG_PROBE_ICMP4, 0, fd,
		    NULL, 0);
}

static void
send_history(void)
{
	int	 fd;

	if ((fd = state_history_open()) != -1)
		peer_send(env.peers[PROC_FRONTEND], IMSG_HISTORY, 0, fd, NULL,
		    0);
}

static void
setup_children(void)
{
	int	 i;

	for (i = PROC_PARENT + 1; i < PROC_COUNT; i++)
		env.peers[i] = peer_new(env.base, env.procs[i].fd, PROC_PARENT,
		    (enum gw_proc)i, request_dispatch, peer_gone);
	logrelay_run();
	connect_children(PROC_ENGINE, PROC_FRONTEND);
	connect_children(PROC_ENGINE, PROC_PROBER);
	connect_children(PROC_FRONTEND, PROC_DOCTOR);
	connect_children(PROC_RELAY, PROC_ENGINE);
	connect_children(PROC_RELAY, PROC_FRONTEND);
	connect_children(PROC_RELAY, PROC_RESOLVER);
	send_icmp4();
	send_history();
	reload_first();
}

void
parent_configured(void)
{
	int	 i;

	/* who is asked before that would deny tunnels that are configured */
	listen_send(env.peers[PROC_FRONTEND], env.peers[PROC_RELAY]);
	procstat_send(env.peers[PROC_FRONTEND]);
	for (i = PROC_PARENT + 1; i < PROC_COUNT; i++)
		peer_send0(env.peers[i], IMSG_STARTUP, 0);
}

void
parent_started(enum gw_proc proc)
{
	static uint32_t	 started;

	if (started & (1U << proc))
		parent_lied(proc, "STARTUP_DONE: twice");
	started |= 1U << proc;
	if (started != P_CHILD)
		return;
	env.ready = 1;
	log_info("ready; the API is at %s", env.conf->api_socket);
	notify_send("READY=1");
	daemon_ready();
	doctor_ready();
	reload_due();
}

/* link.c's wishes go straight to the process that serves them */
static void
op_state(uint32_t id, const struct imsg_link *m)
{
	peer_send(env.peers[PROC_ENGINE], IMSG_LINK, id, -1, m, sizeof(*m));
}

static void
op_probe_sock(uint32_t id, int fd, const struct imsg_probe_sock *m)
{
	peer_send(env.peers[PROC_PROBER], IMSG_PROBE_SOCK, id, fd, m,
	    sizeof(*m));
}

static void
op_probe_path(uint32_t id, const struct imsg_probe_path *m)
{
	peer_send(env.peers[PROC_PROBER], IMSG_PROBE_PATH, id, -1, m,
	    sizeof(*m));
}

static void
op_encap_set(uint32_t id, const struct imsg_encap *m)
{
	peer_send(env.peers[PROC_ENCAP], IMSG_ENCAP_SET, id, -1, m,
	    sizeof(*m));
}

static void
op_encap_tun(uint32_t id, int fd, const struct imsg_encap_tun *m)
{
	peer_send(env.peers[PROC_ENCAP], IMSG_ENCAP_TUN, id, fd, m,
	    sizeof(*m));
}

static void
op_encap_raw(uint32_t id, int fd)
{
	peer_send(env.peers[PROC_ENCAP], IMSG_ENCAP_RAW, id, fd, NULL, 0);
}

static void
op_encap_del(uint32_t id)
{
	peer_send0(env.peers[PROC_ENCAP], IMSG_ENCAP_DEL, id);
}

static void
op_launch_tun(uint32_t id, int fd, const char *iface)
{
	struct imsg_launch_tun	 m;

	memset(&m, 0, sizeof(m));
	strlcpy(m.iface, iface, sizeof(m.iface));
	peer_send(env.peers[PROC_LAUNCHER], IMSG_LAUNCH_TUN, id, fd, &m,
	    sizeof(m));
}

static void
op_launch_uapi(uint32_t id, int fd)
{
	peer_send(env.peers[PROC_LAUNCHER], IMSG_LAUNCH_UAPI, id, fd, NULL, 0);
}

static void
op_launch_stop(uint32_t id)
{
	peer_send0(env.peers[PROC_LAUNCHER], IMSG_LAUNCH_STOP, id);
}

static void
op_resolve(uint32_t id, uint32_t query, const char *name)
{
	struct imsg_resolve	 m;

	memset(&m, 0, sizeof(m));
	m.query = query;
	strlcpy(m.name, name, sizeof(m.name));
	peer_send(env.peers[PROC_RESOLVER], IMSG_RESOLVE, id, -1, &m,
	    sizeof(m));
}

static const struct link_ops	 ops = {
	.state = op_state,
	.probe_sock = op_probe_sock,
	.probe_path = op_probe_path,
	.encap_set = op_encap_set,
	.encap_tun = op_encap_tun,
	.encap_raw = op_encap_raw,
	.encap_del = op_encap_del,
	.launch_tun = op_launch_tun,
	.launch_uapi = op_launch_uapi,
	.launch_stop = op_launch_stop,
	.resolve = op_resolve,
};

/* all that needs root's full powers */
static void
parent_privileged(const struct parent_args *args)
{
	int	 log_fd;

	if (geteuid() != 0)
		fatalx("must be started by root: it creates interfaces");
	need_user("user", env.conf->user);
	need_user("relay_user", env.conf->relay_user);
	need_user("launcher_user", env.conf->launcher_user);
	need_dirs(env.conf);
	uapi_init();
	lock_pidfile(env.conf);
	notify_init();
	raise_nofile();
	if (listen_open(env.conf) == -1)
		exit(1);
	if (!args->foreground)
		daemon_fork();
	log_fd = logsink_open(env.log_to, env.conf->log_file);
	if (pidfile_write(pidfile) == -1)
		fatal("pid file");
	if (proc_start(env.procs, env.conf, log_fd) == -1)
		fatal("cannot start the processes");
	procstat_open();
}

void
parent_main(const struct parent_args *args)
{
	env.conf = args->conf;
	if ((env.file = realpath(args->file, NULL)) == NULL)
		fatal("%s", args->file);
	parent_log(args);
	parent_privileged(args);

	if ((env.base = event_base_new()) == NULL)
		fatalx("event_base_new");
	catch_signals();
	logsink_run(env.base);
	state_init(env.conf->state_dir);
	endpoints_init(env.base);
	link_init(env.base, &ops);
	drop_parent();
	sandbox_parent(env.conf);
	setup_children();
	event_base_dispatch(env.base);
	fatalx("the event loop ended");
}
