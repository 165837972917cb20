/*
 * The large probes of a path MTU search (pmtu.h): sent, timed, answered.  Runs
 * in the prober (_gatewayd, chroot, no capabilities).
 *
 * They are no part of what is told of the others: neither in the window nor
 * in the estimate of the delay, and no sign of life or death.
 */
#ifndef GW_PROBE_MTU_H
#define GW_PROBE_MTU_H

#include "probe.h"

/* begins a search up to max bytes, in place of one that is going on */
void		 mtu_start(struct tunnel *, uint32_t max);
/* it ends without a result: the way or the targets are others now */
void		 mtu_abort(struct tunnel *);
/* does what is due; the engine gets the result at the end */
void		 mtu_run(struct tunnel *);
/* when that is, UINT64_MAX: there is no search */
uint64_t	 mtu_deadline_us(const struct tunnel *);
/* an answer of len bytes that carries our tag; nonzero if it is waited for */
int		 mtu_answered(struct tunnel *, const struct icmp6_echo *,
		    size_t len);
/* this probe, or (NULL) the one just sent, is said to be larger than mtu */
void		 mtu_too_big(struct tunnel *, const struct icmp6_echo *,
		    uint32_t mtu);

#endif
