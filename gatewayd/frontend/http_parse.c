/*
 * Reads the head of an HTTP/1.1 request line by line (RFC 9112).  A pure
 * function of its input; runs in the frontend (_gatewayd, chroot).
 *
 * Every line is looked at once, when it is complete, so that a client that
 * sends byte by byte costs no more than one that does not, and is refused at
 * the first wrong line.
 */
#include <string.h>
#include <strings.h>

#include "http_parse.h"

#define REQUEST_LINE_MAX	(HTTP_METHOD_MAX + HTTP_TARGET_MAX + 12)
#define LENGTH_DIGITS	18		/* cannot overflow 64 bits */

/* what a byte may be part of */
#define C_TOKEN		0x01		/* a method, a field name */
#define C_PATH		0x02		/* RFC 3986 pchar and "/" */
#define C_QUERY		0x04		/* and "?" */
#define C_HOST		0x08		/* reg-name, address, port */

static int	parse_line(struct http_request *, const char *, size_t, size_t);
static int	parse_end(struct http_request *, size_t);
static int	parse_request_line(struct http_request *, const char *, size_t,
		    size_t);
static int	parse_field(struct http_request *, const char *, size_t,
		    size_t);

static int
refuse(struct http_request *req, int status, const char *error)
{
	req->error = error;
	return (status);
}

