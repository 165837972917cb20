/*
 * Orders about port mappings: see ports_cmd.h.  An unprivileged client; the
 * daemon checks all of it again.
 */
#include <string.h>

#include "portmap.h"
#include "ports_cmd.h"

static void
fill_remote(struct imsg_port *req, const char *remote)
{
	const char	*why;

	req->kind = GW_PORT_FORWARD;
	why = portmap_remote(remote, req->host, &req->target_port);
	if (why != NULL)
		client_fail(EXIT_USAGE, "\"%s\" %s" PORTMAP_REMOTE, remote,
		    why);
}

static void
fill_port(const struct command *cmd, struct imsg_port *req)
{
	const char	*error;

	memset(req, 0, sizeof(*req));
	req->protocol = (uint8_t)cmd->protocol;
	req->port = cmd->port;
	req->target_port = cmd->target;
	req->kind = GW_PORT_PUBLISH;
	req->proxy_protocol = cmd->proxy ? 2 : 0;
	if (cmd->remote != NULL)
		fill_remote(req, cmd->remote);
	if (cmd->name != NULL && strlcpy(req->tunnel, cmd->name,
	    sizeof(req->tunnel)) >= sizeof(req->tunnel))
		client_fail(EXIT_NO_OBJECT, "no tunnel \"%s\": names have at "
		    "most %d characters", cmd->name, GW_NAME_SIZE - 1);
	if (cmd->description != NULL && strlcpy(req->description,
	    cmd->description, sizeof(req->description)) >=
	    sizeof(req->description))
		client_fail(EXIT_USAGE, "description: at most %d bytes",
		    GW_PORT_TEXT - 1);
	if ((error = portmap_error(req)) != NULL)
		client_fail(EXIT_USAGE, "%s", error);
}

void
ports_order(const struct command *cmd, struct answer *a)
{
	struct imsg_port	 req;
	struct imsg_port_key	 key;

	if (cmd->action == ACT_PORT_ADD) {
		fill_port(cmd, &req);
		client_request(IMSG_CTL_PORT_ADD, &req, sizeof(req),
		    CLIENT_WAIT, a);
	} else {
		memset(&key, 0, sizeof(key));
		key.protocol = (uint8_t)cmd->protocol;
		key.port = cmd->port;
		client_request(IMSG_CTL_PORT_DEL, &key, sizeof(key),
		    CLIENT_WAIT, a);
	}
	if (a->code != EXIT_OK)
		client_fail(a->code, "%s", a->text);
}
