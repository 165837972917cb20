/*
 * The OpenAPI 3.1 document of the REST interface.  openapi/embed.py makes it
 * at build time out of the parts in that folder.
 */
#ifndef GW_OPENAPI_H
#define GW_OPENAPI_H

/* compact JSON and a newline */
extern const char	 openapi_json[];

#endif
