/*
 * The processes: their names, how the parent starts them, and what each of
 * them does first.
 */
#ifndef GW_PROC_H
#define GW_PROC_H

#include <sys/types.h>
#include <stdint.h>

#include "conf.h"

enum gw_proc {
	PROC_PARENT,
	PROC_ENGINE,
	PROC_FRONTEND,
	PROC_PROBER,
	PROC_ENCAP,
	PROC_RESOLVER,
	PROC_LAUNCHER,
	PROC_DOCTOR,
	PROC_RELAY,
	PROC_COUNT,
	PROC_CTL = PROC_COUNT	/* gatewayctl: outside, on the control socket */
};

/* as bits, for messages.def */
#define P_PARENT	(1U << PROC_PARENT)
#define P_ENGINE	(1U << PROC_ENGINE)
#define P_FRONTEND	(1U << PROC_FRONTEND)
#define P_PROBER	(1U << PROC_PROBER)
#define P_ENCAP		(1U << PROC_ENCAP)
#define P_RESOLVER	(1U << PROC_RESOLVER)
#define P_LAUNCHER	(1U << PROC_LAUNCHER)
#define P_DOCTOR	(1U << PROC_DOCTOR)
#define P_RELAY		(1U << PROC_RELAY)
#define P_CTL		(1U << PROC_CTL)
#define P_CHILD	(P_ENGINE | P_FRONTEND | P_PROBER | P_ENCAP | P_RESOLVER | \
		    P_LAUNCHER | P_DOCTOR | P_RELAY)
/* who holds a configuration */
#define P_HOLDER	(P_ENGINE | P_FRONTEND | P_RELAY)

/* wireguard-go processes that the launcher runs at once */
#define GW_LAUNCH_MAX	256

#define PROC_FD		3	/* a child's pipe to the parent */

/* "parent", "engine", ... */
const char	*proc_name(enum gw_proc);
/* the process of that name, -1 if there is none */
int		 proc_by_name(const char *);
/* the user a role runs as: conf's user, relay_user or launcher_user */
const char	*proc_user(enum gw_proc, const struct gw_conf *);

struct proc {
	pid_t		 pid;
	int		 fd;		/* the parent's end of the pipe */
};

/*
 * Forks every child and re-executes this program in it, its pipe on PROC_FD,
 * stderr as it is here (or log_fd, if not -1).  Fills procs[PROC_COUNT].
 * 0, or -1 with errno.
 */
int		 proc_start(struct proc *, const struct gw_conf *, int log_fd);

/* what proc_start() tells a child in its arguments */
struct proc_args {
	enum gw_proc	 proc;
	const char	*user;
	const char	*root;		/* the empty directory */
};

/* reads a child's argv; 0, or -1 if they are not proc_start()'s */
int		 proc_parse_args(int argc, char **argv, struct proc_args *);

#endif
