/*
 * Which resources there are, and what the parameters of a request say.  Runs
 * in the frontend (_gatewayd, chroot).
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "http_parse.h"
#include "metrics.h"
#include "rest_doctor.h"
#include "rest_logs.h"
#include "rest_ports.h"
#include "rest_post.h"
#include "rest_route.h"
#include "rest_trace.h"
#include "sse.h"
#include "status.h"

static const char	*check_strict(const char *);
static const char	*check_iface(const char *);
static void		 get_document(const struct rest_query *,
			    struct rest_answer *);
static void		 get_health(const struct rest_query *,
			    struct rest_answer *);
static void		 get_address(const struct rest_query *,
			    struct rest_answer *);
static int		 exists_tunnel(const struct rest_query *,
			    struct rest_answer *);
static void		 get_tunnel(const struct rest_query *,
			    struct rest_answer *);

static const struct rest_route	 routes[] = {
	{ .path = "/health", .params = { { "strict", check_strict } },
	    .get = get_health },
	{ .path = "/v6/address", .params = { { "iface", check_iface } },
	    .get = get_address },
	{ .path = "/tunnels", .get = get_document },
	{ .path = "/tunnels/*", .exists = exists_tunnel, .get = get_tunnel },
	{ .path = "/tunnels/*/up", .params = { { "wait", check_wait } },
	    .exists = exists_tunnel, .post = post_tunnel },
	{ .path = "/tunnels/*/down", .params = { { "wait", check_wait } },
	    .exists = exists_tunnel, .post = post_tunnel },
	{ .path = "/tunnels/*/restart", .params = { { "wait", check_wait } },
	    .exists = exists_tunnel, .post = post_tunnel },
	{ .path = "/version", .get = get_document },
	{ .path = "/config", .get = get_document },
	{ .path = "/relay", .get = get_document },
	{ .path = "/config/reload", .post = post_reload },
	{ .path = "/metrics", .get = metrics_get },
	{ .path = "/events", .params = { { "level", check_level } },
	    .get = get_events },
	{ .path = "/openapi.json", .get = get_document },
	{ .path = "/logs", .params = { { "since", check_since },
	    { "level", check_level }, { "limit", check_limit } },
	    .get = get_logs },
	{ .path = "/doctor", .get = get_doctor },
	{ .path = "/trace", .post = post_trace },
	{ .path = "/history", .params = { { "tunnel", check_tunnel },
	    { "range", check_range } }, .get = get_history },
	{ .path = "/ports/udp", .get = get_document, .post = post_port },
	{ .path = "/ports/udp/*", .exists = exists_port, .get = get_port,
	    .del = del_port },
	{ .path = "/ports/tcp", .get = get_document, .post = post_port },
	{ .path = "/ports/tcp/*", .exists = exists_port, .get = get_port,
	    .del = del_port },
};
#define NROUTES		(sizeof(routes) / sizeof(routes[0]))

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
	size_t	 len = strlen(value);

	if (len == 0 || len >= IFNAMSIZ || strpbrk(value, "/: \t") != NULL)
		return ("iface is the name of an interface, for example he0");
	return (NULL);
}

static void
get_document(const struct rest_query *q, struct rest_answer *a)
{
	rest_answer_doc(a, q->route->path);
}

static void
get_health(const struct rest_query *q, struct rest_answer *a)
{
	const char	*strict = rest_value(q, 0);

	rest_answer_doc(a, strict != NULL && *strict == '1' ?
	    "/health?strict=1" : "/health");
}

static void
get_address(const struct rest_query *q, struct rest_answer *a)
{
	const char	*iface = rest_value(q, 0);
	char		 target[REST_VALUE_SIZE * 2];

	snprintf(target, sizeof(target), "/v6/address%s%s",
	    iface != NULL ? "?iface=" : "", iface != NULL ? iface : "");
	rest_answer_doc(a, target);
}

void
rest_no_tunnel(const struct rest_query *q, struct rest_answer *a,
    const char *name)
{
	char	 names[96];

	rest_fail(q, a, 404, "no tunnel \"%.32s\"; there is: %s", name,
	    fe_tunnel_list(names, sizeof(names), fe_name));
}

static int
exists_tunnel(const struct rest_query *q, struct rest_answer *a)
{
	if (fe_tunnel_name(q->name) != NULL)
		return (1);
	rest_no_tunnel(q, a, q->name);
	return (0);
}

