/*
 * The methods of MCP that are about the protocol itself, and the table of
 * all.  Runs in the frontend (_gatewayd, chroot).
 */
#include <string.h>

#include "mcp_methods.h"
#include "mcp_resources.h"

#define BOTH	(MCP_IN_LEGACY | MCP_IN_MODERN)
#define INSTRUCTIONS \
	"Read-only view of v6-gatewayd, which gives this host IPv6 through " \
	"tunnels. Start with check_health: its status says whether IPv6 " \
	"works. If it is not ok, get_tunnel_status says which tunnel is the " \
	"cause, and with the tunnel's name why. get_ipv6_address lists the " \
	"addresses this host can be reached at. Nothing can be changed " \
	"here: an operator does that with gatewayctl(8)."

static void	 initialize(struct mcp_request *);
static void	 ping(struct mcp_request *);
static void	 discover(struct mcp_request *);

static const struct mcp_method	 methods[] = {
	{ "initialize", MCP_IN_LEGACY | MCP_NO_BATCH, initialize },
	{ "ping", MCP_IN_LEGACY, ping },
	{ "server/discover", MCP_IN_MODERN, discover },
	{ "tools/list", BOTH, mcp_tools_list },
	{ "tools/call", BOTH, mcp_tools_call },
	{ "resources/list", BOTH, mcp_resources_list },
	{ "resources/templates/list", BOTH, mcp_templates_list },
	{ "resources/read", BOTH, mcp_resources_read },
	{ "resources/subscribe", MCP_IN_LEGACY, mcp_subscribe },
	{ "resources/unsubscribe", MCP_IN_LEGACY, mcp_unsubscribe },
	{ "subscriptions/listen", MCP_IN_MODERN, mcp_listen_method },
	{ "prompts/list", BOTH, mcp_prompts_list },
	{ "prompts/get", BOTH, mcp_prompts_get },
	{ "completion/complete", BOTH, mcp_complete },
};

const struct mcp_method *
mcp_method_find(const char *name)
{
	size_t	 i;

	for (i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (strcmp(methods[i].name, name) == 0)
			return (&methods[i]);
	return (NULL);
}

int
mcp_first_page(struct mcp_request *r)
{
	if (json_object_get(r->params, "cursor") == NULL)
		return (0);
	mcp_error(r, MCP_INVALID_PARAMS, NULL, "Unknown cursor: this list "
	    "has one page");
	return (-1);
}

static json_t *
capabilities(void)
{
	return (json_pack("{s:{},s:{s:b},s:{},s:{}}", "tools",
	    "resources", "subscribe", 1, "prompts", "completions"));
}

static const char *
agreed_version(const char *offered)
{
	static const char *const	 legacy[] = {
		MCP_LEGACY, "2025-06-18", MCP_BATCHES, "2024-11-05"
	};
	size_t				 i;

	for (i = 0; i < sizeof(legacy) / sizeof(legacy[0]); i++)
		if (strcmp(offered, legacy[i]) == 0)
			return (legacy[i]);
	return (MCP_LEGACY);
}

static void
initialize(struct mcp_request *r)
{
	const char	*offered = mcp_string(r->params, "protocolVersion");
	json_t		*client = json_object_get(r->params, "clientInfo");
	const char	*version;

	if (offered == NULL || !json_is_object(json_object_get(r->params,
	    "capabilities")) || mcp_string(client, "name") == NULL ||
	    mcp_string(client, "version") == NULL) {
		mcp_error(r, MCP_INVALID_PARAMS, NULL, "params have a string "
		    "protocolVersion, an object capabilities, and an object "
		    "clientInfo with the strings name and version");
		return;
	}
	version = agreed_version(offered);
	r->session->batches = strcmp(version, MCP_BATCHES) == 0;
	mcp_result(r, json_pack("{s:s,s:o,s:o,s:s}",
	    "protocolVersion", version,
	    "capabilities", capabilities(),
	    "serverInfo", mcp_server_info(),
	    "instructions", INSTRUCTIONS), MCP_TTL_NONE);
}

static void
ping(struct mcp_request *r)
{
	mcp_result(r, json_object(), MCP_TTL_NONE);
}

static void
discover(struct mcp_request *r)
{
	mcp_result(r, json_pack("{s:[s],s:o,s:s}",
	    "supportedVersions", MCP_MODERN,
	    "capabilities", capabilities(),
	    "instructions", INSTRUCTIONS), MCP_TTL_STATIC);
}
