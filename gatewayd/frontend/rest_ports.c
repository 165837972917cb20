/*
 * Port mappings by HTTP: see rest_ports.h.  Runs in the frontend (_gatewayd,
 * chroot).
 *
 * The relay makes and deletes them; until it has answered, the client waits.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "json_value.h"
#include "port_body.h"
#include "port_order.h"
#include "portmap.h"
#include "rest_ports.h"
#include "rest_post.h"
#include "util.h"

#define LIST_SIZE	128	/* of ports in a sentence */

struct pending {
	struct port_order	 order;
	struct rest_wait	 client;
};

/* behind "/ports/" */
static const char *
port_path(const char *path)
{
	return (path + strlen("/ports/"));
}

static uint8_t
path_protocol(const char *path)
{
	return (strncmp(port_path(path), "udp", 3) == 0 ? IPPROTO_UDP :
	    IPPROTO_TCP);
}

/* "7654, 7655" */
static const char *
port_list(uint8_t protocol, char buf[LIST_SIZE])
{
	const struct fe_port	*p;
	size_t			 len = 0;

	strlcpy(buf, "none", LIST_SIZE);
	TAILQ_FOREACH(p, &fe_ports, entry) {
		if (p->st.port.protocol != protocol)
			continue;
		if (len + sizeof(", 65535, ...") > LIST_SIZE) {
			strlcat(buf, ", ...", LIST_SIZE);
			break;
		}
		len += (size_t)snprintf(buf + len, LIST_SIZE - len, "%s%u",
		    len > 0 ? ", " : "", p->st.port.port);
	}
	return (buf);
}

int
exists_port(const struct rest_query *q, struct rest_answer *a)
{
	uint8_t	 protocol = path_protocol(q->route->path);
	char	 list[LIST_SIZE];

	if (fe_port_path(port_path(q->path)) != NULL)
		return (1);
	rest_fail(q, a, 404, "no mapping of %s port \"%s\"; there is: %s",
	    portmap_protocol(protocol), q->name, port_list(protocol, list));
	return (0);
}

void
get_port(const struct rest_query *q, struct rest_answer *a)
{
	rest_answer_doc(a, q->path);
}

static void
pending_gone(void *arg)
{
	struct pending	*p = arg;

	port_order_cancel(&p->order);
	free(p);
}

static void
answer_mapping(struct rest_answer *a, int status, const struct fe_port *port)
{
	memset(a, 0, sizeof(*a));
	rest_answer_text(a, "application/json",
	    value_line(value_port(&port->st)));
	a->reply.status = status;
}

static int
error_status(uint32_t error)
{
	switch (error) {
	case EACCES:
	case EINVAL:
		return (400);
	case ENODEV:
	case ENOENT:
		return (404);
	case EEXIST:
	case EADDRINUSE:
	case EADDRNOTAVAIL:
	case EBUSY:
	case ELOOP:
	case ENOSPC:
	case EPERM:
		return (409);
	default:
		return (503);
	}
}

static void
answer_error(struct rest_answer *a, struct pending *p, uint32_t error)
{
	char	 words[REST_DETAIL_SIZE];

	rest_fail_path(a, error_status(error), p->client.path,
	    port_order_words(&p->order, error, words, sizeof(words)));
}

static void
port_done(void *arg, uint32_t error)
{
	struct pending		*p = arg;
	struct rest_later	*later = p->client.later;
	const struct fe_port	*port = port_order_now(&p->order);
	struct rest_answer	 a;

	if (error != 0 && error != EALREADY)
		answer_error(&a, p, error);
	else if (port == NULL && !p->order.is_del)
		answer_error(&a, p, ENOENT);
	else if (port == NULL) {
		memset(&a, 0, sizeof(a));
		a.reply.status = 204;
	} else if (p->order.is_del)
		answer_mapping(&a, 200, port);
	else {
		answer_mapping(&a, error == EALREADY ? 200 : 201, port);
		snprintf(a.reply.location, sizeof(a.reply.location),
		    "/ports/%s/%u", portmap_protocol(port->st.port.protocol),
		    port->st.port.port);
	}
	free(p);
	later->answer(later, &a);
}

static struct pending *
pending_new(const struct rest_query *q, struct rest_answer *a)
{
	struct pending	*p = xcalloc(1, sizeof(*p));

	p->order.done = port_done;
	p->order.arg = p;
	rest_wait(&p->client, q, a, pending_gone, p);
	return (p);
}

void
post_port(const struct rest_query *q, struct rest_answer *a)
{
	struct imsg_port	 port = {
		.protocol = path_protocol(q->path)
	};
	char			 detail[PORT_BODY_DETAIL];

	if (port_body(q->body, q->body_len, &port, detail) == -1)
		rest_fail(q, a, 400, "%s", detail);
	else if (port.tunnel[0] != '\0' && fe_tunnel_name(port.tunnel) == NULL)
		rest_no_tunnel(q, a, port.tunnel);
	else
		port_order_add(&pending_new(q, a)->order, &port, q->who);
}

/* it may be asked again how far a mapping is that was deleted */
void
del_port(const struct rest_query *q, struct rest_answer *a)
{
	const struct fe_port	*port = fe_port_path(port_path(q->path));

	if (!rest_no_content(q, a))
		return;
	if (port->st.state == PORT_DRAINING)
		answer_mapping(a, 200, port);
	else
		port_order_del(&pending_new(q, a)->order, port, q->who);
}
