/*
 * JSON-RPC 2.0 for MCP: see mcp_rpc.h.  Runs in the frontend (_gatewayd,
 * chroot).
 *
 * A message that cannot be attributed to a request is answered without an id:
 * the schema of MCP has no null there.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "counters.h"
#include "json_value.h"
#include "log.h"
#include "mcp_line.h"
#include "mcp_methods.h"
#include "mcp_rpc.h"

#define MESSAGE_SIZE	1024	/* of an error */
#define STATIC_MS	3600000	/* ttlMs of what this version says */
#define VALUES_MAX	4096	/* of one message or batch */

void
mcp_put(struct evbuffer *out, const char *text, size_t len)
{
	if (evbuffer_add(out, text, len) == -1)
		fatalx("evbuffer_add: out of memory");
}

void
mcp_puts(struct evbuffer *out, const char *text)
{
	mcp_put(out, text, strlen(text));
}

static int
put_piece(const char *text, size_t len, void *out)
{
	mcp_put(out, text, len);
	return (0);
}

void
mcp_put_json(struct evbuffer *out, const json_t *value, size_t flags)
{
	if (json_dump_callback(value, put_piece, out, flags | JSON_COMPACT |
	    JSON_ENCODE_ANY) == -1)
		fatalx("cannot render JSON: out of memory");
}

void
mcp_put_doc(struct evbuffer *out, struct doc *doc)
{
	if (doc_append(doc, doc->body, doc->len - 1, out) == -1)
		fatalx("doc_append: out of memory");
}

void
mcp_put_doc_text(struct evbuffer *out, struct doc *doc)
{
	const char	*text = doc_text(doc);

	if (doc_append(doc, text, doc->text_len, out) == -1)
		fatalx("doc_append: out of memory");
}

const char *
mcp_string(const json_t *object, const char *key)
{
	return (json_string_value(json_object_get(object, key)));
}

json_t *
mcp_server_info(void)
{
	return (json_pack("{s:s,s:s,s:s}",
	    "name", "v6-gatewayd",
	    "title", "IPv6 tunnel gateway",
	    "version", GW_VERSION));
}

/* {"jsonrpc":"2.0","id":ID, */
static void
answer_begin(struct mcp_request *r)
{
	r->answered = 1;
	mcp_puts(r->out, "{\"jsonrpc\":\"2.0\",");
	if (r->id == NULL)
		return;
	mcp_puts(r->out, "\"id\":");
	mcp_put_json(r->out, r->id, 0);
	mcp_puts(r->out, ",");
}

void
mcp_result_begin(struct mcp_request *r)
{
	answer_begin(r);
	mcp_puts(r->out, "\"result\":{");
}

/* what 2026-07-28 wants in every result */
static json_t *
modern_members(enum mcp_ttl ttl)
{
	json_t	*members;

	members = json_pack("{s:s,s:{s:o}}", "resultType", "complete",
	    "_meta", MCP_META "serverInfo", mcp_server_info());
	if (ttl == MCP_TTL_NONE)
		return (members);
	json_object_set_new(members, "ttlMs",
	    json_integer(ttl == MCP_TTL_STATIC ? STATIC_MS : 0));
	json_object_set_new(members, "cacheScope",
	    json_string(ttl == MCP_TTL_STATIC ? "public" : "private"));
	return (members);
}

void
mcp_result_end(struct mcp_request *r, enum mcp_ttl ttl)
{
	json_t	*members;

	if (r->modern) {
		members = modern_members(ttl);
		mcp_puts(r->out, ",");
		mcp_put_json(r->out, members, JSON_EMBED);
		json_decref(members);
	}
	mcp_puts(r->out, "}}");
}

void
mcp_result(struct mcp_request *r, json_t *members, enum mcp_ttl ttl)
{
	json_t	*modern;

	if (r->modern) {
		modern = modern_members(ttl);
		json_object_update_missing(members, modern);
		json_decref(modern);
	}
	answer_begin(r);
	mcp_puts(r->out, "\"result\":");
	mcp_put_json(r->out, members, 0);
	mcp_puts(r->out, "}");
	json_decref(members);
}

