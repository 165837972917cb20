/*
 * The relay: applications connect through it.  Runs as _gwrelay in an empty
 * root, without capabilities; every listening socket comes from the parent.
 *
 *	parent	 -> RELAY_CONF, LISTENER, ...	clients  <-> SOCKS
 *	engine	 -> RELAY_WAY			hosts	 <-> TCP
 *	resolver -> LOOKED_UP
 *	frontend -> TRACE
 */
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "gatewayd.h"
#include "log.h"
#include "lookup.h"
#include "own.h"
#include "ports.h"
#include "pump.h"
#include "reconf.h"
#include "relay_int.h"
#include "report.h"
#include "socks_listen.h"
#include "trace.h"
#include "udp_flow.h"
#include "util.h"
#include "wire.h"
#include "wire_relay.h"
#include "wire_trace.h"

#define RELAY_NOFILE	1000000		/* as many as the system allows */

struct relay	 relay;

static void
relay_way(uint32_t id, struct imsg *imsg)
{
	struct imsg_relay_way	 m;
	struct way		*w, *old = way_active();

	if (imsg_get_data(imsg, &m, sizeof(m)) == -1 ||
	    !wire_string(m.name) || m.usable > 1 || m.active > 1 ||
	    m.lost > 1)
		fatalx("RELAY_WAY: malformed");
	w = way_new(id);
	/* the new one comes before the old one has gone */
	if (m.active && old != NULL)
		old->active = 0;
	relay.moved = 1;
	strlcpy(w->name, m.name, sizeof(w->name));
	/* what was found out is not true of another path */
	if (w->health.state != HEALTH6_GOOD)
		log_record(LL_INFO, w->name, "this tunnel has another path: "
		    "IPv6 goes first again");
	health6_reset(&w->health);
	w->source = m.source;
	w->usable = m.usable && !IN6_IS_ADDR_UNSPECIFIED(&m.source);
	w->active = m.active;
	stats_way_changed(w);
	/* the parent closes those of TCP by their addresses */
	if (m.lost && !w->lost && relay.flows == GW_FLOWS_RESET)
		udp_flows_reset(w);
	w->lost = m.lost;
	ports_ways();
}

static void
trace_ask(uint32_t id, struct imsg *imsg)
{
	struct imsg_trace	 m;

	if (imsg_get_data(imsg, &m, sizeof(m)) == -1 ||
	    !wire_string(m.host) || m.port == 0 ||
	    m.families > TRACE_IPV4)
		fatalx("TRACE: malformed");
	trace_start(id, &m);
}

void
relay_trace_query(uint32_t id, const struct imsg_trace_query *m)
{
	peer_send(child_peer(PROC_FRONTEND), IMSG_TRACE_QUERY, id, -1, m,
	    sizeof(*m));
}

void
relay_trace_attempt(uint32_t id, const struct imsg_trace_attempt *m)
{
	peer_send(child_peer(PROC_FRONTEND), IMSG_TRACE_ATTEMPT, id, -1, m,
	    sizeof(*m));
}

void
relay_trace_end(uint32_t id, const struct imsg_trace_end *m)
{
	peer_send(child_peer(PROC_FRONTEND), IMSG_TRACE_END, id, -1, m,
	    sizeof(*m));
}

static void
relay_sock_diag(int fd)
{
	if (relay.diag != -1)
		close(relay.diag);
	relay.diag = fd;
}

static void
relay_dispatch(struct peer *p, struct imsg *imsg)
{
	switch (imsg->hdr.type) {
	case IMSG_RELAY_WAY:
		relay_way(imsg->hdr.id, imsg);
		break;
	case IMSG_RELAY_WAY_GONE:
		way_gone(imsg->hdr.id);
		ports_ways();
		break;
	case IMSG_LOOKED_UP:
		lookup_answered(imsg);
		break;
	case IMSG_TRACE:
		trace_ask(imsg->hdr.id, imsg);
		break;
	case IMSG_SETTLE:
		ports_flush();
		peer_send0(p, IMSG_SETTLED, 0);
		break;
	case IMSG_SOCK_DIAG:
		relay_sock_diag(imsg_get_fd(imsg));
		break;
	default:
		if (ports_message(imsg) == -1)
			reconf_message(imsg);
		break;
	}
}

static void
relay_startup(void)
{
	relay.base = child_base();
	pump_init(relay.base);
	own_watch(relay.base);
	stats_init(relay.base, report);
	reconf_startup();
}

void
relay_main(const struct proc_args *args)
{
	static const struct child_ops	 ops = {
		.dispatch = relay_dispatch,
		.startup = relay_startup,
		.busy = 1,
		.nofile = RELAY_NOFILE
	};

	TAILQ_INIT(&relay.ways);
	relay.diag = -1;
	relay.he = he_default;
	limits_init(&relay.limits, &limits_default);
	child_run(args, &ops);
}
