/*
 * The tools of MCP, each of them a REST document.  Runs in the frontend
 * (_gatewayd, chroot).
 *
 * What a model got wrong in the arguments is told to the model (isError),
 * with what is allowed; what its host got wrong is an error of the protocol.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "json_value.h"
#include "mcp_methods.h"
#include "mcp_schema.h"
#include "status.h"

#define TEXT_SIZE	2048	/* of an error */
#define LIST_SIZE	1024	/* of names in it */

static void	 call_health(struct mcp_request *, const char *);
static void	 call_address(struct mcp_request *, const char *);
static void	 call_status(struct mcp_request *, const char *);

static const struct field	 no_fields[] = {
	{ NULL, NULL, 0, NULL, NULL, NULL }
};

static const struct field	 iface_fields[] = {
	{ "iface", "string", FIELD_OPTIONAL, NULL, NULL,
	    "Only the addresses of this interface, for example he0" },
	{ NULL, NULL, 0, NULL, NULL, NULL }
};

static const struct field	 name_fields[] = {
	{ "name", "string", FIELD_OPTIONAL, NULL, NULL,
	    "Only this tunnel, with its detail" },
	{ NULL, NULL, 0, NULL, NULL, NULL }
};

/* the argument of a tool is the only field of its input, a string */
static const struct tool {
	const char		*name;
	const char		*title;
	const char		*description;
	const struct field	*input;
	const struct field	*output;
	/* value: of the argument, NULL if it was not given */
	void			(*call)(struct mcp_request *, const char *);
} tools[] = {
	{ "check_health", "Check IPv6 health",
	    "Tells whether IPv6 works on this host at the moment, how fast, "
	    "and how many tunnels are up. Start here.",
	    no_fields, mcp_health_fields, call_health },
	{ "get_ipv6_address", "Get IPv6 addresses",
	    "Lists the IPv6 addresses that this host has by its tunnels, "
	    "whether the Internet can be reached with each, and which one "
	    "new connections use (role active).",
	    iface_fields, mcp_addresses_fields, call_address },
	{ "get_tunnel_status", "Get tunnel status",
	    "Lists the IPv6 tunnels with their state and traffic. With a "
	    "name: only that tunnel, and in detail why it is in that state, "
	    "its endpoints, MTU, round trips, loss and last changes.",
	    name_fields, mcp_tunnels_fields, call_status },
};
#define NTOOLS	(sizeof(tools) / sizeof(tools[0]))

static json_t *
tool_describe(const struct tool *t)
{
	return (json_pack("{s:s,s:s,s:s,s:o,s:o,s:{s:b,s:b,s:b,s:b}}",
	    "name", t->name,
	    "title", t->title,
	    "description", t->description,
	    "inputSchema", mcp_schema(t->input, 1),
	    "outputSchema", mcp_schema(t->output, 0),
	    "annotations",
	    "readOnlyHint", 1,
	    "destructiveHint", 0,
	    "idempotentHint", 1,
	    "openWorldHint", 0));
}

void
mcp_tools_list(struct mcp_request *r)
{
	json_t	*list;
	size_t	 i;

	if (mcp_first_page(r) == -1)
		return;
	list = json_array();
	for (i = 0; i < NTOOLS; i++)
		json_array_append_new(list, tool_describe(&tools[i]));
	mcp_result(r, json_pack("{s:o}", "tools", list), MCP_TTL_STATIC);
}

static void __attribute__((format(printf, 2, 3)))
tool_error(struct mcp_request *r, const char *fmt, ...)
{
	char	 text[TEXT_SIZE];
	va_list	 ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	r->failed = 1;
	mcp_result(r, json_pack("{s:[{s:s,s:o}],s:b}", "content",
	    "type", "text", "text", value_text(text), "isError", 1),
	    MCP_TTL_NONE);
}

/*
 * The document as text and as it is.  list: NULL, or the name of the list
 * that it is the only element of.
 */
