/*
 * The frame of every child process: it drops everything, learns its peers,
 * closes its sandbox on STARTUP and ends when the parent's pipe closes.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "drop.h"
#include "log.h"
#include "logpipe.h"
#include "sandbox.h"
#include "wire.h"

static struct {
	enum gw_proc		 proc;
	const struct child_ops	*ops;
	struct event_base	*base;
	struct peer		*peers[PROC_COUNT];
	int			 started;
} child;

struct event_base *
child_base(void)
{
	return (child.base);
}

struct peer *
child_peer(enum gw_proc proc)
{
	return (child.peers[proc]);
}

static void	child_dispatch(struct peer *, struct imsg *);

static void
child_gone(struct peer *p, const char *why)
{
	if (why != NULL)
		fatalx("%s: %s", proc_name(p->proc), why);
	if (p->proc == PROC_PARENT)
		exit(child.started ? 0 : 1);
	/* the parent knows what this means and ends us all; what is still
	 * sent there goes nowhere */
	event_del(p->read_ev);
}

static void
child_socket_peer(struct imsg *imsg)
{
	struct imsg_peer	 m;

	if (imsg_get_data(imsg, &m, sizeof(m)) == -1 ||
	    m.proc >= PROC_COUNT || m.proc == child.proc ||
	    child.peers[m.proc] != NULL)
		fatalx("SOCKET_PEER: bad process");
	child.peers[m.proc] = peer_new(child.base, imsg_get_fd(imsg),
	    child.proc, (enum gw_proc)m.proc, child_dispatch, child_gone);
}

static void
child_startup(void)
{
	if (child.ops->startup != NULL)
		child.ops->startup();
	/* only these are given descriptors while they run */
	if (child.proc != PROC_PROBER && child.proc != PROC_ENCAP &&
	    child.proc != PROC_LAUNCHER && child.proc != PROC_DOCTOR &&
	    child.proc != PROC_RELAY)
		child.peers[PROC_PARENT]->ibuf.allow_fd = 0;
	sandbox_child(child.proc, child.ops->programs);
	drop_nofile(child.ops->nofile);
	child.started = 1;
	peer_send0(child.peers[PROC_PARENT], IMSG_STARTUP_DONE, 0);
}

static void
child_log_level(struct imsg *imsg)
{
	struct imsg_level	 m;

	if (imsg_get_data(imsg, &m, sizeof(m)) == -1 || m.level > LL_DEBUG ||
	    m.proc != child.proc)
		fatalx("LOG_LEVEL: bad level");
	log_set_level((enum log_level)m.level);
}

/* a record of ours, to where all are kept */
static void
child_log(enum log_level level, const char *tunnel, const char *msg)
{
	struct imsg_log	 m;

	logpipe_fill(&m, child.proc, level, tunnel);
	logpipe_send(child.peers[PROC_PARENT], IMSG_LOG, &m, msg,
	    strlen(msg));
}

static void
child_dispatch(struct peer *p, struct imsg *imsg)
{
	switch (imsg->hdr.type) {
	case IMSG_SOCKET_PEER:
		child_socket_peer(imsg);
		break;
	case IMSG_STARTUP:
		child_startup();
		break;
	case IMSG_LOG_LEVEL:
		child_log_level(imsg);
		break;
	default:
		child.ops->dispatch(p, imsg);
		break;
	}
}

/*
 * A terminal's Ctrl-C and a service manager's TERM go to every process of the
 * group; only the parent acts on them.  A file that may not grow is an error of
 * write(2).
 */
static void
child_signals(void)
{
	static const int	 ignored[] = { SIGHUP, SIGINT, SIGTERM,
				    SIGUSR1, SIGUSR2, SIGPIPE,
				    SIGXFSZ };
	size_t			 i;

	for (i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
}

/*
 * A busy one tells the kernel what has become of its events before it waits,
 * not at each of their changes: one that is deleted and added again costs
 * nothing.  It must not dup(2) a socket that has an event.
 */
static struct event_base *
child_base_new(int busy)
{
	struct event_config	*conf = event_config_new();
	struct event_base	*base;

	if (conf == NULL || (busy && event_config_set_flag(conf,
	    EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST) == -1) ||
	    (base = event_base_new_with_config(conf)) == NULL)
		fatalx("event_base_new");
	event_config_free(conf);
	return (base);
}

void
child_run(const struct proc_args *args, const struct child_ops *ops)
{
	setproctitle("%s", proc_name(args->proc));
	child_signals();
	drop_child(args->proc, args->user, args->root);

	child.proc = args->proc;
	child.ops = ops;
	child.base = child_base_new(ops->busy);
	child.peers[PROC_PARENT] = peer_new(child.base, PROC_FD, args->proc,
	    PROC_PARENT, child_dispatch, child_gone);
	imsgbuf_allow_fdpass(&child.peers[PROC_PARENT]->ibuf);
	if (child.proc != PROC_FRONTEND)	/* it keeps them itself */
		log_set_hook(child_log);
	event_base_dispatch(child.base);
	fatalx("the event loop ended");
}
