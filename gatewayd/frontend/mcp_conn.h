/*
 * One connection of the MCP server, and what mcp.c keeps of all of them.
 * Runs in the frontend (_gatewayd, chroot).
 */
#ifndef GW_MCP_CONN_H
#define GW_MCP_CONN_H

#include <sys/queue.h>
#include <sys/types.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <stdint.h>

#include "mcp_line.h"
#include "mcp_rpc.h"

/* what mcp.h promises; variables only so that tests need not wait */
struct mcp_limits {
	unsigned int		 connections;
	unsigned int		 line_ms;
	unsigned int		 write_ms;
};
extern struct mcp_limits mcp_limits;

struct mcp_conn {
	TAILQ_ENTRY(mcp_conn)	 entry;		/* among all */
	TAILQ_ENTRY(mcp_conn)	 turn;		/* among those with work */
	int			 waiting;	/* it is among those */
	int			 fd;
	uid_t			 uid;		/* of the client */
	struct event		*read_ev;
	struct event		*write_ev;
	struct event		*line_ev;	/* the rest of a line is due */
	struct evbuffer		*in;
	struct evbuffer		*out;
	size_t			 counted;	/* of out, in mcp_queued */
	int			 eof;		/* the client sends no more */
	int			 last;		/* nothing more is answered */
	int			 dead;		/* to be dropped */
	struct mcp_lines	 lines;
	struct mcp_session	 session;
};

/* bytes of output that wait for all clients together */
extern size_t		 mcp_queued;

/* takes over fd; NULL, with fd closed, if there is no memory */
struct mcp_conn	*mcp_conn_new(struct event_base *, int fd, uid_t);
void		 mcp_conn_free(struct mcp_conn *);
/*
 * Works for this client until it has nothing to do, has had its share, or the
 * time (monotime_us()) is up.  1: it wants another turn; 0: it waits for its
 * client; -1: it is at its end.
 */
int		 mcp_conn_turn(struct mcp_conn *, uint64_t until);

/* mcp.c: there is work for this one */
void		 mcp_ready(struct mcp_conn *);

#endif
