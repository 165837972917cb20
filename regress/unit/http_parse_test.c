/*
 * The HTTP request parser: spans, flags and verdicts, however the input is
 * cut.  The corpus of malformed requests is in regress/http.
 */
#include <assert.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http_parse.h"

#define LINE	"GET /a%20b?c=d HTTP/1.1\r\n"
#define HOST	"Host: h:1\r\n"

static int
span_is(const char *head, struct http_span s, const char *text)
{
	return (s.len == strlen(text) &&
	    memcmp(head + s.off, text, s.len) == 0);
}

/* parses in pieces of step bytes, each time from a buffer of its own */
static int
parse_by(struct http_request *req, const char *raw, size_t len, size_t step)
{
	size_t have;
	char *copy;
	int rv = 0;

	memset(req, 0, sizeof(*req));
	for (have = step; rv == 0; have += step) {
		if (have > len)
			have = len;
		/* nothing behind what has arrived may be read */
		if ((copy = malloc(have)) == NULL)
			err(1, NULL);
		memcpy(copy, raw, have);
		rv = http_parse(req, copy, have);
		free(copy);
		if (have == len)
			break;
	}
	return (rv);
}

static int
parse(struct http_request *req, const char *raw)
{
	struct http_request other;
	size_t step, len = strlen(raw);
	int rv;

	rv = parse_by(req, raw, len, len);
	for (step = 1; step < len; step = step * 2 + 1) {
		if (parse_by(&other, raw, len, step) != rv)
			errx(1, "another verdict in steps of %zu: %s", step,
			    raw);
		other.scanned = req->scanned;	/* how far, not what */
		if (rv == 1 && memcmp(&other, req, sizeof(other)) != 0)
			errx(1, "another request in steps of %zu: %s", step,
			    raw);
	}
	return (rv);
}

static void
test_request(void)
{
	static const char raw[] = LINE HOST "Authorization: \tBearer x \r\n"
	    "ORIGIN: http://o\r\nsec-fetch-site: none\r\nContent-Type: a/b\r\n"
	    "Content-Length: 65536\r\nIf-None-Match: \"1\"\r\nX:\r\n"
	    "if-none-match: \"2\"\r\nConnection: x, Close\r\n"
	    "Expect: 100-Continue\r\n\r\nBODY";
	struct http_request req;
	struct http_span v;
	size_t at = 0;

	assert(parse(&req, raw) == 1);
	assert(req.method == HTTP_GET && req.minor == 1);
	assert(req.head_len == strlen(raw) - 4);
	assert(req.content_length == 65536);
	assert(span_is(raw, req.path, "/a%20b"));
	assert(req.seen & HTTP_F_QUERY && span_is(raw, req.query, "c=d"));
	assert(span_is(raw, req.host, "h:1"));
	assert(span_is(raw, req.authorization, "Bearer x"));
	assert(span_is(raw, req.origin, "http://o"));
	assert(span_is(raw, req.fetch_site, "none"));
	assert(span_is(raw, req.content_type, "a/b"));
	assert(req.seen & HTTP_F_CLOSE && req.seen & HTTP_F_CONTINUE);
	assert((req.seen & (HTTP_F_ABSOLUTE | HTTP_F_KEEP_ALIVE)) == 0);
	assert(http_field(&req, raw, "if-none-match", &at, &v) == 1);
	assert(span_is(raw, v, "\"1\""));
	assert(http_field(&req, raw, "if-none-match", &at, &v) == 1);
	assert(span_is(raw, v, "\"2\""));
	assert(http_field(&req, raw, "if-none-match", &at, &v) == 0);
	at = 0;
	assert(http_field(&req, raw, "x", &at, &v) == 1 && v.len == 0);
	at = 0;
	assert(http_field(&req, raw, "y", &at, &v) == 0);
}

