/*
 * Counting: see stats.h.  Runs in the relay (_gwrelay, chroot).
 */
#include <ares.h>

#include "log.h"
#include "relay_int.h"
#include "stats.h"
#include "util.h"

#define REPORT_MS	1000	/* at least between two reports */

_Static_assert(RELAY_IPV6 == (int)HE_V6 && RELAY_IPV4 == (int)HE_V4,
    "families have the same numbers");
_Static_assert(RELAY_GOOD == (int)HEALTH6_GOOD &&
    RELAY_BAD == (int)HEALTH6_BAD && RELAY_TRYING == (int)HEALTH6_TRYING,
    "states of health have the same numbers");

static struct {
	void		(*report)(void);
	struct event	*ev;		/* NULL: it is too early */
	int		 due;		/* it waits for its time */
	uint64_t	 reported_ms;	/* the last one */
} stats;

static void
stats_report(int fd, short what, void *arg)
{
	stats.due = 0;
	stats.reported_ms = monotime_ms();
	stats.report();
}

static void
stats_wait(void)
{
	uint64_t	 since = monotime_ms() - stats.reported_ms, left = 0;
	struct timeval	 tv;

	if (since < REPORT_MS)
		left = REPORT_MS - since;
	tv.tv_sec = (time_t)(left / 1000);
	tv.tv_usec = (suseconds_t)(left % 1000 * 1000);
	if (evtimer_add(stats.ev, &tv) == -1)
		fatalx("evtimer_add");
}

void
stats_init(struct event_base *base, void (*report)(void))
{
	stats.report = report;
	if ((stats.ev = evtimer_new(base, stats_report, NULL)) == NULL)
		fatalx("evtimer_new");
	if (stats.due)
		stats_wait();
}

void
stats_changed(void)
{
	if (stats.due)
		return;
	stats.due = 1;
	if (stats.ev != NULL)
		stats_wait();
}

void
stats_way_changed(struct way *way)
{
	way->changed = 1;
	stats_changed();
}

/* all of that family, and NULL or those of the tunnel */
static struct relay_counts *
of_family(uint32_t family)
{
	stats_changed();
	return (&relay.stats.ways[family]);
}

static struct relay_counts *
of_way(struct way *way)
{
	static struct relay_counts	 nobody;

	if (way == NULL)
		return (&nobody);
	way->changed = 1;
	return (&way->stats);
}

void
stats_attempt(struct way *way, uint32_t family)
{
	of_family(family)->attempts++;
	of_way(way)->attempts++;
}

void
stats_won(struct way *way, uint32_t family, uint64_t ms)
{
	struct relay_counts	*all = of_family(family), *by = of_way(way);

	all->wins++;
	by->wins++;
	histogram_add(&all->connect, histogram_connect, ms * 1000);
	histogram_add(&by->connect, histogram_connect, ms * 1000);
}

void
stats_lost(struct way *way, uint32_t family, enum loss loss)
{
	of_family(family)->losses[loss]++;
	of_way(way)->losses[loss]++;
}

void
stats_open(struct way *way, uint32_t family, struct limit_user *user)
{
	of_family(family)->sessions++;
	of_way(way)->sessions++;
	if (user == NULL)
		return;
	user->open++;
	user->wins[family]++;
}

void
stats_close(struct way *way, uint32_t family, struct limit_user *user)
{
	of_family(family)->sessions--;
	of_way(way)->sessions--;
	if (user != NULL)
		user->open--;
}

void
stats_bytes(struct way *way, uint32_t family, struct limit_user *user,
    uint64_t rx, uint64_t tx)
{
	struct relay_counts	*all = of_family(family), *by = of_way(way);

	all->rx_bytes += rx;
	all->tx_bytes += tx;
	by->rx_bytes += rx;
	by->tx_bytes += tx;
	if (user == NULL)
		return;
	user->rx_bytes += rx;
	user->tx_bytes += tx;
}

void
stats_answer(int error, uint32_t n)
{
	enum relay_answer	 what = ANSWER_FAILED;

	if (error == 0 && n > 0)
		what = ANSWER_POSITIVE;
	else if (error == 0 || error == ARES_ENODATA || error == ARES_ENOTFOUND)
		what = ANSWER_NEGATIVE;
	relay.stats.answers[what]++;
	stats_changed();
}

void
stats_answer_late(void)
{
	relay.stats.answers[ANSWER_LATE]++;
	stats_changed();
}

void
stats_refused(enum refusal why)
{
	relay.stats.refused[why]++;
	stats_changed();
}
