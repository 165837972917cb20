/*
 * The head of an HTTP/1.1 reply (RFC 9110).  Pure; runs in the frontend
 * (_gatewayd, chroot).
 */
#ifndef GW_HTTP_REPLY_H
#define GW_HTTP_REPLY_H

#include <stddef.h>
#include <time.h>

#define HTTP_REPLY_HEAD_MAX	768	/* longest head http_head() makes */
#define HTTP_RETRY_AFTER	1	/* seconds, with every 503 */

/* how the end of the content is told */
enum http_framing {
	HTTP_BY_LENGTH,
	HTTP_CHUNKED,
	HTTP_UNTIL_CLOSE		/* for HTTP/1.0 */
};

struct http_reply {
	int		 status;
	const char	*type;		/* media type, NULL: no content */
	enum http_framing framing;
	size_t		 len;		/* of the content */
	const char	*etag;		/* NULL: no-store */
	const char	*allow;		/* methods, or NULL */
	char		 location[24];	/* a path, or "" */
	const char	*connection;	/* "close", "keep-alive" or NULL */
};

/* "OK", ...; fatal for a status that we never send */
const char	*http_phrase(int status);
/* writes the head, the empty line included; its length */
size_t		 http_head(char buf[HTTP_REPLY_HEAD_MAX],
		    const struct http_reply *);
/* brings the Date of a head that was kept up to now */
void		 http_head_date(char *head, time_t now);

#endif
