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
histogram_bounds	 histogram_connect = {
	1000, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000,
	5000000
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

uint32_t
histogram_percentile(const struct histogram *h, histogram_bounds bounds,
    unsigned int percent)
{
	uint64_t	 all = 0, below = 0;
	uint32_t	 from = 0;
	double		 rank;
	int		 i;

	for (i = 0; i <= HISTOGRAM_BOUNDS; i++)
		all += h->counts[i];
	if (all == 0)
		return (HISTOGRAM_EMPTY);
	rank = (double)all * percent / 100;
	for (i = 0; i < HISTOGRAM_BOUNDS; i++) {
		if (h->counts[i] > 0 &&
		    rank <= (double)(below + h->counts[i]))
			return (from + (uint32_t)((bounds[i] - from) *
			    (rank - (double)below) / (double)h->counts[i] +
			    0.5));
		below += h->counts[i];
		from = bounds[i];
	}
	return (from);
}
