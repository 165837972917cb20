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
#include "wire.h"

#define DATA(imsg, m)	do {						\
	if (imsg_get_data((imsg), &(m), sizeof(m)) == -1)		\
		fatalx("%s: bad size", msg_name((imsg)->hdr.type));	\
} while (0)

/*
 * The tunnel a message is about.  One that a reload has just removed may
 * still be spoken of; an id that never was is a lie.
 */
static const struct gw_tunnel *
request_tunnel(uint32_t id, const char *what)
{
	if (id >= env.next_id)
		fatalx("%s: there was never a tunnel %u", what, id);
	return (conf_tunnel_id(env.conf, id));
}

static void
request_want(struct imsg *imsg)
{
	struct imsg_want	 m;

	DATA(imsg, m);
	if (m.want > WANT_ACTIVE)
		fatalx("WANT: no state %u", m.want);
	if (request_tunnel(imsg->hdr.id, "WANT") != NULL && !env.stopping)
		link_want(imsg->hdr.id, (enum want)m.want);
}

static void
request_sample(struct imsg *imsg)
{
	struct imsg_stats	 m;

	memset(&m, 0, sizeof(m));
	if (request_tunnel(imsg->hdr.id, "SAMPLE") != NULL &&
	    link_sample(imsg->hdr.id, &m) == 0)
		peer_send(env.peers[PROC_ENGINE], IMSG_STATS, imsg->hdr.id, -1,
		    &m, sizeof(m));
}

static void
request_admin(struct imsg *imsg)
{
	struct imsg_result	 result = { ENOENT };
	struct imsg_admin	 m;

	DATA(imsg, m);
	if (m.verb > ADMIN_RESTART)
		fatalx("ADMIN: no verb %u", m.verb);
	if (request_tunnel(m.tunnel, "ADMIN") == NULL)
		peer_send(env.peers[PROC_FRONTEND], IMSG_ADMIN_RESULT,
		    imsg->hdr.id, -1, &result, sizeof(result));
	else
		peer_send(env.peers[PROC_ENGINE], IMSG_ADMIN_DO, imsg->hdr.id,
		    -1, &m, sizeof(m));
}

static void
request_level(struct imsg *imsg)
{
	struct imsg_level	 m;
	int			 i;

	DATA(imsg, m);
	if (m.level > LL_DEBUG)
		fatalx("SET_LEVEL: no level %u", m.level);
	log_set_level((enum log_level)m.level);
	for (i = PROC_PARENT + 1; i < PROC_COUNT; i++)
		peer_send(env.peers[i], IMSG_LOG_LEVEL, 0, -1, &m, sizeof(m));
	log_info("log level is %s until the next reload that changes it",
	    log_level_name((enum log_level)m.level));
}

static void
request_resolved(struct imsg *imsg)
{
	struct imsg_resolved	 m;

	DATA(imsg, m);
	if (m.naddrs > sizeof(m.addrs) / sizeof(m.addrs[0]) ||
	    !wire_string(m.reason))
		fatalx("RESOLVED: malformed");
	if (request_tunnel(imsg->hdr.id, "RESOLVED") != NULL)
		link_resolved(imsg->hdr.id, &m);
}

void
request_dispatch(struct peer *p, struct imsg *imsg)
{
	switch (imsg->hdr.type) {
	case IMSG_STARTUP_DONE:
		parent_started();
		break;
	case IMSG_SETTLED:
		parent_finish();
		break;
	case IMSG_RECONF_READY:
		reload_ready(p->proc);
		break;
	case IMSG_WANT:
		request_want(imsg);
		break;
	case IMSG_REFRESH:
		if (request_tunnel(imsg->hdr.id, "REFRESH") != NULL)
			link_refresh(imsg->hdr.id);
		break;
	case IMSG_SAMPLE:
		request_sample(imsg);
		break;
	case IMSG_ADMIN:
		request_admin(imsg);
		break;
	case IMSG_RELOAD:
		reload(imsg->hdr.id);
		break;
	case IMSG_SET_LEVEL:
		request_level(imsg);
		break;
	case IMSG_RESOLVED:
		request_resolved(imsg);
		break;
	default:
		fatalx("%s from %s: no handler", msg_name(imsg->hdr.type),
		    proc_name(p->proc));
	}
}
