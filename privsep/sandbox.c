/*
 * Landlock and a seccomp deny-list, role by role.  Called in each process
 * once it holds all that it needs; nothing here can be taken back.
 *
 * Landlock (landlock(7)): a right that is handled and for which no rule
 * exists is denied, so every right the running kernel knows is handled unless
 * the role uses it.  The header of Debian 12 knows file rights only; the
 * others and the struct that carries them stand here.
 */
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <link.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "sandbox.h"

#define FS_TRUNCATE		(1ULL << 14)	/* ABI 3 */
#define FS_IOCTL_DEV		(1ULL << 15)	/* ABI 5 */
#define NET_BIND_TCP		(1ULL << 0)	/* ABI 4 */
#define NET_CONNECT_TCP		(1ULL << 1)
#define RULE_NET_PORT		((enum landlock_rule_type)2)
#define SCOPE_ABSTRACT_UNIX	(1ULL << 0)	/* ABI 6 */
#define SCOPE_SIGNAL		(1ULL << 1)

#define FS_READ		(LANDLOCK_ACCESS_FS_READ_FILE | \
			    LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_EXEC		(LANDLOCK_ACCESS_FS_READ_FILE | \
			    LANDLOCK_ACCESS_FS_EXECUTE)
#define FS_SOCKETS	(LANDLOCK_ACCESS_FS_MAKE_SOCK | \
			    LANDLOCK_ACCESS_FS_REMOVE_FILE)
#define FS_WRITE	(FS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | \
			    LANDLOCK_ACCESS_FS_REMOVE_FILE | \
			    LANDLOCK_ACCESS_FS_MAKE_REG | \
			    LANDLOCK_ACCESS_FS_MAKE_SOCK | FS_TRUNCATE)
#define FS_DEVICE	(LANDLOCK_ACCESS_FS_READ_FILE | \
			    LANDLOCK_ACCESS_FS_WRITE_FILE | FS_IOCTL_DEV)
#define FS_SYSCTL	(FS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE)

struct ruleset_attr {
	uint64_t	 fs;
	uint64_t	 net;
	uint64_t	 scoped;
};

struct port_attr {
	uint64_t	 allowed;
	uint64_t	 port;
};

struct ruleset {
	int			 fd;
	struct ruleset_attr	 handled;
};

/* what each role leaves unhandled because it uses it */
static const struct {
	uint64_t	 net;
} used[PROC_COUNT] = {
	[PROC_PARENT] =		{ NET_BIND_TCP },
	[PROC_RESOLVER] =	{ NET_CONNECT_TCP },	/* DNS over TCP */
	[PROC_DOCTOR] =		{ NET_CONNECT_TCP },	/* does it answer? */
	[PROC_RELAY] =		{ NET_CONNECT_TCP },
};

int
sandbox_abi(void)
{
	long	 abi;

	abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);
	return (abi < 0 ? 0 : (int)abi);
}

static uint64_t
fs_rights(int abi)
{
	/* ABI 1 has the first 13; each later one adds its own */
	uint64_t	 rights = (1ULL << 13) - 1;

	if (abi >= 2)
		rights |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= 3)
		rights |= FS_TRUNCATE;
	if (abi >= 5)
		rights |= FS_IOCTL_DEV;
	return (rights);
}

/* 0, or -1 where the kernel has no Landlock */
static int
ruleset_open(struct ruleset *rs, enum gw_proc proc)
{
	int	 abi = sandbox_abi();
	size_t	 size = offsetof(struct ruleset_attr, net);

	if (abi == 0)
		return (-1);
	memset(rs, 0, sizeof(*rs));
	rs->handled.fs = fs_rights(abi);
	if (abi >= 4) {
		rs->handled.net = (NET_BIND_TCP | NET_CONNECT_TCP) &
		    ~used[proc].net;
		size = offsetof(struct ruleset_attr, scoped);
	}
	if (abi >= 6) {
		rs->handled.scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL;
		size = sizeof(struct ruleset_attr);
	}
	rs->fd = (int)syscall(SYS_landlock_create_ruleset, &rs->handled,
	    size, 0);
	if (rs->fd == -1)
		fatal("landlock_create_ruleset");
	return (0);
}

