/*
 * What the frontend knows of the relay: see fe_relay.h.  Runs in the frontend
 * (_gatewayd, chroot).
 */
#include <string.h>

#include "fe_relay.h"
#include "status.h"

const char *const	 loss_words[LOSSES] = {
	[LOSS_REFUSED] = "refused",
	[LOSS_UNREACHABLE] = "unreachable",
	[LOSS_TIMEOUT] = "timeout",
	[LOSS_RACE] = "race",
	[LOSS_DENIED] = "denied",
};
const char *const	 refusal_words[REFUSALS] = {
#define REFUSAL(name, word)	[REFUSED_##name] = word,
#include "refusals.def"
#undef REFUSAL
};
const char *const	 answer_words[ANSWERS] = {
	[ANSWER_POSITIVE] = "positive",
	[ANSWER_NEGATIVE] = "negative",
	[ANSWER_FAILED] = "failed",
	[ANSWER_LATE] = "late",
};
const char *const	 limit_words[LIMIT_KINDS] = {
	[LIMIT_SESSIONS] = "sessions",
	[LIMIT_HALF_OPEN] = "half_open",
	[LIMIT_UDP] = "udp_associations",
	[LIMIT_NEW] = "new",
	[LIMIT_DNS] = "dns",
	[LIMIT_BYTES] = "bytes",
};
const char *const	 way_words[RELAY_WAYS] = {
	[RELAY_IPV6] = "ipv6",
	[RELAY_IPV4] = "ipv4",
	[RELAY_UPSTREAM] = "upstream",
};
const char *const	 relay_health_words[RELAY_HEALTHS] = {
	[RELAY_GOOD] = "good",
	[RELAY_BAD] = "bad",
	[RELAY_TRYING] = "trying",
};

int
fe_relay_stats(const void *data, size_t len)
{
	if (len != sizeof(fe_status.relay.st))
		return (-1);
	memcpy(&fe_status.relay.st, data, len);
	fe_changed();
	return (0);
}

int
fe_relay_way(struct fe_tunnel *t, const void *data, size_t len)
{
	struct imsg_relay_way_stats	 m;

	if (len != sizeof(m))
		return (-1);
	memcpy(&m, data, len);
	if (m.health >= RELAY_HEALTHS)
		return (-1);
	if (t == NULL)
		return (0);
	t->relay = m;
	t->relayed = 1;
	fe_changed();
	return (0);
}

int
fe_relay_uids(const void *data, size_t len)
{
	struct fe_relay	*r = &fe_status.relay;

	if (len % sizeof(r->uids[0]) != 0 || len > sizeof(r->uids))
		return (-1);
	memcpy(r->uids, data, len);
	r->nuids = (uint32_t)(len / sizeof(r->uids[0]));
	fe_changed();
	return (0);
}

uint32_t
fe_relay_share(void)
{
	const struct relay_counts	*ways = fe_status.relay.st.ways;
	double				 six, all;

	six = (double)ways[RELAY_IPV6].wins;
	all = six + (double)ways[RELAY_IPV4].wins;
	if (all == 0)
		return (WIRE_UNKNOWN);
	return ((uint32_t)(six / all * SHARE_ONE));
}
