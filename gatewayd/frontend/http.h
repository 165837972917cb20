/*
 * A strict HTTP/1.1 server on libevent bufferevents (RFC 9110, RFC 9112).
 * Runs in the frontend (_gatewayd, chroot).
 *
 * It frames requests, holds limits and deadlines, and answers what is wrong
 * with problem+json (RFC 9457); a well-formed request goes to the handler.
 */
#ifndef GW_HTTP_H
#define GW_HTTP_H

#include <event2/event.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Serves the listening socket fd (TCP or AF_UNIX, non-blocking), which is
 * taken over.  May be called once for each listener.
 */
void	 http_listen(struct event_base *, int fd);

#endif
