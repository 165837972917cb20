/*
 * Lines out of a buffer: see mcp_line.h.  Pure; runs in the frontend
 * (_gatewayd, chroot).
 */
#include <string.h>

#include "log.h"
#include "mcp_line.h"

#define EOL_MAX	2	/* "\r\n" */

static int
blank(char c)
{
	return (c == ' ' || c == '\t' || c == '\r');
}

/* bytes of the first line with its newline, or 0 if it is not complete; what
 * was looked at once is not looked at again */
static size_t
line_size(struct mcp_lines *l, struct evbuffer *in, int end)
{
	struct evbuffer_ptr	 at;
	size_t			 len = evbuffer_get_length(in);

	if (l->scanned < len) {
		if (evbuffer_ptr_set(in, &at, l->scanned,
		    EVBUFFER_PTR_SET) == -1)
			fatalx("evbuffer_ptr_set");
		at = evbuffer_search(in, "\n", 1, &at);
		if (at.pos != -1)
			return ((size_t)at.pos + 1);
		l->scanned = len;
	}
	return (end ? len : 0);
}

enum mcp_line
mcp_line_next(struct mcp_lines *l, struct evbuffer *in, int end,
    const char **line, size_t *len)
{
	const char	*s;
	size_t		 size;

	while ((size = line_size(l, in, end)) > 0 &&
	    size <= MCP_LINE_MAX + EOL_MAX) {
		s = (const char *)evbuffer_pullup(in, (ev_ssize_t)size);
		if (s == NULL)
			fatalx("evbuffer_pullup: out of memory");
		l->taken = size;
		if (s[size - 1] == '\n')
			size--;
		while (size > 0 && blank(s[size - 1]))
			size--;
		for (; size > 0 && blank(*s); s++)
			size--;
		if (size > MCP_LINE_MAX)
			return (MCP_LINE_LONG);
		if (size > 0) {
			*line = s;
			*len = size;
			return (MCP_LINE_READY);
		}
		mcp_line_done(l, in);
	}
	return (size > 0 || l->scanned >= MCP_LINE_MAX + EOL_MAX ?
	    MCP_LINE_LONG : MCP_LINE_NONE);
}

void
mcp_line_done(struct mcp_lines *l, struct evbuffer *in)
{
	evbuffer_drain(in, l->taken);
	l->taken = 0;
	l->scanned = 0;
}
