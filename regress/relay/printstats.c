/*
 * What the relay has counted, as a line of JSON, for its harness.
 */
#include <inttypes.h>
#include <stdio.h>

#include "printstats.h"
#include "relay_int.h"

#define USERS	3	/* two and the others */

static unsigned int	 reports;

void
count_report(void)
{
	reports++;
}

static void
print_list(const char *name, const uint64_t *n, size_t len)
{
	size_t	 i;

	printf(",\"%s\":[", name);
	for (i = 0; i < len; i++)
		printf("%s%" PRIu64, i > 0 ? "," : "", n[i]);
	printf("]");
}

static void
print_counts(const struct relay_counts *c)
{
	printf("{\"sessions\":%" PRIu64 ",\"attempts\":%" PRIu64
	    ",\"wins\":%" PRIu64 ",\"rx\":%" PRIu64 ",\"tx\":%" PRIu64,
	    c->sessions, c->attempts, c->wins, c->rx_bytes, c->tx_bytes);
	print_list("losses", c->losses, LOSSES);
	print_list("connect", c->connect.counts, HISTOGRAM_BOUNDS + 1);
	printf("}");
}

static void
print_users(void)
{
	struct relay_uid	 u[USERS];
	uint32_t		 i, n = limits_users(&relay.limits, u, USERS);

	printf(",\"users\":[");
	for (i = 0; i < n; i++) {
		printf("%s{\"uid\":%" PRIu32 ",\"sessions\":%" PRIu32
		    ",\"half_open\":%" PRIu32 ",\"rx\":%" PRIu64
		    ",\"tx\":%" PRIu64, i > 0 ? "," : "", u[i].uid,
		    u[i].sessions, u[i].half_open, u[i].rx_bytes,
		    u[i].tx_bytes);
		print_list("wins", u[i].wins, RELAY_WAYS);
		print_list("limited", u[i].limited, LIMIT_KINDS);
		printf("}");
	}
	printf("]");
}

void
print_stats(void)
{
	const struct way	*w;
	int			 i;

	printf("{\"reports\":%u,\"ways\":[", reports);
	for (i = 0; i < RELAY_WAYS; i++) {
		printf("%s", i > 0 ? "," : "");
		print_counts(&relay.stats.ways[i]);
	}
	printf("],\"tunnels\":{");
	TAILQ_FOREACH(w, &relay.ways, entry) {
		printf("%s\"%s\":", w != TAILQ_FIRST(&relay.ways) ? "," : "",
		    w->name);
		print_counts(&w->stats);
	}
	printf("}");
	print_list("answers", relay.stats.answers, ANSWERS);
	print_list("refused", relay.stats.refused, REFUSALS);
	print_users();
	printf("}\n");
}
