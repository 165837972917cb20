/*
 * What children ask of the parent: the gate.  Runs in the parent (root, three
 * capabilities).
 *
 * messages.def has already settled who may send what; here the contents are
 * held against the parent's own configuration.  A child that sends what it
 * cannot honestly send is taken for compromised, and that ends the daemon.
 */
#include <errno.h>
#include <string.h>

#include "link.h"
#include "log.h"
#include "parent.h"
#include "state.h"
#include "wire.h"
#include "wire_driver.h"
#include "wire_link.h"
#include "wire_resolve.h"

#define IPV6_MIN_MTU	1280	/* RFC 8200 */

#define DATA(imsg, m)	do {						\
	if (imsg_get_data((imsg), &(m), sizeof(m)) == -1)		\
		fatalx("%s: bad size", msg_name((imsg)->hdr.type));	\
} while (0)

/*
 * The tunnel a message is about.  One that a reload has just removed may
 * still be spoken of; an id that never was is a lie.
 */
static const struct gw_tunnel *
request_tunnel(const struct peer *p, const struct imsg *imsg, uint32_t id)
{
	if (id >= env.next_id)
		parent_lied(p->proc, "%s: there was never a tunnel %u",
		    msg_name(imsg->hdr.type), id);
	return (conf_tunnel_id(env.conf, id));
}

static void
request_want(const struct peer *p, struct imsg *imsg)
{
	struct imsg_want	 m;

	DATA(imsg, m);
	if (m.want > WANT_ACTIVE || m.lost > 1)
		parent_lied(p->proc, "WANT: no state %u", m.want);
	if (m.mtu != 0 && (m.mtu < IPV6_MIN_MTU || m.mtu > UINT16_MAX))
		parent_lied(p->proc, "WANT: no MTU %u", m.mtu);
	if (request_tunnel(p, imsg, imsg->hdr.id) != NULL && !env.stopping)
		link_want(imsg->hdr.id, &m);
}

static void
request_sample(const struct peer *p, struct imsg *imsg)
{
	struct imsg_stats	 m;

	memset(&m, 0, sizeof(m));
	if (request_tunnel(p, imsg, imsg->hdr.id) != NULL &&
	    link_sample(imsg->hdr.id, &m) == 0)
		peer_send(env.peers[PROC_ENGINE], IMSG_STATS, imsg->hdr.id, -1,
		    &m, sizeof(m));
}

static void
request_admin(const struct peer *p, struct imsg *imsg)
{
	struct imsg_result	 result = { ENOENT };
	struct imsg_admin	 m;

	DATA(imsg, m);
	if (m.verb > ADMIN_UNPREFER)
		parent_lied(p->proc, "ADMIN: no verb %u", m.verb);
	if (env.stopping || reload_pending())
		result.error = EBUSY;
	if (request_tunnel(p, imsg, m.tunnel) == NULL ||
	    result.error == EBUSY)
		peer_send(env.peers[PROC_FRONTEND], IMSG_ADMIN_RESULT,
		    imsg->hdr.id, -1, &result, sizeof(result));
	else
		peer_send(env.peers[PROC_ENGINE], IMSG_ADMIN_DO, imsg->hdr.id,
		    -1, &m, sizeof(m));
}

static void
request_level(const struct peer *p, struct imsg *imsg)
{
	struct imsg_level	 m;

	DATA(imsg, m);
	if (m.level > LL_DEBUG)
		parent_lied(p->proc, "SET_LEVEL: no level %u", m.level);
	if (m.proc != WIRE_ALL && m.proc >= PROC_COUNT)
		parent_lied(p->proc, "SET_LEVEL: no process %u", m.proc);
	logrelay_set_level(m.proc, (enum log_level)m.level);
	log_info("log level%s%s is %s until the next reload that changes it",
	    m.proc != WIRE_ALL ? " of " : "",
	    m.proc != WIRE_ALL ? proc_name((enum gw_proc)m.proc) : "",
	    log_level_name((enum log_level)m.level));
}

static void
request_resolved(const struct peer *p, struct imsg *imsg)
{
	struct imsg_resolved	 m;

	DATA(imsg, m);
	if (m.naddrs > sizeof(m.addrs) / sizeof(m.addrs[0]) ||
	    !wire_string(m.reason))
		parent_lied(p->proc, "RESOLVED: malformed");
	if (request_tunnel(p, imsg, imsg->hdr.id) != NULL)
		link_resolved(imsg->hdr.id, &m);
}

static void
request_launch_exited(const struct peer *p, struct imsg *imsg)
{
	struct imsg_launch_exited	 m;

	DATA(imsg, m);
	if (m.end > LAUNCH_ENDED)
		parent_lied(p->proc, "LAUNCH_EXITED: no end %u", m.end);
	if (request_tunnel(p, imsg, imsg->hdr.id) != NULL)
		link_launch_exited(imsg->hdr.id, &m);
}

void
request_dispatch(struct peer *p, struct imsg *imsg)
{
	switch (imsg->hdr.type) {
	case IMSG_STARTUP_DONE:
		parent_started(p->proc);
		break;
	case IMSG_LOG:
		logrelay_record(p, imsg);
		break;
	case IMSG_SETTLED:
		parent_settled(p->proc);
		break;
	case IMSG_RECONF_READY:
		reload_ready(p->proc);
		break;
	case IMSG_WANT:
		request_want(p, imsg);
		break;
	case IMSG_REFRESH:
		if (request_tunnel(p, imsg, imsg->hdr.id) != NULL)
			link_refresh(imsg->hdr.id);
		break;
	case IMSG_SAMPLE:
		request_sample(p, imsg);
		break;
	case IMSG_STATE_SAVE:
		state_blob_save(&state_engine, p, imsg);
		break;
	case IMSG_STATE_BAD:
		state_blob_bad(&state_engine, p, imsg);
		break;
	case IMSG_PORTS_SAVE:
		state_blob_save(&state_ports, p, imsg);
		break;
	case IMSG_PORTS_BAD:
		state_blob_bad(&state_ports, p, imsg);
		break;
	case IMSG_LISTEN:
		port_listen(p, imsg);
		break;
	case IMSG_ADMIN:
		request_admin(p, imsg);
		break;
	case IMSG_RELOAD:
		reload(imsg->hdr.id);
		break;
	case IMSG_SET_LEVEL:
		request_level(p, imsg);
		break;
	case IMSG_RESOLVED:
		request_resolved(p, imsg);
		break;
	case IMSG_LAUNCH_EXITED:
		request_launch_exited(p, imsg);
		break;
	default:
		fatalx("%s from %s: no handler", msg_name(imsg->hdr.type),
		    proc_name(p->proc));
	}
}
