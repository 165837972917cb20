/*
 * One connection of the HTTP server: frames requests, has them answered, and
 * sends the answers in order.  Runs in the frontend (_gatewayd, chroot).
 *
 * Everything that happens to a connection leads to conn_run(), which takes as
 * many steps as it can and then settles what is waited for; only there, and
 * from http.c, a connection ends, so that no step has to ask whether it is
 * still there.
 *
 * A reply is first offered to the kernel; what it does not take, and all
 * replies but the last of a pipeline, goes through the bufferevent.
 */
#include <sys/socket.h>

#include <event2/buffer.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access.h"
#include "counters.h"
#include "frontend.h"
#include "http_conn.h"
#include "status.h"
#include "util.h"

#define WRITE_MAX	(256 * 1024)	/* queued: stop reading, or drop */
#define LINGER_MAX	(1024 * 1024)	/* read behind the last request */

static const char continue_line[] = "HTTP/1.1 100 Continue\r\n\r\n";

static void	conn_run(struct http_conn *);

/* the last answer of this connection: nothing behind it can be read */
static void
conn_refuse(struct http_conn *c, int status, const char *head,
    const char *detail)
{
	struct rest_answer a;

	count_http_rejected(status);
	rest_problem(&a, status, head != NULL ? &c->req : NULL, head, detail);
	a.reply.connection = "close";
	c->phase = HTTP_PHASE_LAST;
	http_send(c, &a, c->req.method == HTTP_HEAD);
}

/* nonzero if another request may follow this one */
static int
conn_keep(const struct http_conn *c, const struct rest_answer *a)
{
	if (c->req.seen & HTTP_F_CLOSE ||
	    a->reply.framing == HTTP_UNTIL_CLOSE)
		return (0);
	return (c->req.minor == 1 || c->req.seen & HTTP_F_KEEP_ALIVE);
}

/* the request is answered; what is behind it is the next one */
static void
conn_answer(struct http_conn *c, struct rest_answer *a)
{
	int head_only = c->req.method == HTTP_HEAD, keep;

	count_http_request(a->route, c->req.method, a->reply.status,
	    monotime_us() - c->asked_us);
	if (a->when == REST_STREAM) {
		c->chunked = c->req.minor == 1;
		a->reply.framing = c->chunked ? HTTP_CHUNKED :
		    HTTP_UNTIL_CLOSE;
		/* what it starts with may be long */
		c->unread_max = WRITE_MAX + a->reply.len;
	}
	keep = conn_keep(c, a);
	c->phase = keep ? HTTP_PHASE_HEAD : HTTP_PHASE_LAST;
	if (!keep)
		a->reply.connection = "close";
	else if (c->req.minor == 0)
		a->reply.connection = "keep-alive";
	evbuffer_drain(http_in(c), c->req.head_len + c->req.content_length);
	if (c->req.content_length > 0)
		bufferevent_setwatermark(c->bev, EV_READ, 0, HTTP_READ_MAX);
	memset(&c->req, 0, sizeof(c->req));
	c->new_wait = 1;
	if (a->when == REST_STREAM && !head_only)
		http_send_stream(c, a);
	else
		http_send(c, a, head_only);
}

/* the complete request, in one piece */
static const char *
conn_request(struct http_conn *c)
{
	return ((const char *)evbuffer_pullup(http_in(c),
	    c->req.head_len + (ev_ssize_t)c->req.content_length));
}

static struct http_conn *
later_conn(struct rest_later *later)
{
	return ((struct http_conn *)(void *)((char *)later -
	    offsetof(struct http_conn, later)));
}

static void
conn_later_answer(struct rest_later *later, struct rest_answer *a)
{
	struct http_conn *c = later_conn(later);

	later->gone = NULL;
	a->route = c->route;
	conn_answer(c, a);
	conn_run(c);
}

static int
conn_later_write(struct rest_later *later, const char *data, size_t len)
{
	struct http_conn *c = later_conn(later);

	if (evbuffer_get_length(http_out(c)) + len <= c->unread_max)
		http_send_piece(c, data, len);
	else
		c->phase = HTTP_PHASE_DEAD;
	if (c->phase == HTTP_PHASE_DEAD) {
		http_drop(c);
		return (-1);
	}
	if (c->wait == HTTP_WAIT_NONE)
		http_wait_set(c, HTTP_WAIT_WRITE);
	return (0);
}

static void
conn_unauthorized(struct http_conn *c, const char *detail)
{
	struct rest_answer a;

	rest_problem(&a, 401, &c->req, conn_request(c), detail);
	conn_answer(c, &a);
}

/* somebody who may not change things wants to */
static void
conn_refused(struct http_conn *c, uid_t uid)
{
	struct rest_answer a;
	char detail[256];

	access_refused("http", uid);
	snprintf(detail, sizeof(detail), "%s%s", access_refusal(uid),
	    fe_status.conf.api_token == API_TOKEN_NONE ? "" : ", and who "
	    "sends the token: Authorization: Bearer TOKEN");
	if (fe_status.conf.api_token != API_TOKEN_NONE) {
		conn_unauthorized(c, detail);
		return;
	}
	rest_problem(&a, 403, &c->req, conn_request(c), detail);
	conn_answer(c, &a);
}

