/*
 * Reads the body that asks for a port mapping: see port_body.h.  Runs in the
 * frontend (_gatewayd, chroot).
 *
 * A member has a type here and a range in common/portmap.h, where gatewayctl's
 * words and the configuration find it, too.
 */
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "port_body.h"
#include "portmap.h"
#include "util.h"

#define BOTH		2	/* any enum gw_port_kind */
#define NAMES_SIZE	160

/* sets it in the mapping: NULL, or what it must be */
typedef const char *read_member(const json_t *, struct imsg_port *);

static read_member	 read_internal, read_external, read_listen,
			 read_remote, read_description, read_tunnel,
			 read_proxy;

static const struct member {
	const char	*name;
	int		 kind;		/* enum gw_port_kind it belongs to */
	read_member	*read;
} members[] = {
	{ "internal_port", GW_PORT_PUBLISH, read_internal },
	{ "external_port", GW_PORT_PUBLISH, read_external },
	{ "listen_port", GW_PORT_FORWARD, read_listen },
	{ "remote", GW_PORT_FORWARD, read_remote },
	{ "description", BOTH, read_description },
	{ "tunnel", BOTH, read_tunnel },
	{ "proxy_protocol", GW_PORT_PUBLISH, read_proxy },
};
#define NMEMBERS	(sizeof(members) / sizeof(members[0]))

static int __attribute__((format(printf, 2, 3)))
wrong(char detail[PORT_BODY_DETAIL], const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	vsnprintf(detail, PORT_BODY_DETAIL, fmt, ap);
	va_end(ap);
	return (-1);
}

/* 0 or -1 */
static int
read_port(const json_t *value, json_int_t least, uint16_t *into)
{
	json_int_t	 n = json_integer_value(value);	/* 0: it is none */

	*into = (uint16_t)n;
	return (n >= least && n <= UINT16_MAX ? 0 : -1);
}

static const char *
read_internal(const json_t *value, struct imsg_port *p)
{
	return (read_port(value, 1, &p->target_port) == 0 ? NULL :
	    "it is a number from 1 to 65535");
}

static const char *
read_external(const json_t *value, struct imsg_port *p)
{
	return (read_port(value, PORTMAP_LOWEST, &p->port) == 0 ? NULL :
	    "it is a number from 1024 to 65535, or left out for the next "
	    "that is free; a lower one takes a [port.NAME] section");
}

static const char *
read_listen(const json_t *value, struct imsg_port *p)
{
	return (read_port(value, PORTMAP_LOWEST, &p->port) == 0 ? NULL :
	    "it is a number from 1024 to 65535, or left out for the next "
	    "that is free");
}

static const char *
read_remote(const json_t *value, struct imsg_port *p)
{
	static char	 error[160];
	const char	*text = json_string_value(value), *why;

	why = text != NULL ? portmap_remote(text, p->host, &p->target_port) :
	    "is no text";
	if (why == NULL)
		return (NULL);
	snprintf(error, sizeof(error), "it %s" PORTMAP_REMOTE, why);
	return (error);
}

/* 0, or -1 if it is no text or too long */
static int
read_text(const json_t *value, char *into, size_t size)
{
	const char	*text = json_string_value(value);

	return (text != NULL && strlcpy(into, text, size) < size ? 0 : -1);
}

static const char *
read_description(const json_t *value, struct imsg_port *p)
{
	return (read_text(value, p->description,
	    sizeof(p->description)) == 0 ? NULL :
	    "it is a text of at most 127 bytes");
}

static const char *
read_tunnel(const json_t *value, struct imsg_port *p)
{
	return (read_text(value, p->tunnel, sizeof(p->tunnel)) == 0 &&
	    p->tunnel[0] != '\0' ? NULL :
	    "it is the name of a tunnel, or left out for the active one");
}

