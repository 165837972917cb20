/*
 * Routes requests to documents.  Runs in the frontend (_gatewayd, chroot).
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "json.h"
#include "rest.h"
#include "status.h"

#define ALLOW		"GET, HEAD, OPTIONS"
#define DETAIL_SIZE	256
#define VALUE_SIZE	64	/* every longer value is wrong */
#define TUNNELS		"/tunnels/"

/* a document's path, and the one parameter it may have */
struct route {
	const char	*path;
	const char	*param;
	/* NULL, or what is wrong with the value */
	const char	*(*check)(const char *);
};

static const char	*check_strict(const char *);
static const char	*check_iface(const char *);

static const struct route routes[] = {
	{ "/health",		"strict",	check_strict },
	{ "/v6/address",	"iface",	check_iface },
	{ "/tunnels",		NULL,		NULL },
	{ "/version",		NULL,		NULL },
	{ "/config",		NULL,		NULL },
};
/* TUNNELS and a name */
static const struct route tunnel_route = { TUNNELS, NULL, NULL };

/* what a request asks for */
struct query {
	const struct route	*route;
	char			 path[HTTP_TARGET_MAX + 1];
	char			 value[VALUE_SIZE];
	int			 has_value;
};

static const char *
check_strict(const char *value)
{
	if (strcmp(value, "0") != 0 && strcmp(value, "1") != 0)
		return ("strict is 0 or 1");
	return (NULL);
}

/* what the kernel takes as a name (dev_valid_name) */
static const char *
check_iface(const char *value)
{
	size_t len = strlen(value);

	if (len == 0 || len >= IFNAMSIZ || strpbrk(value, "/: \t") != NULL)
		return ("iface is the name of an interface, for example he0");
	return (NULL);
}

void
rest_problem(struct rest_answer *a, int status,
    const struct http_request *req, const char *head, const char *detail)
{
	char path[HTTP_TARGET_MAX + 1];
	const char *instance = NULL;

	if (req != NULL && req->path.len > 0 && req->path.len < sizeof(path)) {
		memcpy(path, head + req->path.off, req->path.len);
		path[req->path.len] = '\0';
		instance = path;
	}
	memset(a, 0, sizeof(*a));
	a->body = json_problem(status, http_phrase(status), detail, instance);
	a->reply.status = status;
	a->reply.type = "application/problem+json";
	a->reply.len = strlen(a->body);
}

