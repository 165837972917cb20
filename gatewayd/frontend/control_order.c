/*
 * What gatewayctl orders on the control socket: who may, what the parent is
 * asked, and its answer in words.  Runs in the frontend (_gatewayd, chroot).
 */
#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "child.h"
#include "control_int.h"
#include "log.h"
#include "status.h"
#include "util.h"

/* enum admin_verb in words; already: it was so */
static const struct verb {
	const char	*name;
	const char	*done;
	const char	*already;
} verbs[] = {
	[ADMIN_UP] = { "up", "coming up", "already up" },
	[ADMIN_DOWN] = { "down", "taken down", "already down" },
	[ADMIN_RESTART] = { "restart", "restarting", "already restarting" },
	[ADMIN_PREFER] = { "prefer", "preferred from now on",
	    "already preferred" },
	[ADMIN_UNPREFER] = { "unprefer", "no longer preferred",
	    "not preferred anyway" },
};
#define NVERBS	(sizeof(verbs) / sizeof(verbs[0]))

/* nonzero if the client's process has gid as a supplementary group */
static int
client_in_group(const struct client *c, gid_t gid)
{
	socklen_t	 len = 0;
	gid_t		*groups;
	size_t		 i, n;
	int		 fd = c->peer->ibuf.fd, found = 0;

	/* with no room the kernel says how much it wants */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &len) == 0 ||
	    errno != ERANGE)
		return (0);
	groups = xmalloc(len);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) == 0) {
		n = len / sizeof(*groups);
		for (i = 0; i < n && !found; i++)
			found = (groups[i] == gid);
	}
	free(groups);
	return (found);
}

/* anybody can be refused as often as he likes: not every time is news */
static void
log_refusal(uid_t uid)
{
	static uint64_t	 told;

	if (told == unix_time())
		return;
	told = unix_time();
	log_warnx("control: uid %u: not permitted", uid);
}

/* nonzero if the client may change things; otherwise it is told so */
static int
client_permitted(struct client *c, uint32_t id)
{
	gid_t	 gid = fe_status.conf.control_gid;

	if (c->cred.uid == 0)
		return (1);
	if (gid == UINT32_MAX)
		client_result(c, id, CTL_NOT_PERMITTED,
		    "only root may do this (control_group is not set)");
	else if (c->cred.gid != gid && !client_in_group(c, gid))
		client_result(c, id, CTL_NOT_PERMITTED,
		    "only root and the members of control_group may do this");
	else
		return (1);
	log_refusal(c->cred.uid);
	return (0);
}

/* sends to the parent under a number of ours; one at a time per client */
static void
client_ask(struct client *c, uint32_t id, enum imsg_type type,
    const void *data, size_t len)
{
	static uint32_t	 last;

	if (c->asked != 0) {
		client_result(c, id, CTL_FAILED,
		    "the last request is not answered yet: wait for it");
		return;
	}
	if (++last == 0)
		last = 1;
	c->asked = last;
	c->id = id;
	peer_send(child_peer(PROC_PARENT), type, c->asked, -1, data, len);
}

/* "he, wg", cut to size with "..." */
static const char *
tunnel_names(char *buf, size_t size)
{
	const struct fe_tunnel	*t;
	size_t			 len = 0;

	strlcpy(buf, "none", size);
	TAILQ_FOREACH(t, &fe_status.tunnels.list, entry) {
		if (len + strlen(t->conf.name) + sizeof(", ...") > size) {
			strlcpy(buf + len, "...", size - len);
			break;
		}
		len += snprintf(buf + len, size - len, "%s%s", t->conf.name,
		    TAILQ_NEXT(t, entry) != NULL ? ", " : "");
	}
	return (buf);
}

void
order_no_tunnel(struct client *c, uint32_t id, const char *name)
{
	char	 names[WIRE_REASON - 64];

	client_result(c, id, CTL_NO_OBJECT, "no tunnel \"%.32s\"; there is: %s",
	    name, tunnel_names(names, sizeof(names)));
}

