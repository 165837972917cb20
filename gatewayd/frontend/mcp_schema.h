/*
 * JSON Schemas (2020-12) of what the MCP tools take and give, from tables.
 * Runs in the frontend (_gatewayd, chroot).
 *
 * Only keywords that every host's model understands: what may be null is an
 * anyOf, never a list of types.
 */
#ifndef GW_MCP_SCHEMA_H
#define GW_MCP_SCHEMA_H

#include <jansson.h>

#define FIELD_NULL	0x1	/* it may be null */
#define FIELD_OPTIONAL	0x2

struct field {
	const char		*name;	/* NULL: there are no more */
	const char		*type;
	unsigned int		 flags;
	const char		*words;	/* "a b c": it is one of these */
	const struct field	*items;	/* of the objects in it, or of it */
	const char		*description;
};

/* an object with these fields; strict: and no others */
json_t	*mcp_schema(const struct field *, int strict);

extern const struct field	 mcp_health_fields[];
extern const struct field	 mcp_addresses_fields[];
extern const struct field	 mcp_tunnels_fields[];

#endif