static void
ruleset_allow(struct ruleset *rs, const char *path, uint64_t rights)
{
	struct landlock_path_beneath_attr	 rule;
	struct stat				 st;

	memset(&rule, 0, sizeof(rule));
	/*
	 * /proc/sys/net stays open: a rule holds an inode, and procfs makes
	 * new ones once nobody uses the old.
	 */
	rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd == -1 || fstat(rule.parent_fd, &st) == -1) {
		if (errno != ENOENT)
			fatal("%s", path);
		return;
	}
	if (!S_ISDIR(st.st_mode))
		rights &= ~(uint64_t)(LANDLOCK_ACCESS_FS_READ_DIR |
		    LANDLOCK_ACCESS_FS_REMOVE_FILE |
		    LANDLOCK_ACCESS_FS_MAKE_REG |
		    LANDLOCK_ACCESS_FS_MAKE_SOCK);
	rule.allowed_access = rights & rs->handled.fs;
	if (syscall(SYS_landlock_add_rule, rs->fd, LANDLOCK_RULE_PATH_BENEATH,
	    &rule, 0) == -1)
		fatal("landlock_add_rule %s", path);
	if (strcmp(path, "/proc/sys/net") != 0)
		close(rule.parent_fd);
}

/*
 * Binding to an address without a port.  listen(2) without bind(2) gets such
 * a port anyway, so nothing is given away.
 */
static void
ruleset_allow_bind0(struct ruleset *rs)
{
	struct port_attr	 rule = { NET_BIND_TCP, 0 };

	if ((rs->handled.net & NET_BIND_TCP) != 0 &&
	    syscall(SYS_landlock_add_rule, rs->fd, RULE_NET_PORT, &rule,
	    0) == -1)
		fatal("landlock_add_rule: port 0");
}

/* a rule on a file goes stale when an editor replaces it: its directory */
static void
ruleset_allow_dir(struct ruleset *rs, const char *file, uint64_t rights)
{
	char	*copy;

	if (file == NULL)
		return;
	if ((copy = strdup(file)) == NULL)
		fatal("strdup");
	ruleset_allow(rs, dirname(copy), rights);
	free(copy);
}

static void
ruleset_close(struct ruleset *rs)
{
	if (syscall(SYS_landlock_restrict_self, rs->fd, 0) == -1)
		fatal("landlock_restrict_self");
	close(rs->fd);
}

/*
 * System calls no role has a use for.  A list of what is denied cannot break
 * with a new libc, as a list of what is allowed does.
 */
static const int denied[] = {
	SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_bpf,
	SYS_perf_event_open, SYS_kexec_load, SYS_kexec_file_load,
	SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_mount,
	SYS_umount2, SYS_pivot_root, SYS_move_mount, SYS_open_tree,
	SYS_fsopen, SYS_fsconfig, SYS_fsmount, SYS_fspick, SYS_unshare,
	SYS_setns, SYS_keyctl, SYS_add_key, SYS_request_key,
	SYS_userfaultfd, SYS_io_uring_setup, SYS_io_uring_enter,
	SYS_io_uring_register,
};
#define NDENIED		(sizeof(denied) / sizeof(denied[0]))

#if defined(__x86_64__)
#define NATIVE_ARCH	AUDIT_ARCH_X86_64
#define FOREIGN_CALLS	0x40000000U	/* x32: the same calls once more */
#elif defined(__aarch64__)
#define NATIVE_ARCH	AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define NATIVE_ARCH	AUDIT_ARCH_RISCV64
#endif
#ifndef FOREIGN_CALLS
#define FOREIGN_CALLS	UINT32_MAX
#endif

static void
deny_syscalls(void)
{
#ifdef NATIVE_ARCH
	struct sock_filter	 f[NDENIED + 7];
	struct sock_fprog	 prog;
	unsigned short		 n = 0;
	size_t			 i;

	f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
	    offsetof(struct seccomp_data, arch));
	f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
	    NATIVE_ARCH, 0, NDENIED + 3);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
	    offsetof(struct seccomp_data, nr));
	f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K,
	    FOREIGN_CALLS, NDENIED + 1, 0);
	for (i = 0; i < NDENIED; i++)
		f[n++] = (struct sock_filter)BPF_JUMP(
		    BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)denied[i],
		    (uint8_t)(NDENIED - i), 0);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
	    SECCOMP_RET_ALLOW);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
	    SECCOMP_RET_ERRNO | EPERM);
	prog.len = n;
	prog.filter = f;
	/* EINVAL: a kernel without seccomp */
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == -1 &&
	    errno != EINVAL)
		fatal("PR_SET_SECCOMP");
#endif
}