static void
tool_result(struct mcp_request *r, struct doc *doc, const char *list)
{
	mcp_result_begin(r);
	mcp_puts(r->out, "\"content\":[{\"type\":\"text\",\"text\":\"");
	if (list != NULL) {
		mcp_puts(r->out, "{\\\"");
		mcp_puts(r->out, list);
		mcp_puts(r->out, "\\\":[");
	}
	mcp_put_doc_text(r->out, doc);
	mcp_puts(r->out, list != NULL ? "]}\"}],\"structuredContent\":{\"" :
	    "\"}],\"structuredContent\":");
	if (list != NULL) {
		mcp_puts(r->out, list);
		mcp_puts(r->out, "\":[");
	}
	mcp_put_doc(r->out, doc);
	mcp_puts(r->out, list != NULL ? "]},\"isError\":false" :
	    ",\"isError\":false");
	mcp_result_end(r, MCP_TTL_NONE);
}

static void
call_health(struct mcp_request *r, const char *value)
{
	tool_result(r, doc_get("/health"), NULL);
}

static void
call_address(struct mcp_request *r, const char *iface)
{
	char	 target[64], known[LIST_SIZE];

	if (iface == NULL) {
		tool_result(r, doc_get("/v6/address"), NULL);
		return;
	}
	if (fe_tunnel_iface(iface) == NULL) {
		tool_error(r, "No tunnel has the interface \"%.32s\". "
		    "Interfaces of tunnels: %s. Without iface all are listed.",
		    iface, fe_tunnel_list(known, sizeof(known), fe_iface));
		return;
	}
	snprintf(target, sizeof(target), "/v6/address?iface=%s", iface);
	tool_result(r, doc_get(target), NULL);
}

static void
call_status(struct mcp_request *r, const char *name)
{
	char	 target[64], known[LIST_SIZE];

	if (name == NULL) {
		tool_result(r, doc_get("/tunnels"), NULL);
		return;
	}
	if (fe_tunnel_name(name) == NULL) {
		tool_error(r, "There is no tunnel \"%.64s\". Tunnels: %s. "
		    "Without name all are listed.", name,
		    fe_tunnel_list(known, sizeof(known), fe_name));
		return;
	}
	snprintf(target, sizeof(target), "/tunnels/%s", name);
	tool_result(r, doc_get(target), "tunnels");
}

/* 0, or -1 and the model was told which arguments there are */
static int
tool_argument(struct mcp_request *r, const struct tool *t, json_t *args,
    const char **value)
{
	const char	*known = t->input->name, *key;
	json_t		*arg;

	*value = NULL;
	json_object_foreach(args, key, arg) {
		if (known != NULL && strcmp(key, known) == 0 &&
		    json_is_string(arg)) {
			*value = json_string_value(arg);
			continue;
		}
		if (known == NULL)
			tool_error(r, "%s takes no arguments.", t->name);
		else
			tool_error(r, "The only argument of %s is %s, a "
			    "string, which may be left out.", t->name, known);
		return (-1);
	}
	return (0);
}

static const struct tool *
tool_find(const char *name)
{
	size_t	 i;

	for (i = 0; i < NTOOLS; i++)
		if (strcmp(tools[i].name, name) == 0)
			return (&tools[i]);
	return (NULL);
}

void
mcp_tools_call(struct mcp_request *r)
{
	const char		*name = mcp_string(r->params, "name"), *value;
	json_t			*args;
	const struct tool	*t;

	args = json_object_get(r->params, "arguments");
	if (name == NULL || (args != NULL && !json_is_object(args)))
		mcp_error(r, MCP_INVALID_PARAMS, NULL, "name is a string and "
		    "arguments, if any, an object");
	else if ((t = tool_find(name)) == NULL)
		mcp_error(r, MCP_INVALID_PARAMS, NULL, "Unknown tool: %.64s",
		    name);
	else if (tool_argument(r, t, args, &value) == 0)
		t->call(r, value);
}