/* who: NULL if who asks may not change things */
static int
conn_serve(struct http_conn *c, const char *who)
{
	struct rest_answer a;

	rest_request(&c->req, conn_request(c), who, &c->later, &a);
	c->route = a.route;
	if (a.when == REST_REFUSED)
		return (-1);
	if (a.when == REST_LATER)
		c->phase = HTTP_PHASE_LATER;
	else
		conn_answer(c, &a);
	return (0);
}

static void
conn_auth_result(void *arg, int ok)
{
	struct http_conn *c = arg;

	c->auth = 0;
	if (ok)
		conn_serve(c, "the token's holder");
	else
		conn_unauthorized(c, "this is not the API's token");
	conn_run(c);
}

/* has the engine look at the token; -1 if there is none that could be right */
static int
conn_auth(struct http_conn *c)
{
	char token[REST_TOKEN_SIZE];

	if (rest_token(&c->req, conn_request(c), token) == -1)
		return (-1);
	c->phase = HTTP_PHASE_AUTH;
	c->auth = frontend_auth(token, conn_auth_result, c);
	explicit_bzero(token, sizeof(token));
	return (0);
}

/* a change is asked for: by the owner of the connection, or by the token */
static void
conn_permit(struct http_conn *c)
{
	char who[32];
	uid_t uid;
	int may;

	may = c->local.is_unix ? access_unix(c->fd, &uid) :
	    access_tcp(c->fd, &uid);
	snprintf(who, sizeof(who), "uid %u", uid);
	if (may)
		conn_serve(c, who);
	else if (fe_status.conf.api_token == API_TOKEN_NONE ||
	    conn_auth(c) == -1)
		conn_refused(c, uid);
}

/*
 * Answers a complete request.  For reading the token is asked for over TCP
 * only, and not on loopback.
 */
static void
conn_dispatch(struct http_conn *c)
{
	c->asked_us = monotime_us();
	if (c->local.is_unix || fe_status.conf.api_token != API_TOKEN_ALL ||
	    !rest_protected(&c->req, conn_request(c))) {
		if (conn_serve(c, NULL) == -1)
			conn_permit(c);
	} else if (conn_auth(c) == -1)
		conn_unauthorized(c, "the API's token is needed here: "
		    "Authorization: Bearer TOKEN");
}

/* RFC 9112, 3.2.2: the authority of a whole URI counts, and Host as well */
static int
conn_host_ours(struct http_conn *c, const char *head)
{
	const struct http_request *req = &c->req;

	return (http_host_ours(head + req->host.off, req->host.len,
	    &c->local) && ((req->seen & HTTP_F_ABSOLUTE) == 0 ||
	    http_host_ours(head + req->authority.off, req->authority.len,
	    &c->local)));
}

/* reads on in the head; 1 if it is complete and the body comes next */
static int
conn_read_head(struct http_conn *c)
{
	struct evbuffer *in = http_in(c);
	size_t len = evbuffer_get_length(in), have;
	const char *head;
	int rv;

	if (len == 0 || evbuffer_get_length(http_out(c)) > WRITE_MAX)
		return (0);
	/* a pipeline may come in many pieces: join them only if need be */
	have = evbuffer_get_contiguous_space(in);
	head = (const char *)evbuffer_pullup(in, (ev_ssize_t)have);
	rv = http_parse(&c->req, head, have);
	if (rv == 0 && have < len) {
		have = len < HTTP_HEAD_MAX ? len : HTTP_HEAD_MAX;
		head = (const char *)evbuffer_pullup(in, (ev_ssize_t)have);
		if (head == NULL) {
			c->phase = HTTP_PHASE_DEAD;
			return (0);
		}
		rv = http_parse(&c->req, head, have);
	}
	if (rv == 0)
		return (0);
	c->phase = HTTP_PHASE_BODY;
	if (rv != 1)
		conn_refuse(c, rv, head, c->req.error);
	else if (!conn_host_ours(c, head))
		conn_refuse(c, 421, head, "Host is not a name of this "
		    "server: use its address, or localhost, and its port");
	return (1);
}

/* waits for the whole body; 1 if the request was answered */
static int
conn_read_body(struct http_conn *c)
{
	size_t need = c->req.head_len + c->req.content_length;

	if (evbuffer_get_length(http_in(c)) >= need) {
		conn_dispatch(c);
		return (1);
	}
	bufferevent_setwatermark(c->bev, EV_READ, 0, need);
	if (c->req.seen & HTTP_F_CONTINUE && c->req.minor == 1) {
		c->req.seen &= (uint16_t)~HTTP_F_CONTINUE;
		http_send_raw(c, continue_line, sizeof(continue_line) - 1);
	}
	return (0);
}

/* takes in and drops what is sent behind the last request */
static void
conn_linger(struct http_conn *c)
{
	size_t len = evbuffer_get_length(http_in(c));

	evbuffer_drain(http_in(c), len);
	c->dropped += len;
	if (c->eof || c->dropped > LINGER_MAX)
		c->phase = HTTP_PHASE_DEAD;
}

