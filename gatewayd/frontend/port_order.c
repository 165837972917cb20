/*
 * Orders about port mappings: see port_order.h.  Runs in the frontend
 * (_gatewayd, chroot).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ini.h"
#include "port_order.h"
#include "portmap.h"
#include "status.h"

static void
ordered(void *arg, const struct imsg_port_result *m)
{
	struct port_order	*o = arg;

	if ((m->error == 0 || m->error == EALREADY) && !o->is_del)
		o->port = m->port;
	o->done(o->arg, m->error);
}

void
port_order_add(struct port_order *o, const struct imsg_port *port,
    const char *who)
{
	o->port = *port;
	o->request.done = ordered;
	o->request.arg = o;
	fe_port_add(&o->request, port, who);
}

void
port_order_del(struct port_order *o, const struct fe_port *p, const char *who)
{
	o->port = p->st.port;
	o->id = p->id;
	o->is_del = 1;
	o->request.done = ordered;
	o->request.arg = o;
	fe_port_del(&o->request, o->port.protocol, o->port.port, who);
}

void
port_order_cancel(struct port_order *o)
{
	fe_port_cancel(&o->request);
}

const struct fe_port *
port_order_now(const struct port_order *o)
{
	const struct fe_port	*p;

	if (!o->is_del)
		return (fe_port_find(o->port.protocol, o->port.port));
	TAILQ_FOREACH(p, &fe_ports, entry)
		if (p->id == o->id)
			break;
	return (p);
}

/* the section of a mapping in the configuration as it is printed */
struct section {
	const struct imsg_port	*port;
	char			 now[GW_NAME_SIZE + 8];	/* "port.NAME" */
	int			 protocol;	/* it is the same so far */
	int			 number;
	char			 found[GW_NAME_SIZE + 8];
};

static void
section_begin(void *arg, const char *name, struct ini_at at)
{
	struct section	*s = arg;

	s->protocol = s->number = 0;
	strlcpy(s->now, name != NULL ? name : "", sizeof(s->now));
}

static void
section_pair(void *arg, const struct ini_pair *pair)
{
	struct section	*s = arg;

	if (strncmp(s->now, "port.", 5) != 0)
		return;
	if (strcmp(pair->key, "protocol") == 0)
		s->protocol = strcmp(pair->value,
		    portmap_protocol(s->port->protocol)) == 0;
	else if (strcmp(pair->key, s->port->kind == GW_PORT_PUBLISH ?
	    "external_port" : "listen_port") == 0)
		s->number = strtoul(pair->value, NULL, 10) == s->port->port;
	if (s->protocol && s->number)
		strlcpy(s->found, s->now, sizeof(s->found));
}

static void
section_error(void *arg, struct ini_at at, const char *text)
{
}

/* a fixed one is deleted where it was made */
static void
words_fixed(const struct imsg_port *port, const char *what, char *buf,
    size_t size)
{
	static const struct ini_handler	 handler = {
		section_begin, section_pair, section_error
	};
	struct section			 s = { .port = port };
	const char			*text = fe_status.conf_text;

	if (text != NULL)
		ini_scan(text, strlen(text), &handler, &s);
	snprintf(buf, size, "%s belongs to [%s] in %s: take it out there",
	    what, s.found[0] != '\0' ? s.found : "port.NAME",
	    fe_status.conf.source);
}

/* what leads where, and how it is */
static void
words_made(const struct port_order *o, const char *what, const char *leads,
    char *buf, size_t size)
{
	const struct imsg_port	*port = &o->port;
	const struct fe_port	*p = port_order_now(o);
	const char		*reason = p != NULL ? p->st.reason : "";
	char			 to[PORTMAP_REMOTE_SIZE];

	snprintf(buf, size, "%s%s %s %s%s%s",
	    port->kind == GW_PORT_FORWARD ? "127.0.0.1, " : "", what, leads,
	    portmap_remote_text(port->kind == GW_PORT_FORWARD ? port->host :
	    "127.0.0.1", port->target_port, to),
	    *reason != '\0' ? ": " : "", reason);
}

static void
words_deleted(const struct port_order *o, const char *what, char *buf,
    size_t size)
{
	const struct fe_port	*p = port_order_now(o);

	if (p == NULL)
		snprintf(buf, size, "%s: deleted", what);
	else
		snprintf(buf, size, "%s: deleted; what is open may end "
		    "(sessions: %u)", what, p->st.sessions);
}

static const char *
error_text(const struct port_order *o, uint32_t error)
{
	switch (error) {
	case EEXIST:
		return ("another mapping has it: delete that first");
	case EADDRINUSE:
		return ("another program has it");
	case EADDRNOTAVAIL:
		return ("no port is free");
	case EACCES:
		return ("a port below 1024 takes a [port.NAME] section");
	case EINVAL:
		return ("there can be no such mapping");
	case ELOOP:
		return ("it would lead to a listener of this daemon itself");
	case ENODEV:
		return ("the tunnel is no longer there");
	case ENOENT:
		return (o->is_del ? "there is no such mapping" :
		    "it was deleted meanwhile");
	case EBUSY:
		return ("it is just being made: try again");
	case ENOSPC:
		return ("there are as many as can be: delete another one");
	default:
		return (strerror((int)error));
	}
}

const char *
port_order_words(const struct port_order *o, uint32_t error, char *buf,
    size_t size)
{
	char	 what[32];

	snprintf(what, sizeof(what), o->port.port != 0 ? "%s port %u" :
	    "%s port", portmap_protocol(o->port.protocol), o->port.port);
	if (error == EPERM)
		words_fixed(&o->port, what, buf, size);
	else if (error != 0 && error != EALREADY)
		snprintf(buf, size, "%s: %s", what, error_text(o, error));
	else if (o->is_del)
		words_deleted(o, what, buf, size);
	else
		words_made(o, what, error == 0 ? "leads to" :
		    "leads already to", buf, size);
	return (buf);
}
