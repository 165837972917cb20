/*
 * The message layer of MCP: JSON-RPC 2.0, and which of the protocol's eras a
 * request belongs to.  Runs in the frontend (_gatewayd, chroot); no I/O: what
 * is answered goes to a buffer.
 *
 * A "legacy" client shakes hands (initialize) and speaks a revision up to
 * 2025-11-25; a "modern" one says with each request that it speaks
 * 2026-07-28.  Each request is looked at by itself.
 */
#ifndef GW_MCP_RPC_H
#define GW_MCP_RPC_H

#include <event2/buffer.h>
#include <jansson.h>
#include <stddef.h>

#include "doc.h"
#include "mcp_subs.h"

#define MCP_LEGACY	"2025-11-25"	/* the latest one */
#define MCP_MODERN	"2026-07-28"
#define MCP_BATCHES	"2025-03-26"	/* the only one that has them */
#define MCP_BATCH_MAX	64
#define MCP_ID_MAX	256		/* bytes of a request's id */
#define MCP_META	"io.modelcontextprotocol/"

enum mcp_code {
	MCP_PARSE_ERROR = -32700,
	MCP_INVALID_REQUEST = -32600,
	MCP_NO_METHOD = -32601,
	MCP_INVALID_PARAMS = -32602,
	MCP_INTERNAL = -32603,
	MCP_NO_RESOURCE = -32002,	/* legacy */
	MCP_NO_VERSION = -32022		/* modern */
};

/* what is known of a connection */
struct mcp_session {
	int		 batches;	/* MCP_BATCHES was agreed on */
	struct mcp_subs	 subs;
};

struct mcp_request {
	struct mcp_session	*session;
	struct evbuffer		*out;
	json_t			*id;		/* NULL: it cannot be read */
	const char		*method;
	json_t			*params;	/* an object, or NULL */
	int			 modern;
	int			 in_batch;
	int			 answered;
	int			 failed;	/* with an error, or isError */
};

/* how long a modern client may keep a result */
enum mcp_ttl {
	MCP_TTL_NONE,		/* such results do not say */
	MCP_TTL_STATIC,		/* as long as this version runs */
	MCP_TTL_STATE		/* it may change at any time */
};

/* answers one line; what it adds to the buffer is whole lines */
void	 mcp_rpc_line(struct mcp_session *, const char *line, size_t len,
	    struct evbuffer *);
/* tells a client whose line is longer than MCP_LINE_MAX */
void	 mcp_rpc_long(struct evbuffer *);

/* for methods: one of them answers the request, now; only one that stays open
 * is not answered */

/* the members of the result; ends the life of that reference */
void	 mcp_result(struct mcp_request *, json_t *members, enum mcp_ttl);
/* or: begin, the members as text that is not empty, end */
void	 mcp_result_begin(struct mcp_request *);
void	 mcp_result_end(struct mcp_request *, enum mcp_ttl);
/* data: a further member, or NULL; it ends the life of that reference */
void	 mcp_error(struct mcp_request *, enum mcp_code, json_t *data,
	    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* a message of ours; ends the life of that reference */
void	 mcp_notify(struct evbuffer *, const char *method, json_t *params);

/* text, or a value as compact JSON (flags: JSON_EMBED), into the buffer */
void	 mcp_put(struct evbuffer *, const char *, size_t len);
void	 mcp_puts(struct evbuffer *, const char *);
void	 mcp_put_json(struct evbuffer *, const json_t *, size_t flags);
/* a document's JSON; the same as text inside a JSON string */
void	 mcp_put_doc(struct evbuffer *, struct doc *);
void	 mcp_put_doc_text(struct evbuffer *, struct doc *);

/* the string member called so, or NULL; object may be NULL */
const char *mcp_string(const json_t *object, const char *key);
/* name, title and version of this program */
json_t	*mcp_server_info(void);

#endif
