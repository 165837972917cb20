/*
 * The userspace 6in4 driver: moves packets between TUN devices and raw
 * protocol-41 sockets where the kernel has no sit.  Runs as _gatewayd in an
 * empty chroot without capabilities; the descriptors come from the parent,
 * made ready as encap.h says.
 *
 *	parent -> ENCAP_SET, ENCAP_TUN, ENCAP_RAW, ENCAP_DEL
 */
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "encap.h"
#include "gatewayd.h"
#include "log.h"
#include "path.h"

/* a TUN device and a socket for each tunnel */
#define ENCAP_NOFILE	(2 * GW_TUNNELS_MAX)

static struct paths	 encap_paths = TAILQ_HEAD_INITIALIZER(encap_paths);

static struct path *
encap_find(uint32_t id)
{
	struct path	*p;

	TAILQ_FOREACH(p, &encap_paths, entry)
		if (p->id == id)
			return (p);
	return (NULL);
}

static void
encap_set(struct imsg *imsg)
{
	struct imsg_encap	 m;
	struct path		*p;
	unsigned int		 i;

	if (imsg_get_data(imsg, &m, sizeof(m)) == -1 ||
	    !wire_string(m.name) || m.nprefixes > GW_PREFIXES_MAX + 1)
		fatalx("ENCAP_SET: bad tunnel");
	for (i = 0; i < m.nprefixes; i++)
		if (m.lens[i] > 128)
			fatalx("ENCAP_SET: bad prefix length");
	if ((p = encap_find(imsg->hdr.id)) != NULL) {
		path_set(p, &m);
		return;
	}
	p = path_new(child_base(), imsg->hdr.id, &m);
	TAILQ_INSERT_TAIL(&encap_paths, p, entry);
}

static void
encap_tun(struct path *p, struct imsg *imsg)
{
	struct imsg_encap_tun	 m;

	if (imsg_get_data(imsg, &m, sizeof(m)) == -1)
		fatalx("ENCAP_TUN: bad message");
	path_tun(p, imsg_get_fd(imsg), m.offloads);
}

static void
encap_del(struct path *p)
{
	TAILQ_REMOVE(&encap_paths, p, entry);
	path_free(p);
}

static void
encap_dispatch(struct peer *peer, struct imsg *imsg)
{
	struct path	*p;

	if (imsg->hdr.type == IMSG_ENCAP_SET) {
		encap_set(imsg);
		return;
	}
	if ((p = encap_find(imsg->hdr.id)) == NULL) {
		log_debug("%s for tunnel %u, which is not set",
		    msg_name(imsg->hdr.type), imsg->hdr.id);
		return;
	}
	switch (imsg->hdr.type) {
	case IMSG_ENCAP_TUN:
		encap_tun(p, imsg);
		break;
	case IMSG_ENCAP_RAW:
		path_raw(p, imsg_get_fd(imsg));
		break;
	case IMSG_ENCAP_DEL:
		encap_del(p);
		break;
	default:
		fatalx("%s has no handler", msg_name(imsg->hdr.type));
	}
}

void
encap_main(const struct proc_args *args)
{
	static const struct child_ops	 ops = {
		.dispatch = encap_dispatch,
		.nofile = ENCAP_NOFILE
	};

	child_run(args, &ops);
}