/* the dynamic loader of the first object, which is this program itself */
static int
interpreter(struct dl_phdr_info *info, size_t size, void *path)
{
	int	 i;

	for (i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_INTERP)
			*(const char **)path = (const char *)(info->dlpi_addr +
			    info->dlpi_phdr[i].p_vaddr);
	return (1);
}

/*
 * The programs, and the directory of the dynamic loader and libc: a rule on
 * those files themselves would go stale with the first update of libc.
 */
static void
child_executes(struct ruleset *rs, const char *const *programs)
{
	const char	*loader = NULL;
	char		*real;

	for (; *programs != NULL; programs++)
		if (access(*programs, X_OK) == 0)
			ruleset_allow(rs, *programs, FS_EXEC);
	dl_iterate_phdr(interpreter, &loader);
	if (loader == NULL || (real = realpath(loader, NULL)) == NULL)
		return;
	ruleset_allow_dir(rs, real, FS_EXEC);
	free(real);
}

/* how this machine is; and it asks over each tunnel from its own address */
static void
doctor_reads(struct ruleset *rs)
{
	ruleset_allow(rs, "/etc", FS_READ);
	ruleset_allow(rs, "/run", FS_READ);
	ruleset_allow(rs, "/proc", FS_READ);
	ruleset_allow(rs, "/sys", FS_READ);
	ruleset_allow(rs, "/lib/modules", FS_READ);
	ruleset_allow(rs, "/dev/urandom", FS_READ);
	ruleset_allow_bind0(rs);
}

void
sandbox_child(enum gw_proc proc, const char *const *programs)
{
	struct ruleset	 rs;

	deny_syscalls();
	if (ruleset_open(&rs, proc) == -1)
		return;
	if (proc == PROC_RESOLVER) {
		/* resolv.conf and hosts are replaced by rename(2) */
		ruleset_allow(&rs, "/etc", FS_READ);
		ruleset_allow(&rs, "/run", FS_READ);
		/*
		 * The numbers of queries, which nobody may guess: c-ares takes
		 * them from an unseeded rand(3) if it cannot open this.
		 */
		ruleset_allow(&rs, "/dev/urandom", FS_READ);
	}
	if (proc == PROC_DOCTOR)
		doctor_reads(&rs);
	if (proc == PROC_RELAY)	/* it connects from a tunnel's address */
		ruleset_allow_bind0(&rs);
	if (programs != NULL)
		child_executes(&rs, programs);
	ruleset_close(&rs);
}

/* the configuration and what it names, and what the parent reads at reload */
static void
parent_reads(struct ruleset *rs, const struct gw_conf *conf)
{
	const struct gw_string	*s;
	const struct gw_tunnel	*t;

	ruleset_allow(rs, "/etc", FS_READ);	/* group(5) */
	TAILQ_FOREACH(s, &conf->files, entry)
		ruleset_allow_dir(rs, s->text, FS_READ);
	ruleset_allow_dir(rs, conf->api_token_file, FS_READ);
	ruleset_allow_dir(rs, conf->exposure.password_file, FS_READ);
	TAILQ_FOREACH(t, &conf->tunnels, entry) {
		ruleset_allow_dir(rs, t->update_key_file, FS_READ);
		ruleset_allow_dir(rs, t->wg_conf, FS_READ);
	}
}

void
sandbox_parent(const struct gw_conf *conf)
{
	struct ruleset	 rs;

	deny_syscalls();
	if (ruleset_open(&rs, PROC_PARENT) == -1) {
		log_info("this kernel has no Landlock; files are protected "
		    "by capabilities and users alone");
		return;
	}
	parent_reads(&rs, conf);
	ruleset_allow(&rs, conf->state_dir, FS_WRITE);
	ruleset_allow(&rs, conf->run_dir, FS_WRITE);
	ruleset_allow_dir(&rs, conf->api_socket, FS_WRITE);
	ruleset_allow_dir(&rs, conf->mcp_socket, FS_SOCKETS);
	if (strncmp(conf->exposure.socks_bind, "unix:", 5) == 0)
		ruleset_allow_dir(&rs, conf->exposure.socks_bind + 5,
		    FS_SOCKETS);
	ruleset_allow_dir(&rs, conf->log_file, FS_WRITE);
	ruleset_allow(&rs, GW_UAPI_DIR, FS_SOCKETS);
	ruleset_allow(&rs, "/dev/net/tun", FS_DEVICE);
	ruleset_allow(&rs, "/proc/sys/net", FS_SYSCTL);
	ruleset_close(&rs);
	log_info("Landlock ABI %d holds", sandbox_abi());
}
