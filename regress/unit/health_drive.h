/*
 * A tunnel's health, its clock and the prober's results, for tests of
 * health.c.  What is not as expected ends the test, which says where.
 */
#ifndef GW_HEALTH_DRIVE_H
#define GW_HEALTH_DRIVE_H

#include <stdint.h>

#include "health.h"

extern const struct health_conf	 defaults;

extern struct health	 h;
extern uint64_t		 now;		/* milliseconds */
extern unsigned int	 bits;		/* of the last step */
/* the window the prober would report */
extern uint32_t		 sent, lost, avg_us;

/* a tunnel that is probed for the first time, is up, has gone down */
void	 start(const struct health_conf *);
void	 start_up(const struct health_conf *);
void	 start_down(const struct health_conf *);

/* the result of one probe; of a burst without an answer */
void	 give(enum probe_outcome, uint32_t target, int burst, uint32_t error);
void	 fail_burst(void);
/* the last so many milliseconds of hold-down: it is asked once more */
void	 hold_over(uint64_t ms, const char *where);

/* reason: a part of it */
void	 expect(enum tunnel_state, const char *reason, const char *where);
void	 expect_bits(unsigned int want, const char *where);
void	 expect_interval(uint32_t active, uint32_t standby, const char *where);

#endif
