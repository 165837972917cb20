/*
 * The strict parser of HTTP/1.1 requests (RFC 9112): no I/O, no allocation.
 * Runs in the frontend (_gatewayd, chroot).
 *
 * What could be read in two ways is refused, because a proxy before us may
 * read it in the other way: bare LF, folded fields, space before a colon, two
 * lengths, a length beside a transfer coding.
 */
#ifndef GW_HTTP_PARSE_H
#define GW_HTTP_PARSE_H

#include <stddef.h>
#include <stdint.h>

#define HTTP_METHOD_MAX	32		/* characters of a method */
#define HTTP_TARGET_MAX	2048		/* bytes of a request-target */
#define HTTP_FIELDS_MAX	64
#define HTTP_FIELDS_SIZE	8192	/* bytes of all field lines */
#define HTTP_BODY_MAX	65536
/* an empty line, request line, fields and the empty line behind them */
#define HTTP_HEAD_MAX \
	(2 + HTTP_METHOD_MAX + HTTP_TARGET_MAX + 12 + HTTP_FIELDS_SIZE + 2)

enum http_method {
	HTTP_GET,
	HTTP_HEAD,
	HTTP_OPTIONS,			/* so far they are safe */
	HTTP_POST,
	HTTP_DELETE,
	HTTP_OTHER
};

/* a part of the request's head; len 0 and off 0: not there */
struct http_span {
	uint16_t		 off;
	uint16_t		 len;
};

/* fields that were seen */
#define HTTP_F_HOST		0x0001
#define HTTP_F_LENGTH		0x0002
#define HTTP_F_CODING		0x0004
#define HTTP_F_AUTHORIZATION	0x0008
#define HTTP_F_IF_NONE_MATCH	0x0010
#define HTTP_F_CONTENT_TYPE	0x0020
#define HTTP_F_ORIGIN		0x0040
#define HTTP_F_FETCH_SITE	0x0080
#define HTTP_F_CLOSE		0x0100	/* Connection: close */
#define HTTP_F_KEEP_ALIVE	0x0200	/* Connection: keep-alive */
#define HTTP_F_CONTINUE		0x0400	/* Expect: 100-continue */
#define HTTP_F_CHUNKED		0x0800	/* the coding is "chunked" alone */
#define HTTP_F_QUERY		0x1000	/* the target has a "?" */
#define HTTP_F_ABSOLUTE		0x2000	/* the target is a whole URI */

/* All zero before the first byte of a request. */
struct http_request {
	/* how far the head was read */
	uint16_t		 line;		/* where its line starts */
	uint16_t		 scanned;	/* no LF in front of this */
	uint16_t		 fields_at;	/* 0: in the request line */
	uint16_t		 nfields;
	uint16_t		 head_len;	/* 0: not complete */

	uint16_t		 seen;		/* HTTP_F_* */
	enum http_method	 method;
	int			 minor;		/* HTTP/1.minor: 0 or 1 */
	uint32_t		 content_length;
	struct http_span	 path;		/* as sent, "*" or "/..." */
	struct http_span	 query;		/* behind the "?" */
	struct http_span	 authority;	/* of an absolute target */
	struct http_span	 host;
	struct http_span	 authorization;
	struct http_span	 content_type;
	struct http_span	 origin;
	struct http_span	 fetch_site;
	const char		*error;		/* what is wrong with it */
};

/*
 * Reads on in head, the len bytes of the request there are; it may have moved
 * since the last call.  0: more is needed; 1: the head is complete, head_len
 * long, and a body of content_length bytes follows; else the HTTP status to
 * refuse it with, and error says why.  No byte behind such a request can be
 * trusted to be the start of another one.
 */
int	 http_parse(struct http_request *, const char *head, size_t len);

/*
 * The next line of the field (lower case) behind *at, which starts at 0.
 * 1 and its value, or 0 if there are no more.
 */
int	 http_field(const struct http_request *, const char *head,
	    const char *name, size_t *at, struct http_span *value);

/*
 * Percent-decodes len bytes into buf, with a NUL (RFC 3986, section 2.1); an
 * encoded "/" stays "%2F", so that it never separates.  The length, or -1 if
 * buf is too short.  The text was checked by http_parse().
 */
int	 http_decode(const char *text, size_t len, char *buf, size_t size);

#endif
