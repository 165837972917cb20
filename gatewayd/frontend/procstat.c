/*
 * Processes' use of the machine: see procstat.h.  Runs in the frontend
 * (_gatewayd, chroot).
 */
#include <sys/resource.h>

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "procstat.h"

#define FDS_MAX		4096	/* looked at */

/* 0: not given; the frontend's first descriptors are others */
static int	 fds[PROC_COUNT];

void
procstat_take(enum gw_proc proc, int fd)
{
	if (fds[proc] != 0)
		fatalx("PROC_STAT: twice for %s", proc_name(proc));
	fds[proc] = fd;
}

static int64_t
clock_us(clockid_t clock)
{
	struct timespec	 ts;

	if (clock_gettime(clock, &ts) == -1)
		fatal("clock_gettime");
	return ((int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000);
}

/* when the machine started; the same in every answer, although the clock may
 * be set meanwhile */
static uint64_t
boot_us(void)
{
	static uint64_t	 boot;

	if (boot == 0)
		boot = (uint64_t)(clock_us(CLOCK_REALTIME) -
		    clock_us(CLOCK_BOOTTIME));
	return (boot);
}

/* the name in the second field may hold anything, ")" too */
int
procstat_parse(const char *text, struct procstat *st)
{
	uint64_t	 user, sys, start, tick = 1000000 /
			    (uint64_t)sysconf(_SC_CLK_TCK);
	int64_t		 pages;

	if ((text = strrchr(text, ')')) == NULL ||
	    sscanf(text + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %"
	    SCNu64 " %" SCNu64 " %*d %*d %*d %*d %*d %*d %" SCNu64
	    " %*u %" SCNd64, &user, &sys, &start, &pages) != 4 || pages < 0)
		return (-1);
	st->cpu_us = (user + sys) * tick;
	st->resident = (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
	st->started_us = boot_us() + start * tick;
	return (0);
}

int
procstat_read(enum gw_proc proc, struct procstat *st)
{
	char	 text[1024];
	ssize_t	 n;

	if (fds[proc] == 0 ||
	    (n = pread(fds[proc], text, sizeof(text) - 1, 0)) <= 0)
		return (-1);
	text[n] = '\0';
	return (procstat_parse(text, st));
}

unsigned int
procstat_max_fds(void)
{
	struct rlimit	 rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		fatal("getrlimit NOFILE");
	return (rl.rlim_cur < FDS_MAX ? (unsigned int)rl.rlim_cur : FDS_MAX);
}

/* there is no /proc here, but poll(2) tells all of them in one call */
unsigned int
procstat_open_fds(void)
{
	struct pollfd	 pfd[FDS_MAX];
	unsigned int	 i, n, max = procstat_max_fds();

	memset(pfd, 0, max * sizeof(pfd[0]));
	for (i = 0; i < max; i++)
		pfd[i].fd = (int)i;
	if (poll(pfd, max, 0) == -1)
		return (0);
	for (i = n = 0; i < max; i++)
		n += (pfd[i].revents & POLLNVAL) == 0;
	return (n);
}