static int
is_alpha(unsigned char c)
{
	return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static int
is_digit(unsigned char c)
{
	return (c >= '0' && c <= '9');
}

static int
class_of(unsigned char c)
{
	static unsigned char table[256];
	const char *s;
	int i;

	if (table['a'] == 0) {
		for (i = 0; i < 256; i++)
			if (is_alpha((unsigned char)i) ||
			    is_digit((unsigned char)i))
				table[i] = C_TOKEN | C_PATH | C_QUERY | C_HOST;
		for (s = "!#$%&'*+-.^_`|~"; *s != '\0'; s++)
			table[(unsigned char)*s] |= C_TOKEN;
		for (s = "-._~!$&'()*+,;=:@/%"; *s != '\0'; s++)
			table[(unsigned char)*s] |= C_PATH | C_QUERY;
		table['?'] |= C_QUERY;
		for (s = "-._~!$&'()*+,;=:[]%"; *s != '\0'; s++)
			table[(unsigned char)*s] |= C_HOST;
	}
	return (table[c]);
}

static int
all_of(const char *s, size_t len, int class)
{
	size_t i;

	for (i = 0; i < len; i++)
		if ((class_of((unsigned char)s[i]) & class) == 0)
			return (0);
	return (1);
}

static int
hex_value(unsigned char c)
{
	if (is_digit(c))
		return (c - '0');
	c |= 0x20;
	return (c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1);
}

/* every "%" starts an octet that is no control character */
static int
escapes_valid(const char *s, size_t len)
{
	size_t i;
	int high, low, octet;

	for (i = 0; i < len; i++) {
		if (s[i] != '%')
			continue;
		if (len - i < 3)
			return (0);
		high = hex_value((unsigned char)s[i + 1]);
		low = hex_value((unsigned char)s[i + 2]);
		if (high == -1 || low == -1)
			return (0);
		octet = high << 4 | low;
		if (octet < 0x20 || octet == 0x7f)
			return (0);
		i += 2;
	}
	return (1);
}

int
http_decode(const char *text, size_t len, char *buf, size_t size)
{
	size_t i, n = 0;
	int octet;

	for (i = 0; i < len; i++) {
		if (n + 1 >= size)
			return (-1);
		/* what did not come by HTTP may have a "%" without digits */
		if (text[i] != '%' || len - i < 3 ||
		    hex_value((unsigned char)text[i + 1]) < 0 ||
		    hex_value((unsigned char)text[i + 2]) < 0) {
			buf[n++] = text[i];
			continue;
		}
		octet = hex_value((unsigned char)text[i + 1]) << 4 |
		    hex_value((unsigned char)text[i + 2]);
		if (octet == '/') {
			buf[n++] = '%';
			continue;
		}
		buf[n++] = (char)octet;
		i += 2;
	}
	if (size == 0)
		return (-1);
	buf[n] = '\0';
	return ((int)n);
}

/* a line that has no end yet may already be too long, or no HTTP at all */
static int
check_partial(struct http_request *req, const char *head, size_t len)
{
	size_t have = len - req->line;

	if (req->fields_at != 0) {
		/* the CR of the empty line may be there already */
		if (len - req->fields_at > HTTP_FIELDS_SIZE + 1)
			return (refuse(req, 431, "the fields are longer than "
			    "8192 bytes"));
		return (0);
	}
	if (have > 0 && head[req->line] != '\r' &&
	    (class_of((unsigned char)head[req->line]) & C_TOKEN) == 0)
		return (refuse(req, 400, "this is not an HTTP request"));
	if (have < REQUEST_LINE_MAX)
		return (0);
	if (memchr(head + req->line, ' ', HTTP_METHOD_MAX + 1) == NULL)
		return (refuse(req, 400, "the request line has no method"));
	return (refuse(req, 414, "the target is longer than 2048 bytes"));
}

int
http_parse(struct http_request *req, const char *head, size_t len)
{
	const char *lf;
	size_t at;
	int rv;

	if (len > HTTP_HEAD_MAX)
		len = HTTP_HEAD_MAX;
	while (req->scanned < len) {
		lf = memchr(head + req->scanned, '\n', len - req->scanned);
		if (lf == NULL) {
			req->scanned = (uint16_t)len;
			break;
		}
		at = (size_t)(lf - head);
		if (at == req->line || head[at - 1] != '\r')
			return (refuse(req, 400, "a line ends in a bare LF"));
		rv = parse_line(req, head, req->line, at - 1 - req->line);
		if (rv != 0)
			return (rv);
		req->line = req->scanned = (uint16_t)(at + 1);
	}
	return (check_partial(req, head, len));
}

/* the lines of a head: maybe an empty one, the request's, fields, the end */
static int
parse_line(struct http_request *req, const char *head, size_t off, size_t len)
{
	if (req->fields_at == 0) {
		/* RFC 9112, section 2.2: one CRLF left over by old clients */
		if (len == 0 && off == 0)
			return (0);
		req->fields_at = (uint16_t)(off + len + 2);
		return (parse_request_line(req, head, off, len));
	}
	if (len == 0)
		return (parse_end(req, off));
	if (off + len + 2 - req->fields_at > HTTP_FIELDS_SIZE)
		return (refuse(req, 431, "the fields are longer than 8192 "
		    "bytes"));
	return (parse_field(req, head, off, len));
}

/* the empty line: what only all fields together can tell */
static int
parse_end(struct http_request *req, size_t off)
{
	if ((req->seen & HTTP_F_HOST) == 0)
		return (refuse(req, 400, "there is no Host field"));
	if (req->seen & HTTP_F_CODING) {
		if (req->seen & HTTP_F_LENGTH)
			return (refuse(req, 400, "Content-Length and "
			    "Transfer-Encoding exclude each other"));
		if (req->minor == 0)
			return (refuse(req, 400, "HTTP/1.0 has no "
			    "Transfer-Encoding"));
		if (req->seen & HTTP_F_CHUNKED)
			return (refuse(req, 411, "a chunked body is not "
			    "taken: send Content-Length"));
		return (refuse(req, 501, "no transfer coding is supported"));
	}
	if (req->content_length > HTTP_BODY_MAX)
		return (refuse(req, 413, "the body is longer than 65536 "
		    "bytes"));
	req->head_len = (uint16_t)(off + 2);
	return (1);
}

/* HTTP-version, RFC 9112, section 2.3: case matters, one digit each */
static int
parse_version(struct http_request *req, const char *s, size_t len)
{
	if (len != 8 || memcmp(s, "HTTP/", 5) != 0 ||
	    !is_digit((unsigned char)s[5]) || s[6] != '.' ||
	    !is_digit((unsigned char)s[7]))
		return (refuse(req, 400, "the request line does not end in "
		    "HTTP/1.1"));
	if (s[5] != '1' || s[7] > '1')
		return (refuse(req, 505, "only HTTP/1.1 and HTTP/1.0 are "
		    "spoken"));
	req->minor = s[7] - '0';
	return (0);
}

static enum http_method
parse_method(const char *s, size_t len)
{
	if (len == 3 && memcmp(s, "GET", 3) == 0)
		return (HTTP_GET);
	if (len == 4 && memcmp(s, "HEAD", 4) == 0)
		return (HTTP_HEAD);
	if (len == 7 && memcmp(s, "OPTIONS", 7) == 0)
		return (HTTP_OPTIONS);
	if (len == 4 && memcmp(s, "POST", 4) == 0)
		return (HTTP_POST);
	if (len == 6 && memcmp(s, "DELETE", 6) == 0)
		return (HTTP_DELETE);
	return (HTTP_OTHER);
}

static struct http_span
span(size_t off, size_t len)
{
	struct http_span s = { (uint16_t)off, (uint16_t)len };

	return (s);
}

/*
 * http://authority[/path]: the only absolute form for us (RFC 9112, 3.2.2).
 * Returns the bytes before the path, 0 if it is something else.
 */
static size_t
parse_authority(struct http_request *req, const char *head, size_t off,
    size_t len)
{
	size_t n;

	if (len < 8 || strncasecmp(head + off, "http://", 7) != 0)
		return (0);
	for (n = 7; n < len; n++)
		if (head[off + n] == '/' || head[off + n] == '?')
			break;
	if (n == 7 || !all_of(head + off + 7, n - 7, C_HOST))
		return (0);
	req->authority = span(off + 7, n - 7);
	req->seen |= HTTP_F_ABSOLUTE;
	return (n);
}

/* path [ "?" query ] of either form */
static int
parse_path(struct http_request *req, const char *head, size_t off, size_t len)
{
	const char *s = head + off, *mark;
	size_t n = len;

	if ((mark = memchr(s, '?', len)) != NULL) {
		n = (size_t)(mark - s);
		req->seen |= HTTP_F_QUERY;
		req->query = span(off + n + 1, len - n - 1);
		if (!all_of(mark + 1, len - n - 1, C_QUERY))
			return (refuse(req, 400, "the query holds a "
			    "character that must be percent-encoded"));
	}
	if (!all_of(s, n, C_PATH))
		return (refuse(req, 400, "the path holds a character that "
		    "must be percent-encoded"));
	if (!escapes_valid(s, len))
		return (refuse(req, 400, "the target's percent-encoding is "
		    "wrong"));
	req->path = span(off, n);
	return (0);
}

static int
parse_target(struct http_request *req, const char *head, size_t off,
    size_t len)
{
	size_t n = 0;

	if (len == 1 && head[off] == '*' && req->method == HTTP_OPTIONS) {
		req->path = span(off, len);
		return (0);
	}
	if (head[off] != '/') {
		n = parse_authority(req, head, off, len);
		if (n == 0)
			return (refuse(req, 400, "the target is neither a "
			    "path nor an http URI"));
	}
	return (parse_path(req, head, off + n, len - n));
}

static int
parse_request_line(struct http_request *req, const char *head, size_t off,
    size_t len)
{
	const char *s = head + off, *sp, *last;
	size_t method_len, target_len;
	int rv;

	sp = memchr(s, ' ', len);
	last = memrchr(s, ' ', len);
	if (sp == NULL || sp == s || sp == last)
		return (refuse(req, 400, "the request line is not METHOD "
		    "TARGET HTTP/1.1"));
	method_len = (size_t)(sp - s);
	target_len = (size_t)(last - sp) - 1;
	if (method_len > HTTP_METHOD_MAX || !all_of(s, method_len, C_TOKEN))
		return (refuse(req, 400, "the method is not a token of at "
		    "most 32 characters"));
	if (target_len > HTTP_TARGET_MAX)
		return (refuse(req, 414, "the target is longer than 2048 "
		    "bytes"));
	if (target_len == 0)
		return (refuse(req, 400, "the request line has two spaces in "
		    "a row"));
	rv = parse_version(req, last + 1, len - (size_t)(last - s) - 1);
	if (rv != 0)
		return (rv);
	req->method = parse_method(s, method_len);
	return (parse_target(req, head, off + method_len + 1, target_len));
}

/* digits only: no sign, no space, no list */
static int
value_length(struct http_request *req, const char *head, struct http_span v)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < v.len; i++) {
		if (!is_digit((unsigned char)head[v.off + i]) ||
		    i == LENGTH_DIGITS)
			return (refuse(req, 400, "Content-Length is not a "
			    "number"));
		n = n * 10 + (uint64_t)(head[v.off + i] - '0');
	}
	if (v.len == 0)
		return (refuse(req, 400, "Content-Length is empty"));
	/* beyond the limit one value is as good as another */
	req->content_length = n > HTTP_BODY_MAX ? HTTP_BODY_MAX + 1 :
	    (uint32_t)n;
	return (0);
}

