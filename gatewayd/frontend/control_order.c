/*
 * What gatewayctl orders on the control socket, and the answer to it.  Runs in
 * the frontend (_gatewayd, chroot).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access.h"
#include "child.h"
#include "control_int.h"
#include "json_value.h"
#include "log.h"
#include "portmap.h"
#include "status.h"

/* nonzero if the client may change things; otherwise it is told so */
static int
client_permitted(struct client *c, uint32_t id)
{
	uid_t	 uid;

	if (access_unix(c->peer->ibuf.fd, &uid))
		return (1);
	client_result(c, id, EXIT_NOT_PERMITTED, "%s", access_refusal(uid));
	access_refused("control", uid);
	return (0);
}

static void
client_text(void *arg, const char *text, size_t len)
{
	struct client	*c = arg;

	client_data(c, c->id, text, len);
}

static void
client_no_tunnel(struct client *c, uint32_t id, const char *name)
{
	char	 names[WIRE_REASON - 64];

	client_result(c, id, EXIT_NO_OBJECT,
	    "no tunnel \"%.32s\"; there is: %s",
	    name, fe_tunnel_list(names, sizeof(names), fe_name));
}

static void
client_done(void *arg, uint32_t error)
{
	enum exit_code	 code = EXIT_FAILED;
	struct client	*c = arg;
	char		 words[WIRE_REASON];

	if (error == ENOENT) {
		client_no_tunnel(c, c->id, c->order.name);
		return;
	}
	if (error == 0 || error == EALREADY)
		code = EXIT_OK;
	else if (error == EPERM)
		code = EXIT_NOT_PERMITTED;
	order_words(&c->order, error, words, sizeof(words));
	client_result(c, c->id, code, "%s", words);
}

/* a port's answer: the mapping, if there is one, and the result */
static void
client_port_done(void *arg, uint32_t error)
{
	struct client		*c = arg;
	const struct fe_port	*p = port_order_now(&c->port_order);
	enum exit_code		 code = EXIT_FAILED;
	char			 words[WIRE_REASON], *line;

	if (error == 0 || error == EALREADY)
		code = EXIT_OK;
	else if (error == ENODEV || error == ENOENT)
		code = EXIT_NO_OBJECT;
	else if (error == EPERM)
		code = EXIT_NOT_PERMITTED;
	if (code == EXIT_OK && p != NULL) {
		line = value_line(value_port(&p->st));
		client_data(c, c->id, line, strlen(line));
		free(line);
	}
	client_result(c, c->id, code, "%s", port_order_words(&c->port_order,
	    error, words, sizeof(words)));
}

int
client_ordered(const struct client *c)
{
	return (c->order.id != 0 || c->port_order.request.id != 0);
}

void
client_orders_cancel(struct client *c)
{
	order_cancel(&c->order);
	port_order_cancel(&c->port_order);
}

/* makes the client's order ready; 0 if its last one is not answered yet */
static int
client_order(struct client *c, uint32_t id, char *who, size_t size)
{
	if (client_ordered(c)) {
		client_result(c, id, EXIT_FAILED,
		    "the last request is not answered yet: wait for it");
		return (0);
	}
	c->id = id;
	c->order.text = client_text;
	c->order.done = client_done;
	c->order.arg = c;
	memset(&c->port_order, 0, sizeof(c->port_order));
	c->port_order.done = client_port_done;
	c->port_order.arg = c;
	snprintf(who, size, "uid %u", c->cred.uid);
	return (1);
}

void
client_order_tunnel(struct client *c, struct imsg *imsg)
{
	struct imsg_ctl_tunnel	 req;
	struct fe_tunnel	*t;
	uint32_t		 id = imsg->hdr.id;
	char			 who[32];

	if (imsg_get_data(imsg, &req, sizeof(req)) == -1 ||
	    !wire_string(req.name) || order_verb(req.verb) == NULL) {
		client_drop(c);
		return;
	}
	if (!client_permitted(c, id))
		return;
	if ((t = fe_tunnel_name(req.name)) == NULL)
		client_no_tunnel(c, id, req.name);
	else if (client_order(c, id, who, sizeof(who)))
		order_tunnel(&c->order, t, req.verb, who);
}

void
client_order_reload(struct client *c, struct imsg *imsg)
{
	char	 who[32];

	if (client_permitted(c, imsg->hdr.id) &&
	    client_order(c, imsg->hdr.id, who, sizeof(who)))
		order_reload(&c->order, who);
}

static void
client_port_add(struct client *c, uint32_t id, const struct imsg_port *port)
{
	const char	*error;
	char		 who[32];

	if ((error = portmap_error(port)) != NULL)
		client_result(c, id, EXIT_FAILED, "%s", error);
	else if (port->tunnel[0] != '\0' &&
	    fe_tunnel_name(port->tunnel) == NULL)
		client_no_tunnel(c, id, port->tunnel);
	else if (client_order(c, id, who, sizeof(who)))
		port_order_add(&c->port_order, port, who);
}

static void
client_port_del(struct client *c, uint32_t id, const struct imsg_port_key *key)
{
	const struct fe_port	*p = fe_port_find(key->protocol, key->port);
	char			 who[32];

	if (p == NULL)
		client_result(c, id, EXIT_NO_OBJECT, "no mapping of %s port %u",
		    portmap_protocol(key->protocol), key->port);
	else if (client_order(c, id, who, sizeof(who)))
		port_order_del(&c->port_order, p, who);
}

void
client_order_port(struct client *c, struct imsg *imsg)
{
	int			 add = imsg->hdr.type == IMSG_CTL_PORT_ADD;
	struct imsg_port	 port;
	struct imsg_port_key	 key;
	uint32_t		 id = imsg->hdr.id;

	if (add ? imsg_get_data(imsg, &port, sizeof(port)) == -1 ||
	    !wire_port(&port) || port.fixed != 0 :
	    imsg_get_data(imsg, &key, sizeof(key)) == -1 ||
	    (key.protocol != IPPROTO_UDP && key.protocol != IPPROTO_TCP)) {
		client_drop(c);
		return;
	}
	if (!client_permitted(c, id))
		return;
	if (add)
		client_port_add(c, id, &port);
	else
		client_port_del(c, id, &key);
}

/* the parent does not answer: it has nothing to refuse */
void
client_order_log(struct client *c, struct imsg *imsg)
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
	client_result(c, imsg->hdr.id, EXIT_OK, "%s", "");
}