void
mcp_error(struct mcp_request *r, enum mcp_code code, json_t *data,
    const char *fmt, ...)
{
	char	 message[MESSAGE_SIZE];
	json_t	*error;
	va_list	 ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	/* a message cut short may end inside a character */
	error = json_pack("{s:i,s:o}", "code", (int)code,
	    "message", value_text(message));
	if (data != NULL)
		json_object_set_new(error, "data", data);
	r->failed = 1;
	answer_begin(r);
	mcp_puts(r->out, "\"error\":");
	mcp_put_json(r->out, error, 0);
	mcp_puts(r->out, "}");
	json_decref(error);
}

void
mcp_notify(struct evbuffer *out, const char *method, json_t *params)
{
	mcp_puts(out, "{\"jsonrpc\":\"2.0\",\"method\":\"");
	mcp_puts(out, method);
	mcp_puts(out, "\",\"params\":");
	mcp_put_json(out, params, 0);
	mcp_puts(out, "}\n");
	json_decref(params);
}

static int
id_valid(const json_t *id)
{
	return (json_is_integer(id) ||
	    (json_is_string(id) && json_string_length(id) <= MCP_ID_MAX));
}

/* 0, or -1 and the request does not say what a modern one has to */
static int
check_modern(struct mcp_request *r)
{
	const json_t	*meta = json_object_get(r->params, "_meta");
	const char	*version;

	version = mcp_string(meta, MCP_META "protocolVersion");
	if (version == NULL) {
		mcp_error(r, MCP_INVALID_PARAMS, NULL, "params._meta lacks "
		    "the string " MCP_META "protocolVersion");
		return (-1);
	}
	if (!json_is_object(json_object_get(meta,
	    MCP_META "clientCapabilities"))) {
		mcp_error(r, MCP_INVALID_PARAMS, NULL, "params._meta lacks "
		    "the object " MCP_META "clientCapabilities");
		return (-1);
	}
	if (strcmp(version, MCP_MODERN) == 0)
		return (0);
	mcp_error(r, MCP_NO_VERSION, json_pack("{s:[s],s:s}",
	    "supported", MCP_MODERN, "requested", version),
	    "Unsupported protocol version");
	return (-1);
}

static int
is_modern(const struct mcp_request *r, const struct mcp_method *m)
{
	const json_t	*meta = json_object_get(r->params, "_meta");

	return (json_object_get(meta, MCP_META "protocolVersion") != NULL ||
	    json_object_get(meta, MCP_META "clientCapabilities") != NULL ||
	    (m != NULL && (m->flags & MCP_IN_LEGACY) == 0));
}

static void
request_call(struct mcp_request *r)
{
	const struct mcp_method	*m = mcp_method_find(r->method);

	r->modern = is_modern(r, m);
	if (r->in_batch && (r->modern ||
	    (m != NULL && m->flags & MCP_NO_BATCH)))
		mcp_error(r, MCP_INVALID_REQUEST, NULL, "this request must "
		    "not be a part of a batch");
	else if (r->modern && check_modern(r) == -1)
		;	/* answered */
	else if (m == NULL || (m->flags & (r->modern ? MCP_IN_MODERN :
	    MCP_IN_LEGACY)) == 0)
		mcp_error(r, MCP_NO_METHOD, NULL, "there is no method "
		    "\"%.64s\" in this revision of the protocol", r->method);
	else
		m->call(r);
}

/* never answered; those about the handshake and unknown ones say nothing */
static void
notification(struct mcp_request *r)
{
	if (strcmp(r->method, "notifications/cancelled") == 0)
		mcp_subs_cancel(&r->session->subs,
		    json_object_get(r->params, "requestId"));
}

