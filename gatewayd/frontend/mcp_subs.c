/*
 * Subscriptions of MCP: see mcp_subs.h.  Runs in the frontend (_gatewayd,
 * chroot).
 *
 * A subscription holds the document its client was last told of; a change is
 * another document, so that however many changes there were while the client
 * did not read, they are one notification.
 */
#include <stdlib.h>
#include <string.h>

#include "doc.h"
#include "mcp_methods.h"
#include "mcp_resources.h"
#include "mcp_subs.h"
#include "util.h"

struct mcp_listen {
	TAILQ_ENTRY(mcp_listen)	 entry;
	json_t			*id;
};

struct mcp_sub {
	TAILQ_ENTRY(mcp_sub)	 entry;
	struct mcp_listen	*listen;	/* NULL: legacy */
	char			 uri[MCP_URI_SIZE];
	struct doc		*doc;		/* NULL: there was none */
};

void
mcp_subs_init(struct mcp_subs *s)
{
	memset(s, 0, sizeof(*s));
	TAILQ_INIT(&s->list);
	TAILQ_INIT(&s->listens);
}

static void
sub_know(struct mcp_sub *sub, struct doc *doc)
{
	if (doc != NULL)
		doc_hold(doc);
	if (sub->doc != NULL)
		doc_release(sub->doc);
	sub->doc = doc;
}

static struct mcp_sub *
sub_find(struct mcp_subs *s, const struct mcp_listen *listen,
    const char *uri)
{
	struct mcp_sub	*sub;

	TAILQ_FOREACH(sub, &s->list, entry)
		if (sub->listen == listen && strcmp(sub->uri, uri) == 0)
			return (sub);
	return (NULL);
}

static void
sub_add(struct mcp_subs *s, struct mcp_listen *listen, const char *uri)
{
	struct mcp_sub	*sub;

	if (sub_find(s, listen, uri) != NULL)
		return;
	sub = xcalloc(1, sizeof(*sub));
	sub->listen = listen;
	strlcpy(sub->uri, uri, sizeof(sub->uri));
	sub_know(sub, mcp_resource_doc(uri));
	TAILQ_INSERT_TAIL(&s->list, sub, entry);
	s->nsubs++;
}

static void
sub_remove(struct mcp_subs *s, struct mcp_sub *sub)
{
	if (s->next == sub)
		s->next = TAILQ_NEXT(sub, entry);
	TAILQ_REMOVE(&s->list, sub, entry);
	s->nsubs--;
	sub_know(sub, NULL);
	free(sub);
}

static void
listen_end(struct mcp_subs *s, struct mcp_listen *listen)
{
	struct mcp_sub	*sub, *next;

	TAILQ_FOREACH_SAFE(sub, &s->list, entry, next)
		if (sub->listen == listen)
			sub_remove(s, sub);
	TAILQ_REMOVE(&s->listens, listen, entry);
	s->nlistens--;
	json_decref(listen->id);
	free(listen);
}

void
mcp_subs_clear(struct mcp_subs *s)
{
	while (!TAILQ_EMPTY(&s->listens))
		listen_end(s, TAILQ_FIRST(&s->listens));
	while (!TAILQ_EMPTY(&s->list))
		sub_remove(s, TAILQ_FIRST(&s->list));
}

static struct mcp_listen *
listen_find(struct mcp_subs *s, const json_t *id)
{
	struct mcp_listen	*listen;

	TAILQ_FOREACH(listen, &s->listens, entry)
		if (json_equal(listen->id, id))
			return (listen);
	return (NULL);
}

void
mcp_subs_cancel(struct mcp_subs *s, const json_t *id)
{
	struct mcp_listen	*listen = listen_find(s, id);

	if (listen != NULL)
		listen_end(s, listen);
}

int
mcp_subs_changed(struct mcp_subs *s)
{
	s->next = TAILQ_FIRST(&s->list);
	return (s->next != NULL);
}

/* params of a notification about this subscription */
static json_t *
sub_params(const struct mcp_listen *listen, const char *key, json_t *value)
{
	json_t	*params = json_pack("{s:o}", key, value);

	if (listen != NULL)
		json_object_set_new(params, "_meta", json_pack("{s:O}",
		    MCP_META "subscriptionId", listen->id));
	return (params);
}

