/*
 * upstream.c against a server that answers anything.
 *
 * The first byte says how many bytes it sends at a time.  dial.c has connected
 * to it: the server is the other end of a socket pair.  However it ends, it
 * ends once; and what comes behind an answer that is good is left in the
 * socket, byte by byte as it was sent.
 */
#include <sys/socket.h>

#include <err.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "upstream.h"
#include "util.h"

#define LEN_MAX	16384

int		 LLVMFuzzerTestOneInput(const uint8_t *, size_t);
struct dial	*__wrap_dial_upstream(struct upstream *,
		    const struct socks_dest *, dial_done *, void *);

struct relay	 relay;

static struct dial	 fake;
static int		 ndone, done_fd;
static enum socks_code	 done_code;

struct dial *
__wrap_dial_upstream(struct upstream *u, const struct socks_dest *server,
    dial_done *done, void *arg)
{
	memset(&fake, 0, sizeof(fake));
	fake.upstream = u;
	fake.done = done;
	fake.arg = arg;
	he_init(&fake.he, &he_default, monotime_ms());
	return (&fake);
}

uint32_t
relay_lookup(enum he_family family, const char *name,
    void (*cb)(void *, const struct lookup_answer *), void *arg)
{
	abort();
}

void
relay_lookup_cancel(uint32_t id)
{
	abort();
}

static void
done(void *arg, struct dial *d, int fd, enum socks_code code)
{
	ndone++;
	done_fd = fd;
	done_code = code;
}

/* what the client has said is not looked at, only taken */
static void
drain(int fd)
{
	uint8_t	 buf[2048];

	while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		continue;
}

static void
serve(int fd, const uint8_t *data, size_t len, size_t step)
{
	size_t	 n, i;

	for (; len > 0 && ndone == 0; data += n, len -= n) {
		n = step < len ? step : len;
		if (send(fd, data, n, MSG_NOSIGNAL) != (ssize_t)n)
			break;
		/* each message is an event of its own */
		for (i = 0; i < 8 && ndone == 0; i++)
			event_base_loop(relay.base, EVLOOP_NONBLOCK);
		drain(fd);
	}
	shutdown(fd, SHUT_WR);
	while (ndone == 0)
		event_base_loop(relay.base, EVLOOP_ONCE);
}

/* what is left in the socket is the end of what was sent */
static void
check(const uint8_t *data, size_t sent)
{
	static uint8_t		 rest[LEN_MAX];
	struct socks_dest	 bound;
	ssize_t			 n;

	if ((done_fd == -1) == (done_code == SOCKS_SUCCEEDED))
		abort();
	if (done_fd == -1)
		return;
	upstream_bound(fake.upstream, &bound);
	if (bound.family != AF_INET && bound.family != AF_INET6)
		abort();
	n = recv(done_fd, rest, sizeof(rest), MSG_DONTWAIT);
	if (n > 0 && ((size_t)n > sent ||
	    memcmp(rest, data + sent - n, (size_t)n) != 0))
		abort();
	close(done_fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct socks_dest	 target = { .port = 80, .name = "a.onion" };
	int			 fds[2];
	size_t			 step;

	if (len < 2 || len > LEN_MAX)
		return (0);
	if (relay.base == NULL) {
		log_init(LL_ERROR, LF_TEXT, LT_STDERR, "fuzz");
		relay.base = event_base_new();
		upstream_parse("127.0.0.1:9050", &relay.upstream);
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == -1)
		err(1, "socketpair");
	ndone = 0;
	upstream_dial(&target, 1000, done, NULL);
	upstream_start(fake.upstream, fds[0]);
	/* all at once, so that what is left can be told by its end */
	step = data[0] == 0 ? len : data[0];
	serve(fds[1], data + 1, len - 1, step);
	if (ndone != 1)
		abort();
	if (step >= len - 1)
		check(data + 1, len - 1);
	else if (done_fd != -1)
		close(done_fd);
	upstream_free(fake.upstream);
	close(fds[1]);
	return (0);
}
