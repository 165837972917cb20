/*
 * The table of processes and how the parent starts them.  Runs in the parent
 * (root, before it drops) and, for the arguments, in every child.
 */
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "proc.h"

enum proc_account {
	USER,
	RELAY_USER,
	LAUNCHER_USER
};

static const struct {
	const char		*name;
	enum proc_account	 account;
} table[] = {
	[PROC_PARENT] =		{ "parent", USER },
	[PROC_ENGINE] =		{ "engine", USER },
	[PROC_FRONTEND] =	{ "frontend", USER },
	[PROC_PROBER] =		{ "prober", USER },
	[PROC_ENCAP] =		{ "encap", USER },
	[PROC_RESOLVER] =	{ "resolver", RELAY_USER },
	[PROC_LAUNCHER] =	{ "launcher", LAUNCHER_USER },
	[PROC_DOCTOR] =		{ "doctor", RELAY_USER },
	[PROC_RELAY] =		{ "relay", RELAY_USER },
	[PROC_CTL] =		{ "gatewayctl", USER },
};

const char *
proc_name(enum gw_proc proc)
{
	return (table[proc].name);
}

int
proc_by_name(const char *name)
{
	int	 i;

	for (i = 0; i < PROC_COUNT; i++)
		if (strcmp(table[i].name, name) == 0)
			return (i);
	return (-1);
}

const char *
proc_user(enum gw_proc proc, const struct gw_conf *conf)
{
	switch (table[proc].account) {
	case RELAY_USER:
		return (conf->relay_user);
	case LAUNCHER_USER:
		return (conf->launcher_user);
	default:
		return (conf->user);
	}
}

/* "level:format:target", for log_init() in the child */
static void
log_arg(char *buf, size_t size, int log_fd)
{
	snprintf(buf, size, "%d:%d:%d", (int)log_get_level(),
	    (int)log_get_format(),
	    log_fd != -1 ? LT_PIPE : (int)log_get_target());
}

static void __attribute__((noreturn))
child_exec(enum gw_proc proc, const struct gw_conf *conf, int sock, int log_fd)
{
	char	 root[4096], logging[16];
	char	*argv[8];
	char	 self[] = "gatewayd", type[] = "-T";

	log_arg(logging, sizeof(logging), log_fd);
	snprintf(root, sizeof(root), "%s/empty", conf->run_dir);
	argv[0] = self;
	argv[1] = type;
	argv[2] = strdup(table[proc].name);
	argv[3] = logging;
	argv[4] = strdup(proc_user(proc, conf));
	argv[5] = root;
	argv[6] = NULL;
	if (argv[2] == NULL || argv[4] == NULL)
		_exit(1);
	/* dup2(2) onto itself would leave FD_CLOEXEC set */
	if ((log_fd != -1 && dup2(log_fd, STDERR_FILENO) == -1) ||
	    (sock == PROC_FD ? fcntl(sock, F_SETFD, 0) :
	    dup2(sock, PROC_FD)) == -1)
		_exit(1);
	closefrom(PROC_FD + 1);
	execv("/proc/self/exe", argv);
	log_warn("/proc/self/exe: cannot start %s; is /proc mounted?",
	    table[proc].name);
	_exit(1);
}

static int
proc_fork(enum gw_proc proc, struct proc *p, const struct gw_conf *conf,
    int log_fd)
{
	int	 sv[2];

	if (socketpair(AF_UNIX,
	    SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sv) == -1)
		return (-1);
	switch (p->pid = fork()) {
	case -1:
		close(sv[0]);
		close(sv[1]);
		return (-1);
	case 0:
		child_exec(proc, conf, sv[1], log_fd);
	}
	close(sv[1]);
	p->fd = sv[0];
	return (0);
}

int
proc_start(struct proc *procs, const struct gw_conf *conf, int log_fd)
{
	int	 i;

	for (i = PROC_PARENT + 1; i < PROC_COUNT; i++)
		if (proc_fork((enum gw_proc)i, &procs[i], conf, log_fd) == -1)
			return (-1);
	return (0);
}

int
proc_parse_args(int argc, char **argv, struct proc_args *args)
{
	int	 proc, level, format, target;

	if (argc != 6 || strcmp(argv[1], "-T") != 0 ||
	    (proc = proc_by_name(argv[2])) <= PROC_PARENT ||
	    sscanf(argv[3], "%d:%d:%d", &level, &format, &target) != 3)
		return (-1);
	log_init((enum log_level)level, (enum log_format)format,
	    (enum log_target)target, table[proc].name);
	args->proc = (enum gw_proc)proc;
	args->user = argv[4];
	args->root = argv[5];
	return (0);
}
