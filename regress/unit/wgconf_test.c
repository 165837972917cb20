/*
 * The reader of wg-quick files: what lands in the model, its limits, and that
 * keys stay in no message and in no memory that was given back.  The words of
 * errors are tested by regress/conf.
 */
#include <arpa/inet.h>
#include <err.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "addr.h"
#include "conf.h"
#include "wgconf.h"

/* base64 of 32 times 1, 2, 3 */
#define KEY1	"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
#define KEY2	"AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI="
#define KEY3	"AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM="

#define INTERFACE	"[Interface]\nPrivateKey = " KEY1 "\n"		\
			"Address = 2001:db8::2/64\n"
#define PEER		"[Peer]\nPublicKey = " KEY2 "\n"		\
			"Endpoint = 203.0.113.7:51820\nAllowedIPs = ::/0\n"

#define TEXT_SIZE	(1024 * 1024 + 1)

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "abcdefghijklmnopqrstuvwxyz0123456789+/";

static char dir[] = "/tmp/gw-wgconf-test.XXXXXX";
static char text[TEXT_SIZE];
static int nerrors, nnotes;

/*
 * Every free() of the program comes here: memory that is given back must hold
 * neither the private key nor its text.
 */
void	 __real_free(void *);
void	 __wrap_free(void *);

void
__wrap_free(void *p)
{
	static const char ones[32] = {
		1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
		1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1
	};
	size_t size = p == NULL ? 0 : malloc_usable_size(p);

	if (size > 0 && (memmem(p, size, ones, sizeof(ones)) != NULL ||
	    memmem(p, size, KEY1, strlen(KEY1) - 2) != NULL))
		errx(1, "a key is left in memory that was freed");
	__real_free(p);
}

static void
on_report(void *arg, enum log_level level, struct ini_at at, const char *line)
{
	if (level == LL_ERROR)
		nerrors++;
	else
		nnotes++;
	if (at.line == 0 || at.col == 0)
		errx(1, "no place: %s", line);
	/* ten characters are 60 bits */
	if (strstr(line, "AQEBAQEBAQ") != NULL)
		errx(1, "shows a key: %s", line);
}

static struct wg_conf *
parse(const char *source)
{
	nerrors = nnotes = 0;
	strlcpy(text, source, sizeof(text));
	return (wgconf_parse(text, strlen(text), 0, on_report, NULL));
}

static struct wg_conf *
parse_ok(const char *source)
{
	struct wg_conf *conf;

	if ((conf = parse(source)) == NULL || nerrors != 0)
		errx(1, "refused:\n%.2000s", source);
	return (conf);
}

static void
refused(const char *source, int want)
{
	if (parse(source) != NULL)
		errx(1, "taken:\n%.2000s", source);
	if (nerrors != want)
		errx(1, "%d errors, not %d, in:\n%.2000s", nerrors, want,
		    source);
}

static void
check_key(const uint8_t *key, uint8_t byte)
{
	int i;

	for (i = 0; i < WG_KEY_LEN; i++)
		if (key[i] != byte)
			errx(1, "byte %d of a key is %d, not %d", i, key[i],
			    byte);
}

static void
check_allowed(const struct wg_allowed *a, const char *want)
{
	char buf[64], addr[INET6_ADDRSTRLEN];

	inet_ntop(a->family, &a->addr, addr, sizeof(addr));
	snprintf(buf, sizeof(buf), "%s/%u", addr, a->len);
	if (strcmp(buf, want) != 0)
		errx(1, "AllowedIPs %s, not %s", buf, want);
}

