/*
 * The REST interface: which paths there are and what they answer.  Runs in
 * the frontend (_gatewayd, chroot).  It looks at requests that http_parse()
 * found complete and well formed, and does no I/O.
 */
#ifndef GW_REST_H
#define GW_REST_H

#include <stddef.h>

#include "doc.h"
#include "http_parse.h"
#include "http_reply.h"

#define REST_TOKEN_SIZE	256		/* a bearer token and NUL */

struct rest_route;

/* when the answer comes */
enum rest_when {
	REST_NOW,
	REST_REFUSED,			/* only for those who may: no answer */
	REST_LATER,			/* by rest_later.answer */
	REST_STREAM			/* it goes on: rest_later.write */
};

struct rest_answer {
	enum rest_when		 when;
	struct http_reply	 reply;
	const struct rest_route	*route;	/* who answers; NULL: no resource */
	struct doc		*doc;	/* the content, not held; or NULL */
	char			*body;	/* or this, to be freed; or NULL */
};

/*
 * The way to a client whose answer comes later: the server's, lent to the
 * resource from rest_defer() or rest_stream() until it answers or is told that
 * the client is gone.  The functions may not be called before the resource has
 * returned.
 */
struct rest_later {
	/* the answer; what it holds is taken over */
	void	(*answer)(struct rest_later *, struct rest_answer *);
	/*
	 * More of a stream.  0, or -1 if the client does not read, and is gone
	 * by now.
	 */
	int	(*write)(struct rest_later *, const char *, size_t);
	/* the resource's: the client is gone, and this with it */
	void	(*gone)(void *arg);
	void	*arg;
};

/*
 * Answers the request; the caller sends no content in answer to a HEAD.  The
 * body of content_length bytes is behind the head.  who may change things, in
 * words for the log; NULL: somebody who may not, or is not known to.
 */
void	 rest_request(const struct http_request *, const char *head,
	    const char *who, struct rest_later *, struct rest_answer *);
/* the same for a GET of "/health", "/logs?limit=3" that came by another way:
 * the control socket, MCP */
void	 rest_target(const char *target, struct rest_answer *);
/* a problem (RFC 9457) about a request, which may be incomplete or NULL */
void	 rest_problem(struct rest_answer *, int status,
	    const struct http_request *, const char *head, const char *detail);
/* nonzero if the request needs the API's token where one is configured */
int	 rest_protected(const struct http_request *, const char *head);
/*
 * Copies the bearer token (RFC 6750, section 2.1) into buf, to be erased by
 * the caller.  0, or -1 if there is none that could be right.
 */
int	 rest_token(const struct http_request *, const char *head,
	    char buf[REST_TOKEN_SIZE]);

#endif