void
order_tunnel(struct client *c, struct imsg *imsg)
{
	struct imsg_ctl_tunnel	 req;
	struct imsg_admin	 admin;
	struct fe_tunnel	*t;
	uint32_t		 id = imsg->hdr.id;

	if (imsg_get_data(imsg, &req, sizeof(req)) == -1 ||
	    !wire_string(req.name) || req.verb >= NVERBS) {
		client_drop(c);
		return;
	}
	if (!client_permitted(c, id))
		return;
	if ((t = fe_tunnel_name(req.name)) == NULL) {
		order_no_tunnel(c, id, req.name);
		return;
	}
	log_info("control: uid %u asks: tunnel %s %s", c->cred.uid, req.name,
	    verbs[req.verb].name);
	memset(&admin, 0, sizeof(admin));
	admin.tunnel = t->conf.id;
	admin.verb = req.verb;
	if (c->asked == 0)
		c->tunnel = req;
	client_ask(c, id, IMSG_ADMIN, &admin, sizeof(admin));
}

void
order_reload(struct client *c, struct imsg *imsg)
{
	if (!client_permitted(c, imsg->hdr.id))
		return;
	log_info("control: uid %u asks: reload", c->cred.uid);
	client_ask(c, imsg->hdr.id, IMSG_RELOAD, NULL, 0);
}

/* the parent does not answer: it has nothing to refuse */
void
order_log(struct client *c, struct imsg *imsg)
{
	struct imsg_level	 level;

	if (imsg_get_data(imsg, &level, sizeof(level)) == -1 ||
	    level.level > LL_DEBUG ||
	    (level.proc != WIRE_ALL && level.proc >= PROC_COUNT)) {
		client_drop(c);
		return;
	}
	if (!client_permitted(c, imsg->hdr.id))
		return;
	log_info("control: uid %u asks: log %s%s%s", c->cred.uid,
	    log_level_name(level.level), level.proc != WIRE_ALL ? " " : "",
	    level.proc != WIRE_ALL ? proc_name(level.proc) : "");
	peer_send(child_peer(PROC_PARENT), IMSG_SET_LEVEL, 0, -1, &level,
	    sizeof(level));
	client_result(c, imsg->hdr.id, CTL_OK, "%s", "");
}

static void
answer_admin(struct client *c, uint32_t error)
{
	const struct verb	*v = &verbs[c->tunnel.verb];
	const char		*name = c->tunnel.name, *verb = v->name;

	switch (error) {
	case 0:
		client_result(c, c->id, CTL_OK, "tunnel %s: %s", name,
		    v->done);
		break;
	case EALREADY:
		client_result(c, c->id, CTL_OK, "tunnel %s: %s", name,
		    v->already);
		break;
	case ENOENT:
		order_no_tunnel(c, c->id, name);
		break;
	case EPERM:
		client_result(c, c->id, CTL_NOT_PERMITTED,
		    "tunnel %s %s: not permitted", name, verb);
		break;
	case EBUSY:
		client_result(c, c->id, CTL_FAILED, "tunnel %s %s: a reload "
		    "or stop is under way: try again", name, verb);
		break;
	case EINVAL:
		client_result(c, c->id, CTL_FAILED, "tunnel %s %s: it has "
		    "enabled = false: change that and reload", name, verb);
		break;
	default:
		client_result(c, c->id, CTL_FAILED, "tunnel %s %s: %s", name,
		    verb, strerror((int)error));
	}
}

static void
answer_reload(struct client *c, uint32_t error)
{
	if (error == 0)
		client_result(c, c->id, CTL_OK, "%s", "configuration reloaded");
	else if (error == EBUSY)
		client_result(c, c->id, CTL_FAILED,
		    "another reload is under way: try again");
	else if (error == EINVAL)
		client_result(c, c->id, CTL_FAILED, "the file has errors: "
		    "the configuration stays as it was");
	else
		client_result(c, c->id, CTL_FAILED, "reload failed, the "
		    "configuration stays as it was: %s", strerror((int)error));
}

void
order_answer(struct client *c, struct imsg *imsg)
{
	struct imsg_result	 result;

	if (imsg->hdr.type == IMSG_RELOAD_TEXT) {
		client_data(c, c->id, (const char *)imsg->data, imsg->len);
		return;
	}
	if (imsg_get_data(imsg, &result, sizeof(result)) == -1)
		fatalx("%s: bad length", msg_name(imsg->hdr.type));
	c->asked = 0;
	if (imsg->hdr.type == IMSG_RELOAD_RESULT)
		answer_reload(c, result.error);
	else
		answer_admin(c, result.error);
}