/* a request's or notification's frame: 0, or -1 and it was answered */
static int
message_frame(struct mcp_request *r, json_t *msg)
{
	const json_t	*params = json_object_get(msg, "params");
	json_t		*id = json_object_get(msg, "id");
	const char	*version = mcp_string(msg, "jsonrpc");

	if (id != NULL && id_valid(id))
		r->id = id;
	r->method = mcp_string(msg, "method");
	if (version == NULL || strcmp(version, "2.0") != 0 ||
	    (id != NULL && r->id == NULL))
		mcp_error(r, MCP_INVALID_REQUEST, NULL, "a message is an "
		    "object with jsonrpc \"2.0\", and an id, if any, that is "
		    "an integer or a string of at most %d bytes", MCP_ID_MAX);
	else if (r->method == NULL)
		mcp_error(r, MCP_INVALID_REQUEST, NULL, "a request has a "
		    "method, which is a string");
	else if (r->id != NULL && params != NULL && !json_is_object(params))
		mcp_error(r, MCP_INVALID_PARAMS, NULL, "params is an object");
	return (r->answered ? -1 : 0);
}

/* we ask nothing, so there is nothing to be answered */
static int
is_response(const json_t *msg)
{
	return (json_object_get(msg, "method") == NULL &&
	    (json_object_get(msg, "result") != NULL ||
	    json_object_get(msg, "error") != NULL));
}

/* one message, not a batch; nonzero if it was answered */
static int
message(struct mcp_session *s, json_t *msg, int in_batch,
    struct evbuffer *out)
{
	struct mcp_request	 r = { .session = s, .out = out,
				    .in_batch = in_batch };

	if (is_response(msg) || message_frame(&r, msg) == -1)
		return (r.answered);
	r.params = json_object_get(msg, "params");
	if (r.id == NULL)
		notification(&r);
	else {
		request_call(&r);
		count_mcp_request(r.method, !r.failed);
	}
	return (r.answered);
}

static void
invalid(struct mcp_session *s, struct evbuffer *out, enum mcp_code code,
    const char *text)
{
	struct mcp_request	 r = { .session = s, .out = out };

	mcp_error(&r, code, NULL, "%s", text);
	mcp_puts(out, "\n");
}

/* the answers as an array; none at all if there is nothing to answer */
static void
batch(struct mcp_session *s, json_t *list, struct evbuffer *out)
{
	const char	*before = "[";
	struct evbuffer	*answer;
	json_t		*msg;
	size_t		 i;

	if ((answer = evbuffer_new()) == NULL)
		fatalx("evbuffer_new: out of memory");
	json_array_foreach(list, i, msg) {
		if (!message(s, msg, 1, answer))
			continue;
		mcp_puts(out, before);
		if (evbuffer_add_buffer(out, answer) == -1)
			fatalx("evbuffer_add_buffer: out of memory");
		before = ",";
	}
	evbuffer_free(answer);
	if (*before == ',')
		mcp_puts(out, "]\n");
}

/* what the parser makes of "[[],[],[],..." is a hundred times as large, and
 * takes milliseconds; no request comes near that */
static int
too_many_values(const char *line, size_t len)
{
	unsigned int	 n = 0;
	size_t		 i;

	for (i = 0; i < len; i++)
		n += line[i] == ',' || line[i] == '[' || line[i] == '{';
	return (n > VALUES_MAX);
}

void
mcp_rpc_line(struct mcp_session *s, const char *line, size_t len,
    struct evbuffer *out)
{
	json_error_t	 error;
	json_t		*msg;
	size_t		 n;

	if (too_many_values(line, len)) {
		invalid(s, out, MCP_INVALID_REQUEST, "a message has at most "
		    "4096 values");
		return;
	}
	msg = json_loadb(line, len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES,
	    &error);
	if (msg == NULL) {
		invalid(s, out, MCP_PARSE_ERROR, error.text);
		return;
	}
	n = json_array_size(msg);
	if (!json_is_array(msg)) {
		if (message(s, msg, 0, out))
			mcp_puts(out, "\n");
	} else if (!s->batches)
		invalid(s, out, MCP_INVALID_REQUEST, "batches are of revision "
		    MCP_BATCHES " alone: send one message in a line");
	else if (n == 0 || n > MCP_BATCH_MAX)
		invalid(s, out, MCP_INVALID_REQUEST, "a batch has 1 to 64 "
		    "messages");
	else
		batch(s, msg, out);
	json_decref(msg);
}

void
mcp_rpc_long(struct evbuffer *out)
{
	invalid(NULL, out, MCP_INVALID_REQUEST, "a line is longer than 64 "
	    "KiB");
}
