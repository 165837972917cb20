/*
 * [port.NAME]: values that have a form of their own, and what can only be
 * judged when all is read.  No I/O; runs wherever a configuration is read.
 */
#include <stdlib.h>

#include "addr.h"
#include "parse.h"
#include "portmap.h"
#include "util.h"

void
set_protocol(struct parse *p, void *field)
{
	static const char *const words[] = { "udp", "tcp", NULL };

	if (strcmp(p->value, "udp") == 0)
		*(int *)field = IPPROTO_UDP;
	else if (strcmp(p->value, "tcp") == 0)
		*(int *)field = IPPROTO_TCP;
	else
		value_error(p, nearest(p->value, words), "is unknown; allowed "
		    "are udp and tcp");
}

void
set_remote(struct parse *p, void *field)
{
	struct gw_port *port = field;
	const char *why;

	why = portmap_remote(p->value, port->remote, &port->remote_port);
	if (why != NULL)
		value_error(p, NULL, "%s" PORTMAP_REMOTE, why);
}

/* that there is such a tunnel is checked when all are known */
void
set_pin(struct parse *p, void *field)
{
	if (strlcpy(field, p->value, GW_NAME_SIZE) >= GW_NAME_SIZE)
		value_error(p, NULL, "is no tunnel's name: too long");
}

/* what the two forms have in common */
static const char *
port_key(const struct gw_port *port)
{
	return (port->kind == GW_PORT_PUBLISH ? "external_port" :
	    "listen_port");
}

static uint16_t
port_number(const struct gw_port *port)
{
	return (port->kind == GW_PORT_PUBLISH ? port->external_port :
	    port->listen_port);
}

/* where the number of a section stands that may have left it out */
static const struct place *
port_place(const struct section *section)
{
	const struct place *place;

	place = key_given(section, port_key(section->base));
	return (place != NULL ? place : &section->at);
}

/* each protocol's numbers are one for all, however they are used */
static void
check_taken(struct parse *p, struct section *section)
{
	const struct gw_port *port = section->base, *other;
	const struct section *os;

	if (port_number(port) == 0 || section->twice)
		return;
	TAILQ_FOREACH(other, &p->conf->ports, entry) {
		if (other == port)
			return;
		if (port_number(other) == port_number(port) &&
		    other->protocol == port->protocol)
			break;
	}
	os = section_of(p, other);
	parse_error(p, port_place(section), "%s: %u is also the port of [%s] "
	    "at " OTHER_FMT "; each needs its own", port_key(port),
	    port_number(port), os->name, OTHER(port_place(os)));
}

/* who of this daemon listens on that port of 127.0.0.1, NULL: nobody */
static const char *
own_listener(const struct parse *p, const struct gw_port *port,
    uint16_t number)
{
	const struct gw_exposure *e = &p->conf->exposure;
	const struct sockaddr_in *sin;
	struct sockaddr_storage ss;

	if (port->protocol != IPPROTO_TCP)
		return (NULL);
	if (number == p->conf->api_port)
		return ("api_port in [core]");
	sin = (const void *)&ss;
	/* both families have it in the same place */
	if ((e->modes & GW_EXPOSE_SOCKS5) &&
	    sockaddr_parse(e->socks_bind, &ss) == 0 &&
	    ss.ss_family != AF_UNIX && number == ntohs(sin->sin_port))
		return ("bind in [exposure.socks5]");
	return (NULL);
}

/*
 * A port that leads to a listener of ours would serve strangers what is for
 * this machine, or itself.
 */
static void
check_own(struct parse *p, struct section *section)
{
	const struct gw_port *port = section->base, *other;
	const char *key, *who;
	const struct place *place;
	uint16_t number;

	key = port->kind == GW_PORT_PUBLISH ? "internal_port" : "listen_port";
	number = port->kind == GW_PORT_PUBLISH ? port->internal_port :
	    port->listen_port;
	if ((place = key_valid(section, key)) == NULL)
		return;
	if ((who = own_listener(p, port, number)) != NULL) {
		parse_error(p, place, "%s: %u is the daemon's own (%s); "
		    "allowed is the port of another program", key, number,
		    who);
		return;
	}
	if (port->kind != GW_PORT_PUBLISH)
		return;
	TAILQ_FOREACH(other, &p->conf->ports, entry)
		if (other->kind == GW_PORT_FORWARD &&
		    other->protocol == port->protocol &&
		    other->listen_port == number)
			parse_error(p, place, "%s: %u is the daemon's own "
			    "(listen_port in [%s]); allowed is the port of "
			    "another program", key, number,
			    section_of(p, other)->name);
}

static void
check_pin(struct parse *p, const struct section *section)
{
	const struct gw_port *port = section->base;
	const struct place *place = key_valid(section, "tunnel");
	char hint[HINT_SIZE];
	const char **words;

	if (place == NULL || conf_tunnel_name(p->conf, port->tunnel) != NULL)
		return;
	words = tunnel_words(p, NULL);
	parse_error(p, place, "tunnel: there is no [tunnel.%s]; allowed are "
	    "the names of tunnels%s", port->tunnel, hint_text(hint,
	    nearest(port->tunnel, words)));
	free(words);
}

void
default_port(struct section *section)
{
	struct gw_port *port = section->base;

	if (key_given(section, "internal_port") == NULL &&
	    (key_given(section, "listen_port") != NULL ||
	    key_given(section, "remote") != NULL))
		port->kind = GW_PORT_FORWARD;
	else if (port->external_port == 0)
		port->external_port = port->internal_port;
}

void
check_port_section(struct parse *p, struct section *section)
{
	const struct gw_port *port = section->base;

	check_keys(p, section, 1U << port->kind);
	check_taken(p, section);
	check_own(p, section);
	check_pin(p, section);
}
