/*
 * A configuration on its way in: see holder.h.  Runs in the engine, the
 * frontend (_gatewayd) and the relay (_gwrelay), all in an empty root.
 */
#include "child.h"
#include "holder.h"
#include "log.h"
#include "peer.h"

void
holder_begin(struct holder *h)
{
	h->drop();
	h->open = 1;
}

void
holder_piece(const struct holder *h, const struct imsg *imsg)
{
	if (!h->open)
		fatalx("%s: nothing began", msg_name(imsg->hdr.type));
}

void
holder_end(struct holder *h, const struct imsg *imsg)
{
	if (imsg->hdr.type == IMSG_RECONF_ABORT) {
		h->open = 0;
		h->drop();
		return;
	}
	holder_piece(h, imsg);
	if (imsg->hdr.type == IMSG_RECONF_END) {
		peer_send0(child_peer(PROC_PARENT), IMSG_RECONF_READY, 0);
		return;
	}
	h->open = 0;
	h->commit();
}
