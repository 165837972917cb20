/*
 * The launcher: runs wireguard-go, where the kernel has no WireGuard.
 *
 * Runs as a user of its own with CAP_NET_ADMIN, ambient, so that what it
 * starts has the same and no more.  Landlock lets it execute that program and
 * nothing else; it takes orders from the parent alone, with every descriptor.
 *
 *	parent -> LAUNCH_TUN, LAUNCH_UAPI, LAUNCH_STOP
 *	LAUNCH_EXITED -> parent
 *
 * Each LAUNCH_UAPI is answered by one LAUNCH_EXITED.  Its processes die with
 * the launcher (PR_SET_PDEATHSIG).
 */
#include <sys/queue.h>
#include <sys/wait.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "gatewayd.h"
#include "log.h"
#include "output.h"
#include "run.h"
#include "util.h"
#include "wire.h"
#include "wire_driver.h"

/* each has a TUN until it runs, and a pipe then; some are on their way */
#define LAUNCHER_NOFILE	(2 * GW_LAUNCH_MAX + 16)
#define STOP_S		5	/* from TERM to KILL */

struct launch {
	TAILQ_ENTRY(launch)	 entry;
	uint32_t		 id;	/* of the tunnel */
	char			 iface[IFNAMSIZ];
	int			 tun;	/* -1: handed on */
	pid_t			 pid;	/* 0: does not run yet */
	struct output		*output;
	struct event		*kill_ev;
};

static TAILQ_HEAD(, launch)	 launches = TAILQ_HEAD_INITIALIZER(launches);
static unsigned int		 nlaunches;

static struct launch *
launch_find(uint32_t id)
{
	struct launch	*l;

	TAILQ_FOREACH(l, &launches, entry)
		if (l->id == id)
			return (l);
	return (NULL);
}

static void
launch_close_tun(struct launch *l)
{
	if (l->tun != -1)
		close(l->tun);
	l->tun = -1;
}

static void
launch_free(struct launch *l)
{
	launch_close_tun(l);
	if (l->output != NULL)
		output_free(l->output);
	if (l->kill_ev != NULL)
		event_free(l->kill_ev);
	TAILQ_REMOVE(&launches, l, entry);
	nlaunches--;
	free(l);
}

/* says how it ended, and forgets it */
static void
launch_exited(struct launch *l, enum launch_end end, int status)
{
	struct imsg_launch_exited	 m;

	memset(&m, 0, sizeof(m));
	m.end = end;
	m.status = (uint32_t)status;
	peer_send(child_peer(PROC_PARENT), IMSG_LAUNCH_EXITED, l->id, -1, &m,
	    sizeof(m));
	launch_free(l);
}

static void
launcher_tun(uint32_t id, struct imsg *imsg)
{
	struct imsg_launch_tun	 m;
	struct launch		*l;

	if (imsg_get_data(imsg, &m, sizeof(m)) == -1 ||
	    !wire_string(m.iface) || m.iface[0] == '\0' ||
	    strchr(m.iface, '/') != NULL)
		fatalx("LAUNCH_TUN: bad interface");
	if (launch_find(id) != NULL)
		fatalx("LAUNCH_TUN: tunnel %u has one already", id);
	l = xcalloc(1, sizeof(*l));
	l->id = id;
	memcpy(l->iface, m.iface, sizeof(l->iface));
	/* above the bound the socket that follows will be told */
	l->tun = nlaunches < GW_LAUNCH_MAX ? imsg_get_fd(imsg) : -1;
	TAILQ_INSERT_TAIL(&launches, l, entry);
	nlaunches++;
}

static void
launcher_uapi(struct launch *l, int uapi)
{
	int	 output;

	if (l->pid != 0)
		fatalx("LAUNCH_UAPI: tunnel %u runs", l->id);
	if (l->tun == -1) {
		launch_exited(l, LAUNCH_FAILED, EMFILE);
		return;
	}
	l->pid = run_wireguard(l->iface, l->tun, uapi, &output);
	if (l->pid == -1) {
		launch_exited(l, errno == ENOENT ? LAUNCH_MISSING :
		    LAUNCH_FAILED, errno);
		return;
	}
	launch_close_tun(l);
	l->output = output_new(child_base(), output, l->iface);
	log_debug("wireguard-go for %s is process %d", l->iface,
	    (int)l->pid);
}

static void
launch_kill(int fd, short events, void *arg)
{
	const struct launch	*l = arg;

	log_warnx("wireguard-go on %s did not end within %d s", l->iface,
	    STOP_S);
	kill(l->pid, SIGKILL);
}

static void
launcher_stop(struct launch *l)
{
	static const struct timeval	 tv = { STOP_S, 0 };

	if (l->pid == 0) {
		launch_free(l);
		return;
	}
	if (l->kill_ev != NULL)
		return;
	kill(l->pid, SIGTERM);
	l->kill_ev = evtimer_new(child_base(), launch_kill, l);
	if (l->kill_ev == NULL || evtimer_add(l->kill_ev, &tv) == -1)
		fatalx("evtimer_add");
}

static void
launcher_reap(int sig, short events, void *arg)
{
	struct launch	*l;
	pid_t		 pid;
	int		 status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		TAILQ_FOREACH(l, &launches, entry)
			if (l->pid == pid)
				break;
		if (l != NULL)
			launch_exited(l, LAUNCH_ENDED, status);
	}
}

static void
launcher_dispatch(struct peer *p, struct imsg *imsg)
{
	struct launch	*l = launch_find(imsg->hdr.id);

	switch (imsg->hdr.type) {
	case IMSG_LAUNCH_TUN:
		launcher_tun(imsg->hdr.id, imsg);
		break;
	case IMSG_LAUNCH_UAPI:
		if (l == NULL)
			fatalx("LAUNCH_UAPI: tunnel %u has no TUN",
			    imsg->hdr.id);
		launcher_uapi(l, imsg->fd);
		break;
	case IMSG_LAUNCH_STOP:
		/* it may have ended by itself a moment ago */
		if (l != NULL)
			launcher_stop(l);
		break;
	default:
		fatalx("%s has no handler", msg_name(imsg->hdr.type));
	}
}

static void
launcher_startup(void)
{
	struct event	*ev;

	run_init();
	ev = evsignal_new(child_base(), SIGCHLD, launcher_reap, NULL);
	if (ev == NULL || event_add(ev, NULL) == -1)
		fatalx("evsignal");
}

void
launcher_main(const struct proc_args *args)
{
	static const struct child_ops	 ops = {
		.dispatch = launcher_dispatch,
		.startup = launcher_startup,
		.nofile = LAUNCHER_NOFILE,
		.programs = run_programs
	};

	child_run(args, &ops);
}
