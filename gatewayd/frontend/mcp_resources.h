/*
 * The resources of MCP, each of them a REST document.  Runs in the frontend
 * (_gatewayd, chroot).
 */
#ifndef GW_MCP_RESOURCES_H
#define GW_MCP_RESOURCES_H

#include "doc.h"
#include "mcp_rpc.h"

/* what it says now, not held; NULL if there is none */
struct doc	*mcp_resource_doc(const char *uri);
/* params.uri, which is one of ours, or NULL after an error was answered */
const char	*mcp_resource_uri(struct mcp_request *);

/* methods */
void	 mcp_resources_list(struct mcp_request *);
void	 mcp_templates_list(struct mcp_request *);
void	 mcp_resources_read(struct mcp_request *);

#endif
