/*
 * Writes the head of HTTP/1.1 replies (RFC 9110).  Pure but for the clock;
 * runs in the frontend (_gatewayd, chroot).
 *
 * Date is the first field, so that its place in a head that is kept follows
 * from the status line.
 */
#include <stdio.h>
#include <string.h>

#include "http_reply.h"
#include "log.h"

#define DATE_SIZE	30		/* IMF-fixdate, RFC 9110, 5.6.7, NUL */
#define DATE_FIELD	"\r\nDate: "

static const struct phrase {
	int		 status;
	const char	*text;
} phrases[] = {
	{ 200, "OK" },
	{ 201, "Created" },
	{ 202, "Accepted" },
	{ 204, "No Content" },
	{ 304, "Not Modified" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 408, "Request Timeout" },
	{ 409, "Conflict" },
	{ 411, "Length Required" },
	{ 413, "Content Too Large" },
	{ 414, "URI Too Long" },
	{ 415, "Unsupported Media Type" },
	{ 417, "Expectation Failed" },
	{ 421, "Misdirected Request" },
	{ 431, "Request Header Fields Too Large" },
	{ 501, "Not Implemented" },
	{ 503, "Service Unavailable" },
	{ 505, "HTTP Version Not Supported" },
};

const char *
http_phrase(int status)
{
	size_t i;

	for (i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++)
		if (phrases[i].status == status)
			return (phrases[i].text);
	fatalx("no phrase for HTTP status %d", status);
}

/* made once a second at most; names in C, whatever the locale */
static const char *
date_text(time_t now)
{
	static const char days[][4] = {
		"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"
	};
	static const char months[][4] = {
		"Jan", "Feb", "Mar", "Apr", "May", "Jun",
		"Jul", "Aug", "Sep", "Oct", "Nov", "Dec"
	};
	static char text[DATE_SIZE];
	static time_t made = -1;
	struct tm tm;

	if (now == made || gmtime_r(&now, &tm) == NULL)
		return (text);
	snprintf(text, sizeof(text), "%s, %02u %s %04u %02u:%02u:%02u GMT",
	    days[tm.tm_wday % 7], (unsigned int)tm.tm_mday % 100,
	    months[tm.tm_mon % 12], (unsigned int)(tm.tm_year + 1900) % 10000,
	    (unsigned int)tm.tm_hour % 100, (unsigned int)tm.tm_min % 100,
	    (unsigned int)tm.tm_sec % 100);
	made = now;
	return (text);
}

void
http_head_date(char *head, time_t now)
{
	char *field = strchr(head, '\r');

	memcpy(field + strlen(DATE_FIELD), date_text(now), DATE_SIZE - 1);
}

/* appends to the head; a head that does not fit is our own mistake */
static size_t __attribute__((format(printf, 3, 4)))
head_add(char *buf, size_t len, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf + len, HTTP_REPLY_HEAD_MAX - len, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= HTTP_REPLY_HEAD_MAX - len)
		fatalx("an HTTP head is too long");
	return (len + (size_t)n);
}

static size_t
head_content(char *buf, size_t n, const struct http_reply *r)
{
	n = head_add(buf, n, "Content-Type: %s\r\n", r->type);
	if (r->framing == HTTP_BY_LENGTH)
		n = head_add(buf, n, "Content-Length: %zu\r\n", r->len);
	else if (r->framing == HTTP_CHUNKED)
		n = head_add(buf, n, "Transfer-Encoding: chunked\r\n");
	return (n);
}

size_t
http_head(char buf[HTTP_REPLY_HEAD_MAX], const struct http_reply *r)
{
	size_t n = 0;

	n = head_add(buf, n, "HTTP/1.1 %d %s" DATE_FIELD "%s\r\n", r->status,
	    http_phrase(r->status), date_text(time(NULL)));
	if (r->type != NULL)
		n = head_content(buf, n, r);
	if (r->etag != NULL)
		n = head_add(buf, n, "ETag: %s\r\nCache-Control: no-cache\r\n",
		    r->etag);
	else
		n = head_add(buf, n, "Cache-Control: no-store\r\n");
	if (r->allow != NULL)
		n = head_add(buf, n, "Allow: %s\r\n", r->allow);
	if (r->location[0] != '\0')
		n = head_add(buf, n, "Location: %s\r\n", r->location);
	if (r->status == 401)
		n = head_add(buf, n, "WWW-Authenticate: Bearer\r\n");
	if (r->status == 503)
		n = head_add(buf, n, "Retry-After: %d\r\n", HTTP_RETRY_AFTER);
	if (r->connection != NULL)
		n = head_add(buf, n, "Connection: %s\r\n", r->connection);
	return (head_add(buf, n, "X-Content-Type-Options: nosniff\r\n"
	    "Cross-Origin-Resource-Policy: same-origin\r\n\r\n"));
}