static void
test_all(void)
{
	struct wg_conf *conf;
	struct wg_peer *a, *b;

	conf = parse_ok(INTERFACE "MTU=1412\nlistenport=65535\n"
	    "FwMark = 0xFFFFFFFF\n" PEER "[Peer]\nPublicKey = " KEY3 "\n"
	    "PresharedKey = " KEY1 "\nEndpoint = wg.example.net:1\n"
	    "AllowedIPs = 192.0.2.77/24,2001:db8:1:2::3/48\n"
	    "AllowedIPs = 198.51.100.1\tfd00::1\nPersistentKeepalive = 25\n");
	check_key(conf->private_key, 1);
	if (conf->listen_port != 65535 || conf->fwmark != UINT32_MAX ||
	    conf->mtu != 1412 || conf->npeers != 2 || !conf->has_address ||
	    conf->prefix_len != 64 ||
	    strcmp(addr6_text(&conf->address), "2001:db8::2") != 0)
		errx(1, "the interface");
	a = TAILQ_FIRST(&conf->peers);
	b = TAILQ_NEXT(a, entry);
	check_key(a->public_key, 2);
	if (a->has_preshared || a->keepalive_s != 0 || a->port != 51820 ||
	    a->addr.s_addr != inet_addr("203.0.113.7") || a->nallowed != 1)
		errx(1, "the first peer");
	check_key(b->public_key, 3);
	check_key(b->preshared_key, 1);
	if (!b->has_preshared || b->keepalive_s != 25 || b->port != 1 ||
	    b->addr.s_addr != INADDR_ANY || b->nallowed != 4 ||
	    strcmp(b->host, "wg.example.net") != 0)
		errx(1, "the second peer");
	check_allowed(&a->allowed[0], "::/0");
	check_allowed(&b->allowed[0], "192.0.2.0/24");
	check_allowed(&b->allowed[1], "2001:db8:1::/48");
	check_allowed(&b->allowed[2], "198.51.100.1/32");
	check_allowed(&b->allowed[3], "fd00::1/128");
	wgconf_free(conf);
	wgconf_free(NULL);
}

/* what a file may leave out, and numbers in their forms */
static void
test_defaults(void)
{
	static const struct {
		const char	*text;
		uint32_t	 mark;
	} marks[] = {
		{ "off", 0 }, { "OFF", 0 }, { "0", 0 }, { "0x0", 0 },
		{ "51820", 51820 }, { "0x10", 16 }, { "0XaB", 0xab },
		{ "010", 10 }, { "4294967295", UINT32_MAX }
	};
	static const char *const bad[] = {
		"0x", "-1", "+1", "4294967296", "0x100000000", "1 2", "x",
		"0x1g", "18446744073709551616", "0x-1", "0x 1"
	};
	struct wg_conf *conf = parse_ok(INTERFACE PEER);
	char source[512];
	size_t i;

	if (conf->mtu != 0 || conf->fwmark != 0 || conf->listen_port != 0 ||
	    nnotes != 0)
		errx(1, "defaults");
	wgconf_free(conf);
	for (i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		snprintf(source, sizeof(source), INTERFACE "FwMark = %s\n" PEER,
		    marks[i].text);
		conf = parse_ok(source);
		if (conf->fwmark != marks[i].mark)
			errx(1, "FwMark %s is %u", marks[i].text, conf->fwmark);
		wgconf_free(conf);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(source, sizeof(source), INTERFACE "FwMark = %s\n" PEER,
		    bad[i]);
		refused(source, 1);
	}
}

/* nonzero if a key with this character in this place is taken */
static int
key_taken(char c, size_t place)
{
	char key[] = KEY2, source[512];
	struct wg_conf *conf;

	key[place] = c;
	snprintf(source, sizeof(source), INTERFACE "[Peer]\nPublicKey = %s\n"
	    "Endpoint = a.b:1\n", key);
	conf = parse(source);
	wgconf_free(conf);
	return (conf != NULL);
}

/* 256 bits are 42 digits and four bits of the next, then one "=" */
static void
test_keys(void)
{
	size_t i;
	int taken = 0;

	for (i = 0; i < sizeof(digits) - 1; i++)
		taken += key_taken(digits[i], 42);
	if (taken != 16)
		errx(1, "%d last digits are taken", taken);
	for (i = 0; i < strlen(KEY2); i++)
		if (key_taken('-', i) || key_taken('=', i) != (i == 43) ||
		    key_taken('\0', i))
			errx(1, "a bad character at %zu is taken", i);
	refused(INTERFACE "[Peer]\nEndpoint = a.b:1\nPublicKey = " KEY2 "A\n",
	    1);
	refused(INTERFACE "[Peer]\nEndpoint = a.b:1\nPublicKey = \"" KEY2
	    "\"\n", 1);
}