static void
test_targets(void)
{
	struct http_request req;
	const char *raw;

	raw = "HEAD http://[::1]:80?x HTTP/1.0\r\n" HOST "\r\n";
	assert(parse(&req, raw) == 1);
	assert(req.method == HTTP_HEAD && req.minor == 0);
	assert(span_is(raw, req.authority, "[::1]:80"));
	assert(span_is(raw, req.query, "x"));
	assert(req.path.len == 0 && req.seen & HTTP_F_ABSOLUTE);

	raw = "OPTIONS * HTTP/1.1\r\n" HOST "\r\n";
	assert(parse(&req, raw) == 1);
	assert(req.method == HTTP_OPTIONS && span_is(raw, req.path, "*"));

	raw = "\r\nDELETE / HTTP/1.1\r\n" HOST "\r\n";
	assert(parse(&req, raw) == 1);
	assert(req.method == HTTP_DELETE && span_is(raw, req.path, "/"));
	assert((req.seen & HTTP_F_QUERY) == 0);

	raw = "delete / HTTP/1.1\r\n" HOST "\r\n";
	assert(parse(&req, raw) == 1 && req.method == HTTP_OTHER);
}

/* exactly at each limit, and one byte beyond it */
static void
test_limits(void)
{
	static char raw[2 * HTTP_HEAD_MAX], pad[HTTP_HEAD_MAX];
	struct http_request req;
	int over;

	memset(pad, 'a', sizeof(pad) - 1);
	for (over = 0; over < 2; over++) {
		snprintf(raw, sizeof(raw), "GET /%.*s HTTP/1.1\r\n" HOST "\r\n",
		    HTTP_TARGET_MAX - 1 + over, pad);
		assert(parse(&req, raw) == (over ? 414 : 1));
		snprintf(raw, sizeof(raw), "%.*s / HTTP/1.1\r\n" HOST "\r\n",
		    HTTP_METHOD_MAX + over, pad);
		assert(parse(&req, raw) == (over ? 400 : 1));
		snprintf(raw, sizeof(raw), "%s" HOST "X: %.*s\r\n\r\n",
		    LINE, HTTP_FIELDS_SIZE - 11 - 5 + over, pad);
		assert(parse(&req, raw) == (over ? 431 : 1));
		snprintf(raw, sizeof(raw), "%s" HOST "Content-Length: %d\r\n"
		    "\r\n", LINE, HTTP_BODY_MAX + over);
		assert(parse(&req, raw) == (over ? 413 : 1));
	}
	/* all of them together are the longest head there can be */
	snprintf(raw, sizeof(raw), "\r\n%.*s /%.*s HTTP/1.1\r\n" HOST
	    "X: %.*s\r\n\r\n", HTTP_METHOD_MAX, pad, HTTP_TARGET_MAX - 1, pad,
	    HTTP_FIELDS_SIZE - 11 - 5, pad);
	assert(strlen(raw) == HTTP_HEAD_MAX);
	assert(parse(&req, raw) == 1);
	assert(req.head_len == HTTP_HEAD_MAX);
}

/* refused as soon as it is known, without waiting for the rest */
static void
test_early(void)
{
	struct http_request req;

	assert(parse(&req, "\x16\x03\x01") == 400);
	assert(parse(&req, "G") == 0);
	assert(parse(&req, LINE HOST "X y\r\n") == 400);
	assert(parse(&req, LINE HOST HOST) == 400);
	assert(parse(&req, LINE HOST) == 0);
	assert(req.error == NULL);
	assert(parse(&req, LINE HOST "\n") == 400 && req.error != NULL);
}

static void
test_decode(void)
{
	char buf[8];

	assert(http_decode("a%2eb", 5, buf, sizeof(buf)) == 3);
	assert(strcmp(buf, "a.b") == 0);
	assert(http_decode("a%2fb%2F", 8, buf, sizeof(buf)) == -1);
	assert(http_decode("%2fb", 4, buf, sizeof(buf)) == 4);
	assert(strcmp(buf, "%2fb") == 0);
	assert(http_decode("1234567", 7, buf, sizeof(buf)) == 7);
	assert(http_decode("12345678", 8, buf, sizeof(buf)) == -1);
	assert(http_decode("", 0, buf, sizeof(buf)) == 0 && *buf == '\0');
}

int
main(void)
{
	test_request();
	test_targets();
	test_limits();
	test_early();
	test_decode();
	return (0);
}
