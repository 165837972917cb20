/*
 * socks.c: every message in one piece, byte by byte, and with more behind it;
 * and all that is malformed.
 */
#include <arpa/inet.h>
#include <err.h>
#include <stdio.h>
#include <string.h>

#include "socks.h"

struct message {
	const char	*what;
	const char	*bytes;
	size_t		 len;
	enum socks_event event;
	enum socks_code	 code;		/* SOCKS_BAD */
};
#define M(what, bytes, event, code) \
	{ what, bytes, sizeof(bytes) - 1, event, code }
#define OK	SOCKS_SUCCEEDED
#define LONG63	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct message	 greetings[] = {
	M("no authentication", "\5\1\0", SOCKS_METHODS, OK),
	M("three methods", "\5\3\0\1\2", SOCKS_METHODS, OK),
	M("no method", "\5\0", SOCKS_METHODS, OK),
	M("half of it", "\5\3\0", SOCKS_MORE, OK),
	M("SOCKS4", "\4\1\0\120\300\0\2\1\0", SOCKS_BAD, OK),
	M("HTTP", "GET / HTTP/1.1\r\n", SOCKS_BAD, OK),
};

static const struct message	 logins[] = {
	M("user and password", "\1\1u\1p", SOCKS_LOGIN, OK),
	M("no password", "\1\4user\0", SOCKS_LOGIN, OK),
	M("no user", "\1\0\1p", SOCKS_BAD, OK),
	M("a NUL in the user", "\1\3u\0x\1p", SOCKS_BAD, OK),
	M("a NUL in the password", "\1\1u\3p\0x", SOCKS_BAD, OK),
	M("another version", "\5\1u\1p", SOCKS_BAD, OK),
	M("half of it", "\1\1u\2p", SOCKS_MORE, OK),
};

static const struct message	 requests[] = {
	M("IPv4", "\5\1\0\1\300\0\2\7\0\120", SOCKS_REQUEST, OK),
	M("IPv6", "\5\1\0\4\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\11\1\273",
	    SOCKS_REQUEST, OK),
	M("a name", "\5\1\0\3\13example.org\0\120", SOCKS_REQUEST, OK),
	M("the root's dot", "\5\1\0\3\14example.org.\0\120", SOCKS_REQUEST,
	    OK),
	M("an underscore", "\5\1\0\3\4_a.b\0\120", SOCKS_REQUEST, OK),
	M("IPv4 as a name", "\5\1\0\3\011192.0.2.7\0\120", SOCKS_REQUEST, OK),
	M("IPv6 as a name", "\5\1\0\3\0132001:db8::9\1\273", SOCKS_REQUEST,
	    OK),
	M("the longest label", "\5\1\0\3\77" LONG63 "\0\120", SOCKS_REQUEST,
	    OK),
	M("UDP ASSOCIATE", "\5\3\0\1\0\0\0\0\0\0", SOCKS_REQUEST, OK),
	M("half of it", "\5\1\0\1\300\0\2\7\0", SOCKS_MORE, OK),
	M("BIND", "\5\2\0\1\300\0\2\7\0\120", SOCKS_BAD, SOCKS_NO_COMMAND),
	M("command 0", "\5\0\0", SOCKS_BAD, SOCKS_NO_COMMAND),
	M("Tor's RESOLVE", "\5\360\0", SOCKS_BAD, SOCKS_NO_COMMAND),
	M("ATYP 0", "\5\1\0\0", SOCKS_BAD, SOCKS_NO_ATYP),
	M("ATYP 2", "\5\1\0\2", SOCKS_BAD, SOCKS_NO_ATYP),
	M("the reserved byte", "\5\1\1", SOCKS_BAD, SOCKS_FAILURE),
	M("version 4", "\4\1\0\1\300\0\2\7\0\120", SOCKS_BAD, SOCKS_FAILURE),
	M("an empty name", "\5\1\0\3\0\0\120", SOCKS_BAD, SOCKS_FAILURE),
	M("a NUL", "\5\1\0\3\23localhost\0.example.\0\120", SOCKS_BAD,
	    SOCKS_FAILURE),
	M("a NUL behind an address", "\5\1\0\3\012192.0.2.7\0\0\120",
	    SOCKS_BAD, SOCKS_FAILURE),
	M("a space", "\5\1\0\3\3a b\0\120", SOCKS_BAD, SOCKS_FAILURE),
	M("no address", "\5\1\0\3\013192.0.2.300\0\120", SOCKS_BAD,
	    SOCKS_FAILURE),
	M("an escape", "\5\1\0\3\3a\33b\0\120", SOCKS_BAD, SOCKS_FAILURE),
	M("a dot alone", "\5\1\0\3\1.\0\120", SOCKS_BAD, SOCKS_FAILURE),
	M("an empty label", "\5\1\0\3\4a..b\0\120", SOCKS_BAD, SOCKS_FAILURE),
	M("a label of 64", "\5\1\0\3\100" LONG63 "a\0\120", SOCKS_BAD,
	    SOCKS_FAILURE),
	M("a name of 255", "\5\1\0\3\377" LONG63 "." LONG63 "." LONG63 "."
	    LONG63 "\0\120", SOCKS_BAD, SOCKS_FAILURE),
};

