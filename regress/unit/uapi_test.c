/*
 * parent/uapi_text: what is asked of wireguard-go, and what it may answer.
 */
#include <sys/socket.h>
#include <arpa/inet.h>

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "uapi_text.h"

#define ZEROS	"00000000000000000000000000000000000000000000000000000000000000"

static struct wg_conf	 conf;
static struct wg_peer	 peers[3];
static struct wg_allowed nets[2];

static void
net(struct wg_allowed *a, uint16_t family, const char *text, uint8_t len)
{
	a->family = family;
	a->len = len;
	if (inet_pton(family, text, &a->addr) != 1)
		errx(1, "%s", text);
}

static void
make_conf(void)
{
	TAILQ_INIT(&conf.peers);
	conf.private_key[0] = 0xa0;
	conf.listen_port = 51820;
	conf.fwmark = 0x1234;
	net(&nets[0], AF_INET6, "::", 0);
	net(&nets[1], AF_INET, "192.0.2.0", 24);
	peers[0].public_key[31] = 0x0b;
	peers[0].has_preshared = 1;
	peers[0].preshared_key[0] = 0xff;
	peers[0].port = 443;
	peers[0].keepalive_s = 25;
	peers[0].allowed = nets;
	peers[0].nallowed = 2;
	/* no endpoint, no network */
	peers[1].public_key[0] = 1;
	peers[2].public_key[0] = 2;
	peers[2].port = 65535;
	TAILQ_INSERT_TAIL(&conf.peers, &peers[0], entry);
	TAILQ_INSERT_TAIL(&conf.peers, &peers[1], entry);
	TAILQ_INSERT_TAIL(&conf.peers, &peers[2], entry);
	conf.npeers = 3;
}

static void
check_set(const struct wg_conf *c, int whole, const char *want)
{
	struct in_addr	 endpoints[3] = { { 0 }, { 0 }, { 0 } };
	char		*text;
	size_t		 len;

	inet_pton(AF_INET, "198.51.100.7", &endpoints[0]);
	inet_pton(AF_INET, "203.0.113.255", &endpoints[2]);
	text = uapi_text_set(c, endpoints, whole, &len);
	if (len != strlen(want) || memcmp(text, want, len) != 0)
		errx(1, "request:\n%.*s\nnot:\n%s", (int)len, text, want);
	free(text);
}

static void
test_set(void)
{
	struct wg_conf	 empty;

	check_set(&conf, 1, "set=1\n"
	    "private_key=a0" ZEROS "\n"
	    "listen_port=51820\n"
	    "fwmark=4660\n"
	    "replace_peers=true\n"
	    "public_key=" ZEROS "0b\n"
	    "preshared_key=ff" ZEROS "\n"
	    "endpoint=198.51.100.7:443\n"
	    "persistent_keepalive_interval=25\n"
	    "replace_allowed_ips=true\n"
	    "allowed_ip=::/0\n"
	    "allowed_ip=192.0.2.0/24\n"
	    "public_key=01" ZEROS "\n"
	    "persistent_keepalive_interval=0\n"
	    "replace_allowed_ips=true\n"
	    "public_key=02" ZEROS "\n"
	    "endpoint=203.0.113.255:65535\n"
	    "persistent_keepalive_interval=0\n"
	    "replace_allowed_ips=true\n"
	    "\n");
	check_set(&conf, 0, "set=1\n"
	    "public_key=" ZEROS "0b\n"
	    "update_only=true\n"
	    "endpoint=198.51.100.7:443\n"
	    "public_key=02" ZEROS "\n"
	    "update_only=true\n"
	    "endpoint=203.0.113.255:65535\n"
	    "\n");
	memset(&empty, 0, sizeof(empty));
	TAILQ_INIT(&empty.peers);
	check_set(&empty, 1, "set=1\nprivate_key=00" ZEROS "\n"
	    "listen_port=0\nfwmark=0\nreplace_peers=true\n\n");
	check_set(&empty, 0, "set=1\n\n");
}

