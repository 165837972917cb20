/*
 * What the daemon's processes use of the machine, read from the files in /proc
 * that the parent has opened for it.  Runs in the frontend (_gatewayd, chroot).
 */
#ifndef GW_PROCSTAT_H
#define GW_PROCSTAT_H

#include <stdint.h>

#include "proc.h"

struct procstat {
	uint64_t	 cpu_us;	/* of user and system */
	uint64_t	 resident;	/* bytes */
	uint64_t	 started_us;	/* Unix */
};

/* fd: /proc/PID/stat of that process, taken over; one for each at most */
void	 procstat_take(enum gw_proc, int fd);
/* 0, or -1 if nothing is known of that process */
int	 procstat_read(enum gw_proc, struct procstat *);
/* 0, or -1 if the text is none of proc(5)'s /proc/PID/stat */
int	 procstat_parse(const char *text, struct procstat *);

/* this process: descriptors that are open, and how many could be */
unsigned int	 procstat_open_fds(void);
unsigned int	 procstat_max_fds(void);

#endif
