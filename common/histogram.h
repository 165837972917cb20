/*
 * Counts of durations by upper bounds, for Prometheus.  Pure; any process.
 */
#ifndef GW_HISTOGRAM_H
#define GW_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_BOUNDS	10

/* goes over the wire as it is */
struct histogram {
	uint64_t	 sum_us;
	/* each bucket by itself; the last one has no upper bound */
	uint64_t	 counts[HISTOGRAM_BOUNDS + 1];
};

/* upper bounds, included, in microseconds, rising */
typedef const uint32_t	 histogram_bounds[HISTOGRAM_BOUNDS];
extern histogram_bounds	 histogram_probe;	/* 5 ms .. 5 s */
extern histogram_bounds	 histogram_request;	/* 100 us .. 10 s */
extern histogram_bounds	 histogram_failover;	/* 50 ms .. 60 s */
extern histogram_bounds	 histogram_connect;	/* 1 ms .. 5 s */

#define HISTOGRAM_EMPTY	UINT32_MAX

void	 histogram_add(struct histogram *, histogram_bounds, uint64_t us);
/*
 * Below which duration, in microseconds, that many percent of all are, as far
 * as the buckets tell: evenly spread in each, and the highest bound for all
 * above it.  HISTOGRAM_EMPTY: there are none.
 */
uint32_t histogram_percentile(const struct histogram *, histogram_bounds,
	    unsigned int percent);

#endif