/* nothing is longer than these */
static void
test_longest(void)
{
	static struct wg_allowed longest[1000];
	struct wg_conf		 c;
	struct wg_peer		 p;
	struct in_addr		 endpoint = { INADDR_BROADCAST };
	size_t			 i, len;

	memset(&c, 0xff, sizeof(c));
	memset(&p, 0xff, sizeof(p));
	for (i = 0; i < 1000; i++)
		net(&longest[i], AF_INET6,
		    "2001:db8:1111:2222:3333:4444:5555:6666", 128);
	p.allowed = longest;
	p.nallowed = 1000;
	TAILQ_INIT(&c.peers);
	TAILQ_INSERT_TAIL(&c.peers, &p, entry);
	free(uapi_text_set(&c, &endpoint, 1, &len));
	if (len < 50000)
		errx(1, "longest: %zu bytes", len);
}

static int
answer_by(struct uapi_answer *a, int get, const char *text, size_t len,
    size_t step)
{
	size_t	 n;
	int	 r = 0;

	uapi_answer_init(a, get);
	for (; r == 0 && len > 0; text += n, len -= n) {
		n = len < step ? len : step;
		r = uapi_answer_read(a, text, n);
	}
	return (r);
}

/* the same whole and byte by byte */
static void
check(int get, const char *text, size_t len, int want, int error)
{
	struct uapi_answer	 whole, bytes;
	int			 r;

	r = answer_by(&whole, get, text, len, len);
	if (answer_by(&bytes, get, text, len, 1) != r ||
	    memcmp(&whole.status, &bytes.status, sizeof(whole.status)) != 0)
		/* but for what follows the end, which nobody waits for */
		if (r != -1 || !bytes.done)
			errx(1, "pieces of: %s", text);
	if (r != want || (r == 1 && whole.error != error))
		errx(1, "%d, error %d: %s", r, whole.error, text);
}

#define CHECK(get, text, want, error) \
	check((get), (text), sizeof(text) - 1, (want), (error))

static void
test_answers(void)
{
	CHECK(0, "errno=0\n\n", 1, 0);
	CHECK(0, "errno=-22\n\n", 1, EINVAL);
	CHECK(0, "errno=98\n\n", 1, EADDRINUSE);
	CHECK(0, "errno=4095\n\n", 1, 4095);
	CHECK(0, "errno=0\n", 0, 0);
	CHECK(0, "", 0, 0);
	CHECK(0, "\n", -1, 0);
	CHECK(0, "errno=\n\n", -1, 0);
	CHECK(0, "errno=-\n\n", -1, 0);
	CHECK(0, "errno=--1\n\n", -1, 0);
	CHECK(0, "errno=4096\n\n", -1, 0);
	CHECK(0, "errno=99999999999999999999999\n\n", -1, 0);
	CHECK(0, "errno=+1\n\n", -1, 0);
	CHECK(0, "errno= 1\n\n", -1, 0);
	CHECK(0, "errno=1 \n\n", -1, 0);
	CHECK(0, "errno\n\n", -1, 0);
	CHECK(0, "errno=0\nerrno=0\n\n", -1, 0);
	CHECK(0, "errno=0\n\nx", -1, 0);
	CHECK(0, "errno=0\r\n\r\n", -1, 0);
	CHECK(0, "errno=0\0\n\n", -1, 0);
	CHECK(0, "err\0no=0\n\n", -1, 0);
	/* only get=1 is answered with anything else */
	CHECK(0, "rx_bytes=1\nerrno=0\n\n", -1, 0);
	CHECK(1, "rx_bytes=1\nerrno=0\n\n", 1, 0);
	CHECK(1, "errno=0\nrx_bytes=1\n\n", -1, 0);
	CHECK(1, "rx_bytes=-1\nerrno=0\n\n", -1, 0);
	CHECK(1, "rx_bytes=\nerrno=0\n\n", -1, 0);
	CHECK(1, "rx_bytes=1x\nerrno=0\n\n", -1, 0);
	CHECK(1, "no equals sign\nerrno=0\n\n", -1, 0);
	CHECK(1, "some_new_key=whatever\nerrno=0\n\n", 1, 0);
	CHECK(1, "\nerrno=0\n\n", -1, 0);
	/* 2^63 and more, alone and as a sum */
	CHECK(1, "tx_bytes=9223372036854775807\nerrno=0\n\n", 1, 0);
	CHECK(1, "tx_bytes=9223372036854775808\nerrno=0\n\n", -1, 0);
	CHECK(1, "tx_bytes=9223372036854775807\ntx_bytes=1\nerrno=0\n\n",
	    -1, 0);
	CHECK(1, "last_handshake_time_sec=18446744073709551616\n", -1, 0);
}