static const struct message	 choices[] = {
	M("none needed", "\5\0", SOCKS_METHOD, OK),
	M("password", "\5\2", SOCKS_METHOD, OK),
	M("no method", "\5\377", SOCKS_METHOD, OK),
	M("HTTP", "HT", SOCKS_BAD, SOCKS_FAILURE),
	M("half of it", "\5", SOCKS_MORE, OK),
};

static const struct message	 replies[] = {
	M("granted", "\5\0\0\1\0\0\0\0\0\0", SOCKS_REPLIED, OK),
	M("refused", "\5\5\0\1\0\0\0\0\0\0", SOCKS_REPLIED, SOCKS_REFUSED),
	M("a name", "\5\0\0\3\1a\0\120", SOCKS_REPLIED, OK),
	M("length 255", "\5\0\0\3\377" LONG63, SOCKS_MORE, OK),
	M("ATYP 255", "\5\0\0\377", SOCKS_BAD, SOCKS_NO_ATYP),
	M("version 4", "\4\132\0", SOCKS_BAD, SOCKS_FAILURE),
};

/* step bytes at a time, and extra ones behind it that must stay */
static void
try(const struct message *m, enum socks_phase phase, size_t step)
{
	struct socks		 s;
	enum socks_event	 event = SOCKS_MORE;
	uint8_t			 data[600];
	size_t			 at = 0, n, used;

	memset(&s, 0, sizeof(s));
	s.phase = phase;
	memcpy(data, m->bytes, m->len);
	memset(data + m->len, 'x', 16);
	while (event == SOCKS_MORE && at < m->len) {
		n = step;
		/* what comes behind a message may be in the same read */
		if (at + n > m->len || (step > m->len &&
		    m->event != SOCKS_MORE))
			n = m->len - at + (m->event != SOCKS_MORE ? 16 : 0);
		event = socks_read(&s, data + at, n, &used);
		at += used;
	}
	if (event != m->event)
		errx(1, "%s, %zu at a time: event %d", m->what, step, event);
	if (event != SOCKS_BAD && at != m->len)
		errx(1, "%s, %zu at a time: took %zu of %zu", m->what, step,
		    at, m->len);
	if (event == SOCKS_BAD && (s.code != m->code || s.error == NULL))
		errx(1, "%s: code %d", m->what, s.code);
	if (event == SOCKS_REPLIED && s.code != m->code)
		errx(1, "%s: code %d", m->what, s.code);
	if (event == SOCKS_BAD && (socks_read(&s, data, 4, &used) !=
	    SOCKS_BAD))
		errx(1, "%s: goes on", m->what);
}

static void
try_all(const struct message *m, size_t n, enum socks_phase phase)
{
	static const size_t	 steps[] = { 1, 2, 3, 7, 1000 };
	size_t			 i;

	for (; n-- > 0; m++)
		for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
			try(m, phase, steps[i]);
}
#define TRY(table, phase) \
	try_all(table, sizeof(table) / sizeof((table)[0]), phase)

static enum socks_event
feed(struct socks *s, const char *bytes, size_t len)
{
	size_t	 used;

	return (socks_read(s, (const uint8_t *)bytes, len, &used));
}
#define FEED(s, bytes)	feed(s, bytes, sizeof(bytes) - 1)

static void
test_client(void)
{
	struct socks	 s;
	uint8_t		 out[2];

	socks_client(&s);
	FEED(&s, "\5\2\0\2");
	if (socks_choose(&s, SOCKS_PASSWORD, out) == -1 ||
	    memcmp(out, "\5\2", 2) != 0)
		errx(1, "the password is not asked for");
	if (FEED(&s, "\1\3bob\6secret") != SOCKS_LOGIN ||
	    strcmp(s.user, "bob") != 0 || strcmp(s.password, "secret") != 0)
		errx(1, "login: %s", s.user);
	socks_login(&s, 1, out);
	if (memcmp(out, "\1\0", 2) != 0 || s.password[0] != '\0')
		errx(1, "the login is good and forgotten");
	if (FEED(&s, "\5\1\0\3\13example.org\1\273") != SOCKS_REQUEST ||
	    s.command != SOCKS_CONNECT || s.dest.family != AF_UNSPEC ||
	    strcmp(s.dest.name, "example.org") != 0 || s.dest.port != 443)
		errx(1, "request for %s:%u", s.dest.name, s.dest.port);
}

