/*
 * The JSON renderers at their edges: no tunnels, unknown values, roundings,
 * text that is not UTF-8.  The whole documents are checked in regress/http.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doc.h"
#include "json.h"
#include "status.h"
#include "util.h"

static void
expect(char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		errx(1, "no %s in %s", part, text);
	assert(text[strlen(text) - 1] == '\n');
	free(text);
}

static struct fe_tunnel *
add_tunnel(const char *name)
{
	struct fe_tunnel *t = xcalloc(1, sizeof(*t));

	t->conf.id = 1;
	strlcpy(t->conf.name, name, sizeof(t->conf.name));
	strlcpy(t->conf.iface, name, sizeof(t->conf.iface));
	if (fe_tunnels_add(&fe_status.tunnels, t) == -1)
		errx(1, "%s: twice", t->conf.name);
	return (t);
}

static void
test_empty(void)
{
	fe_status.health.latency_us = WIRE_UNKNOWN;
	expect(json_health(), "{\"status\":\"starting\",\"v6_reachable\":false,"
	    "\"v6_latency_ms\":null,\"active_tunnels\":0,"
	    "\"last_check\":null}\n");
	expect(json_tunnels(), "{\"tunnels\":[]}\n");
	expect(json_addresses(NULL), "{\"addresses\":[]}\n");
	expect(json_config(), "{\"source\":null,\"loaded_at\":null,"
	    "\"config\":{}}\n");
	expect(json_problem(404, "Not Found", "a \"b\"", NULL, NULL),
	    "{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,"
	    "\"detail\":\"a \\\"b\\\"\",\"instance\":null}\n");
}

static void
test_latency(void)
{
	static const struct {
		uint32_t	 us;
		const char	*ms;
	} cases[] = {
		{ 0, ":1," }, { 1, ":1," }, { 999, ":1," }, { 1499, ":1," },
		{ 1500, ":2," }, { 34600, ":35," }, { UINT32_MAX - 1,
		":4294967," }, { WIRE_UNKNOWN, ":null," },
	};
	char part[64];
	size_t i;

	fe_status.health.status = HEALTH_OK;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fe_status.health.latency_us = cases[i].us;
		snprintf(part, sizeof(part), "\"v6_latency_ms\"%s",
		    cases[i].ms);
		expect(json_health(), part);
	}
	fe_status.health.status = HEALTH_DOWN;
	fe_status.health.latency_us = 5000;
	expect(json_health(), "\"v6_latency_ms\":null,");
}

static void
test_figures(struct fe_tunnel *t)
{
	t->known = 1;
	t->st.state = TS_UP;
	t->st.sent = 3;
	t->st.lost = 1;
	t->st.rtt_us = UINT32_MAX - 1;
	t->st.avg_us = 1;
	t->st.p95_us = 1000;
	t->st.jitter_us = WIRE_UNKNOWN;
	expect(json_tunnel(t), "\"rtt_ms\":{\"last\":4294967.294,"
	    "\"avg\":0.001,\"p95\":1.0},\"jitter_ms\":null,"
	    "\"loss_ratio\":0.333,");
	/* nothing came back: what the window says of times is void */
	t->st.lost = 3;
	expect(json_tunnel(t), "\"rtt_ms\":{\"last\":null,\"avg\":null,"
	    "\"p95\":null},\"jitter_ms\":null,\"loss_ratio\":1.0,");
	t->st.sent = t->st.lost = 0;
	expect(json_tunnel(t), "\"loss_ratio\":null,");
}

static void
test_text(struct fe_tunnel *t)
{
	strlcpy(t->st.reason, "a \xff \"b\"\n", sizeof(t->st.reason));
	expect(json_tunnel(t), "\"reason\":\"a ? \\\"b\\\"\\n\"");
	strlcpy(t->st.reason, "\xc3\xa4", sizeof(t->st.reason));
	expect(json_tunnel(t), "\"reason\":\"\xc3\xa4\"");
	t->st.reason[0] = '\0';
	expect(json_tunnel(t), "\"reason\":null");
}

static void
test_address(struct fe_tunnel *t)
{
	expect(json_tunnels(), "\"v6_prefix\":null");
	t->conf.has_address = 1;
	t->conf.prefix_len = 61;
	assert(inet_pton(AF_INET6, "2001:db8:0:f::2", &t->conf.address) == 1);
	expect(json_tunnels(), "\"v6_prefix\":\"2001:db8:0:8::/61\"");
	expect(json_addresses(NULL), "{\"addresses\":[]}\n");
	t->st.link.state = LINK_READY;
	expect(json_addresses(NULL), "\"address\":\"2001:db8:0:f::2\","
	    "\"prefix\":61,");
	t->conf.prefix_len = 128;
	expect(json_tunnels(), "\"v6_prefix\":\"2001:db8:0:f::2/128\"");
	expect(json_addresses("other"), "{\"addresses\":[]}\n");
}

/* a held document outlives the change that replaces it */
static void
test_doc(struct fe_tunnel *t)
{
	struct doc *old, *new;
	char etag[64];

	fe_status.generation = 1;
	old = doc_get("/tunnels/a");
	assert(old != NULL && doc_get("/tunnels/a") == old);
	strlcpy(etag, old->etag, sizeof(etag));
	fe_status.generation++;
	assert(doc_get("/tunnels/a") == old);
	doc_hold(old);
	t->st.rx_bytes++;
	fe_status.generation++;
	new = doc_get("/tunnels/a");
	assert(new != old && strcmp(new->etag, etag) != 0);
	assert(strcmp(old->etag, etag) == 0);
	assert(old->reply + old->head_len == old->body);
	doc_release(old);

	assert(doc_get("/tunnels/b") == NULL);
	assert(doc_get("/nope") == NULL);
	assert(doc_get("") == NULL);
	assert(doc_get("/v6/address?iface=none") ==
	    doc_get("/v6/address?iface=nobody"));
	assert(doc_get("/v6/address?iface=a") !=
	    doc_get("/v6/address?iface=none"));
	assert(doc_get("/health?strict=1")->status == 503);
	assert(doc_get("/health")->status == 200);
	assert(doc_get("/health")->etag == NULL);
}

int
main(void)
{
	struct fe_tunnel *t;

	test_empty();
	test_latency();
	t = add_tunnel("a");
	test_figures(t);
	test_text(t);
	test_address(t);
	test_doc(t);
	return (0);
}