static void
get_tunnel(const struct rest_query *q, struct rest_answer *a)
{
	rest_answer_doc(a, q->path);
}

/* nonzero if the path is that of the route; what its "*" stands for */
static int
route_matches(const char *route, const char *path,
    char name[REST_VALUE_SIZE])
{
	size_t	 before = strcspn(route, "*"), len;

	name[0] = '\0';
	if (route[before] == '\0')
		return (strcmp(route, path) == 0);
	if (strncmp(route, path, before) != 0)
		return (0);
	path += before;
	len = strcspn(path, "/");
	if (len == 0 || len >= REST_VALUE_SIZE ||
	    strcmp(path + len, route + before + 1) != 0)
		return (0);
	memcpy(name, path, len);
	name[len] = '\0';
	return (1);
}

int
rest_route_find(struct rest_query *q)
{
	size_t	 i;

	for (i = 0; i < NROUTES; i++)
		if (route_matches(routes[i].path, q->path, q->name)) {
			q->route = &routes[i];
			return (0);
		}
	return (-1);
}

unsigned int
rest_route_count(void)
{
	return (NROUTES);
}

const struct rest_route *
rest_route_at(unsigned int i)
{
	return (&routes[i]);
}

unsigned int
rest_route_number(const struct rest_route *r)
{
	return ((unsigned int)(r - routes));
}

void
rest_route_paths(char *buf, size_t size)
{
	const char	*star;
	char		 path[REST_VALUE_SIZE];
	size_t		 i;

	*buf = '\0';
	for (i = 0; i < NROUTES; i++) {
		strlcpy(path, routes[i].path, sizeof(path));
		path[strcspn(path, "*")] = '\0';
		strlcat(buf, i > 0 ? ", " : "", size);
		strlcat(buf, path, size);
		if ((star = strchr(routes[i].path, '*')) == NULL)
			continue;
		strlcat(buf, "NAME", size);
		strlcat(buf, star + 1, size);
	}
}

const char *
rest_value(const struct rest_query *q, unsigned int i)
{
	return (q->given[i] ? q->values[i] : NULL);
}

static int __attribute__((format(printf, 2, 3)))
wrong(char detail[REST_DETAIL_SIZE], const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	vsnprintf(detail, REST_DETAIL_SIZE, fmt, ap);
	va_end(ap);
	return (-1);
}

/* number of the parameter called so, or -1 and which there are */
static int
param_find(const struct rest_route *r, const char *name,
    char detail[REST_DETAIL_SIZE])
{
	char		 names[REST_DETAIL_SIZE / 2] = "";
	int		 i;

	for (i = 0; i < REST_PARAMS && r->params[i].name != NULL; i++) {
		if (name != NULL && strcmp(r->params[i].name, name) == 0)
			return (i);
		strlcat(names, i > 0 ? ", " : "", sizeof(names));
		strlcat(names, r->params[i].name, sizeof(names));
	}
	if (i == 0)
		return (wrong(detail, "this resource has no parameters"));
	return (wrong(detail, "%s %s", i > 1 ? "the parameters here are" :
	    "the only parameter here is", names));
}

/* one NAME=VALUE of the query */
static int
query_param(struct rest_query *q, const char *s, size_t len,
    char detail[REST_DETAIL_SIZE])
{
	const char		*equals = memchr(s, '=', len), *error;
	const struct rest_param	*param;
	char			 name[REST_VALUE_SIZE];
	size_t			 name_len;
	int			 i;

	name_len = equals != NULL ? (size_t)(equals - s) : len;
	if ((i = param_find(q->route, http_decode(s, name_len, name,
	    sizeof(name)) != -1 ? name : NULL, detail)) == -1)
		return (-1);
	param = &q->route->params[i];
	if (q->given[i])
		return (wrong(detail, "%s is given twice", param->name));
	if (equals == NULL)
		return (wrong(detail, "%s has no value", param->name));
	error = "the value is too long";
	if (http_decode(equals + 1, len - name_len - 1, q->values[i],
	    sizeof(q->values[i])) == -1 ||
	    (error = param->check(q->values[i])) != NULL)
		return (wrong(detail, "%s: %s", param->name, error));
	q->given[i] = 1;
	return (0);
}

/* a=1&b=2 (a bare "?" is an empty query) */
int
rest_query_parse(struct rest_query *q, const char *s, size_t len,
    char detail[REST_DETAIL_SIZE])
{
	const char	*amp;
	size_t		 n;

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
