/*
 * The documents of the API, rendered at most once for each change of what
 * they show.  Runs in the frontend (_gatewayd, chroot).
 */
#ifndef GW_DOC_H
#define GW_DOC_H

#include <event2/buffer.h>
#include <stddef.h>
#include <stdint.h>

struct doc {
	const char	*body;		/* of JSON: compact, and a newline */
	size_t		 len;
	const char	*type;		/* media type */
	const char	*etag;		/* with quotes; NULL: no-store */
	int		 status;	/* HTTP status it is sent with: 200 */
	char		*reply;		/* a whole HTTP reply: head and body */
	size_t		 head_len;	/* bytes of it in front of the body */
	char		*text;		/* doc_text(), once asked for */
	size_t		 text_len;
	char		 etag_text[48];
	unsigned int	 refs;
};

/*
 * The document a target names, or NULL if there is none: "/health",
 * "/health?strict=1" (status 503 unless ok), "/v6/address",
 * "/v6/address?iface=he0", "/tunnels", "/tunnels/he", "/version", "/config",
 * "/relay", "/openapi.json", "/ports/udp", "/ports/udp/7654", the same of tcp.
 * Nothing in a target is percent-encoded.  Valid until fe_status changes, or
 * as long as it is held.
 */
struct doc	*doc_get(const char *target);

/* one that is not kept here: the caller holds it, and releases it */
struct doc	*doc_volatile(const char *type, const char *body, size_t len);

/* keeps a document that is being sent */
void		 doc_hold(struct doc *);
void		 doc_release(struct doc *);
/* the body without its newline, as it stands inside a JSON string; its length
 * is text_len */
const char	*doc_text(struct doc *);
/* queues len bytes at data, which belong to the document: short ones as a
 * copy; 0, or -1 if there is no memory */
int		 doc_append(struct doc *, const char *data, size_t len,
		    struct evbuffer *);

#endif
