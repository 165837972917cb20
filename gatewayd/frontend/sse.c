/*
 * Streams of server-sent events: see sse.h.  Runs in the frontend (_gatewayd,
 * chroot).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "child.h"
#include "counters.h"
#include "events.h"
#include "log.h"
#include "sse.h"
#include "util.h"

#define SSE_TYPE	"text/event-stream"
#define SSE_RETRY	"retry: 3000\n\n"	/* ms until a client returns */
#define SSE_COMMENT	":\n\n"
#define COMMENT_S	15		/* from one comment to the next */
#define ID_DIGITS	20		/* of a 64-bit number */

struct stream {
	TAILQ_ENTRY(stream)	 entry;
	struct rest_later	*later;
	struct event_follower	 follower;
};
static TAILQ_HEAD(, stream)	 streams = TAILQ_HEAD_INITIALIZER(streams);
static unsigned int		 nstreams;
static struct event		*comment_ev;

int
sse_resume(const char *s, size_t len, uint64_t *id)
{
	uint64_t	 n = 0;
	size_t		 i;

	if (len == 0 || len >= ID_DIGITS)
		return (-1);
	for (i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return (-1);
		n = n * 10 + (uint64_t)(s[i] - '0');
	}
	*id = n;
	return (events_reached(n) ? 0 : -1);
}

/* line ends in a newline; id 0: the client's last one stays what it was */
static void
put_event(FILE *f, uint64_t id, const char *name, const char *line)
{
	if (id != 0)
		fprintf(f, "id: %" PRIu64 "\n", id);
	fprintf(f, "event: %s\ndata: %s\n", name, line);
}

static FILE *
text_open(char **text, size_t *len)
{
	FILE	*f = open_memstream(text, len);

	if (f == NULL)
		fatal("open_memstream");
	return (f);
}

/* in memory nothing but the lack of it can fail */
static void
text_close(FILE *f)
{
	if (fclose(f) == EOF)
		fatal("open_memstream");
}

/* how a stream starts; resume: it goes on behind this id */
static char *
beginning(const uint64_t *resume)
{
	const struct fe_event	*e;
	char			*text, *snapshot = events_snapshot();
	size_t			 len;
	FILE			*f = text_open(&text, &len);
	uint64_t		 id;

	fputs(SSE_RETRY, f);
	/* its id would be above those that follow */
	put_event(f, resume == NULL ? events_last() : 0, "snapshot",
	    snapshot);
	free(snapshot);
	if (resume != NULL)
		for (id = *resume; (e = events_after(id)) != NULL; id = e->id)
			put_event(f, e->id, events_name(e->kind), e->line);
	text_close(f);
	return (text);
}

static void
stream_gone(void *arg)
{
	struct stream	*s = arg;

	events_unfollow(&s->follower);
	TAILQ_REMOVE(&streams, s, entry);
	free(s);
	count_sse_stream(-1);
	if (--nstreams == 0)
		event_del(comment_ev);
}

static void
stream_event(void *arg, const struct fe_event *e)
{
	struct stream	*s = arg;
	char		*text;
	size_t		 len;
	FILE		*f = text_open(&text, &len);

	put_event(f, e->id, events_name(e->kind), e->line);
	text_close(f);
	/* one that does not read is gone afterwards */
	(void)s->later->write(s->later, text, len);
	free(text);
}

/* so that no proxy takes the connection for idle, and who left is noticed */
static void
comment(int fd, short what, void *arg)
{
	struct stream	*s, *next;

	TAILQ_FOREACH_SAFE(s, &streams, entry, next)
		(void)s->later->write(s->later, SSE_COMMENT,
		    sizeof(SSE_COMMENT) - 1);
}

static void
comments_start(void)
{
	static const struct timeval	 tv = { COMMENT_S, 0 };

	if (comment_ev == NULL)
		comment_ev = event_new(child_base(), -1, EV_PERSIST, comment,
		    NULL);
	if (comment_ev == NULL || event_add(comment_ev, &tv) == -1)
		fatalx("sse: event_add");
}

static struct stream *
stream_new(struct rest_later *later, enum log_level level)
{
	struct stream	*s = xcalloc(1, sizeof(*s));

	s->later = later;
	s->follower.kinds = EVENTS_ALL;
	s->follower.log_level = level;
	s->follower.cb = stream_event;
	s->follower.arg = s;
	events_follow(&s->follower);
	TAILQ_INSERT_TAIL(&streams, s, entry);
	count_sse_stream(1);
	if (nstreams++ == 0)
		comments_start();
	return (s);
}

void
get_events(const struct rest_query *q, struct rest_answer *a)
{
	struct http_span	 value;
	uint64_t		 id;
	size_t			 at = 0;
	enum log_level		 level = LL_INFO;
	const char		*asked;
	int			 resumes;

	if (q->later == NULL) {
		rest_fail(q, a, 400, "this is a stream: follow it by HTTP");
		return;
	}
	if (q->req->method == HTTP_HEAD) {
		rest_stream(q, a, SSE_TYPE, xstrdup(""), NULL, NULL);
		return;
	}
	if (nstreams >= SSE_STREAMS) {
		rest_fail(q, a, 503, "%d streams are open already: try again "
		    "when one of them has ended", SSE_STREAMS);
		return;
	}
	if ((asked = rest_value(q, 0)) != NULL)
		(void)log_level_parse(asked, &level);
	resumes = http_field(q->req, q->head, "last-event-id", &at, &value) &&
	    sse_resume(q->head + value.off, value.len, &id) == 0;
	rest_stream(q, a, SSE_TYPE, beginning(resumes ? &id : NULL),
	    stream_gone, stream_new(q->later, level));
}