static void
test_sums(void)
{
	static const char	 text[] =
	    "private_key=00" ZEROS "\nlisten_port=51820\n"
	    "public_key=01" ZEROS "\nlast_handshake_time_sec=1700000000\n"
	    "last_handshake_time_nsec=5\ntx_bytes=100\nrx_bytes=7\n"
	    "public_key=02" ZEROS "\nlast_handshake_time_sec=1600000000\n"
	    "tx_bytes=23\nrx_bytes=0\nallowed_ip=::/0\nerrno=0\n\n";
	struct uapi_answer	 a;

	if (answer_by(&a, 1, text, sizeof(text) - 1, 7) != 1 ||
	    a.status.handshake != 1700000000 || a.status.tx_bytes != 123 ||
	    a.status.rx_bytes != 7)
		errx(1, "sums");
	/* no handshake yet */
	if (answer_by(&a, 1, "errno=0\n\n", 9, 9) != 1 ||
	    a.status.handshake != 0)
		errx(1, "sums of nothing");
}

/* memory and patience end somewhere */
static void
test_bounds(void)
{
	static char		 line[UAPI_LINE_MAX + 1];
	struct uapi_answer	 a;
	size_t			 i;

	memset(line, 'a', sizeof(line));
	line[1] = '=';
	line[UAPI_LINE_MAX - 1] = '\n';
	check(1, line, UAPI_LINE_MAX, 0, 0);
	line[UAPI_LINE_MAX - 1] = 'a';
	check(1, line, UAPI_LINE_MAX, -1, 0);
	line[3] = '\n';
	uapi_answer_init(&a, 1);
	for (i = 0; i < UAPI_ANSWER_MAX / 4; i++)
		if (uapi_answer_read(&a, line, 4) != 0)
			errx(1, "refused after %zu bytes", i * 4);
	if (uapi_answer_read(&a, line, 4) != -1)
		errx(1, "an endless answer");
}

static void
check_exit(enum launch_end end, int status, const char *want)
{
	struct imsg_launch_exited	 m = { end, (uint32_t)status };
	char				 reason[WIRE_REASON];

	uapi_exit_text(&m, reason, sizeof(reason));
	if (strstr(reason, want) == NULL || reason[strlen(reason) - 1] != '.')
		errx(1, "%s: not %s", reason, want);
}

static void
test_exit_text(void)
{
	check_exit(LAUNCH_MISSING, 0, "apt install wireguard-go");
	check_exit(LAUNCH_MISSING, 0, "modprobe wireguard");
	check_exit(LAUNCH_FAILED, EAGAIN, "Cannot start wireguard-go: Res");
	check_exit(LAUNCH_ENDED, 9, "was killed by signal 9 (Killed)");
	check_exit(LAUNCH_ENDED, 1 << 8, "ended with status 1;");
}

int
main(void)
{
	log_init(LL_ERROR, LF_TEXT, LT_STDERR, "test");
	make_conf();
	test_set();
	test_longest();
	test_answers();
	test_sums();
	test_bounds();
	test_exit_text();
	return (0);
}
