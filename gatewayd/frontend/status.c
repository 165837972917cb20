/*
 * The frontend's knowledge itself: see status.h.  Runs in the frontend
 * (_gatewayd, chroot).
 */
#include <string.h>

#include "status.h"

struct fe_status	 fe_status = {
	.tunnels = TAILQ_HEAD_INITIALIZER(fe_status.tunnels)
};

struct fe_tunnel *
fe_tunnel_name(const char *name)
{
	struct fe_tunnel	*t;

	TAILQ_FOREACH(t, &fe_status.tunnels, entry)
		if (strcmp(t->conf.name, name) == 0)
			return (t);
	return (NULL);
}