static void
test_refused(void)
{
	struct socks	 s;
	uint8_t		 out[2];

	socks_client(&s);
	FEED(&s, "\5\1\0");
	if (socks_choose(&s, SOCKS_PASSWORD, out) != -1 ||
	    memcmp(out, "\5\377", 2) != 0 || FEED(&s, "\5\1\0") != SOCKS_BAD)
		errx(1, "it gets on without a password");
	socks_client(&s);
	FEED(&s, "\5\1\2");
	socks_choose(&s, SOCKS_PASSWORD, out);
	FEED(&s, "\1\3bob\5wrong");
	socks_login(&s, 0, out);
	if (memcmp(out, "\1\1", 2) != 0 || FEED(&s, "\5\1\0\1") != SOCKS_BAD)
		errx(1, "it gets on with a wrong one");
	/* 255 methods, and ours is the last one */
	socks_client(&s);
	{
		uint8_t	 all[257] = { 5, 255 };
		size_t	 used;

		memset(all + 2, 0x80, 254);
		all[256] = SOCKS_NO_AUTH;
		if (socks_read(&s, all, 257, &used) != SOCKS_METHODS ||
		    socks_choose(&s, SOCKS_NO_AUTH, out) == -1)
			errx(1, "255 methods");
	}
}

static void
test_addresses(void)
{
	struct socks	 s;

	memset(&s, 0, sizeof(s));
	s.phase = SOCKS_P_REQUEST;
	FEED(&s, "\5\1\0\3\0132001:db8::9\1\273");
	if (s.dest.family != AF_INET6 || s.dest.v6.s6_addr[15] != 9)
		errx(1, "IPv6 in the name's place");
	s.phase = SOCKS_P_REQUEST;
	FEED(&s, "\5\3\0\1\300\0\2\7\0\120");
	if (s.dest.family != AF_INET || s.command != SOCKS_UDP ||
	    s.dest.v4.s_addr != inet_addr("192.0.2.7") || s.dest.port != 80)
		errx(1, "IPv4");
}

static void
test_upstream(void)
{
	struct socks		 s;
	struct socks_dest	 d = { .family = AF_UNSPEC, .port = 80,
				    .name = "x.onion" };
	uint8_t			 out[SOCKS_MESSAGE];
	size_t			 n;

	socks_upstream(&s);
	if (FEED(&s, "\5\2") != SOCKS_METHOD || s.method != SOCKS_PASSWORD)
		errx(1, "method");
	n = socks_put_login("1000", "0", out);
	if (n != 8 || memcmp(out, "\1\0041000\0010", 8) != 0)
		errx(1, "login");
	if (FEED(&s, "\1\0") != SOCKS_STATUS || !s.login_ok)
		errx(1, "status");
	n = socks_put_request(SOCKS_CONNECT, &d, out);
	if (n != 14 || memcmp(out, "\5\1\0\3\7x.onion\0\120", 14) != 0)
		errx(1, "request");
	if (FEED(&s, "\5\4\0\1\0\0\0\0\0\0") != SOCKS_REPLIED ||
	    s.code != SOCKS_HOST_UNREACHABLE)
		errx(1, "reply");
}

static void
test_reply(void)
{
	struct socks_dest	 d = { .family = AF_INET6, .port = 0x1234 };
	uint8_t			 out[SOCKS_REPLY];

	if (socks_reply(SOCKS_REFUSED, NULL, out) != 10 ||
	    memcmp(out, "\5\5\0\1\0\0\0\0\0\0", 10) != 0)
		errx(1, "refused");
	if (socks_reply(SOCKS_SUCCEEDED, &d, out) != 22 || out[3] != 4 ||
	    out[20] != 0x12 || out[21] != 0x34)
		errx(1, "succeeded");
}

static void
udp(const char *what, const char *bytes, size_t len, int want)
{
	struct socks_dest	 d;
	const char		*error;
	int			 n;

	n = socks_udp((const uint8_t *)bytes, len, &d, &error);
	if (n != want)
		errx(1, "%s: %d", what, n);
}
#define UDP(what, bytes, want)	udp(what, bytes, sizeof(bytes) - 1, want)

static void
test_udp(void)
{
	UDP("IPv4", "\0\0\0\1\300\0\2\7\0\65data", 10);
	UDP("no data", "\0\0\0\1\300\0\2\7\0\65", 10);
	UDP("a name", "\0\0\0\3\1a\0\65data", 8);
	UDP("nothing", "", -1);
	UDP("three bytes", "\0\0\0", -1);
	UDP("short", "\0\0\0\1\300\0\2\7\0", -1);
	UDP("a fragment", "\0\0\1\1\300\0\2\7\0\65data", -1);
	UDP("reserved", "\1\0\0\1\300\0\2\7\0\65data", -1);
	UDP("ATYP", "\0\0\0\7\300\0\2\7\0\65data", -1);
}

int
main(void)
{
	TRY(greetings, SOCKS_P_GREETING);
	TRY(logins, SOCKS_P_LOGIN);
	TRY(requests, SOCKS_P_REQUEST);
	TRY(choices, SOCKS_P_METHOD);
	TRY(replies, SOCKS_P_REPLY);
	test_client();
	test_refused();
	test_addresses();
	test_upstream();
	test_reply();
	test_udp();
	return (0);
}