/* a key that was pasted somewhere else is not repeated in a message */
static void
test_misplaced_key(void)
{
	static const char *const places[] = {
		KEY1, KEY1 " = x", "[" KEY1 "]", "MTU = " KEY1,
		"PrivateKey\n" KEY1, "FwMark = x" KEY1, "Address = " KEY1,
		"Address = ::1/" KEY1, "[Peer]\nEndpoint = " KEY1 ":1",
		"[Peer]\nAllowedIPs = ::/0, " KEY1,
		"[Peer]\nPublicKey = '" KEY1 "'",
		"[Peer]\nPersistentKeepalive = " KEY1,
		"[Peer]\nPresharedKey = " KEY1 KEY1
	};
	char source[512];
	size_t i;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(source, sizeof(source), PEER "%s\n", places[i]);
		if (parse(source) != NULL)
			errx(1, "taken: %s", places[i]);
		snprintf(source, sizeof(source), "[Interface]\n%s\n" PEER,
		    places[i]);
		if (parse(source) != NULL)
			errx(1, "taken: %s", places[i]);
	}
}

/* any byte at the end of a comment, also at the end of the file; nonzero if
 * the file is taken */
static int
byte_taken(int byte, const char *behind)
{
	struct wg_conf *conf;
	size_t len;

	len = (size_t)snprintf(text, sizeof(text), INTERFACE PEER "# x%s",
	    behind);
	text[len - strlen(behind) - 1] = (char)byte;
	conf = wgconf_parse(text, len, 0, on_report, NULL);
	wgconf_free(conf);
	return (conf != NULL);
}

static void
test_bytes(void)
{
	int i, want;

	for (i = 0; i < 256; i++) {
		want = (i >= ' ' && i != 0x7f) || i == '\t';
		if (i == '\n')
			continue;
		if (byte_taken(i, "y") != want ||
		    byte_taken(i, "") != (want || i == '\r') ||
		    byte_taken(i, "\n") != (want || i == '\r'))
			errx(1, "byte %d in a comment", i);
	}
}

/* npeers, the last one with nallowed ranges in one line */
static struct wg_conf *
parse_many(int npeers, int nallowed)
{
	char *s = text, *end = text + sizeof(text);
	int i;

	s += snprintf(s, (size_t)(end - s), INTERFACE "ListenPort = 1\n");
	for (i = 0; i < npeers; i++)
		s += snprintf(s, (size_t)(end - s),
		    "[Peer]\nPublicKey = %.40s%c%cA=\n", KEY2,
		    digits[i >> 6 & 63], digits[i & 63]);
	s += snprintf(s, (size_t)(end - s), "AllowedIPs = ");
	for (i = 0; i < nallowed; i++)
		s += snprintf(s, (size_t)(end - s), "::, ");
	nerrors = 0;
	return (wgconf_parse(text, (size_t)(s - text), 0, on_report, NULL));
}

static void
test_limits(void)
{
	struct wg_conf *conf;

	conf = parse_many(WG_PEERS_MAX, WG_ALLOWED_MAX);
	if (conf == NULL || conf->npeers != WG_PEERS_MAX ||
	    TAILQ_LAST(&conf->peers, wg_peers)->nallowed != WG_ALLOWED_MAX)
		errx(1, "the most that is allowed: %d errors", nerrors);
	wgconf_free(conf);
	if (parse_many(1, WG_ALLOWED_MAX + 1) != NULL || nerrors != 1)
		errx(1, "a range more: %d errors", nerrors);
	/* what belongs to the peer that is too many is passed over */
	if (parse_many(WG_PEERS_MAX + 1, 1) != NULL || nerrors != 1)
		errx(1, "a peer more: %d errors", nerrors);
}

static void
test_equal(void)
{
	static const char *const others[] = {
		"[Interface]\nPrivateKey = " KEY3 "\n"
		"Address = 2001:db8::2/64\n" PEER,
		INTERFACE "ListenPort = 1\n" PEER, INTERFACE "MTU = 1400\n"
		PEER, INTERFACE "FwMark = 1\n" PEER,
		"[Interface]\nPrivateKey = " KEY1 "\n"
		"Address = 2001:db8::3/64\n" PEER,
		"[Interface]\nPrivateKey = " KEY1 "\n"
		"Address = 2001:db8::2/65\n" PEER,
		"[Interface]\nPrivateKey = " KEY1 "\n" PEER,
		INTERFACE PEER "PresharedKey = " KEY3 "\n",
		INTERFACE PEER "PersistentKeepalive = 1\n",
		INTERFACE PEER "AllowedIPs = ::/0\n",
		INTERFACE PEER "[Peer]\nPublicKey = " KEY3 "\n",
		INTERFACE "[Peer]\nPublicKey = " KEY3 "\n"
		"Endpoint = 203.0.113.7:51820\nAllowedIPs = ::/0\n",
		INTERFACE "[Peer]\nPublicKey = " KEY2 "\n"
		"Endpoint = 203.0.113.8:51820\nAllowedIPs = ::/0\n",
		INTERFACE "[Peer]\nPublicKey = " KEY2 "\n"
		"Endpoint = 203.0.113.7:51821\nAllowedIPs = ::/0\n",
		INTERFACE "[Peer]\nPublicKey = " KEY2 "\n"
		"Endpoint = 203.0.113.7:51820\nAllowedIPs = ::/1\n",
	};
	struct wg_conf *a = parse_ok(INTERFACE PEER), *b;
	size_t i;

	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		b = parse_ok(others[i]);
		if (wgconf_equal(a, b) || wgconf_equal(b, a))
			errx(1, "equal:\n%s", others[i]);
		if (!wgconf_equal(b, b) || wgconf_equal(b, NULL))
			errx(1, "not equal to itself:\n%s", others[i]);
		wgconf_free(b);
	}
	b = parse_ok("# the same\n" INTERFACE "MTU = 1400\n" PEER);
	b->mtu = 0;
	if (!wgconf_equal(a, b) || !wgconf_equal(NULL, NULL))
		errx(1, "not equal");
	wgconf_free(a);
	wgconf_free(b);
}

