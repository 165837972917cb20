/*
 * The resources of MCP: see mcp_resources.h.  Runs in the frontend
 * (_gatewayd, chroot).
 */
#include <stdio.h>
#include <string.h>

#include "mcp_methods.h"
#include "mcp_resources.h"

#define TUNNEL_URI	"v6gw://tunnel/"
#define MIME		"application/json"

static const struct resource {
	const char	*uri;
	const char	*target;	/* of the document */
	const char	*name;
	const char	*title;
	const char	*description;
} resources[] = {
	{ "v6gw://health", "/health", "health", "IPv6 health",
	    "Whether IPv6 works on this host, how fast, and when that was "
	    "last checked." },
	{ "v6gw://addresses", "/v6/address", "addresses", "IPv6 addresses",
	    "The IPv6 addresses that the tunnels give this host." },
	{ "v6gw://tunnels", "/tunnels", "tunnels", "Tunnels",
	    "All IPv6 tunnels with their state and traffic." },
};
#define NRESOURCES	(sizeof(resources) / sizeof(resources[0]))

struct doc *
mcp_resource_doc(const char *uri)
{
	char	 target[MCP_URI_SIZE];
	size_t	 i;

	for (i = 0; i < NRESOURCES; i++)
		if (strcmp(uri, resources[i].uri) == 0)
			return (doc_get(resources[i].target));
	if (strncmp(uri, TUNNEL_URI, strlen(TUNNEL_URI)) != 0 ||
	    strlen(uri) >= sizeof(target))
		return (NULL);
	snprintf(target, sizeof(target), "/tunnels/%s",
	    uri + strlen(TUNNEL_URI));
	return (doc_get(target));
}

const char *
mcp_resource_uri(struct mcp_request *r)
{
	const char	*uri = mcp_string(r->params, "uri");

	if (uri == NULL) {
		mcp_error(r, MCP_INVALID_PARAMS, NULL, "uri is a string");
		return (NULL);
	}
	if (mcp_resource_doc(uri) != NULL)
		return (uri);
	mcp_error(r, r->modern ? MCP_INVALID_PARAMS : MCP_NO_RESOURCE,
	    json_pack("{s:s}", "uri", uri), "Resource not found");
	return (NULL);
}

void
mcp_resources_list(struct mcp_request *r)
{
	json_t	*list;
	size_t	 i;

	if (mcp_first_page(r) == -1)
		return;
	list = json_array();
	for (i = 0; i < NRESOURCES; i++)
		json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:s,s:s}",
		    "uri", resources[i].uri,
		    "name", resources[i].name,
		    "title", resources[i].title,
		    "description", resources[i].description,
		    "mimeType", MIME));
	mcp_result(r, json_pack("{s:o}", "resources", list), MCP_TTL_STATIC);
}

void
mcp_templates_list(struct mcp_request *r)
{
	if (mcp_first_page(r) == -1)
		return;
	mcp_result(r, json_pack("{s:[{s:s,s:s,s:s,s:s,s:s}]}",
	    "resourceTemplates",
	    "uriTemplate", TUNNEL_URI "{name}",
	    "name", "tunnel",
	    "title", "Tunnel",
	    "description", "One tunnel with everything known about it: fine "
	    "state, reason, endpoints, MTU, round trips, loss, last changes.",
	    "mimeType", MIME), MCP_TTL_STATIC);
}

void
mcp_resources_read(struct mcp_request *r)
{
	const char	*uri = mcp_resource_uri(r);
	json_t		*quoted;

	if (uri == NULL)
		return;		/* answered */
	mcp_result_begin(r);
	mcp_puts(r->out, "\"contents\":[{\"uri\":");
	quoted = json_string(uri);
	mcp_put_json(r->out, quoted, 0);
	json_decref(quoted);
	mcp_puts(r->out, ",\"mimeType\":\"" MIME "\",\"text\":\"");
	mcp_put_doc_text(r->out, mcp_resource_doc(uri));
	mcp_puts(r->out, "\"}]");
	mcp_result_end(r, MCP_TTL_STATE);
}
