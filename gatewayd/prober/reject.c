/*
 * Counts of messages that were not believed.  Runs in the prober (_gatewayd,
 * chroot).
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "reject.h"

#define GATHER_US	1000000		/* the first ones make one line */
#define REPORT_US	60000000

static const char *const	 words[REJECT_KINDS] = {
	[REJECT_HASH] = "answers with a wrong hash",
	[REJECT_SOURCE] = "answers from a wrong source",
	[REJECT_TUNNEL] = "answers to probes of another tunnel",
	[REJECT_REPLAY] = "answers that came before",
	[REJECT_LATE] = "answers that came too late",
	[REJECT_FOREIGN] = "answers to no probe",
	[REJECT_ICMP4] = "ICMPv4 errors that prove nothing"
};

void
reject_add(struct rejects *r, enum reject kind, uint64_t now_us)
{
	if (r->counts[kind] < UINT32_MAX)
		r->counts[kind]++;
	if (r->due_us != 0)
		return;
	r->due_us = now_us + GATHER_US;
	if (r->reported_us != 0 && r->due_us < r->reported_us + REPORT_US)
		r->due_us = r->reported_us + REPORT_US;
}

uint64_t
reject_due_us(const struct rejects *r)
{
	return (r->due_us == 0 ? UINT64_MAX : r->due_us);
}

static int
counted_any(const struct rejects *r, enum reject first, enum reject last)
{
	unsigned int	 i;

	for (i = first; i <= last; i++)
		if (r->counts[i] > 0)
			return (1);
	return (0);
}

enum log_level
reject_report(struct rejects *r, uint64_t now_us, char *text, size_t size)
{
	enum log_level	 level = LL_INFO;
	size_t		 len = 0;
	int		 i;

	text[0] = '\0';
	for (i = 0; i < REJECT_KINDS; i++)
		if (r->counts[i] > 0 && len < size)
			len += (size_t)snprintf(text + len, size - len,
			    "%s%" PRIu32 " %s", len > 0 ? ", " : "",
			    r->counts[i], words[i]);
	if (counted_any(r, REJECT_HASH, REJECT_TUNNEL))
		level = LL_WARN;
	else if (!counted_any(r, REJECT_REPLAY, REJECT_ICMP4))
		level = LL_DEBUG;
	memset(r->counts, 0, sizeof(r->counts));
	r->reported_us = now_us;
	r->due_us = 0;
	return (level);
}
