/*
 * Renders the API's documents and problems with jansson.  Runs in the
 * frontend (_gatewayd, chroot).
 *
 * jansson keeps keys in the order they were set, so the order here is the
 * order in the text.  Failures to allocate surface in render(): jansson hands
 * NULL on from constructor to constructor.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "ini.h"
#include "json.h"
#include "log.h"
#include "util.h"

#define MS_DIGITS	10	/* a uint32_t of microseconds, in ms, exactly */
#define PREFIX_SIZE	(ADDR_TEXT_SIZE + 4)

/* the fine states, and what they are to somebody who does not know them */
static const struct {
	const char	*fine;
	const char	*coarse;
} states[] = {
	[TS_DISABLED] = { "disabled", "disabled" },
	[TS_WAIT_WAN] = { "wait_wan", "starting" },
	[TS_WAIT_DNS] = { "wait_dns", "starting" },
	[TS_CONFIGURING] = { "configuring", "starting" },
	[TS_PROBING] = { "probing", "starting" },
	[TS_UP] = { "up", "up" },
	[TS_DEGRADED] = { "degraded", "degraded" },
	[TS_SUSPECT] = { "suspect", "up" },
	[TS_DOWN] = { "down", "down" },
	[TS_RECOVERING] = { "recovering", "down" },
	[TS_ERROR] = { "error", "failed" },
};
#define NSTATES	(sizeof(states) / sizeof(states[0]))

static const char *
fine_state(uint32_t state)
{
	return (state < NSTATES ? states[state].fine : "unknown");
}

static const char *
coarse_state(const struct fe_tunnel *t)
{
	if (!t->known || t->st.state >= NSTATES)
		return ("starting");
	return (states[t->st.state].coarse);
}

static int
tunnel_up(const struct fe_tunnel *t)
{
	return (strcmp(coarse_state(t), "up") == 0);
}

static int
tunnel_reachable(const struct fe_tunnel *t)
{
	return (tunnel_up(t) || strcmp(coarse_state(t), "degraded") == 0);
}

static char *
render(json_t *root)
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

/* "": null.  Only interface names and a kernel's words may not be UTF-8. */
static json_t *
text_or_null(const char *text)
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

static json_t *
number_or_null(uint64_t n)
{
	return (n == 0 ? json_null() : json_integer((json_int_t)n));
}

static json_t *
ms_or_null(uint32_t us)
{
	return (us == WIRE_UNKNOWN ? json_null() : json_real(us / 1000.0));
}

/* whole milliseconds; what was reached at all took at least one */
static json_t *
latency(int reachable, uint32_t us)
{
	uint32_t ms;

	if (!reachable || us == WIRE_UNKNOWN)
		return (json_null());
	ms = us / 1000 + (us % 1000 >= 500);
	return (json_integer(ms > 0 ? ms : 1));
}

/* an external tunnel's address is what is found on the interface */
static int
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

static json_t *
prefix_or_null(const struct fe_tunnel *t)
{
	struct in6_addr addr;
	char text[PREFIX_SIZE];
	uint8_t len;

	if (!tunnel_address(t, &addr, &len))
		return (json_null());
	prefix_mask(&addr, len);
	snprintf(text, sizeof(text), "%s/%u", addr6_text(&addr), len);
	return (json_string(text));
}

static const char *
role_name(const struct fe_tunnel *t)
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

char *
json_health(void)
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
	return (render(json_pack("{s:s,s:b,s:o,s:I,s:o}",
	    "status", h->status <= HEALTH_DOWN ? words[h->status] : "starting",
	    "v6_reachable", reachable,
	    "v6_latency_ms", latency(reachable, h->latency_us),
	    "active_tunnels", up,
	    "last_check", number_or_null(h->last_check))));
}

/* appends the tunnel's address, if it has one */
static void
add_address(json_t *list, const struct fe_tunnel *t)
{
	struct in6_addr addr;
	uint8_t len;

	if (!t->known || t->st.link.state != LINK_READY ||
	    !tunnel_address(t, &addr, &len))
		return;
	json_array_append_new(list, json_pack("{s:o,s:s,s:i,s:b,s:o,s:s,s:o}",
	    "iface", text_or_null(t->conf.iface),
	    "address", addr6_text(&addr),
	    "prefix", (int)len,
	    "reachable", tunnel_reachable(t),
	    "latency_ms", latency(tunnel_reachable(t), t->st.rtt_us),
	    "tunnel", t->conf.name,
	    "role", text_or_null(role_name(t))));
}

char *
json_addresses(const char *iface)
{
	const struct fe_tunnel *t;
	json_t *list = json_array();

	if (iface == NULL) {
		TAILQ_FOREACH(t, &fe_status.tunnels.list, entry)
			add_address(list, t);
	} else if ((t = fe_tunnel_iface(iface)) != NULL)
		add_address(list, t);
	return (render(json_pack("{s:o}", "addresses", list)));
}

static json_t *
tunnel_row(const struct fe_tunnel *t)
{
	return (json_pack("{s:s,s:s,s:s,s:o,s:o,s:I,s:I,s:o}",
	    "name", t->conf.name,
	    "type", gw_type_name(t->conf.type),
	    "state", coarse_state(t),
	    "iface", text_or_null(t->conf.iface),
	    "v6_prefix", prefix_or_null(t),
	    "rx_bytes", (json_int_t)t->st.rx_bytes,
	    "tx_bytes", (json_int_t)t->st.tx_bytes,
	    "last_check", number_or_null(t->st.last_check)));
}

