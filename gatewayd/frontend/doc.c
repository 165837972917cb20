/*
 * Keeps the API's documents, rendered when they are asked for and something
 * has changed since.  Runs in the frontend (_gatewayd, chroot).
 *
 * A document is kept as the whole HTTP reply, so that serving it is one
 * write.  One that comes out the same as before keeps its ETag.
 */
#include <sys/tree.h>

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doc.h"
#include "http_reply.h"
#include "json.h"
#include "log.h"
#include "openapi.h"
#include "status.h"
#include "util.h"

/* "/v6/address?iface=" and the longest name: longer targets name nothing */
#define TARGET_SIZE	64
#define COPY_MAX 4096	/* longer content is not copied */
/* an interface that no tunnel has: one empty document for all such names */
#define NO_IFACE	"/v6/address?iface="

struct entry {
	RB_ENTRY(entry)	 node;
	char		 target[TARGET_SIZE];
	struct doc	*doc;		/* NULL: not rendered yet */
	uint64_t	 generation;	/* of fe_status, when rendered */
};
RB_HEAD(entries, entry);

static struct entries entries = RB_INITIALIZER(&entries);
static uint64_t swept_at;	/* loaded_at of the configuration then */

static int
entry_cmp(struct entry *a, struct entry *b)
{
	return (strcmp(a->target, b->target));
}

RB_PROTOTYPE(entries, entry, node, entry_cmp)
RB_GENERATE(entries, entry, node, entry_cmp)

void
doc_hold(struct doc *doc)
{
	doc->refs++;
}

void
doc_release(struct doc *doc)
{
	if (--doc->refs > 0)
		return;
	free(doc->reply);
	free(doc->text);
	free(doc);
}

const char *
doc_text(struct doc *doc)
{
	json_t *value;

	if (doc->text != NULL)
		return (doc->text);
	value = json_stringn(doc->body, doc->len - 1);
	doc->text = json_dumps(value, JSON_ENCODE_ANY);
	if (doc->text == NULL)
		fatalx("cannot render JSON: out of memory");
	json_decref(value);
	/* without its quotes */
	doc->text_len = strlen(doc->text) - 2;
	memmove(doc->text, doc->text + 1, doc->text_len);
	return (doc->text);
}

static void
doc_sent(const void *data, size_t len, void *doc)
{
	doc_release(doc);
}

int
doc_append(struct doc *doc, const char *data, size_t len,
    struct evbuffer *out)
{
	if (len <= COPY_MAX)
		return (evbuffer_add(out, data, len));
	doc_hold(doc);
	if (evbuffer_add_reference(out, data, len, doc_sent, doc) == 0)
		return (0);
	doc_release(doc);
	return (-1);
}

/* what follows prefix in the target, NULL if that is not how it starts */
static const char *
target_after(const char *target, const char *prefix)
{
	size_t len = strlen(prefix);

	return (strncmp(target, prefix, len) == 0 ? target + len : NULL);
}

/* the document's text, to be freed; NULL if the target names none */
static char *
target_render(const char *target)
{
	const struct fe_tunnel *t;
	const char *name;

	if (strcmp(target, "/health") == 0 ||
	    strcmp(target, "/health?strict=1") == 0)
		return (json_health());
	if (strcmp(target, "/tunnels") == 0)
		return (json_tunnels());
	if (strcmp(target, "/v6/address") == 0)
		return (json_addresses(NULL));
	if (strcmp(target, "/version") == 0)
		return (json_version());
	if (strcmp(target, "/config") == 0)
		return (json_config());
	if (strcmp(target, "/relay") == 0)
		return (json_relay());
	if (strcmp(target, "/openapi.json") == 0)
		return (xstrdup(openapi_json));
	if ((name = target_after(target, NO_IFACE)) != NULL)
		return (json_addresses(name));
	if ((name = target_after(target, "/ports/")) != NULL)
		return (json_ports(name));
	if ((name = target_after(target, "/tunnels/")) != NULL &&
	    (t = fe_tunnel_name(name)) != NULL)
		return (json_tunnel(t));
	return (NULL);
}