static void
put(const char *path, const char *source)
{
	FILE *f;

	if ((f = fopen(path, "w")) == NULL || fputs(source, f) == EOF ||
	    fclose(f) != 0)
		err(1, "%s", path);
}

static void
on_line(void *arg, enum log_level level, const char *line)
{
	struct ini_at nowhere = { 1, 1 };

	on_report(NULL, level, nowhere, line);
}

/* a configuration of one tunnel with this wg-quick file and further keys */
static struct gw_conf *
parse_tunnel(const char *file, const char *keys)
{
	char source[512];

	put("wg.conf", file);
	snprintf(source, sizeof(source), "[tunnel.w]\ntype = wireguard\n"
	    "iface = w\nconf = %s/wg.conf\n%s", dir, keys);
	put("conf", source);
	nerrors = 0;
	return (conf_parse("conf", 0, on_line, NULL));
}

/* what the section does not say is taken from the file */
static void
test_tunnel(void)
{
	static const char file[] = "[Interface]\nPrivateKey = " KEY1 "\n"
	    "Address = 2001:db8::2/56\nMTU = 1400\n" PEER;
	struct gw_conf *conf = parse_tunnel(file, ""), *other;
	struct gw_tunnel *a = TAILQ_FIRST(&conf->tunnels), *b;

	if (a->wg == NULL || a->mtu != 1400 || !a->has_address ||
	    a->prefix_len != 56 || a->has_gateway ||
	    strcmp(addr6_text(&a->address), "2001:db8::2") != 0)
		errx(1, "the file is not in force");
	other = parse_tunnel(file, "v6_prefix = 2001:db8:1::/64\nmtu = auto\n"
	    "gateway_v6 = 2001:db8:1::9\n");
	b = TAILQ_FIRST(&other->tunnels);
	if (b->mtu != 0 || b->prefix_len != 64 || !b->has_gateway ||
	    strcmp(addr6_text(&b->address), "2001:db8:1::2") != 0)
		errx(1, "the section does not go first");
	conf_free(other);
	/* what is not printed makes a difference too */
	other = parse_tunnel("[Interface]\nPrivateKey = " KEY3 "\n"
	    "Address = 2001:db8::2/56\nMTU = 1400\n" PEER, "");
	if (conf_tunnel_equal(a, TAILQ_FIRST(&other->tunnels)))
		errx(1, "another private key, and no difference");
	conf_free(other);
	other = parse_tunnel(file, "");
	if (!conf_tunnel_equal(a, TAILQ_FIRST(&other->tunnels)))
		errx(1, "the same file is different");
	conf_free(other);
	conf_free(conf);
	if (parse_tunnel("[Interface]\nPrivateKey = " KEY1 "\n", "") != NULL ||
	    nerrors != 2)
		errx(1, "a bad file: %d errors", nerrors);
}

int
main(void)
{
	if (mkdtemp(dir) == NULL || chdir(dir) == -1)
		err(1, "%s", dir);
	test_all();
	test_defaults();
	test_keys();
	test_misplaced_key();
	test_bytes();
	test_limits();
	test_equal();
	test_tunnel();
	unlink("conf");
	unlink("wg.conf");
	rmdir(dir);
	return (0);
}