static int
span_is(const char *head, struct http_span v, const char *word)
{
	return (v.len == strlen(word) &&
	    strncasecmp(head + v.off, word, v.len) == 0);
}

static int
value_coding(struct http_request *req, const char *head, struct http_span v)
{
	if (span_is(head, v, "chunked"))
		req->seen |= HTTP_F_CHUNKED;
	return (0);
}

static int
value_expect(struct http_request *req, const char *head, struct http_span v)
{
	if (!span_is(head, v, "100-continue"))
		return (refuse(req, 417, "only 100-continue can be "
		    "expected"));
	req->seen |= HTTP_F_CONTINUE;
	return (0);
}

/* Connection is a list and may come in several lines */
static int
value_connection(struct http_request *req, const char *head,
    struct http_span v)
{
	const char *s = head + v.off, *end = s + v.len;
	struct http_span word;
	size_t n;

	while (s < end) {
		for (n = 0; s + n < end && strchr(", \t", s[n]) == NULL; n++)
			;
		word = span((size_t)(s - head), n);
		if (span_is(head, word, "close"))
			req->seen |= HTTP_F_CLOSE;
		else if (span_is(head, word, "keep-alive"))
			req->seen |= HTTP_F_KEEP_ALIVE;
		s += n + 1;
	}
	return (0);
}

