/* Statistics in the relay's harness: see printstats.c. */
#ifndef PRINTSTATS_H
#define PRINTSTATS_H

/* for stats_init() */
void	 count_report(void);
/* all there is */
void	 print_stats(void);

#endif