static const char *
read_proxy(const json_t *value, struct imsg_port *p)
{
	const char	*text = json_string_value(value);

	p->proxy_protocol = 2;
	return (text != NULL && strcmp(text, "v2") == 0 ? NULL :
	    "it is \"v2\", or left out");
}

/* "internal_port, external_port, ...": those of that kind */
static const char *
member_names(int kind, char names[NAMES_SIZE])
{
	size_t	 i;

	names[0] = '\0';
	for (i = 0; i < NMEMBERS; i++) {
		if (kind != BOTH && members[i].kind != BOTH &&
		    members[i].kind != kind)
			continue;
		strlcat(names, names[0] != '\0' ? ", " : "", NAMES_SIZE);
		strlcat(names, members[i].name, NAMES_SIZE);
	}
	return (names);
}

static int
unknown(const char *key, char detail[PORT_BODY_DETAIL])
{
	const char	*words[NMEMBERS + 1], *near;
	char		 names[NAMES_SIZE];
	size_t		 i;

	for (i = 0; i < NMEMBERS; i++)
		words[i] = members[i].name;
	words[i] = NULL;
	(void)member_names(BOTH, names);
	if ((near = nearest(key, words)) != NULL)
		return (wrong(detail, "unknown member \"%.40s\": did you mean "
		    "\"%s\"? there are: %s", key, near, names));
	return (wrong(detail, "unknown member \"%.40s\"; there are: %s", key,
	    names));
}

static int
read_value(const char *key, const json_t *value, struct imsg_port *p,
    char detail[PORT_BODY_DETAIL])
{
	const char	*error;
	char		 names[NAMES_SIZE];
	size_t		 i;

	for (i = 0; i < NMEMBERS; i++)
		if (strcmp(members[i].name, key) == 0)
			break;
	if (i == NMEMBERS)
		return (unknown(key, detail));
	if (members[i].kind != BOTH && members[i].kind != p->kind)
		return (wrong(detail, "%s does not go with %s; what does: %s",
		    key, p->kind == GW_PORT_FORWARD ? "remote" :
		    "internal_port",
		    member_names(p->kind, names)));
	if ((error = members[i].read(value, p)) == NULL)
		return (0);
	return (wrong(detail, "%s: %s", key, error));
}

static int
read_object(json_t *root, struct imsg_port *p, char detail[PORT_BODY_DETAIL])
{
	const char	*key, *error;
	json_t		*value;

	if (!json_is_object(root))
		return (wrong(detail, "content must be an object, for example "
		    "{\"internal_port\":7654}"));
	p->kind = json_object_get(root, "remote") != NULL ? GW_PORT_FORWARD :
	    GW_PORT_PUBLISH;
	if (p->kind == GW_PORT_PUBLISH &&
	    json_object_get(root, "internal_port") == NULL &&
	    json_object_get(root, "listen_port") != NULL)
		return (wrong(detail, "remote is missing: where to forward "
		    "to"));
	json_object_foreach(root, key, value)
		if (read_value(key, value, p, detail) == -1)
			return (-1);
	if (p->kind == GW_PORT_PUBLISH && p->target_port == 0)
		return (wrong(detail, "internal_port is missing (to publish "
		    "a port of 127.0.0.1), or remote (to forward to)"));
	if ((error = portmap_error(p)) != NULL)
		return (wrong(detail, "%s", error));
	return (0);
}

int
port_body(const char *body, size_t len, struct imsg_port *p,
    char detail[PORT_BODY_DETAIL])
{
	json_error_t	 error;
	json_t		*root;
	uint8_t		 protocol = p->protocol;
	int		 rv;

	memset(p, 0, sizeof(*p));
	p->protocol = protocol;
	root = json_loadb(len > 0 ? body : "", len, JSON_REJECT_DUPLICATES,
	    &error);
	if (root == NULL)
		return (wrong(detail, "content is no JSON as it should be: "
		    "line %d, column %d: %s", error.line, error.column,
		    error.text));
	rv = read_object(root, p, detail);
	json_decref(root);
	return (rv);
}
