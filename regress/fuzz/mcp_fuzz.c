/*
 * The line and message layers of the MCP server: the first byte says how the
 * rest, which is what a client sends, is cut into pieces, and whether batches
 * were agreed on.  Whatever comes, what is answered is lines of JSON-RPC, and
 * the same ones however it was cut.
 */
#include <event2/buffer.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "mcp_line.h"
#include "mcp_rpc.h"
#include "status.h"
#include "util.h"

#define BATCHES	0x80

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
add_tunnel(uint32_t id, const char *name, const char *iface)
{
	struct fe_tunnel *t = xcalloc(1, sizeof(*t));

	t->conf.id = id;
	t->conf.type = GW_HE_6IN4;
	strlcpy(t->conf.name, name, sizeof(t->conf.name));
	strlcpy(t->conf.iface, iface, sizeof(t->conf.iface));
	t->known = 1;
	t->st.state = TS_DOWN;
	strlcpy(t->st.reason, "no answer", sizeof(t->st.reason));
	(void)fe_tunnels_add(&fe_status.tunnels, t);
}

static void
start(void)
{
	log_init(LL_ERROR, LF_TEXT, LT_STDERR, "fuzz");
	add_tunnel(1, "he", "he0");
	add_tunnel(2, "wg", "wg0");
	fe_changed();
}

static void
check_message(const json_t *msg)
{
	const char *version;

	version = json_string_value(json_object_get(msg, "jsonrpc"));
	if (version == NULL || strcmp(version, "2.0") != 0)
		abort();
	/* an answer of one kind, or a notification */
	if ((json_object_get(msg, "result") != NULL) +
	    (json_object_get(msg, "error") != NULL) +
	    (json_object_get(msg, "method") != NULL) != 1)
		abort();
}

static void
check_line(const char *line, size_t len)
{
	json_t *msg, *item;
	size_t i;

	if ((msg = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL)) == NULL)
		abort();
	if (!json_is_array(msg))
		check_message(msg);
	else if (json_array_size(msg) == 0)
		abort();
	json_array_foreach(msg, i, item)
		check_message(item);
	json_decref(msg);
}

static void
check_output(struct evbuffer *out)
{
	struct evbuffer_ptr eol;

	while (evbuffer_get_length(out) > 0) {
		eol = evbuffer_search(out, "\n", 1, NULL);
		if (eol.pos == -1)
			abort();
		check_line((char *)evbuffer_pullup(out, eol.pos + 1),
		    (size_t)eol.pos);
		evbuffer_drain(out, (size_t)eol.pos + 1);
	}
}

/* what arrives is answered; nonzero if a line is too long: then it ends */
static int
answer(struct mcp_lines *lines, struct mcp_session *s, struct evbuffer *in,
    int end, struct evbuffer *out)
{
	const char *line;
	size_t len;

	for (;;) {
		switch (mcp_line_next(lines, in, end, &line, &len)) {
		case MCP_LINE_READY:
			mcp_rpc_line(s, line, len, out);
			mcp_line_done(lines, in);
			break;
		case MCP_LINE_LONG:
			mcp_rpc_long(out);
			return (1);
		case MCP_LINE_NONE:
			return (0);
		}
	}
}

/* the answers to raw, which comes in pieces of step bytes */
static struct evbuffer *
serve(const char *raw, size_t len, size_t step, int batches)
{
	struct evbuffer *in = evbuffer_new(), *out = evbuffer_new();
	struct mcp_session s = { .batches = batches };
	struct mcp_lines lines = { 0, 0 };
	size_t at, n;

	mcp_subs_init(&s.subs);
	fe_status.health.last_check = 1;
	fe_changed();
	for (at = 0; at < len; at += n) {
		n = len - at < step ? len - at : step;
		evbuffer_add(in, raw + at, n);
		if (answer(&lines, &s, in, at + n == len, out))
			break;
	}
	/* subscribers are told of changes */
	fe_status.health.last_check = 2;
	fe_changed();
	mcp_subs_changed(&s.subs);
	while (mcp_subs_check(&s.subs, out))
		;
	mcp_subs_clear(&s.subs);
	evbuffer_free(in);
	return (out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int started;
	struct evbuffer *whole, *cut;
	const char *raw = (const char *)data + 1;
	int batches;

	if (size < 2)
		return (0);
	if (!started)
		start();
	started = 1;
	batches = data[0] & BATCHES;
	cut = serve(raw, size - 1, (data[0] & 0x7f) + 1, batches);
	whole = serve(raw, size - 1, size - 1, batches);
	if (evbuffer_get_length(cut) != evbuffer_get_length(whole) ||
	    memcmp(evbuffer_pullup(cut, -1), evbuffer_pullup(whole, -1),
	    evbuffer_get_length(cut)) != 0)
		abort();
	check_output(cut);
	evbuffer_free(cut);
	evbuffer_free(whole);
	return (0);
}
