/*
 * Starting wireguard-go.  Runs in the launcher (_gwlaunch, CAP_NET_ADMIN), and
 * from fork(2) to execve(2) in its child.
 */
#include <sys/prctl.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "run.h"

/* descriptors of the child; EXE is gone once it runs */
#define TUN_FD		3
#define UAPI_FD		4
#define EXE_FD		5
#define OTHERS		6

const char *const run_programs[] = {
	"/usr/bin/wireguard-go",
	"/usr/local/bin/wireguard-go",
	NULL
};

static const char	*program;
static int		 exe = -1;

void
run_init(void)
{
	const char *const	*p;

	for (p = run_programs; *p != NULL; p++) {
		if (access(*p, X_OK) == -1 ||
		    (exe = open(*p, O_PATH | O_CLOEXEC)) == -1)
			continue;
		program = *p;
		return;
	}
}

/* what the child is given, at the numbers it is told */
static int
run_descriptors(int tun, int uapi, int output)
{
	int	 fds[3] = { tun, uapi, exe };
	size_t	 i;

	/* first out of each other's way */
	for (i = 0; i < 3; i++)
		if ((fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, OTHERS)) == -1)
			return (-1);
	if (dup2(output, STDOUT_FILENO) == -1 ||
	    dup2(output, STDERR_FILENO) == -1 ||
	    dup2(fds[0], TUN_FD) == -1 || dup2(fds[1], UAPI_FD) == -1 ||
	    dup3(fds[2], EXE_FD, O_CLOEXEC) == -1)
		return (-1);
	closefrom(OTHERS);
	return (0);
}

/* as if started from a shell: the frame ignores nearly all */
static void
run_signals(void)
{
	sigset_t	 none;
	int		 i;

	for (i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void __attribute__((noreturn))
run_child(const char *iface, int tun, int uapi, int output, pid_t launcher)
{
	char	 name[16], self[] = "wireguard-go", foreground[] = "-f";
	char	*argv[] = { self, foreground, name, NULL };
	char	 tunfd[] = "WG_TUN_FD=3", uapifd[] = "WG_UAPI_FD=4";
	char	 fg[] = "WG_PROCESS_FOREGROUND=1";
	char	 debug[] = "LOG_LEVEL=debug", error[] = "LOG_LEVEL=error";
	char	*envp[] = { tunfd, uapifd, fg, error, NULL };

	if (log_get_level() >= LL_DEBUG)
		envp[3] = debug;
	strlcpy(name, iface, sizeof(name));
	run_signals();
	/* a terminal's Ctrl-C is for the parent */
	setsid();
	/* it must not outlive who can stop it */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == -1 ||
	    getppid() != launcher || run_descriptors(tun, uapi, output) == -1)
		_exit(127);
	execve(program, argv, envp);
	/* a file that replaced it since is not the one that Landlock knows */
	if (errno == EACCES || errno == ENOENT)
		fexecve(EXE_FD, argv, envp);
	dprintf(STDERR_FILENO, "cannot execute %s: %s\n", program,
	    strerror(errno));
	_exit(127);
}

pid_t
run_wireguard(const char *iface, int tun, int uapi, int *output)
{
	pid_t	 pid, launcher = getpid();
	int	 fds[2], saved;

	if (program == NULL) {
		errno = ENOENT;
		return (-1);
	}
	if (pipe2(fds, O_CLOEXEC) == -1)
		return (-1);
	if ((pid = fork()) == 0)
		run_child(iface, tun, uapi, fds[1], launcher);
	saved = errno;
	close(fds[1]);
	errno = saved;
	if (pid == -1) {
		close(fds[0]);
		errno = saved;
		return (-1);
	}
	/* its own end stays blocking: Go would take its time for EAGAIN */
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	*output = fds[0];
	return (pid);
}
