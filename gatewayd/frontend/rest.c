/*
 * What a request is answered.  Runs in the frontend (_gatewayd, chroot).
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "json.h"
#include "rest_route.h"

/* every method there is; what a resource allows is a part of it */
#define ALLOW_ANY	"GET, HEAD, POST, DELETE, OPTIONS"

void
rest_fail_path(struct rest_answer *a, int status, const char *path,
    const char *detail)
{
	memset(a, 0, sizeof(*a));
	a->body = json_problem(status, http_phrase(status), detail, path,
	    NULL);
	a->reply.status = status;
	a->reply.type = "application/problem+json";
	a->reply.len = strlen(a->body);
}

void
rest_problem(struct rest_answer *a, int status,
    const struct http_request *req, const char *head, const char *detail)
{
	char path[HTTP_TARGET_MAX + 1];

	if (req == NULL || req->path.len == 0 ||
	    req->path.len >= sizeof(path)) {
		rest_fail_path(a, status, NULL, detail);
		return;
	}
	memcpy(path, head + req->path.off, req->path.len);
	path[req->path.len] = '\0';
	rest_fail_path(a, status, path, detail);
}

void
rest_fail(const struct rest_query *q, struct rest_answer *a, int status,
    const char *fmt, ...)
{
	char detail[REST_DETAIL_SIZE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	if (q->req != NULL)
		rest_problem(a, status, q->req, q->head, detail);
	else
		rest_fail_path(a, status, q->path, detail);
}

void
rest_answer_text(struct rest_answer *a, const char *type, char *text)
{
	a->body = text;
	a->reply.status = 200;
	a->reply.type = type;
	a->reply.len = strlen(text);
}

void
rest_answer_doc(struct rest_answer *a, const char *target)
{
	rest_answer_with(a, doc_get(target));
}

void
rest_answer_with(struct rest_answer *a, struct doc *doc)
{
	a->doc = doc;
	a->reply.status = doc->status;
	a->reply.type = doc->type;
	a->reply.len = doc->len;
	a->reply.etag = doc->etag;
}

void
rest_defer(const struct rest_query *q, struct rest_answer *a,
    void (*gone)(void *), void *arg)
{
	a->when = REST_LATER;
	q->later->gone = gone;
	q->later->arg = arg;
}

void
rest_wait(struct rest_wait *w, const struct rest_query *q,
    struct rest_answer *a, void (*gone)(void *), void *arg)
{
	w->later = q->later;
	strlcpy(w->path, q->path, sizeof(w->path));
	rest_defer(q, a, gone, arg);
}

void
rest_stream(const struct rest_query *q, struct rest_answer *a,
    const char *type, char *text, void (*gone)(void *), void *arg)
{
	rest_answer_text(a, type, text);
	rest_defer(q, a, gone, arg);
	a->when = REST_STREAM;
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

/* the client has the document already */
static void
answer_not_modified(struct rest_answer *a)
{
	const char *etag = a->reply.etag;

	memset(a, 0, sizeof(*a));
	a->reply.status = 304;
	a->reply.etag = etag;
}

static const char *
route_allow(const struct rest_route *r)
{
	static const char *const allow[2][2][2] = {	/* get, post, del */
		{ { "OPTIONS", "DELETE, OPTIONS" },
		    { "POST, OPTIONS", "POST, DELETE, OPTIONS" } },
		{ { "GET, HEAD, OPTIONS", "GET, HEAD, DELETE, OPTIONS" },
		    { "GET, HEAD, POST, OPTIONS", ALLOW_ANY } },
	};

	return (allow[r->get != NULL][r->post != NULL][r->del != NULL]);
}

static void
answer_options(struct rest_answer *a, const char *allow)
{
	memset(a, 0, sizeof(*a));
	a->reply.status = 204;
	a->reply.allow = allow;
}

/* the method is none that the resource has */
static void
answer_other(const struct rest_query *q, struct rest_answer *a)
{
	const char *allow = route_allow(q->route);

	rest_fail(q, a, 405, "the methods of this resource are %s", allow);
	a->reply.allow = allow;
}

/* the long fields are not read before they are written */
static void
query_init(struct rest_query *q, const struct http_request *req,
    const char *head)
{
	q->route = NULL;
	memset(q->given, 0, sizeof(q->given));
	q->req = req;
	q->head = head;
	q->who = NULL;
	q->body = NULL;
	q->body_len = 0;
	q->later = NULL;
	if (req != NULL && req->content_length > 0) {
		q->body = head + req->head_len;
		q->body_len = req->content_length;
	}
}

/* the path, decoded; an absolute target may have none */
static void
query_path(struct rest_query *q, const struct http_request *req,
    const char *head)
{
	/* cannot fail: decoding never makes it longer */
	http_decode(head + req->path.off, req->path.len, q->path,
	    sizeof(q->path));
	if (req->path.len == 0)
		strlcpy(q->path, req->method == HTTP_OPTIONS ? "*" : "/",
		    sizeof(q->path));
}

/* the resource's answer, or what is wrong with its parameters */
static void
answer_query(struct rest_query *q, const char *params, size_t len,
    rest_handler *handler, struct rest_answer *a)
{
	char detail[REST_DETAIL_SIZE];

	if (rest_query_parse(q, params, len, detail) == -1)
		rest_fail(q, a, 400, "%s", detail);
	else
		handler(q, a);
}

/* the handler of the request's method, NULL if there is none */
static rest_handler *
query_handler(const struct rest_query *q)
{
	switch (q->req->method) {
	case HTTP_GET:
	case HTTP_HEAD:
		return (q->route->get);
	case HTTP_POST:
		return (q->route->post);
	case HTTP_DELETE:
		return (q->route->del);
	default:
		return (NULL);
	}
}

/* finds the resource at q's path: 1, or 0 and the answer is a 404 */
static int
query_route(struct rest_query *q, struct rest_answer *a)
{
	char paths[REST_DETAIL_SIZE - 64];

	if (rest_route_find(q) == -1) {
		rest_route_paths(paths, sizeof(paths));
		rest_fail(q, a, 404, "there is no such resource; there are: "
		    "%s", paths);
		return (0);
	}
	return (q->route->exists == NULL || q->route->exists(q, a));
}

void
rest_target(const char *target, struct rest_answer *a)
{
	struct rest_query q;
	size_t len = strcspn(target, "?");

	query_init(&q, NULL, NULL);
	memset(a, 0, sizeof(*a));
	if (http_decode(target, len, q.path, sizeof(q.path)) == -1)
		q.path[0] = '\0';
	if (!query_route(&q, a))
		return;
	target += len + (target[len] == '?');
	if (q.route->get == NULL)
		answer_other(&q, a);
	else
		answer_query(&q, target, strlen(target), q.route->get, a);
}

/* a request to a resource that exists */
static void
answer_method(struct rest_query *q, struct rest_answer *a)
{
	const struct http_request *req = q->req;
	const char *head = q->head;
	rest_handler *handler;

	if (req->method == HTTP_OPTIONS)
		answer_options(a, route_allow(q->route));
	else if (req->method > HTTP_OPTIONS && cross_site(req, head))
		rest_fail(q, a, 403, "a page of another site may not change "
		    "anything here");
	else if ((handler = query_handler(q)) == NULL)
		answer_other(q, a);
	else if (req->content_length > 0 && !content_json(req, head))
		rest_fail(q, a, 415, "content must be application/json");
	else if (req->method > HTTP_OPTIONS && q->who == NULL)
		a->when = REST_REFUSED;
	else
		answer_query(q, head + req->query.off, req->query.len,
		    handler, a);
	if (req->method <= HTTP_HEAD && not_modified(req, head, a->reply.etag))
		answer_not_modified(a);
}

void
rest_request(const struct http_request *req, const char *head,
    const char *who, struct rest_later *later, struct rest_answer *a)
{
	struct rest_query q;

	query_init(&q, req, head);
	q.who = who;
	q.later = later;
	memset(a, 0, sizeof(*a));
	query_path(&q, req, head);
	if (req->method == HTTP_OPTIONS && strcmp(q.path, "*") == 0)
		answer_options(a, ALLOW_ANY);
	else if (query_route(&q, a))
		answer_method(&q, a);
	a->route = q.route;
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
