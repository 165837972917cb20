/*
 * The JSON documents about port mappings.  Runs in the frontend (_gatewayd,
 * chroot).
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "json.h"
#include "json_value.h"
#include "portmap.h"

/* with the names that the request had, in its order */
static json_t *
port_form(const struct imsg_port *p)
{
	char	 remote[PORTMAP_REMOTE_SIZE];

	if (p->kind == GW_PORT_PUBLISH)
		return (json_pack("{s:i,s:i}",
		    "internal_port", (int)p->target_port,
		    "external_port", (int)p->port));
	return (json_pack("{s:i,s:o}",
	    "listen_port", (int)p->port,
	    "remote", value_text(portmap_remote_text(p->host, p->target_port,
	    remote))));
}

/* where it listens now, NULL: nowhere */
static const char *
port_address(const struct imsg_port_status *st)
{
	struct sockaddr_in6	 sin6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in	 sin = { .sin_family = AF_INET };
	const struct fe_tunnel	*t;
	uint8_t			 len;

	if (st->state != PORT_ACTIVE)
		return (NULL);
	if (st->port.kind == GW_PORT_FORWARD) {
		sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		sin.sin_port = htons(st->port.port);
		return (sockaddr_text((const void *)&sin));
	}
	t = fe_tunnels_id(&fe_status.tunnels, st->tunnel);
	if (t == NULL || !tunnel_address(t, &sin6.sin6_addr, &len))
		return (NULL);
	sin6.sin6_port = htons(st->port.port);
	return (sockaddr_text((const void *)&sin6));
}

json_t *
value_port(const struct imsg_port_status *st)
{
	static const char *const states[] = {
		[PORT_WAITING] = "waiting",
		[PORT_ACTIVE] = "active",
		[PORT_FAILED] = "failed",
		[PORT_DRAINING] = "draining",
	};
	json_t	*row = port_form(&st->port);

	json_object_update_new(row, json_pack(
	    "{s:o,s:s,s:o,s:o,s:s,s:o,s:o,s:s,s:I,s:I,s:I}",
	    "description", value_text(st->port.description),
	    "protocol", portmap_protocol(st->port.protocol),
	    "tunnel", value_text(st->port.tunnel),
	    "address", value_text(port_address(st)),
	    "state", states[st->state],
	    "reason", value_text(st->reason),
	    "proxy_protocol", value_text(st->port.proxy_protocol == 2 ?
	    "v2" : NULL),
	    "source", st->port.fixed ? "config" : "api",
	    "sessions", (json_int_t)st->sessions,
	    "rx_bytes", (json_int_t)st->rx_bytes,
	    "tx_bytes", (json_int_t)st->tx_bytes));
	return (row);
}

static char *
json_list(uint8_t protocol)
{
	const struct fe_port	*p;
	json_t			*list = json_array();

	TAILQ_FOREACH(p, &fe_ports, entry)
		if (p->st.port.protocol == protocol)
			json_array_append_new(list, value_port(&p->st));
	return (value_line(json_pack("{s:o}", "ports", list)));
}

char *
json_ports(const char *path)
{
	const struct fe_port	*p;

	if (strcmp(path, "udp") == 0)
		return (json_list(IPPROTO_UDP));
	if (strcmp(path, "tcp") == 0)
		return (json_list(IPPROTO_TCP));
	p = fe_port_path(path);
	return (p != NULL ? value_line(value_port(&p->st)) : NULL);
}

const struct fe_port *
fe_port_path(const char *path)
{
	const struct fe_port	*p, *found = NULL;
	const char		*digits = path + 4, *error;
	uint16_t		 number;
	uint8_t			 protocol;

	if (strncmp(path, "udp/", 4) == 0)
		protocol = IPPROTO_UDP;
	else if (strncmp(path, "tcp/", 4) == 0)
		protocol = IPPROTO_TCP;
	else
		return (NULL);
	/* each has one name: no blanks, sign or zeros in front */
	if (*digits < '1' || *digits > '9')
		return (NULL);
	number = (uint16_t)strtonum(digits, 1, UINT16_MAX, &error);
	if (error != NULL)
		return (NULL);
	/* what drains comes before the one that is in force */
	TAILQ_FOREACH(p, &fe_ports, entry)
		if (p->st.port.protocol == protocol &&
		    p->st.port.port == number)
			found = p;
	return (found);
}
