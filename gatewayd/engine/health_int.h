/*
 * What the files health*.c share.  Runs in the engine (_gatewayd,
 * chroot, pipes only).
 */
#ifndef GW_HEALTH_INT_H
#define GW_HEALTH_INT_H

#include "health.h"

/* why the state is what it is, in words */
void		 health_reason(struct health *, uint64_t now,
		    const char *fmt, ...)
		    __attribute__((format(printf, 3, 4)));
/* another state, which ends a burst; HEALTH_CHANGED */
unsigned int	 health_state(struct health *, enum tunnel_state,
		    uint64_t now);
/* begins to wait for a burst's answers; HEALTH_BURST */
unsigned int	 health_burst(struct health *, uint64_t now);
/* a doubt, for this cause: all targets are asked; HEALTH_* bits */
unsigned int	 health_suspect(struct health *, const char *why,
		    uint64_t now);
/* down, for a cause that the caller gives the words for; HEALTH_CHANGED */
unsigned int	 health_down(struct health *, uint64_t now);
/* the moment that health_lost() left is over */
unsigned int	 health_lost_down(struct health *, uint64_t now);

/*
 * Whether loss and delay, as the result reports them for the window, make an
 * up tunnel degraded or a degraded one up; HEALTH_* bits.
 */
unsigned int	 health_judge(struct health *,
		    const struct imsg_probe_result *, uint64_t now);
/* counts loss since the tunnel came up, while the window still shows what
 * was before */
void		 health_count(struct health *,
		    const struct imsg_probe_result *);

#endif
