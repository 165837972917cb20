/*
 * The words and values of the JSON documents: see json_value.h.  Runs in the
 * frontend (_gatewayd, chroot).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "json_value.h"
#include "log.h"
#include "util.h"

#define PREFIX_SIZE	(ADDR_TEXT_SIZE + 4)
#define MS_DIGITS	10	/* a uint32_t of microseconds, in ms, exactly */

const char *const tunnel_states[TUNNEL_STATES] = {
	[IS_UP] = "up",
	[IS_DEGRADED] = "degraded",
	[IS_DOWN] = "down",
	[IS_STARTING] = "starting",
	[IS_FAILED] = "failed",
	[IS_DISABLED] = "disabled",
};

/* the fine states, and what they are to somebody who does not know them */
static const struct {
	const char	*fine;
	enum tunnel_is	 coarse;
} states[] = {
	[TS_DISABLED] = { "disabled", IS_DISABLED },
	[TS_WAIT_WAN] = { "wait_wan", IS_STARTING },
	[TS_WAIT_DNS] = { "wait_dns", IS_STARTING },
	[TS_CONFIGURING] = { "configuring", IS_STARTING },
	[TS_PROBING] = { "probing", IS_STARTING },
	[TS_UP] = { "up", IS_UP },
	[TS_DEGRADED] = { "degraded", IS_DEGRADED },
	[TS_SUSPECT] = { "suspect", IS_UP },
	[TS_DOWN] = { "down", IS_DOWN },
	[TS_RECOVERING] = { "recovering", IS_DOWN },
	[TS_ERROR] = { "error", IS_FAILED },
};
#define NSTATES	(sizeof(states) / sizeof(states[0]))

const char *
state_word(uint32_t state)
{
	return (state < NSTATES ? states[state].fine : "unknown");
}

enum tunnel_is
tunnel_is(const struct fe_tunnel *t)
{
	if (!t->known || t->st.state >= NSTATES)
		return (IS_STARTING);
	return (states[t->st.state].coarse);
}

const char *
tunnel_state(const struct fe_tunnel *t)
{
	return (tunnel_states[tunnel_is(t)]);
}

int
tunnel_up(const struct fe_tunnel *t)
{
	return (tunnel_is(t) == IS_UP);
}

int
tunnel_reachable(const struct fe_tunnel *t)
{
	return (tunnel_up(t) || tunnel_is(t) == IS_DEGRADED);
}

int
tunnel_address(const struct fe_tunnel *t, struct in6_addr *addr, uint8_t *len)
{
	if (t->conf.type == GW_EXTERNAL && t->known && t->st.link.has_address) {
		*addr = t->st.link.address;
		*len = t->st.link.prefix_len;
		return (1);
	}
	*addr = t->conf.address;
	*len = t->conf.prefix_len;
	return (t->conf.has_address);
}

const char *
tunnel_prefix(const struct fe_tunnel *t)
{
	static char text[PREFIX_SIZE];
	struct in6_addr addr;
	uint8_t len;

	if (!tunnel_address(t, &addr, &len))
		return (NULL);
	prefix_mask(&addr, len);
	snprintf(text, sizeof(text), "%s/%u", addr6_text(&addr), len);
	return (text);
}

char *
value_line(json_t *root)
{
	char *text, *line;
	size_t len;

	text = json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(MS_DIGITS));
	if (text == NULL)
		fatalx("cannot render JSON: out of memory");
	json_decref(root);
	len = strlen(text);
	if ((line = realloc(text, len + 2)) == NULL)
		fatal("realloc");
	memcpy(line + len, "\n", 2);
	return (line);
}

/* only interface names and a kernel's words may not be UTF-8 */
json_t *
value_text(const char *text)
{
	json_t *value;
	char *copy, *s;

	if (text == NULL || *text == '\0')
		return (json_null());
	if ((value = json_string(text)) != NULL)
		return (value);
	copy = xstrdup(text);
	for (s = copy; *s != '\0'; s++)
		if (*s & 0x80)
			*s = '?';
	value = json_string(copy);
	free(copy);
	return (value);
}

json_t *
value_number(uint64_t n)
{
	return (n == 0 ? json_null() : json_integer((json_int_t)n));
}

json_t *
value_ms(uint32_t us)
{
	return (us == WIRE_UNKNOWN ? json_null() : json_real(us / 1000.0));
}

json_t *
value_latency(int reachable, uint32_t us)
{
	uint32_t ms;

	if (!reachable || us == WIRE_UNKNOWN)
		return (json_null());
	ms = us / 1000 + (us % 1000 >= 500);
	return (json_integer(ms > 0 ? ms : 1));
}

const char *
tunnel_role(const struct fe_tunnel *t)
{
	static const char *const names[] = {
		[ROLE_STANDBY] = "standby",
		[ROLE_ACTIVE] = "active",
		[ROLE_DRAINING] = "draining",
	};

	if (!t->known || t->st.role >= sizeof(names) / sizeof(names[0]))
		return (NULL);
	return (names[t->st.role]);
}

json_t *
value_health(void)
{
	static const char *const words[] = {
		[HEALTH_STARTING] = "starting",
		[HEALTH_OK] = "ok",
		[HEALTH_DEGRADED] = "degraded",
		[HEALTH_DOWN] = "down",
	};
	const struct imsg_health *h = &fe_status.health;
	const struct fe_tunnel *t;
	json_int_t up = 0;
	int reachable;

	reachable = h->status == HEALTH_OK || h->status == HEALTH_DEGRADED;
	TAILQ_FOREACH(t, &fe_status.tunnels.list, entry)
		up += tunnel_up(t);
	return (json_pack("{s:s,s:b,s:o,s:I,s:o}",
	    "status", h->status <= HEALTH_DOWN ? words[h->status] : "starting",
	    "v6_reachable", reachable,
	    "v6_latency_ms", value_latency(reachable, h->latency_us),
	    "active_tunnels", up,
	    "last_check", value_number(h->last_check)));
}

static json_t *
loss_or_null(const struct imsg_status *st)
{
	uint64_t thousandths;

	if (st->sent == 0)
		return (json_null());
	thousandths = ((uint64_t)st->lost * 1000 + st->sent / 2) / st->sent;
	return (json_real((double)thousandths / 1000.0));
}

void
value_probes(json_t *into, const struct imsg_status *st)
{
	int any = st->sent > st->lost;

	json_object_set_new(into, "rtt_ms", json_pack("{s:o,s:o,s:o}",
	    "last", value_ms(any ? st->rtt_us : WIRE_UNKNOWN),
	    "avg", value_ms(any ? st->avg_us : WIRE_UNKNOWN),
	    "p95", value_ms(any ? st->p95_us : WIRE_UNKNOWN)));
	json_object_set_new(into, "jitter_ms",
	    value_ms(any ? st->jitter_us : WIRE_UNKNOWN));
	json_object_set_new(into, "loss_ratio", loss_or_null(st));
}
