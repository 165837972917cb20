/*
 * Counting: see stats.h.  Runs in the relay (_gwrelay, chroot).
 */
#include "relay_int.h"
#include "stats.h"

void
stats_attempt(struct way *way, enum he_family family)
{
	relay.stats.family[family].attempts++;
	if (way != NULL)
		way->stats.attempts++;
}

void
stats_won(struct way *way, enum he_family family)
{
	relay.stats.family[family].wins++;
	if (way != NULL)
		way->stats.wins++;
}

void
stats_lost(struct way *way, enum he_family family, enum loss loss)
{
	relay.stats.family[family].losses[loss]++;
	if (way != NULL)
		way->stats.losses[loss]++;
}

void
stats_bytes(struct way *way, enum he_family family, uint64_t rx, uint64_t tx)
{
	relay.stats.family[family].rx_bytes += rx;
	relay.stats.family[family].tx_bytes += tx;
	if (way != NULL) {
		way->stats.rx_bytes += rx;
		way->stats.tx_bytes += tx;
	}
}

void
stats_refused(enum refusal why)
{
	relay.stats.refused[why]++;
}
