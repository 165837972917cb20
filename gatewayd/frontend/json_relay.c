/*
 * The JSON document about the relay.  Runs in the frontend (_gatewayd,
 * chroot).
 *
 * Whoever may read sees uids and how much they use, and nothing of where
 * their connections go: the relay does not tell us.
 */
#include "json.h"
#include "json_value.h"

static void
set(json_t *into, const char *key, json_t *value)
{
	json_object_set_new(into, key, value);
}

static json_t *
count(uint64_t n)
{
	return (json_integer((json_int_t)n));
}

/* {"word":n, ...} for a table of counts */
static json_t *
counts(const char *const *words, const uint64_t *n, size_t len)
{
	json_t	*object = json_object();
	size_t	 i;

	for (i = 0; i < len; i++)
		set(object, words[i], count(n[i]));
	return (object);
}

static json_t *
modes(void)
{
	json_t		*list = json_array();
	unsigned int	 bit;

	for (bit = 0; gw_expose_name(bit) != NULL; bit++)
		if (fe_status.conf.exposure & 1U << bit)
			json_array_append_new(list,
			    json_string(gw_expose_name(bit)));
	return (list);
}

static json_t *
listeners(void)
{
	json_t	*list = json_array();

	if (fe_status.conf.exposure & GW_EXPOSE_SOCKS5)
		json_array_append_new(list,
		    value_text(fe_status.conf.socks_bind));
	return (list);
}

static json_t *
share(void)
{
	uint32_t	 n = fe_relay_share();

	return (n == WIRE_UNKNOWN ? json_null() :
	    json_real((double)n / SHARE_ONE));
}

static json_t *
percentile(const struct histogram *h, unsigned int percent)
{
	return (value_ms(histogram_percentile(h, histogram_connect,
	    percent)));
}

/* what there is to say of connections by one way */
static json_t *
way(const struct relay_counts *c)
{
	return (json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:{s:o,s:o}}",
	    "sessions", count(c->sessions),
	    "attempts", count(c->attempts),
	    "wins", count(c->wins),
	    "losses", counts(loss_words, c->losses, LOSSES),
	    "rx_bytes", count(c->rx_bytes),
	    "tx_bytes", count(c->tx_bytes),
	    "connect_ms",
	    "p50", percentile(&c->connect, 50),
	    "p95", percentile(&c->connect, 95)));
}

static json_t *
families(const struct imsg_relay_stats *st)
{
	json_t	*object = json_object();
	int	 i;

	for (i = 0; i < RELAY_WAYS; i++)
		set(object, way_words[i], way(&st->ways[i]));
	return (object);
}

/* those that the relay has spoken of */
static json_t *
tunnels(void)
{
	const struct fe_tunnel	*t;
	json_t			*list = json_array();

	TAILQ_FOREACH(t, &fe_status.tunnels.list, entry) {
		if (!t->relayed)
			continue;
		json_array_append_new(list, json_pack("{s:s,s:s,s:o,s:o}",
		    "name", t->conf.name,
		    "health", relay_health_words[t->relay.health],
		    "retry_at", value_number(t->relay.retry_at),
		    "ipv6", way(&t->relay.counts)));
	}
	return (list);
}

static json_t *
uids(const struct fe_relay *r)
{
	const struct relay_uid	*u;
	json_t			*list = json_array();

	for (u = r->uids; u < r->uids + r->nuids; u++)
		json_array_append_new(list, json_pack("{s:o,s:o,s:o,s:o,s:o,"
		    "s:o,s:o,s:o}",
		    "uid", u->uid == RELAY_OTHERS ? json_null() :
		    count(u->uid),
		    "sessions", count(u->sessions),
		    "half_open", count(u->half_open),
		    "udp_associations", count(u->udp),
		    "wins", counts(way_words, u->wins, RELAY_WAYS),
		    "rx_bytes", count(u->rx_bytes),
		    "tx_bytes", count(u->tx_bytes),
		    "limited", counts(limit_words, u->limited,
		    LIMIT_KINDS)));
	return (list);
}

static uint64_t
sessions(const struct imsg_relay_stats *st)
{
	uint64_t	 n = 0;
	int		 i;

	for (i = 0; i < RELAY_WAYS; i++)
		n += st->ways[i].sessions;
	return (n);
}

char *
json_relay(void)
{
	const struct imsg_relay_stats	*st = &fe_status.relay.st;

	return (value_line(json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,"
	    "s:o,s:o}",
	    "modes", modes(),
	    "listen", listeners(),
	    "sessions", count(sessions(st)),
	    "half_open", count(st->half_open),
	    "udp_associations", count(st->udp),
	    "ipv6_share", share(),
	    "families", families(st),
	    "dns", counts(answer_words, st->answers, ANSWERS),
	    "tunnels", tunnels(),
	    "uids", uids(&fe_status.relay),
	    "refused", counts(refusal_words, st->refused, REFUSALS))));
}
