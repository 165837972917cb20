/*
 * Schemas of the MCP tools: see mcp_schema.h.  Runs in the frontend
 * (_gatewayd, chroot).
 */
#include <string.h>

#include "mcp_schema.h"

const struct field	 mcp_health_fields[] = {
	{ "status", "string", 0, "ok degraded down starting", NULL,
	    "ok: IPv6 works; degraded: it works with much loss or delay; "
	    "down: it does not; starting: there is no verdict yet" },
	{ "v6_reachable", "boolean", 0, NULL, NULL,
	    "Whether the IPv6 Internet answers" },
	{ "v6_latency_ms", "integer", FIELD_NULL, NULL, NULL,
	    "Round trip by the active tunnel in milliseconds, null if it is "
	    "not reachable" },
	{ "active_tunnels", "integer", 0, NULL, NULL,
	    "How many tunnels are up" },
	{ "last_check", "integer", FIELD_NULL, NULL, NULL,
	    "When that was last checked, in Unix seconds" },
	{ NULL, NULL, 0, NULL, NULL, NULL }
};

static const struct field	 address_fields[] = {
	{ "iface", "string", FIELD_NULL, NULL, NULL,
	    "The tunnel's interface" },
	{ "address", "string", 0, NULL, NULL, "The IPv6 address" },
	{ "prefix", "integer", 0, NULL, NULL, "Its prefix length" },
	{ "reachable", "boolean", 0, NULL, NULL,
	    "Whether the Internet answers to it" },
	{ "latency_ms", "integer", FIELD_NULL, NULL, NULL,
	    "Round trip in milliseconds, null if it is not reachable" },
	{ "tunnel", "string", FIELD_OPTIONAL, NULL, NULL,
	    "The tunnel's name" },
	{ "role", "string", FIELD_OPTIONAL | FIELD_NULL, NULL, NULL,
	    "active: it has the default route; standby; draining: only old "
	    "connections use it" },
	{ NULL, NULL, 0, NULL, NULL, NULL }
};

const struct field	 mcp_addresses_fields[] = {
	{ "addresses", "array", 0, NULL, address_fields,
	    "One for each interface that is in place" },
	{ NULL, NULL, 0, NULL, NULL, NULL }
};

static const struct field	 detail_fields[] = {
	{ "state", "string", FIELD_NULL, NULL, NULL, "The fine state" },
	{ "role", "string", FIELD_NULL, NULL, NULL,
	    "active, standby or draining" },
	{ "reason", "string", FIELD_NULL, NULL, NULL,
	    "Why it is in this state" },
	{ "since", "integer", FIELD_NULL, NULL, NULL,
	    "Since when, in Unix seconds" },
	{ "last_error", "string", FIELD_OPTIONAL | FIELD_NULL, NULL, NULL,
	    "What last went wrong" },
	{ NULL, NULL, 0, NULL, NULL, NULL }
};

static const struct field	 tunnel_fields[] = {
	{ "name", "string", 0, NULL, NULL, "Its name" },
	{ "type", "string", 0, "he_6in4 wireguard external", NULL,
	    "external: another program makes the interface" },
	{ "state", "string", 0, "up down starting degraded failed disabled",
	    NULL, "degraded: much loss or delay; failed: it cannot run; "
	    "disabled: an operator took it down" },
	{ "iface", "string", FIELD_NULL, NULL, NULL, "Its interface" },
	{ "v6_prefix", "string", FIELD_NULL, NULL, NULL, "Its IPv6 prefix" },
	{ "rx_bytes", "integer", 0, NULL, NULL, "Bytes received" },
	{ "tx_bytes", "integer", 0, NULL, NULL, "Bytes sent" },
	{ "last_check", "integer", FIELD_NULL, NULL, NULL,
	    "When it was last probed, in Unix seconds" },
	{ "detail", "object", FIELD_OPTIONAL, NULL, detail_fields,
	    "Everything else known about it; only if it was asked for by "
	    "name" },
	{ NULL, NULL, 0, NULL, NULL, NULL }
};

const struct field	 mcp_tunnels_fields[] = {
	{ "tunnels", "array", 0, NULL, tunnel_fields,
	    "In the order of the configuration" },
	{ NULL, NULL, 0, NULL, NULL, NULL }
};

static json_t *
word_list(const char *words)
{
	json_t	*list = json_array();
	size_t	 len;

	while (*words != '\0') {
		len = strcspn(words, " ");
		json_array_append_new(list, json_stringn(words, len));
		words += len + (words[len] == ' ');
	}
	return (list);
}

static json_t *
field_type(const struct field *f)
{
	json_t	*type;

	if (f->items != NULL && strcmp(f->type, "object") == 0)
		return (mcp_schema(f->items, 0));
	type = json_pack("{s:s}", "type", f->type);
	if (f->words != NULL)
		json_object_set_new(type, "enum", word_list(f->words));
	if (f->items != NULL)
		json_object_set_new(type, "items", mcp_schema(f->items, 0));
	return (type);
}

static json_t *
field_schema(const struct field *f)
{
	json_t	*schema = field_type(f);

	if (f->flags & FIELD_NULL)
		schema = json_pack("{s:[o,{s:s}]}", "anyOf", schema,
		    "type", "null");
	json_object_set_new(schema, "description",
	    json_string(f->description));
	return (schema);
}

json_t *
mcp_schema(const struct field *fields, int strict)
{
	json_t			*properties = json_object();
	json_t			*required = json_array(), *schema;
	const struct field	*f;

	for (f = fields; f->name != NULL; f++) {
		json_object_set_new(properties, f->name, field_schema(f));
		if ((f->flags & FIELD_OPTIONAL) == 0)
			json_array_append_new(required, json_string(f->name));
	}
	schema = json_pack("{s:s,s:o}", "type", "object",
	    "properties", properties);
	if (json_array_size(required) > 0)
		json_object_set(schema, "required", required);
	json_decref(required);
	if (strict)
		json_object_set_new(schema, "additionalProperties",
		    json_false());
	return (schema);
}
