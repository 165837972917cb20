/*
 * The documents of the API, rendered at most once for each change of what
 * they show.  Runs in the frontend (_gatewayd, chroot).
 */
#ifndef GW_DOC_H
#define GW_DOC_H

#include <stddef.h>
#include <stdint.h>

struct doc {
	const char	*body;		/* compact JSON and a newline */
	size_t		 len;
	const char	*etag;		/* with quotes; NULL: no-store */
	int		 status;	/* HTTP status it is sent with: 200 */
};

/*
 * The document a target names, without query ("/health", "/tunnels/he"), or
 * NULL if there is none.  Valid until fe_status changes.
 */
const struct doc *doc_get(const char *path);

#endif
