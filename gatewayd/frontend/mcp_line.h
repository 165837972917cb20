/*
 * Cuts a stream into lines.  Pure; runs in the frontend (_gatewayd, chroot).
 */
#ifndef GW_MCP_LINE_H
#define GW_MCP_LINE_H

#include <event2/buffer.h>
#include <stddef.h>

#define MCP_LINE_MAX	(64 * 1024)	/* bytes, its newline not counted */

enum mcp_line {
	MCP_LINE_NONE,			/* more has to come */
	MCP_LINE_READY,
	MCP_LINE_LONG			/* this one is longer than allowed */
};

struct mcp_lines {
	size_t		 scanned;	/* bytes without a newline */
	size_t		 taken;		/* bytes of the line handed out */
};

/*
 * The next line that is not blank, without blanks around it; end: no more
 * comes, so that the last line needs no newline.  It is valid until
 * mcp_line_done(), which has to follow.
 */
enum mcp_line	 mcp_line_next(struct mcp_lines *, struct evbuffer *,
		    int end, const char **line, size_t *len);
void		 mcp_line_done(struct mcp_lines *, struct evbuffer *);

#endif