static int
target_status(const char *target)
{
	if (strcmp(target, "/health?strict=1") == 0 &&
	    fe_status.health.status != HEALTH_OK)
		return (503);
	return (200);
}

/* unique to this run of the daemon: generations start again with each */
static void
doc_etag(struct doc *doc)
{
	static uint32_t boot;

	while (boot == 0)
		boot = arc4random();
	snprintf(doc->etag_text, sizeof(doc->etag_text),
	    "W/\"%08" PRIx32 "-%" PRIu64 "\"", boot, fe_status.generation);
	doc->etag = doc->etag_text;
}

/* type: a constant */
static struct doc *
doc_new(const char *type, const char *body, size_t len, int status, int keep)
{
	char head[HTTP_REPLY_HEAD_MAX];
	struct http_reply r = { .status = status };
	struct doc *doc = xcalloc(1, sizeof(*doc));

	if (keep)
		doc_etag(doc);
	r.etag = doc->etag;
	r.type = doc->type = type;
	r.len = doc->len = len;
	doc->head_len = http_head(head, &r);
	doc->reply = xmalloc(doc->head_len + doc->len);
	memcpy(doc->reply, head, doc->head_len);
	memcpy(doc->reply + doc->head_len, body, doc->len);
	doc->body = doc->reply + doc->head_len;
	doc->status = status;
	doc->refs = 1;
	return (doc);
}

struct doc *
doc_volatile(const char *type, const char *body, size_t len)
{
	return (doc_new(type, body, len, 200, 0));
}

static void
entry_free(struct entry *e)
{
	RB_REMOVE(entries, &entries, e);
	if (e->doc != NULL)
		doc_release(e->doc);
	free(e);
}

/* forgets the documents of tunnels that a new configuration does not have, and
 * of mappings that are gone */
static void
entries_sweep(void)
{
	struct entry *e, *next;
	const char *name;

	swept_at = fe_status.conf.loaded_at;
	RB_FOREACH_SAFE(e, entries, &entries, next) {
		if (((name = target_after(e->target, "/tunnels/")) != NULL &&
		    fe_tunnel_name(name) == NULL) ||
		    ((name = target_after(e->target, "/ports/")) != NULL &&
		    strchr(name, '/') != NULL && fe_port_path(name) == NULL) ||
		    ((name = target_after(e->target, NO_IFACE)) != NULL &&
		    *name != '\0' && fe_tunnel_iface(name) == NULL))
			entry_free(e);
	}
}

/* brings the entry up to date; its document, or NULL and it is gone */
static struct doc *
entry_render(struct entry *e)
{
	char *body = target_render(e->target);
	int status = target_status(e->target);

	if (body == NULL) {
		entry_free(e);
		return (NULL);
	}
	e->generation = fe_status.generation;
	if (e->doc == NULL || e->doc->status != status ||
	    strlen(body) != e->doc->len ||
	    memcmp(body, e->doc->body, e->doc->len) != 0) {
		if (e->doc != NULL)
			doc_release(e->doc);
		e->doc = doc_new("application/json", body, strlen(body),
		    status, target_after(e->target, "/health") == NULL);
	}
	free(body);
	return (e->doc);
}

struct doc *
doc_get(const char *target)
{
	struct entry *e, key;
	const char *iface;

	if (strlcpy(key.target, target, sizeof(key.target)) >=
	    sizeof(key.target))
		return (NULL);
	if (swept_at != fe_status.conf.loaded_at)
		entries_sweep();
	if ((e = RB_FIND(entries, &entries, &key)) == NULL) {
		iface = target_after(target, NO_IFACE);
		if (iface != NULL && *iface != '\0' &&
		    fe_tunnel_iface(iface) == NULL)
			return (doc_get(NO_IFACE));
		e = xcalloc(1, sizeof(*e));
		strlcpy(e->target, target, sizeof(e->target));
		RB_INSERT(entries, &entries, e);
	} else if (e->generation == fe_status.generation)
		return (e->doc);
	return (entry_render(e));
}
