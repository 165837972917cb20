/*
 * The methods of MCP.  Runs in the frontend (_gatewayd, chroot).
 */
#ifndef GW_MCP_METHODS_H
#define GW_MCP_METHODS_H

#include "mcp_rpc.h"

#define MCP_IN_LEGACY	0x1
#define MCP_IN_MODERN	0x2
#define MCP_NO_BATCH	0x4	/* not as a part of a batch */

struct mcp_method {
	const char	*name;
	unsigned int	 flags;		/* where it exists */
	void		(*call)(struct mcp_request *);
};

/* NULL if there is none */
const struct mcp_method *mcp_method_find(const char *name);
/* lists are one page: 0, or -1 and the request's cursor was answered */
int	 mcp_first_page(struct mcp_request *);

/* mcp_tools.c */
void	 mcp_tools_list(struct mcp_request *);
void	 mcp_tools_call(struct mcp_request *);

/* mcp_prompts.c */
void	 mcp_prompts_list(struct mcp_request *);
void	 mcp_prompts_get(struct mcp_request *);
void	 mcp_complete(struct mcp_request *);

#endif