char *
json_tunnels(void)
{
	const struct fe_tunnel *t;
	json_t *list = json_array();

	TAILQ_FOREACH(t, &fe_status.tunnels.list, entry)
		json_array_append_new(list, tunnel_row(t));
	return (render(json_pack("{s:o}", "tunnels", list)));
}

static json_t *
transitions(const struct fe_tunnel *t)
{
	const struct fe_transition *tr;
	json_t *list = json_array();
	uint32_t i;

	for (i = 0; i < t->ntransitions && i < FE_TRANSITIONS; i++) {
		tr = &t->transitions[i];
		json_array_append_new(list, json_pack("{s:I,s:s,s:s,s:o}",
		    "time", (json_int_t)tr->time,
		    "from", fine_state(tr->from),
		    "to", fine_state(tr->to),
		    "reason", text_or_null(tr->reason)));
	}
	return (list);
}

static json_t *
endpoint_or_null(struct in_addr addr)
{
	if (addr.s_addr == INADDR_ANY)
		return (json_null());
	return (json_string(addr4_text(addr)));
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

/* the figures of the probes' window */
static void
detail_probes(json_t *detail, const struct imsg_status *st)
{
	int any = st->sent > st->lost;

	json_object_set_new(detail, "rtt_ms", json_pack("{s:o,s:o,s:o}",
	    "last", ms_or_null(any ? st->rtt_us : WIRE_UNKNOWN),
	    "avg", ms_or_null(any ? st->avg_us : WIRE_UNKNOWN),
	    "p95", ms_or_null(any ? st->p95_us : WIRE_UNKNOWN)));
	json_object_set_new(detail, "jitter_ms",
	    ms_or_null(any ? st->jitter_us : WIRE_UNKNOWN));
	json_object_set_new(detail, "loss_ratio", loss_or_null(st));
}

static json_t *
tunnel_detail(const struct fe_tunnel *t)
{
	const struct imsg_link *l = &t->st.link;
	const struct imsg_status *st = &t->st;
	json_t *detail;

	detail = json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}",
	    "state", text_or_null(t->known ? fine_state(st->state) : NULL),
	    "role", text_or_null(role_name(t)),
	    "reason", text_or_null(st->reason),
	    "since", number_or_null(st->since),
	    "endpoint_local", endpoint_or_null(l->local),
	    "endpoint_remote", endpoint_or_null(l->remote),
	    "driver", l->driver == GW_DRIVER_AUTO ? json_null() :
	    json_string(gw_driver_name(l->driver)),
	    "mtu", number_or_null(l->mtu));
	detail_probes(detail, st);
	json_object_set_new(detail, "priority",
	    json_integer(t->conf.priority));
	json_object_set_new(detail, "default_route",
	    json_boolean(l->default_route));
	json_object_set_new(detail, "transitions", transitions(t));
	json_object_set_new(detail, "retry_at", number_or_null(st->retry_at));
	json_object_set_new(detail, "last_error",
	    text_or_null(st->last_error));
	return (detail);
}

char *
json_tunnel(const struct fe_tunnel *t)
{
	json_t *row = tunnel_row(t);

	json_object_set_new(row, "detail", tunnel_detail(t));
	return (render(row));
}

char *
json_version(void)
{
	return (render(json_pack("{s:s,s:s,s:o}",
	    "name", "v6-gatewayd",
	    "version", GW_VERSION,
	    "started", number_or_null(fe_status.started))));
}

/* arg of the scanner's callbacks */
struct config_state {
	json_t		*config;
	json_t		*section;	/* borrowed from config */
};

static void
config_section(void *arg, const char *name, struct ini_at at)
{
	struct config_state *cs = arg;

	cs->section = NULL;
	if (name == NULL)
		return;
	if ((cs->section = json_object_get(cs->config, name)) != NULL)
		return;
	json_object_set_new(cs->config, name, json_object());
	cs->section = json_object_get(cs->config, name);
}

/* a key that comes again turns into an array of its values */
static void
config_pair(void *arg, const struct ini_pair *pair)
{
	struct config_state *cs = arg;
	json_t *value = text_or_null(pair->value), *old, *list;

	old = json_object_get(cs->section, pair->key);
	if (old == NULL) {
		json_object_set_new(cs->section, pair->key, value);
		return;
	}
	if (!json_is_array(old)) {
		list = json_array();
		json_array_append(list, old);
		json_object_set_new(cs->section, pair->key, list);
		old = list;
	}
	json_array_append_new(old, value);
}

/* conf_print() wrote it, so this is only a line too long for the scanner */
static void
config_error(void *arg, struct ini_at at, const char *text)
{
	log_warnx("the printed configuration, line %u: %s", at.line, text);
}

char *
json_config(void)
{
	static const struct ini_handler handler = {
		config_section, config_pair, config_error
	};
	const char *text = fe_status.conf_text;
	struct config_state cs = { json_object(), NULL };

	if (text != NULL)
		ini_scan(text, strlen(text), &handler, &cs);
	return (render(json_pack("{s:o,s:o,s:o}",
	    "source", text_or_null(fe_status.conf.source),
	    "loaded_at", number_or_null(fe_status.conf.loaded_at),
	    "config", cs.config)));
}

char *
json_problem(int status, const char *title, const char *detail,
    const char *instance)
{
	return (render(json_pack("{s:s,s:s,s:i,s:s,s:o}",
	    "type", "about:blank",
	    "title", title,
	    "status", status,
	    "detail", detail,
	    "instance", text_or_null(instance))));
}
