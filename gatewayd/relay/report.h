/*
 * Telling the frontend what was counted.  Runs in the relay (_gwrelay,
 * chroot).
 */
#ifndef GW_REPORT_H
#define GW_REPORT_H

/* sends all that has changed; for stats_init() */
void	 report(void);

#endif
