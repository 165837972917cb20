/*
 * One connection of the HTTP server, and what http.c keeps of all of them.
 * Runs in the frontend (_gatewayd, chroot).
 */
#ifndef GW_HTTP_CONN_H
#define GW_HTTP_CONN_H

#include <sys/queue.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdint.h>

#include "http_host.h"
#include "http_parse.h"
#include "rest.h"

#define HTTP_READ_MAX	16384		/* read ahead of the parser */

/* what a connection waits for, each with a deadline of its own */
enum http_wait {
	HTTP_WAIT_IDLE,		/* the first byte of a request */
	HTTP_WAIT_HEAD,		/* the rest of its head */
	HTTP_WAIT_BODY,
	HTTP_WAIT_WRITE,	/* the client to read */
	HTTP_WAIT_LINGER,	/* the client to close */
	HTTP_WAITS,
	HTTP_WAIT_NONE = HTTP_WAITS	/* another process: no deadline */
};

/* what http.h promises; variables only so that tests need not wait */
struct http_limits {
	unsigned int		 connections;	/* of all listeners */
	unsigned int		 ms[HTTP_WAITS];
};
extern struct http_limits http_limits;

enum http_phase {
	HTTP_PHASE_HEAD,	/* reads a request's head */
	HTTP_PHASE_BODY,	/* and its body */
	HTTP_PHASE_AUTH,	/* the engine looks at the token */
	HTTP_PHASE_LATER,	/* the resource will answer it */
	HTTP_PHASE_STREAM,	/* or goes on answering */
	HTTP_PHASE_LAST,	/* the last reply is on its way */
	HTTP_PHASE_LINGER,	/* was sent; what still comes is dropped */
	HTTP_PHASE_DEAD		/* to be freed */
};

struct http_conn {
	TAILQ_ENTRY(http_conn)	 entry;		/* in the list of its wait */
	uint64_t		 deadline;	/* monotime_ms() */
	enum http_wait		 wait;
	enum http_phase		 phase;
	struct bufferevent	*bev;
	int			 fd;
	int			 eof;		/* the client sends no more */
	int			 new_wait;	/* the deadline starts anew */
	uint32_t		 auth;		/* at the engine, or 0 */
	uint64_t		 asked_us;	/* when the request was there */
	size_t			 dropped;	/* bytes nobody reads */
	struct http_local	 local;
	struct http_request	 req;
	const struct rest_route	*route;		/* who answers later */
	struct rest_later	 later;
	int			 chunked;	/* the stream is */
	size_t			 unread_max;	/* of it; more, and it ends */
};

/* takes over fd; NULL, with fd closed, if there is no memory */
struct http_conn *http_conn_new(struct event_base *, int fd,
	    const struct http_local *);
void	 http_conn_free(struct http_conn *);
/* its deadline has passed */
void	 http_conn_expired(struct http_conn *);
/* tells one that cannot be served so, and closes fd */
void	 http_conn_reject(int fd);

#define http_in(c)	bufferevent_get_input((c)->bev)
#define http_out(c)	bufferevent_get_output((c)->bev)

/*
 * http_send.c: queues an answer, and frees what it holds; a connection for
 * which there is no memory is HTTP_PHASE_DEAD then.
 */
void	 http_send(struct http_conn *, struct rest_answer *, int head_only);
/* the head of a stream and the first piece of its content */
void	 http_send_stream(struct http_conn *, struct rest_answer *);
void	 http_send_piece(struct http_conn *, const char *, size_t);
void	 http_send_raw(struct http_conn *, const void *, size_t);

/* http.c: the connection waits for this from now on */
void	 http_wait_set(struct http_conn *, enum http_wait);
/* http.c: forgets the connection and frees it */
void	 http_drop(struct http_conn *);

#endif