/* a Host that cannot be one is an error; whether it is ours comes later */
static int
value_host(struct http_request *req, const char *head, struct http_span v)
{
	if (!all_of(head + v.off, v.len, C_HOST))
		return (refuse(req, 400, "Host is not a host and a port"));
	return (0);
}

#define ONCE		1
#define SPAN(member)	offsetof(struct http_request, member)

static const struct field {
	const char	*name;
	uint16_t	 flag;
	int		 once;		/* a second one is an error */
	size_t		 span;		/* where its value is kept, or 0 */
	int		(*value)(struct http_request *, const char *,
			    struct http_span);
} fields[] = {
	{ "host", HTTP_F_HOST, ONCE, SPAN(host), value_host },
	{ "content-length", HTTP_F_LENGTH, ONCE, 0, value_length },
	{ "transfer-encoding", HTTP_F_CODING, ONCE, 0, value_coding },
	{ "connection", 0, 0, 0, value_connection },
	{ "expect", 0, 0, 0, value_expect },
	{ "if-none-match", HTTP_F_IF_NONE_MATCH, 0, 0, NULL },
	{ "authorization", HTTP_F_AUTHORIZATION, ONCE, SPAN(authorization),
	    NULL },
	{ "content-type", HTTP_F_CONTENT_TYPE, ONCE, SPAN(content_type), NULL },
	{ "origin", HTTP_F_ORIGIN, ONCE, SPAN(origin), NULL },
	{ "sec-fetch-site", HTTP_F_FETCH_SITE, ONCE, SPAN(fetch_site), NULL },
};

/* NULL for the many fields that mean nothing to us */
static const struct field *
field_find(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (strncasecmp(fields[i].name, name, len) == 0 &&
		    fields[i].name[len] == '\0')
			return (&fields[i]);
	return (NULL);
}

/* name ":" OWS value OWS; the end of the value without what surrounds it */
static struct http_span
field_value(const char *head, size_t off, size_t end)
{
	while (off < end && (head[off] == ' ' || head[off] == '\t'))
		off++;
	while (end > off && (head[end - 1] == ' ' || head[end - 1] == '\t'))
		end--;
	return (span(off, end - off));
}

/* RFC 9110, section 5.5: visible characters, SP, HTAB and obs-text */
static int
value_valid(const char *head, struct http_span v)
{
	unsigned char c;
	size_t i;

	for (i = 0; i < v.len; i++) {
		c = (unsigned char)head[v.off + i];
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return (0);
	}
	return (1);
}

static int
parse_field(struct http_request *req, const char *head, size_t off,
    size_t len)
{
	const struct field *f;
	const char *name = head + off, *colon;
	struct http_span v;
	size_t name_len;

	if (++req->nfields > HTTP_FIELDS_MAX)
		return (refuse(req, 431, "there are more than 64 fields"));
	if (*name == ' ' || *name == '\t')
		return (refuse(req, 400, "a field is folded over two lines"));
	if ((colon = memchr(name, ':', len)) == NULL)
		return (refuse(req, 400, "a field has no colon"));
	name_len = (size_t)(colon - name);
	if (name_len == 0 || !all_of(name, name_len, C_TOKEN))
		return (refuse(req, 400, "a field's name is not a token"));
	v = field_value(head, off + name_len + 1, off + len);
	if (!value_valid(head, v))
		return (refuse(req, 400, "a field's value holds a control "
		    "character"));
	if ((f = field_find(name, name_len)) == NULL)
		return (0);
	if (f->once && req->seen & f->flag)
		return (refuse(req, 400, "a field comes twice that may come "
		    "once"));
	req->seen |= f->flag;
	if (f->span != 0)
		memcpy((char *)req + f->span, &v, sizeof(v));
	return (f->value != NULL ? f->value(req, head, v) : 0);
}

int
http_field(const struct http_request *req, const char *head,
    const char *name, size_t *at, struct http_span *value)
{
	const char *lf;
	size_t off = *at != 0 ? *at : req->fields_at, end, len = strlen(name);

	/* the head is complete: every line ends in CRLF */
	for (; off + 2 < req->head_len; off = end + 1) {
		lf = memchr(head + off, '\n', req->head_len - off);
		end = (size_t)(lf - head);
		if (end - off <= len || head[off + len] != ':' ||
		    strncasecmp(head + off, name, len) != 0)
			continue;
		*value = field_value(head, off + len + 1, end - 1);
		*at = end + 1;
		return (1);
	}
	return (0);
}