static const struct route *
route_find(const char *path)
{
	size_t i;

	for (i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		if (strcmp(path, routes[i].path) == 0)
			return (&routes[i]);
	if (strncmp(path, TUNNELS, strlen(TUNNELS)) == 0 &&
	    fe_tunnel_name(path + strlen(TUNNELS)) != NULL)
		return (&tunnel_route);
	return (NULL);
}

static int __attribute__((format(printf, 2, 3)))
wrong(char detail[DETAIL_SIZE], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(detail, DETAIL_SIZE, fmt, ap);
	va_end(ap);
	return (-1);
}

/* one NAME=VALUE of the query */
static int
query_param(struct query *q, const char *s, size_t len,
    char detail[DETAIL_SIZE])
{
	const char *param = q->route->param, *equals = memchr(s, '=', len);
	char name[VALUE_SIZE];
	size_t name_len = equals != NULL ? (size_t)(equals - s) : len;
	const char *error;

	if (param == NULL)
		return (wrong(detail, "this resource has no parameters"));
	if (http_decode(s, name_len, name, sizeof(name)) == -1 ||
	    strcmp(name, param) != 0)
		return (wrong(detail, "the only parameter here is %s", param));
	if (q->has_value)
		return (wrong(detail, "%s is given twice", param));
	if (equals == NULL)
		return (wrong(detail, "%s has no value", param));
	error = "the value is too long";
	if (http_decode(equals + 1, len - name_len - 1, q->value,
	    sizeof(q->value)) == -1 ||
	    (error = q->route->check(q->value)) != NULL)
		return (wrong(detail, "%s: %s", param, error));
	q->has_value = 1;
	return (0);
}

/* a=1&b=2 (a bare "?" is an empty query); 0, or -1 and what is wrong */
static int
query_parse(struct query *q, const char *s, size_t len,
    char detail[DETAIL_SIZE])
{
	const char *amp;
	size_t n;

	while (len > 0) {
		amp = memchr(s, '&', len);
		n = amp != NULL ? (size_t)(amp - s) : len;
		if (n == 0 || n + 1 == len)
			return (wrong(detail, "the query has an empty "
			    "parameter"));
		if (query_param(q, s, n, detail) == -1)
			return (-1);
		s += n;
		len -= n;
		if (amp != NULL) {
			s++;
			len--;
		}
	}
	return (0);
}

/* the route exists, and so does its document */
static struct doc *
query_doc(const struct query *q)
{
	char target[VALUE_SIZE * 2];

	if (!q->has_value || (q->route->check == check_strict &&
	    strcmp(q->value, "0") == 0))
		return (doc_get(q->path));
	snprintf(target, sizeof(target), "%s?%s=%s", q->route->path,
	    q->route->param, q->value);
	return (doc_get(target));
}

/*
 * Nonzero for a browser's request from another site.  Only browsers send
 * these fields, and no page can keep them from doing so; "same-site" is
 * another port of this host, so it is foreign too.
 */
static int
cross_site(const struct http_request *req, const char *head)
{
	const char *site = head + req->fetch_site.off;
	const char *origin = head + req->origin.off;

	if (req->seen & HTTP_F_FETCH_SITE)
		return (!(req->fetch_site.len == 11 &&
		    memcmp(site, "same-origin", 11) == 0) &&
		    !(req->fetch_site.len == 4 &&
		    memcmp(site, "none", 4) == 0));
	if ((req->seen & HTTP_F_ORIGIN) == 0)
		return (0);
	/* Host is one of ours, so its origin is ours as well */
	return (req->origin.len != 7 + req->host.len ||
	    strncasecmp(origin, "http://", 7) != 0 ||
	    strncasecmp(origin + 7, head + req->host.off,
	    req->host.len) != 0);
}

static int
content_json(const struct http_request *req, const char *head)
{
	static const char json[] = "application/json";
	const char *type = head + req->content_type.off;
	size_t len = sizeof(json) - 1;

	return (req->content_type.len >= len &&
	    strncasecmp(type, json, len) == 0 &&
	    (req->content_type.len == len || strchr("; \t", type[len])));
}

/* nonzero if one tag of an If-None-Match line is ours (RFC 9110, 13.1.2) */
static int
tags_match(const char *s, size_t len, const char *etag)
{
	const char *end = s + len, *close;
	size_t ours;

	etag += 2;			/* weak comparison: W/ does not count */
	ours = strlen(etag);
	if (len == 1 && *s == '*')
		return (1);
	while (s < end) {
		if (*s != '"') {
			s++;
			continue;
		}
		if ((close = memchr(s + 1, '"', (size_t)(end - s) - 1)) == NULL)
			break;
		if ((size_t)(close - s) + 1 == ours &&
		    memcmp(s, etag, ours) == 0)
			return (1);
		s = close + 1;
	}
	return (0);
}

static int
not_modified(const struct http_request *req, const char *head,
    const char *etag)
{
	struct http_span value;
	size_t at = 0;

	if ((req->seen & HTTP_F_IF_NONE_MATCH) == 0 || etag == NULL)
		return (0);
	while (http_field(req, head, "if-none-match", &at, &value))
		if (tags_match(head + value.off, value.len, etag))
			return (1);
	return (0);
}

/* a document, or that the client has it already */
static void
answer_doc(struct rest_answer *a, const struct http_request *req,
    const char *head, struct doc *doc)
{
	memset(a, 0, sizeof(*a));
	a->reply.etag = doc->etag;
	if (not_modified(req, head, doc->etag)) {
		a->reply.status = 304;
		return;
	}
	a->doc = doc;
	a->reply.status = doc->status;
	a->reply.type = "application/json";
	a->reply.len = doc->len;
}

static void
answer_options(struct rest_answer *a)
{
	memset(a, 0, sizeof(*a));
	a->reply.status = 204;
	a->reply.allow = ALLOW;
}

static void
answer_other(struct rest_answer *a, const struct http_request *req,
    const char *head)
{
	if (cross_site(req, head)) {
		rest_problem(a, 403, req, head, "a page of another site may "
		    "not change anything here");
		return;
	}
	rest_problem(a, 405, req, head, "this resource can only be read: "
	    "use GET");
	a->reply.allow = ALLOW;
}

/* the path, decoded; an absolute target may have none */
static void
query_path(struct query *q, const struct http_request *req, const char *head)
{
	q->has_value = 0;
	/* cannot fail: decoding never makes it longer */
	http_decode(head + req->path.off, req->path.len, q->path,
	    sizeof(q->path));
	if (req->path.len == 0)
		strlcpy(q->path, req->method == HTTP_OPTIONS ? "*" : "/",
		    sizeof(q->path));
}

void
rest_request(const struct http_request *req, const char *head,
    struct rest_answer *a)
{
	char detail[DETAIL_SIZE];
	struct query q;

	query_path(&q, req, head);
	if (req->method == HTTP_OPTIONS && strcmp(q.path, "*") == 0) {
		answer_options(a);
		return;
	}
	if ((q.route = route_find(q.path)) == NULL)
		rest_problem(a, 404, req, head, "there is no such resource: "
		    "/health, /v6/address, /tunnels, /tunnels/NAME, /version "
		    "and /config exist");
	else if (req->method == HTTP_OPTIONS)
		answer_options(a);
	else if (req->method == HTTP_OTHER)
		answer_other(a, req, head);
	else if (req->content_length > 0 && !content_json(req, head))
		rest_problem(a, 415, req, head, "content must be "
		    "application/json");
	else if (query_parse(&q, head + req->query.off, req->query.len,
	    detail) == -1)
		rest_problem(a, 400, req, head, detail);
	else
		answer_doc(a, req, head, query_doc(&q));
}

int
rest_protected(const struct http_request *req, const char *head)
{
	return (req->path.len != 7 ||
	    memcmp(head + req->path.off, "/health", 7) != 0);
}

int
rest_token(const struct http_request *req, const char *head,
    char buf[REST_TOKEN_SIZE])
{
	const char *s = head + req->authorization.off;
	size_t len = req->authorization.len;

	if (len < 8 || strncasecmp(s, "Bearer ", 7) != 0)
		return (-1);
	for (s += 7, len -= 7; len > 0 && *s == ' '; len--)
		s++;
	if (len == 0 || len >= REST_TOKEN_SIZE)
		return (-1);
	memcpy(buf, s, len);
	buf[len] = '\0';
	return (0);
}
