/*
 * The JSON documents about tunnels.  Runs in the frontend (_gatewayd,
 * chroot).
 */
#include <stdio.h>

#include "addr.h"
#include "json.h"
#include "json_value.h"

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
	    "iface", value_text(t->conf.iface),
	    "address", addr6_text(&addr),
	    "prefix", (int)len,
	    "reachable", tunnel_reachable(t),
	    "latency_ms", value_latency(tunnel_reachable(t), t->st.rtt_us),
	    "tunnel", t->conf.name,
	    "role", value_text(tunnel_role(t))));
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
	return (value_line(json_pack("{s:o}", "addresses", list)));
}

static json_t *
tunnel_row(const struct fe_tunnel *t)
{
	return (json_pack("{s:s,s:s,s:s,s:o,s:o,s:I,s:I,s:o}",
	    "name", t->conf.name,
	    "type", gw_type_name(t->conf.type),
	    "state", tunnel_state(t),
	    "iface", value_text(t->conf.iface),
	    "v6_prefix", value_text(tunnel_prefix(t)),
	    "rx_bytes", (json_int_t)t->st.rx_bytes,
	    "tx_bytes", (json_int_t)t->st.tx_bytes,
	    "last_check", value_number(t->st.last_check)));
}

char *
json_tunnels(void)
{
	const struct fe_tunnel *t;
	json_t *list = json_array();

	TAILQ_FOREACH(t, &fe_status.tunnels.list, entry)
		json_array_append_new(list, tunnel_row(t));
	return (value_line(json_pack("{s:o}", "tunnels", list)));
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
		    "from", state_word(tr->from),
		    "to", state_word(tr->to),
		    "reason", value_text(tr->reason)));
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

/* what the selection makes of it */
static void
detail_selection(json_t *detail, const struct imsg_status *st)
{
	json_object_set_new(detail, "preferred", json_boolean(st->preferred));
	json_object_set_new(detail, "hold_until",
	    value_number(st->hold_until));
	json_object_set_new(detail, "switches", json_integer(st->switches));
}

/* link.mtu is what is in force */
static void
detail_mtu(json_t *detail, const struct imsg_status *st)
{
	json_object_set_new(detail, "mtu_max", value_number(st->link.mtu_max));
	json_object_set_new(detail, "pmtu", value_number(st->pmtu));
	json_object_set_new(detail, "black_hole",
	    json_boolean(st->black_hole));
}

static void
detail_wireguard(json_t *detail, const struct imsg_status *st)
{
	json_object_set_new(detail, "handshake", value_number(st->handshake));
	json_object_set_new(detail, "transfer", json_pack("{s:I,s:I}",
	    "rx_bytes", (json_int_t)st->rx_bytes,
	    "tx_bytes", (json_int_t)st->tx_bytes));
}

static json_t *
last_failover(const struct fe_failover *f)
{
	if (f->time == 0)
		return (json_null());
	return (json_pack("{s:I,s:o,s:o,s:o}",
	    "time", (json_int_t)f->time,
	    "from", value_text(f->from),
	    "to", value_text(f->to),
	    "reason", value_text(f->reason)));
}

static json_t *
tunnel_detail(const struct fe_tunnel *t)
{
	const struct imsg_link *l = &t->st.link;
	const struct imsg_status *st = &t->st;
	json_t *detail;

	detail = json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}",
	    "state", value_text(t->known ? state_word(st->state) : NULL),
	    "role", value_text(tunnel_role(t)),
	    "reason", value_text(st->reason),
	    "since", value_number(st->since),
	    "endpoint_local", endpoint_or_null(l->local),
	    "endpoint_remote", endpoint_or_null(l->remote),
	    "driver", l->driver == GW_DRIVER_AUTO ? json_null() :
	    json_string(gw_driver_name(l->driver)),
	    "mtu", value_number(l->mtu));
	value_probes(detail, st);
	json_object_set_new(detail, "priority",
	    json_integer(t->conf.priority));
	json_object_set_new(detail, "default_route",
	    json_boolean(l->default_route));
	json_object_set_new(detail, "transitions", transitions(t));
	json_object_set_new(detail, "retry_at", value_number(st->retry_at));
	json_object_set_new(detail, "last_error",
	    value_text(st->last_error));
	detail_selection(detail, st);
	detail_mtu(detail, st);
	json_object_set_new(detail, "last_failover",
	    last_failover(&t->failover));
	if (t->conf.type == GW_WIREGUARD)
		detail_wireguard(detail, st);
	return (detail);
}

char *
json_tunnel(const struct fe_tunnel *t)
{
	json_t *row = tunnel_row(t);

	json_object_set_new(row, "detail", tunnel_detail(t));
	return (value_line(row));
}
