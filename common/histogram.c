/*
 * Histograms: see histogram.h.  Pure; any process.
 */
#include "histogram.h"

histogram_bounds	 histogram_probe = {
	5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000,
	5000000
};
histogram_bounds	 histogram_request = {
	100, 250, 500, 1000, 2500, 5000, 10000, 100000, 1000000, 10000000
};
histogram_bounds	 histogram_failover = {
	50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000,
	30000000, 60000000
};

void
histogram_add(struct histogram *h, histogram_bounds bounds, uint64_t us)
{
	int	 i;

	for (i = 0; i < HISTOGRAM_BOUNDS && us > bounds[i]; i++)
		;
	h->counts[i]++;
	h->sum_us += us;
}