/*
 * After the last reply the sending side is closed, and input is read for a
 * while: close() with unread input resets the connection, and the reply may
 * be lost on its way.
 */
static void
conn_last(struct http_conn *c)
{
	if (evbuffer_get_length(http_out(c)) > 0)
		return;
	if (shutdown(c->fd, SHUT_WR) == -1) {
		c->phase = HTTP_PHASE_DEAD;
		return;
	}
	c->phase = HTTP_PHASE_LINGER;
	conn_linger(c);
}

/* one step; 1 if another one may follow */
static int
conn_step(struct http_conn *c)
{
	switch (c->phase) {
	case HTTP_PHASE_HEAD:
		return (conn_read_head(c));
	case HTTP_PHASE_BODY:
		return (conn_read_body(c));
	case HTTP_PHASE_LAST:
		conn_last(c);
		return (0);
	case HTTP_PHASE_STREAM:
	case HTTP_PHASE_LINGER:
		conn_linger(c);
		return (0);
	default:
		return (0);
	}
}

static enum http_wait
conn_waits_for(struct http_conn *c)
{
	if (c->phase == HTTP_PHASE_AUTH || c->phase == HTTP_PHASE_LATER)
		return (HTTP_WAIT_NONE);
	if (c->phase == HTTP_PHASE_LINGER)
		return (HTTP_WAIT_LINGER);
	if (evbuffer_get_length(http_out(c)) > 0)
		return (HTTP_WAIT_WRITE);
	if (c->phase == HTTP_PHASE_STREAM)
		return (HTTP_WAIT_NONE);
	if (c->phase == HTTP_PHASE_BODY)
		return (HTTP_WAIT_BODY);
	if (evbuffer_get_length(http_in(c)) > 0)
		return (HTTP_WAIT_HEAD);
	return (HTTP_WAIT_IDLE);
}

static void
conn_run(struct http_conn *c)
{
	enum http_wait wait;

	while (conn_step(c))
		;
	wait = conn_waits_for(c);
	/* nothing to send and nothing more to come */
	if (c->phase == HTTP_PHASE_DEAD ||
	    (c->eof && wait != HTTP_WAIT_WRITE && wait != HTTP_WAIT_NONE)) {
		http_drop(c);
		return;
	}
	/* the same wait keeps its deadline, however often bytes arrive */
	if (wait != c->wait || c->new_wait)
		http_wait_set(c, wait);
	c->new_wait = 0;
}

void
http_conn_expired(struct http_conn *c)
{
	switch (c->wait) {
	case HTTP_WAIT_HEAD:
		conn_refuse(c, 408, NULL, "the request's head did not arrive "
		    "in time");
		conn_run(c);
		break;
	case HTTP_WAIT_BODY:
		conn_refuse(c, 408, (const char *)evbuffer_pullup(http_in(c),
		    c->req.head_len), "the request's body did not arrive in "
		    "time");
		conn_run(c);
		break;
	default:
		http_drop(c);
		break;
	}
}

static void
conn_readable(struct bufferevent *bev, void *arg)
{
	conn_run(arg);
}

/* the output is empty again */
static void
conn_written(struct bufferevent *bev, void *arg)
{
	conn_run(arg);
}

static void
conn_event(struct bufferevent *bev, short what, void *arg)
{
	struct http_conn *c = arg;

	if (what & BEV_EVENT_EOF)
		c->eof = 1;
	else
		c->phase = HTTP_PHASE_DEAD;
	conn_run(c);
}

/* the client reads: a stalled one has its deadline counted from here */
static void
conn_progress(struct evbuffer *out, const struct evbuffer_cb_info *info,
    void *arg)
{
	struct http_conn *c = arg;

	if (info->n_deleted > 0 && c->wait == HTTP_WAIT_WRITE)
		http_wait_set(c, HTTP_WAIT_WRITE);
}

struct http_conn *
http_conn_new(struct event_base *base, int fd, const struct http_local *local)
{
	struct http_conn *c;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		goto fail;
	/* freeing a bufferevent closes late, after more were accepted */
	if ((c->bev = bufferevent_socket_new(base, fd, 0)) == NULL)
		goto fail;
	c->fd = fd;
	c->local = *local;
	c->wait = HTTP_WAIT_NONE;
	c->later.answer = conn_later_answer;
	c->later.write = conn_later_write;
	bufferevent_setcb(c->bev, conn_readable, conn_written, conn_event, c);
	bufferevent_setwatermark(c->bev, EV_READ, 0, HTTP_READ_MAX);
	if (evbuffer_add_cb(http_out(c), conn_progress, c) == NULL ||
	    bufferevent_enable(c->bev, EV_READ) == -1)
		goto fail;
	return (c);
fail:
	if (c != NULL && c->bev != NULL)
		bufferevent_free(c->bev);
	free(c);
	close(fd);
	return (NULL);
}

void
http_conn_free(struct http_conn *c)
{
	if (c->auth != 0)
		frontend_auth_cancel(c->auth);
	if (c->later.gone != NULL)
		c->later.gone(c->later.arg);
	bufferevent_free(c->bev);
	close(c->fd);
	free(c);
}
