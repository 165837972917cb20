/*
 * What each process uses, for /metrics: the parent opens /proc/PID/stat of
 * every process while it still may, and the frontend, which has no /proc, reads
 * from there what it is asked for.  Runs in the parent (root; opens them
 * before it drops).
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "parent.h"
#include "wire.h"

static int	 fds[PROC_COUNT];

void
procstat_open(void)
{
	char	 path[64];
	int	 i;

	env.procs[PROC_PARENT].pid = getpid();
	for (i = 0; i < PROC_COUNT; i++) {
		snprintf(path, sizeof(path), "/proc/%d/stat",
		    (int)env.procs[i].pid);
		if ((fds[i] = open(path, O_RDONLY | O_CLOEXEC)) == -1)
			log_warn("%s: /metrics will miss %s", path,
			    proc_name((enum gw_proc)i));
	}
}

void
procstat_send(struct peer *frontend)
{
	struct imsg_peer	 m;
	uint32_t		 i;

	for (i = 0; i < PROC_COUNT; i++) {
		if (fds[i] == -1)
			continue;
		m.proc = i;
		peer_send(frontend, IMSG_PROC_STAT, 0, fds[i], &m, sizeof(m));
	}
}
