/*
 * Starting wireguard-go.  Runs in the launcher (_gwlaunch, CAP_NET_ADMIN), and
 * from fork(2) to execve(2) in its child, which may wait.
 */
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <net/if.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "run.h"

/* descriptors of the child; EXE is gone once the program runs */
#define TUN_FD		3
#define UAPI_FD		4
#define EXE_FD		5
#define OTHERS		6

/* the last release that wants struct tun_pi in front of each packet */
#define LAST_WITH_PI	20230223

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
run_fail(const char *what, const char *which)
{
	dprintf(STDERR_FILENO, "cannot %s %s: %s\n", what, which,
	    strerror(errno));
	_exit(127);
}

/* it must not outlive who can stop it */
static void
run_bind(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == -1 ||
	    getppid() != parent)
		_exit(127);
}

static void __attribute__((noreturn))
run_exec(char *argv[], char *envp[])
{
	execve(program, argv, envp);
	/* a file that replaced it since is not the one that Landlock knows */
	if (errno == EACCES || errno == ENOENT)
		fexecve(EXE_FD, argv, envp);
	run_fail("execute", program);
}

/* the first bytes of what wireguard-go --version says */
static void
run_version(char *text, size_t size)
{
	char	 self[] = "wireguard-go", version[] = "--version";
	char	*argv[] = { self, version, NULL }, *envp[] = { NULL };
	pid_t	 pid, child = getpid();
	size_t	 len = 0;
	ssize_t	 n;
	int	 fds[2];

	if (pipe2(fds, O_CLOEXEC) == -1 || (pid = fork()) == -1)
		run_fail("start", program);
	if (pid == 0) {
		run_bind(child);
		close(TUN_FD);
		close(UAPI_FD);
		dup2(fds[1], STDOUT_FILENO);
		run_exec(argv, envp);
	}
	close(fds[1]);
	while (len < size - 1 &&
	    (n = read(fds[0], text + len, size - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	close(fds[0]);
	waitpid(pid, NULL, 0);
}

int
run_tun_flags(const char *version)
{
	unsigned int	 date;

	if (sscanf(version, "wireguard-go v0.0.%8u", &date) == 1 &&
	    date <= LAST_WITH_PI)
		return (IFF_TUN);
	return (IFF_TUN | IFF_NO_PI | IFF_VNET_HDR);
}

/* attaches to the interface, which the parent has made */
static void
run_attach(const char *iface)
{
	struct ifreq	 ifr;
	char		 version[64];

	run_version(version, sizeof(version));
	memset(&ifr, 0, sizeof(ifr));
	strlcpy(ifr.ifr_name, iface, sizeof(ifr.ifr_name));
	ifr.ifr_flags = (short)run_tun_flags(version);
	if (ioctl(TUN_FD, TUNSETIFF, &ifr) == -1 ||
	    ioctl(TUN_FD, TUNGETIFF, &ifr) == -1)
		run_fail("attach to", iface);
	/* one that was not there has been made anew, and is not the parent's */
	if (!(ifr.ifr_flags & IFF_PERSIST)) {
		errno = ENODEV;
		run_fail("attach to", iface);
	}
}

static void __attribute__((noreturn))
run_child(const char *iface, int tun, int uapi, int output, pid_t launcher)
{
	char	 name[IFNAMSIZ], self[] = "wireguard-go", foreground[] = "-f";
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
	run_bind(launcher);
	if (run_descriptors(tun, uapi, output) == -1)
		_exit(127);
	run_attach(iface);
	run_exec(argv, envp);
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
