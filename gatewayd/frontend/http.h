/*
 * A strict HTTP/1.1 server on libevent bufferevents (RFC 9110, RFC 9112).
 * Runs in the frontend (_gatewayd, chroot).
 *
 * It frames requests and has rest.h answer them; what is wrong it answers
 * itself, with problem+json (RFC 9457).  Deadlines: 10 s for a head, 10 s for
 * a body, however they arrive; 75 s idle; 30 s without the client reading.
 * Limits: those of http_parse.h; 256 connections of all listeners together,
 * the oldest idle one gives way; 256 KiB of output queued for one of them.
 */
#ifndef GW_HTTP_H
#define GW_HTTP_H

#include <event2/event.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Serves the listening socket fd (TCP or AF_UNIX, non-blocking), which is
 * taken over.  May be called once for each listener.  SIGPIPE has to be
 * ignored.
 */
void	 http_listen(struct event_base *, int fd);

#endif
