/*
 * Requests and answers of userspace WireGuard's configuration protocol, as
 * text (https://www.wireguard.com/xplatform/).  Pure computation.
 */
#ifndef GW_UAPI_TEXT_H
#define GW_UAPI_TEXT_H

#include <netinet/in.h>
#include <stddef.h>

#include "uapi.h"
#include "wgconf.h"

/*
 * set=1: the whole configuration, or only the endpoints.  endpoints is as for
 * uapi_set().  The caller wipes and frees its *len bytes.
 */
char	*uapi_text_set(const struct wg_conf *, const struct in_addr *endpoints,
	    int whole, size_t *len);

#define UAPI_LINE_MAX	512	/* keys and endpoints take a fourth of it */
/* what the largest configuration that is read can come to */
#define UAPI_ANSWER_MAX	(WG_PEERS_MAX * 1024UL + WG_ALLOWED_MAX * 64UL)

struct uapi_answer {
	int			 get;		/* more than errno is allowed */
	struct uapi_status	 status;
	int			 error;		/* as answered */
	/* private */
	int			 last;		/* errno= was read */
	int			 done;
	size_t			 total;
	size_t			 len;
	char			 line[UAPI_LINE_MAX];
};

/* get: the answer to get=1 */
void	 uapi_answer_init(struct uapi_answer *, int get);
/*
 * Takes the next bytes.  1: that was all, error and status are valid; 0: there
 * is more to come; -1: malformed.
 */
int	 uapi_answer_read(struct uapi_answer *, const char *, size_t);

#endif
