/*
 * upstream.c: how the configuration names the server, whose credentials are
 * whose, and its time under a fake clock.  The server is the other end of a
 * socket pair, to which dial.c has connected.
 */
#include <sys/socket.h>

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "upstream.h"
#include "util.h"

#define S	1000ULL

struct relay	 relay;

static uint64_t		 now = 1000000;
static struct dial	 fake;
static struct upstream	*up;
static int		 ended = -2;	/* the fd */
static enum socks_code	 ended_code;

uint64_t	 __wrap_monotime_ms(void);
struct timeval	 __wrap_time_left(uint64_t);
struct dial	*__wrap_dial_upstream(struct upstream *,
		    const struct socks_dest *, dial_done *, void *);

uint64_t
__wrap_monotime_ms(void)
{
	return (now);
}

struct timeval
__wrap_time_left(uint64_t then)
{
	struct timeval	 tv = { 0, 0 };

	if (then > now)
		tv.tv_sec = 3600;
	return (tv);
}

struct dial *
__wrap_dial_upstream(struct upstream *u, const struct socks_dest *server,
    dial_done *done, void *arg)
{
	if ((server == NULL) != (relay.upstream.port == 0))
		errx(1, "the server");
	up = u;
	fake.done = done;
	fake.arg = arg;
	he_init(&fake.he, &he_default, now);
	return (&fake);
}

uint32_t
relay_lookup(enum he_family family, const char *name,
    void (*cb)(void *, const struct lookup_answer *), void *arg)
{
	errx(1, "%s is looked up", name);
}

void
relay_lookup_cancel(uint32_t id)
{
	errx(1, "there is no look-up");
}

static void
done(void *arg, struct dial *d, int fd, enum socks_code code)
{
	if (ended != -2)
		errx(1, "it ends twice");
	ended = fd;
	ended_code = code;
}

static void
test_parse(void)
{
	static const struct {
		const char	*text;
		sa_family_t	 family;
		in_port_t	 port;
	} good[] = {
		{ "127.0.0.1:9050", AF_INET, 9050 },
		{ "[::1]:1080", AF_INET6, 1080 },
		{ "[2001:db8::1]:65535", AF_INET6, 65535 },
		{ "tor.example:1", AF_UNSPEC, 1 },
		{ "localhost:9050", AF_UNSPEC, 9050 },
	};
	static const char *const bad[] = { "", ":", "127.0.0.1", "tor",
	    "tor:", "tor:0", "tor:65536", "tor:x", "tor:1x", "tor:+1",
	    "::1:9050", "[::1]", "[::1]:0", "unix:/run/tor", "a b:1",
	    "192.0.2.300:1", "-:1" };
	struct socks_dest	 d;
	size_t			 i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (upstream_parse(good[i].text, &d) == -1 ||
		    d.family != good[i].family || d.port != good[i].port)
			errx(1, "%s", good[i].text);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (upstream_parse(bad[i], &d) != -1)
			errx(1, "\"%s\" is taken", bad[i]);
}

static void
test_credentials(void)
{
	char	 user[3][UPSTREAM_USER], password[3][UPSTREAM_PASSWORD];

	upstream_credentials(UINT32_MAX, user[0], password[0]);
	upstream_credentials(1000, user[1], password[1]);
	upstream_credentials(UINT32_MAX, user[2], password[2]);
	if (strcmp(user[0], "gw-4294967295") != 0 ||
	    strcmp(user[1], "gw-1000") != 0 ||
	    strcmp(user[0], user[2]) != 0 ||
	    strcmp(password[0], password[2]) != 0 ||
	    strcmp(password[0], password[1]) == 0 ||
	    strlen(password[1]) != UPSTREAM_PASSWORD - 1)
		errx(1, "credentials");
}

/* a server that is asked for a name; its end of the connection */
static int
ask(void)
{
	struct socks_dest	 d = { .port = 80, .name = "a.onion" };
	int			 fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == -1)
		err(1, "socketpair");
	ended = -2;
	upstream_dial(&d, 1000, done, NULL);
	upstream_start(up, fds[0]);
	return (fds[1]);
}

static void
say(int fd, const char *data, size_t len)
{
	int	 i;

	if (write(fd, data, len) != (ssize_t)len)
		err(1, "write");
	for (i = 0; i < 4; i++)
		event_base_loop(relay.base, EVLOOP_NONBLOCK);
}

static void
expect_end(int fd, enum socks_code code, const char *what)
{
	char	 buf[512];
	ssize_t	 n;

	if (ended != -1 || ended_code != code)
		errx(1, "%s: %d %d", what, ended, ended_code);
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		continue;
	if (n == -1)
		err(1, "%s: the socket", what);
	close(fd);
	upstream_free(up);
}

/* 15 s in all until it is asked; bytes do not buy time */
static void
test_time(void)
{
	int	 fd = ask();

	now += 14 * S;
	say(fd, "\5", 1);
	if (ended != -2)
		errx(1, "it ends early");
	now += 1 * S;
	say(fd, "\2", 1);
	expect_end(fd, SOCKS_FAILURE, "no login");
}

/* two minutes more for its answer */
static void
test_answer_time(void)
{
	int	 fd = ask();

	now += 14 * S;
	say(fd, "\5\2", 2);
	say(fd, "\1\0", 2);
	now += 119 * S;
	say(fd, "\5", 1);
	if (ended != -2)
		errx(1, "the answer's time is short");
	now += 1 * S;
	say(fd, "\0", 1);
	expect_end(fd, SOCKS_HOST_UNREACHABLE, "no answer");
}

/* it is not asked when there is none */
static void
test_none(void)
{
	struct socks_dest	 d = { .port = 80, .name = "a.onion" };
	struct socks_dest	 saved = relay.upstream;

	memset(&relay.upstream, 0, sizeof(relay.upstream));
	ended = -2;
	upstream_dial(&d, 1000, done, NULL);
	if (ended != -2)
		errx(1, "done() is early");
	upstream_start(up, -1);
	if (ended != -1 || ended_code != SOCKS_FAILURE)
		errx(1, "there is none");
	upstream_free(up);
	relay.upstream = saved;
}

int
main(void)
{
	relay.base = event_base_new();
	upstream_parse("127.0.0.1:9050", &relay.upstream);
	test_parse();
	test_credentials();
	test_time();
	test_answer_time();
	test_none();
	return (0);
}
