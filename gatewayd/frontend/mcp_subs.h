/*
 * Subscriptions of one MCP connection to resources: those of
 * resources/subscribe (legacy), and those of each subscriptions/listen
 * (modern), which is a request that stays open.  Runs in the frontend
 * (_gatewayd, chroot).
 */
#ifndef GW_MCP_SUBS_H
#define GW_MCP_SUBS_H

#include <sys/queue.h>
#include <event2/buffer.h>
#include <jansson.h>

#define MCP_LISTENS	64	/* requests in flight of one connection */
#define MCP_SUBS	256	/* subscriptions of one connection */
#define MCP_URI_SIZE	64	/* every longer one is unknown */

struct mcp_request;
struct mcp_sub;
struct mcp_listen;

struct mcp_subs {
	TAILQ_HEAD(, mcp_sub)		 list;
	TAILQ_HEAD(, mcp_listen)	 listens;
	unsigned int			 nsubs;
	unsigned int			 nlistens;
	struct mcp_sub			*next;	/* to be looked at */
};

/* none; clear frees what has come since */
void	 mcp_subs_init(struct mcp_subs *);
void	 mcp_subs_clear(struct mcp_subs *);
/* ends the listen with that id, if there is one; id may be NULL */
void	 mcp_subs_cancel(struct mcp_subs *, const json_t *id);
/* something has changed: all are to be looked at; nonzero if there are any */
int	 mcp_subs_changed(struct mcp_subs *);
/* looks at one and tells of a change; 0 if none was left to be looked at */
int	 mcp_subs_check(struct mcp_subs *, struct evbuffer *);

/* methods */
void	 mcp_subscribe(struct mcp_request *);
void	 mcp_unsubscribe(struct mcp_request *);
void	 mcp_listen_method(struct mcp_request *);

#endif
