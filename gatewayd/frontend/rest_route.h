/*
 * The resources of the REST interface: the table in rest_route.c, and what a
 * resource gets and gives.  Runs in the frontend (_gatewayd, chroot).
 */
#ifndef GW_REST_ROUTE_H
#define GW_REST_ROUTE_H

#include "http_parse.h"
#include "rest.h"

#define REST_PARAMS	4	/* of one resource */
#define REST_VALUE_SIZE	64	/* every longer value is wrong */
#define REST_DETAIL_SIZE 512	/* a sentence about what is wrong, and NUL */

struct rest_query;
typedef void rest_handler(const struct rest_query *, struct rest_answer *);

struct rest_param {
	const char	*name;	/* NULL: there are no more */
	/* NULL, or what is wrong with the value; it is one line of text */
	const char	*(*check)(const char *value);
};

struct rest_route {
	const char		*path;	/* a part "*" stands for any name */
	struct rest_param	 params[REST_PARAMS];
	/* NULL, or whether there is one called so; if not it answers 404 */
	int	(*exists)(const struct rest_query *, struct rest_answer *);
	/*
	 * GET: sets the answer's doc (rest_answer_doc) or its body
	 * (rest_answer_text, rest_fail), or defers it.  It comes in zeroed.
	 * NULL: there is nothing to read.
	 */
	rest_handler	*get;
	/* POST and DELETE, from somebody who may (q->who); NULL: there is
	 * nothing to do */
	rest_handler	*post;
	rest_handler	*del;
};

/* what is asked for, decoded and checked */
struct rest_query {
	const struct rest_route	*route;
	char			 path[HTTP_TARGET_MAX + 1];
	char			 name[REST_VALUE_SIZE];	/* for the "*" */
	char			 values[REST_PARAMS][REST_VALUE_SIZE];
	int			 given[REST_PARAMS];
	/* NULL: it did not come by HTTP */
	const struct http_request *req;
	const char		*head;
	const char		*who;	/* may change things, in words */
	const char		*body;	/* body_len bytes */
	size_t			 body_len;
	struct rest_later	*later;	/* NULL: it cannot be deferred */
};

/* sets q's route and name by its path; 0, or -1 if there is none */
int	 rest_route_find(struct rest_query *);
/* the table: how many there are, number i (< that), and a resource's number */
unsigned int		 rest_route_count(void);
const struct rest_route	*rest_route_at(unsigned int i);
unsigned int		 rest_route_number(const struct rest_route *);
/* all there are: "/health, /tunnels, /tunnels/NAME", cut to size */
void	 rest_route_paths(char *buf, size_t size);
/*
 * Reads the query string into q, whose route is set: 0, or -1 and what is
 * wrong with it.
 */
int	 rest_query_parse(struct rest_query *, const char *, size_t len,
	    char detail[REST_DETAIL_SIZE]);
/* the value of the route's parameter number i, NULL if it was not given */
const char *rest_value(const struct rest_query *, unsigned int i);

/* the answers a resource may give */
void	 rest_answer_doc(struct rest_answer *, const char *target);
/* one of doc_volatile(), which lives until the answer is handed over */
void	 rest_answer_with(struct rest_answer *, struct doc *);
/* text is taken over; it is not to be kept by anybody (no-store) */
void	 rest_answer_text(struct rest_answer *, const char *type, char *text);
/*
 * Defers the answer, of a query with a later: q->later->answer() gives it, or
 * gone is called with arg.
 */
void	 rest_defer(const struct rest_query *, struct rest_answer *,
	    void (*gone)(void *), void *arg);
/* a client that waits until what it ordered is done */
struct rest_wait {
	struct rest_later	*later;
	char			 path[HTTP_TARGET_MAX + 1];
};
/* rest_defer(), and notes in the resource's own who waits and for what */
void	 rest_wait(struct rest_wait *, const struct rest_query *,
	    struct rest_answer *, void (*gone)(void *), void *arg);
/*
 * Begins a stream of that type with text, which is taken over: q->later's
 * write() goes on, and gone is called with arg at its end.
 */
void	 rest_stream(const struct rest_query *, struct rest_answer *,
	    const char *type, char *text, void (*gone)(void *), void *arg);
/* a 404 that says which tunnels there are */
void	 rest_no_tunnel(const struct rest_query *, struct rest_answer *,
	    const char *name);
/* a problem (RFC 9457) */
void	 rest_fail(const struct rest_query *, struct rest_answer *, int status,
	    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* the same for an answer that comes later: path was the query's, or NULL */
void	 rest_fail_path(struct rest_answer *, int status, const char *path,
	    const char *detail);

#endif