int
mcp_subs_check(struct mcp_subs *s, struct evbuffer *out)
{
	struct mcp_sub	*sub = s->next;
	struct doc	*doc;

	if (sub == NULL)
		return (0);
	s->next = TAILQ_NEXT(sub, entry);
	if ((doc = mcp_resource_doc(sub->uri)) != sub->doc) {
		sub_know(sub, doc);
		mcp_notify(out, "notifications/resources/updated",
		    sub_params(sub->listen, "uri", json_string(sub->uri)));
	}
	return (1);
}

void
mcp_subscribe(struct mcp_request *r)
{
	struct mcp_subs	*s = &r->session->subs;
	const char	*uri = mcp_resource_uri(r);

	if (uri == NULL)
		return;		/* answered */
	if (s->nsubs >= MCP_SUBS) {
		mcp_error(r, MCP_INTERNAL, NULL, "a connection has at most %d "
		    "subscriptions", MCP_SUBS);
		return;
	}
	sub_add(s, NULL, uri);
	mcp_result(r, json_object(), MCP_TTL_NONE);
}

void
mcp_unsubscribe(struct mcp_request *r)
{
	struct mcp_subs	*s = &r->session->subs;
	const char	*uri = mcp_string(r->params, "uri");
	struct mcp_sub	*sub;

	if (uri == NULL) {
		mcp_error(r, MCP_INVALID_PARAMS, NULL, "uri is a string");
		return;
	}
	/* also of a tunnel that is gone by now */
	if ((sub = sub_find(s, NULL, uri)) != NULL)
		sub_remove(s, sub);
	mcp_result(r, json_object(), MCP_TTL_NONE);
}

/* the URIs wanted: a borrowed array, NULL: none; -1 if it is wrong */
static int
listen_uris(struct mcp_request *r, json_t **uris)
{
	json_t	*filter = json_object_get(r->params, "notifications"), *uri;
	size_t	 i;

	*uris = json_object_get(filter, "resourceSubscriptions");
	if (!json_is_object(filter) ||
	    (*uris != NULL && !json_is_array(*uris)))
		return (-1);
	json_array_foreach(*uris, i, uri)
		if (!json_is_string(uri))
			return (-1);
	return (0);
}

/* the acknowledgement says which of the wishes are honoured */
static void
listen_start(struct mcp_request *r, json_t *uris)
{
	struct mcp_subs		*s = &r->session->subs;
	struct mcp_listen	*listen = xcalloc(1, sizeof(*listen));
	json_t			*honoured = json_array(), *filter, *uri;
	size_t			 i;

	listen->id = json_incref(r->id);
	TAILQ_INSERT_TAIL(&s->listens, listen, entry);
	s->nlistens++;
	json_array_foreach(uris, i, uri) {
		if (mcp_resource_doc(json_string_value(uri)) == NULL)
			continue;
		sub_add(s, listen, json_string_value(uri));
		json_array_append(honoured, uri);
	}
	filter = json_object();
	if (uris != NULL)
		json_object_set(filter, "resourceSubscriptions", honoured);
	json_decref(honoured);
	mcp_notify(r->out, "notifications/subscriptions/acknowledged",
	    sub_params(listen, "notifications", filter));
}

void
mcp_listen_method(struct mcp_request *r)
{
	struct mcp_subs	*s = &r->session->subs;
	json_t		*uris;

	if (listen_uris(r, &uris) == -1)
		mcp_error(r, MCP_INVALID_PARAMS, NULL, "notifications is an "
		    "object, resourceSubscriptions in it a list of URIs");
	else if (listen_find(s, r->id) != NULL)
		mcp_error(r, MCP_INVALID_REQUEST, NULL, "a request with this "
		    "id is open");
	else if (s->nlistens >= MCP_LISTENS)
		mcp_error(r, MCP_INTERNAL, NULL, "%d requests are open: end "
		    "one of them", MCP_LISTENS);
	else if (s->nsubs + json_array_size(uris) > MCP_SUBS)
		mcp_error(r, MCP_INTERNAL, NULL, "a connection has at most %d "
		    "subscriptions", MCP_SUBS);
	else
		listen_start(r, uris);
}
