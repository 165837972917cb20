/*
 * Log records between processes: what is sent arrives, nothing malformed is
 * taken, and a reader that is behind costs records, counted, and no memory.
 */
#include <sys/socket.h>

#include <err.h>
#include <string.h>
#include <unistd.h>

#include "logpipe.h"
#include "unit.h"

static struct event_base	*base;
static struct peer		*out, *in;
static struct imsg_log		 got;
static char			 text[WIRE_LOG_TEXT + 1];
static uint32_t			 ngot, nmissing;

static void
dispatch(struct peer *p, struct imsg *imsg)
{
	const char	*s;
	int		 len = logpipe_get(imsg, &got, &s);

	CHECK(imsg->hdr.type == IMSG_LOG && len != -1);
	memcpy(text, s, (size_t)len);
	text[len] = '\0';
	ngot++;
	nmissing += got.dropped;
}

static void
gone(struct peer *p, const char *why)
{
	errx(1, "gone: %s", why != NULL ? why : "closed");
}

static void
say(const char *s, size_t len)
{
	struct imsg_log	 m;

	logpipe_fill(&m, PROC_ENGINE, LL_WARN, "he");
	logpipe_send(out, IMSG_LOG, &m, s, len);
}

static void
pass(void)
{
	int	 i;

	for (i = 0; i < 1000; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

static void
test_record(void)
{
	char	 longest[WIRE_LOG_TEXT + 100];

	say("up -> down", 10);
	pass();
	CHECK(ngot == 1 && strcmp(text, "up -> down") == 0);
	CHECK(got.proc == PROC_ENGINE && got.level == LL_WARN);
	CHECK(strcmp(got.tunnel, "he") == 0 && got.time > 1600000000);
	say("", 0);
	pass();
	CHECK(ngot == 2 && text[0] == '\0');
	memset(longest, 'x', sizeof(longest));
	say(longest, sizeof(longest));
	pass();
	CHECK(ngot == 3 && strlen(text) == WIRE_LOG_TEXT);
}

/* nobody reads: no more than a bounded queue, and then a count */
static void
test_flood(void)
{
	static char	 filler[1000];
	uint32_t	 i, n = 2000;

	memset(filler, 'y', sizeof(filler));
	ngot = nmissing = 0;
	for (i = 0; i < n; i++)
		say(filler, sizeof(filler));
	CHECK(out->ibuf.queued > 0 && out->ibuf.queued < 70 * 1024);
	CHECK(!out->dead);
	pass();
	CHECK(ngot > 0 && ngot < n && nmissing == 0);
	say("again", 5);
	pass();
	/* said once, and exactly */
	CHECK(strcmp(text, "again") == 0 && got.dropped == nmissing);
	CHECK(ngot - 1 + nmissing == n);
	say("more", 4);
	pass();
	CHECK(got.dropped == 0);
}

static int
get(const struct imsg_log *m, const char *s, size_t len)
{
	uint8_t		 data[sizeof(*m) + 16];
	struct imsg	 imsg = { { IMSG_LOG, 0 }, data, sizeof(*m) + len,
			    -1 };
	struct imsg_log	 copy;
	const char	*t;

	memcpy(data, m, sizeof(*m));
	memcpy(data + sizeof(*m), s, len);
	return (logpipe_get(&imsg, &copy, &t));
}

static void
test_malformed(void)
{
	struct imsg_log	 m, bad;

	logpipe_fill(&m, PROC_ENGINE, LL_DEBUG, NULL);
	CHECK(get(&m, "abc", 3) == 3 && get(&m, "", 0) == 0);
	CHECK(get(&m, "a\0c", 3) == -1);
	bad = m;
	bad.level = LL_DEBUG + 1;
	CHECK(get(&bad, "abc", 3) == -1);
	bad = m;
	bad.proc = PROC_COUNT;
	CHECK(get(&bad, "abc", 3) == -1);
	bad = m;
	memset(bad.tunnel, 'x', sizeof(bad.tunnel));
	CHECK(get(&bad, "abc", 3) == -1);
}

int
main(void)
{
	int	 sv[2];

	if ((base = event_base_new()) == NULL ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, sv) == -1)
		err(1, "socketpair");
	out = peer_new(base, sv[0], PROC_ENGINE, PROC_PARENT, dispatch, gone);
	in = peer_new(base, sv[1], PROC_PARENT, PROC_ENGINE, dispatch, gone);
	test_malformed();
	test_record();
	test_flood();
	peer_free(out);
	peer_free(in);
	event_base_free(base);
	return (0);
}
