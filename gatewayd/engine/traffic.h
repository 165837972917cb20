/*
 * The traffic trigger: packets leave by a tunnel and none comes back.  A pure
 * state machine: counters and a clock in, a wish out.  Runs in the engine
 * (_gatewayd, chroot, pipes only).
 */
#ifndef GW_TRAFFIC_H
#define GW_TRAFFIC_H

#include <stdint.h>

#define TRAFFIC_FAST_MS	100	/* between samples while there is traffic */

struct traffic {
	uint64_t	rx;		/* packets, as last sampled */
	uint64_t	tx;
	int		known;
	uint64_t	flat_ms;	/* nothing has come back since */
	uint32_t	rises;		/* samples since, in which tx rose */
	uint64_t	busy_ms;	/* last traffic besides the probes */
	uint64_t	quiet_ms;	/* no alarm before */
};

/* what traffic_sample() finds, as bits */
#define TRAFFIC_FAST	0x01	/* sample again in TRAFFIC_FAST_MS */
#define TRAFFIC_STALLED	0x02	/* all goes out and nothing comes in */

/*
 * The interface's packet counters at now_ms (monotonic); probes: how many of
 * our own are among what was sent since the last sample.  TRAFFIC_* bits.
 */
unsigned int	traffic_sample(struct traffic *, uint64_t rx, uint64_t tx,
		    uint32_t probes, uint64_t now_ms);

#endif
