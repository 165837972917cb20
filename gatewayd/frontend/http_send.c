/*
 * What one connection of the HTTP server sends.  Runs in the frontend
 * (_gatewayd, chroot).
 *
 * A reply that is kept is first offered to the kernel; what it does not take,
 * and all other replies, goes through the bufferevent.
 */
#include <sys/socket.h>

#include <event2/buffer.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "counters.h"
#include "http_conn.h"

void
http_send_raw(struct http_conn *c, const void *data, size_t len)
{
	if (evbuffer_add(http_out(c), data, len) == -1)
		c->phase = HTTP_PHASE_DEAD;
}

/* queues the content from byte off on */
static void
send_doc(struct http_conn *c, struct doc *doc, size_t off)
{
	if (doc_append(doc, doc->body + off, doc->len - off,
	    http_out(c)) == -1)
		c->phase = HTTP_PHASE_DEAD;
}

/* a kept reply; without content if only the head is asked for */
static void
send_kept(struct http_conn *c, struct doc *doc, int head_only)
{
	size_t len = doc->head_len + (head_only ? 0 : doc->len), done = 0;
	ssize_t n;

	http_head_date(doc->reply, time(NULL));
	if (evbuffer_get_length(http_in(c)) == 0 &&
	    evbuffer_get_length(http_out(c)) == 0) {
		n = send(c->fd, doc->reply, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n == -1 && errno != EAGAIN && errno != EINTR) {
			c->phase = HTTP_PHASE_DEAD;
			return;
		}
		done = n > 0 ? (size_t)n : 0;
	}
	if (done < doc->head_len) {
		http_send_raw(c, doc->reply + done, doc->head_len - done);
		done = doc->head_len;
	}
	if (done < len)
		send_doc(c, doc, done - doc->head_len);
}

/* sends an answer, and frees what it holds */
void
http_send(struct http_conn *c, struct rest_answer *a, int head_only)
{
	char head[HTTP_REPLY_HEAD_MAX];

	if (a->doc != NULL && a->reply.connection == NULL) {
		send_kept(c, a->doc, head_only);
		return;
	}
	http_send_raw(c, head, http_head(head, &a->reply));
	if (a->doc != NULL && !head_only)
		send_doc(c, a->doc, 0);
	if (a->body != NULL && !head_only)
		http_send_raw(c, a->body, a->reply.len);
	free(a->body);
}

/* a piece of a stream's content */
void
http_send_piece(struct http_conn *c, const char *data, size_t len)
{
	char size[2 * sizeof(len) + 3];
	int n;

	if (c->chunked) {
		n = snprintf(size, sizeof(size), "%zx\r\n", len);
		http_send_raw(c, size, (size_t)n);
	}
	http_send_raw(c, data, len);
	if (c->chunked)
		http_send_raw(c, "\r\n", 2);
}

/* the head of a stream, and what there is of its content so far */
void
http_send_stream(struct http_conn *c, struct rest_answer *a)
{
	char head[HTTP_REPLY_HEAD_MAX];

	c->phase = HTTP_PHASE_STREAM;
	http_send_raw(c, head, http_head(head, &a->reply));
	http_send_piece(c, a->body, a->reply.len);
	free(a->body);
}

void
http_conn_reject(int fd)
{
	char reply[HTTP_REPLY_HEAD_MAX + 512], scratch[HTTP_READ_MAX];
	struct rest_answer a;
	size_t len;

	count_http_rejected(503);
	rest_problem(&a, 503, NULL, NULL, "all connections are busy: try "
	    "again in a second");
	a.reply.connection = "close";
	len = http_head(reply, &a.reply);
	len += strlcpy(reply + len, a.body, sizeof(reply) - len);
	free(a.body);
	/* unread input would turn close() into a reset that loses the reply */
	recv(fd, scratch, sizeof(scratch), MSG_DONTWAIT);
	send(fd, reply, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
}
