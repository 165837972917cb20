/*
 * Giving up privilege, in one order for every child and one for the parent.
 * capabilities(7), credentials(7), prctl(2).
 */
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/securebits.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "drop.h"
#include "histfile.h"
#include "log.h"

static void
limit(int resource, const char *name, rlim_t value)
{
	struct rlimit	 rl;

	if (getrlimit((__rlimit_resource_t)resource, &rl) == -1)
		fatal("getrlimit %s", name);
	/* root without CAP_SYS_RESOURCE may be held to less already */
	if (rl.rlim_max > value)
		rl.rlim_max = value;
	rl.rlim_cur = rl.rlim_max;
	if (setrlimit((__rlimit_resource_t)resource, &rl) == -1)
		fatal("setrlimit %s", name);
}

/* processes and threads: each wireguard-go has one thread for a processor and
 * some that wait in the kernel */
static rlim_t
launcher_tasks(void)
{
	return (GW_LAUNCH_MAX * ((rlim_t)sysconf(_SC_NPROCESSORS_CONF) + 16));
}

static void
drop_limits(enum gw_proc proc)
{
	struct stat	 st;

	limit(RLIMIT_CORE, "CORE", 0);
	limit(RLIMIT_NPROC, "NPROC",
	    proc == PROC_LAUNCHER ? launcher_tasks() : 0);
	/* where the log is a regular file a record has to go into it */
	if (fstat(STDERR_FILENO, &st) == -1 || !S_ISREG(st.st_mode))
		limit(RLIMIT_FSIZE, "FSIZE",
		    proc == PROC_FRONTEND ? HISTORY_MAX : 0);
}

static void
drop_chroot(const char *root)
{
	if (chroot(root) == -1 || chdir("/") == -1)
		fatal("chroot %s", root);
}

static void
drop_no_new_privs(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		fatal("PR_SET_NO_NEW_PRIVS");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1)
		fatal("PR_SET_DUMPABLE");
}

/* keep: a capability that stays, through execve(2) as well; or -1 */
static void
drop_uid(const struct passwd *pw, int keep)
{
	int	 r;

	capng_clear(CAPNG_SELECT_ALL);
	if (keep != -1)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED |
		    CAPNG_INHERITABLE | CAPNG_BOUNDING_SET |
		    CAPNG_AMBIENT, (unsigned int)keep);
	/* the bounding set while CAP_SETPCAP is there, ambient ones when they
	 * are permitted and inheritable */
	if ((r = capng_apply(CAPNG_SELECT_BOUNDS)) == 0)
		r = capng_change_id((int)pw->pw_uid, (int)pw->pw_gid,
		    CAPNG_DROP_SUPP_GRP);
	if (r == 0)
		r = capng_apply(CAPNG_SELECT_AMBIENT);
	if (r != 0)
		fatalx("cannot become user %s (libcap-ng: %d); "
		    "the daemon must be started by root with CAP_SETUID, "
		    "CAP_SETGID and CAP_SETPCAP", pw->pw_name, r);
	if (setuid(0) != -1 || setgid(0) != -1)
		fatalx("root could be had back");
}

void
drop_child(enum gw_proc proc, const char *user, const char *root)
{
	const struct passwd	*pw;
	pid_t			 parent = getppid();

	errno = 0;
	if ((pw = getpwnam(user)) == NULL)
		fatal("user %s", user);
	/* the resolver reads /etc, the doctor /proc and /sys as well, the
	 * launcher executes a program; Landlock holds them instead */
	if (proc != PROC_RESOLVER && proc != PROC_LAUNCHER &&
	    proc != PROC_DOCTOR)
		drop_chroot(root);
	drop_uid(pw, proc == PROC_LAUNCHER ? CAP_NET_ADMIN : -1);
	drop_no_new_privs();
	/*
	 * The change of uid clears this one, so it comes after it.  It holds
	 * while the parent starts: once that has no CAP_KILL the kernel
	 * refuses it this signal too, and the end of the pipe has to do.
	 */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == -1)
		fatal("PR_SET_PDEATHSIG");
	if (getppid() != parent)
		fatalx("the parent is gone");
	drop_limits(proc);
}

void
drop_parent(void)
{
	capng_clear(CAPNG_SELECT_ALL);
	capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED,
	    CAP_NET_ADMIN, CAP_NET_RAW, CAP_NET_BIND_SERVICE, -1);
	if (prctl(PR_SET_SECUREBITS,
	    SECBIT_NOROOT | SECBIT_NOROOT_LOCKED |
	    SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED |
	    SECBIT_KEEP_CAPS_LOCKED |
	    SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED,
	    0, 0, 0) == -1)
		fatal("PR_SET_SECUREBITS");
	if (capng_apply(CAPNG_SELECT_ALL) != 0)
		fatalx("cannot drop capabilities; the daemon must be started "
		    "by root with CAP_SETPCAP, CAP_NET_ADMIN, CAP_NET_RAW "
		    "and CAP_NET_BIND_SERVICE");
	drop_no_new_privs();
	limit(RLIMIT_CORE, "CORE", 0);
	limit(RLIMIT_NPROC, "NPROC", 0);
}

void
drop_nofile(unsigned int extra)
{
	struct rlimit	 rl;
	int		 fd, highest = 0;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		fatal("getrlimit NOFILE");
	/* start-up opens a few in a row: far below this bound */
	for (fd = 0; fd < 256; fd++)
		if (fcntl(fd, F_GETFD) != -1)
			highest = fd;
	if (rl.rlim_cur > (rlim_t)highest + 1 + extra)
		limit(RLIMIT_NOFILE, "NOFILE", (rlim_t)highest + 1 + extra);
}
