/*
 * The reader of wg-quick files: from text to the model, every error with its
 * place.  Pure function of its input; runs in the parent and in gatewayctl
 * check.
 *
 * Lines are taken as wg(8) takes them: names without regard to case, "#"
 * begins a comment wherever it stands.  All happens in the caller's buffer, so
 * that no copy of a key is left behind, and no message shows a key, nor text
 * that may be one.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "parse.h"
#include "util.h"
#include "wgconf_int.h"

#define NAME_MAX_LEN	20	/* longer than any name, shorter than a key */
#define SHOWN_RANGES	4	/* in a message */

#define NEVER_RUN	"is never run"

static const struct wg_key interface_keys[] = {
	{ .name = "PrivateKey", .set = wg_set_private_key },
	{ .name = "Address", .set = wg_set_address,
	    .flags = WGK_REPEAT | WGK_EMPTY },
	{ .name = "MTU", .set = wg_set_mtu },
	{ .name = "ListenPort", .set = wg_set_listen_port },
	{ .name = "FwMark", .set = wg_set_fwmark },
	{ .name = "Table", .note = "is not used; the routes are gatewayd's" },
	{ .name = "DNS", .flags = WGK_REPEAT,
	    .note = "is not used; the host's resolver stays as it is" },
	{ .name = "SaveConfig", .note = "is not used; the file is only read" },
	{ .name = "PreUp", .flags = WGK_REPEAT, .note = NEVER_RUN },
	{ .name = "PostUp", .flags = WGK_REPEAT, .note = NEVER_RUN },
	{ .name = "PreDown", .flags = WGK_REPEAT, .note = NEVER_RUN },
	{ .name = "PostDown", .flags = WGK_REPEAT, .note = NEVER_RUN },
	{ .name = NULL }
};
#define PRIVATE_KEY	0

static const struct wg_key peer_keys[] = {
	{ .name = "PublicKey", .set = wg_set_public_key },
	{ .name = "Endpoint", .set = wg_set_endpoint },
	{ .name = "PresharedKey", .set = wg_set_preshared_key },
	{ .name = "AllowedIPs", .set = wg_set_allowed,
	    .flags = WGK_REPEAT | WGK_EMPTY },
	{ .name = "PersistentKeepalive", .set = wg_set_keepalive },
	{ .name = NULL }
};
#define PUBLIC_KEY	0
#define ENDPOINT	1

_Static_assert(sizeof(interface_keys) / sizeof(interface_keys[0]) <= WGK_MAX,
    "wg_section.keys has a place for each");

struct ini_at
wg_at(const struct wg_reader *r, const char *s)
{
	struct ini_at at = { r->lineno, (uint32_t)(s - r->line) + 1 };

	return (at);
}

void
wg_report(struct wg_reader *r, enum log_level level, struct ini_at at,
    const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (level == LL_ERROR)
		r->failed = 1;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	r->report(r->arg, level, at, text);
}

/*
 * A key may have been pasted where a name should be, so only what looks like
 * a name is shown.
 */
static const char *
shown_name(const char *name)
{
	size_t i;

	for (i = 0; isalpha((unsigned char)name[i]); i++)
		;
	return (name[i] == '\0' && i <= NAME_MAX_LEN ? name : "...");
}

static void
key_unknown(struct wg_reader *r, const struct wg_key *keys, const char *name)
{
	const char *words[WGK_MAX + 1];
	char known[KNOWN_SIZE];
	size_t i;

	for (i = 0; keys[i].name != NULL; i++)
		words[i] = keys[i].name;
	words[i] = NULL;
	wg_report(r, LL_ERROR, wg_at(r, name), "unknown key \"%s\" in [%s]; "
	    "%s", shown_name(name), keys == peer_keys ? "Peer" : "Interface",
	    known_text(known, words, name));
}

static void
peer_new(struct wg_reader *r, struct ini_at at)
{
	struct wg_peer *peer = xcalloc(1, sizeof(*peer));

	TAILQ_INSERT_TAIL(&r->conf->peers, peer, entry);
	r->conf->npeers++;
	r->section = &r->peers[r->npeers++];
	r->section->peer = peer;
	r->section->at = at;
}

/* [Interface] comes once, [Peer] for each peer */
static void
read_section(struct wg_reader *r, const char *name, struct ini_at at)
{
	static const char *const words[] = { "Interface", "Peer", NULL };
	char hint[HINT_SIZE];

	if (strcasecmp(name, "Interface") == 0) {
		r->section = &r->interface;
		if (r->section->at.line != 0)
			wg_report(r, LL_ERROR, at, "[Interface] again; it is "
			    "already at line %u", r->section->at.line);
		else
			r->section->at = at;
	} else if (strcasecmp(name, "Peer") != 0) {
		wg_report(r, LL_ERROR, at, "unknown section [%s]; known are "
		    "[Interface] and [Peer]%s", shown_name(name),
		    hint_text(hint, nearest(name, words)));
	} else if (r->npeers == WG_PEERS_MAX) {
		wg_report(r, LL_ERROR, at, "too many [Peer] sections; allowed "
		    "are %d", WG_PEERS_MAX);
	} else {
		peer_new(r, at);
	}
}

/* value is not empty, or may be */
static void
read_value(struct wg_reader *r, const struct wg_key *key, char *value)
{
	if (key->set == NULL) {
		wg_report(r, LL_INFO, r->at, "%s %s", key->name, key->note);
		return;
	}
	r->at = wg_at(r, value);
	key->set(r, value);
}

/* name and value end in a NUL and have no blanks around them */
static void
read_pair(struct wg_reader *r, const char *name, char *value)
{
	const struct wg_key *keys, *key;
	struct ini_at *place;

	if (r->section == NULL) {
		if (!r->skip)
			wg_report(r, LL_ERROR, wg_at(r, name), "key outside "
			    "of a section; [Interface] or [Peer] comes first");
		return;
	}
	keys = r->section->peer != NULL ? peer_keys : interface_keys;
	for (key = keys; key->name != NULL; key++)
		if (strcasecmp(key->name, name) == 0)
			break;
	if (key->name == NULL) {
		key_unknown(r, keys, name);
		return;
	}
	place = &r->section->keys[key - keys];
	r->key = key;
	r->at = wg_at(r, name);
	if (place->line != 0 && !(key->flags & WGK_REPEAT)) {
		wg_bad(r, NULL, "given twice; it is already at line %u",
		    place->line);
		return;
	}
	*place = r->at;
	if (*value == '\0' && !(key->flags & WGK_EMPTY))
		wg_bad(r, NULL, "has no value");
	else
		read_value(r, key, value);
}

/* the string without the blanks around it */
static char *
trim(char *s)
{
	size_t len;

	s += strspn(s, " \t");
	len = strlen(s);
	while (len > 0 && (s[len - 1] == ' ' || s[len - 1] == '\t'))
		len--;
	s[len] = '\0';
	return (s);
}

/* nonzero, and reported, if the line up to end is no text */
static int
has_control(struct wg_reader *r, const char *end)
{
	const char *s;

	for (s = r->line; s < end; s++) {
		if ((unsigned char)*s >= 0x20 ? *s != 0x7f : *s == '\t')
			continue;
		wg_report(r, LL_ERROR, wg_at(r, s), "control character "
		    "0x%02x; allowed is text", (unsigned char)*s);
		return (1);
	}
	return (0);
}

static void
read_line(struct wg_reader *r, char *line)
{
	char *equals, *name;
	size_t len;

	line[strcspn(line, "#")] = '\0';
	line = trim(line);
	if ((len = strlen(line)) == 0)
		return;
	if (line[0] == '[') {
		/* what follows must not land in the section before */
		r->section = NULL;
		r->skip = 1;
	}
	equals = strchr(line, '=');
	if (line[0] == '[' && line[len - 1] == ']') {
		line[len - 1] = '\0';
		read_section(r, trim(line + 1), wg_at(r, line));
	} else if (line[0] == '[' || equals == NULL || equals == line) {
		wg_report(r, LL_ERROR, wg_at(r, line), "neither a section nor "
		    "a key; a line is [Interface], [Peer], KEY = VALUE or a "
		    "comment");
	} else {
		*equals = '\0';
		name = trim(line);
		read_pair(r, name, trim(equals + 1));
	}
}

static void
read_lines(struct wg_reader *r, char *text, char *end)
{
	char *eol, *next;

	for (; text < end; text = next) {
		eol = memchr(text, '\n', (size_t)(end - text));
		next = eol != NULL ? eol + 1 : end;
		if (eol == NULL)
			eol = end;
		if (eol > text && eol[-1] == '\r')
			eol--;
		r->line = text;
		r->lineno++;
		if (has_control(r, eol))
			continue;
		*eol = '\0';
		read_line(r, text);
	}
}

static void
check_sections(struct wg_reader *r, int need_address)
{
	static const struct ini_at start = { 1, 1 };

	if (r->interface.at.line == 0) {
		wg_report(r, LL_ERROR, start, "no [Interface]; needed is one, "
		    "with a PrivateKey");
	} else {
		if (r->interface.keys[PRIVATE_KEY].line == 0)
			wg_report(r, LL_ERROR, r->interface.at, "[Interface] "
			    "lacks the key PrivateKey");
		if (need_address && !r->conf->has_address)
			wg_report(r, LL_ERROR, r->interface.at, "[Interface] "
			    "has no IPv6 Address; needed is one, or the "
			    "tunnel's v6_prefix");
	}
	if (r->npeers == 0)
		wg_report(r, LL_ERROR, start, "no [Peer]; needed is at least "
		    "one");
}

/* the first of the peers before peers[n] that has its key, or NULL; a key of
 * zeros is one that was wrong */
static const struct wg_section *
same_key(const struct wg_reader *r, size_t n)
{
	static const uint8_t zeros[WG_KEY_LEN];
	const uint8_t *key = r->peers[n].peer->public_key;
	size_t i;

	if (memcmp(key, zeros, WG_KEY_LEN) == 0)
		return (NULL);
	for (i = 0; i < n; i++)
		if (memcmp(key, r->peers[i].peer->public_key,
		    WG_KEY_LEN) == 0)
			return (&r->peers[i]);
	return (NULL);
}

static void
check_public_keys(struct wg_reader *r)
{
	const struct wg_section *peer, *other;
	size_t i;

	for (i = 0; i < r->npeers; i++) {
		peer = &r->peers[i];
		if (peer->keys[PUBLIC_KEY].line == 0)
			wg_report(r, LL_ERROR, peer->at, "[Peer] lacks the "
			    "key PublicKey");
		else if ((other = same_key(r, i)) != NULL)
			wg_report(r, LL_ERROR, peer->keys[PUBLIC_KEY],
			    "PublicKey: this peer is already at line %u; each "
			    "comes once", other->at.line);
	}
}

/* somebody must be able to speak first */
static void
check_endpoints(struct wg_reader *r)
{
	const struct wg_section *peer;
	int reachable = r->conf->listen_port != 0;
	size_t i;

	for (i = 0; i < r->npeers; i++)
		if (r->peers[i].keys[ENDPOINT].line != 0)
			reachable = 1;
	for (i = 0; i < r->npeers; i++) {
		peer = &r->peers[i];
		if (peer->keys[ENDPOINT].line != 0)
			continue;
		if (reachable)
			wg_report(r, LL_INFO, peer->at, "[Peer] has no "
			    "Endpoint; nothing goes through before it speaks");
		else
			wg_report(r, LL_ERROR, peer->at, "[Peer] has no "
			    "Endpoint; needed is one, or a ListenPort where "
			    "the peer can reach us");
	}
}

/* the IPv6 ranges of all peers in words; nonzero if they cover everything,
 * as ::/0 or as its two halves */
static int
ranges_text(const struct wg_conf *conf, char *text, size_t size)
{
	const struct wg_allowed *a;
	const struct wg_peer *peer;
	char range[ADDR_TEXT_SIZE + 6];
	unsigned int n = 0, halves = 0;
	size_t i;

	TAILQ_FOREACH(peer, &conf->peers, entry)
		for (i = 0; i < peer->nallowed; i++) {
			a = &peer->allowed[i];
			if (a->family != AF_INET6)
				continue;
			if (a->len == 0)
				halves = 3;
			else if (a->len == 1)
				halves |= a->addr.s6_addr[0] == 0 ? 1 : 2;
			if (n++ >= SHOWN_RANGES)
				continue;
			snprintf(range, sizeof(range), "%s%s/%u",
			    n > 1 ? ", " : "", addr6_text(&a->addr), a->len);
			strlcat(text, range, size);
		}
	if (n > SHOWN_RANGES)
		strlcat(text, ", ...", size);
	return (halves == 3);
}

/* not an error: a tunnel may be meant for one network only */
static void
check_ranges(struct wg_reader *r)
{
	char text[512] = "";

	if (r->npeers == 0 || ranges_text(r->conf, text, sizeof(text)))
		return;
	wg_report(r, LL_INFO, r->peers[0].at, "AllowedIPs of no peer is ::/0; "
	    "IPv6 goes through for %s only", text[0] != '\0' ? text :
	    "nobody");
}

struct wg_conf *
wgconf_parse(char *text, size_t len, int need_address,
    wgconf_report_fn report, void *arg)
{
	struct wg_reader r = { .report = report, .arg = arg };

	r.conf = xcalloc(1, sizeof(*r.conf));
	TAILQ_INIT(&r.conf->peers);
	r.peers = xcalloc(WG_PEERS_MAX, sizeof(*r.peers));
	read_lines(&r, text, text + len);
	check_sections(&r, need_address);
	check_public_keys(&r);
	check_endpoints(&r);
	check_ranges(&r);
	free(r.peers);
	if (!r.failed)
		return (r.conf);
	wgconf_free(r.conf);
	return (NULL);
}

void
wgconf_free(struct wg_conf *conf)
{
	struct wg_peer *peer;

	if (conf == NULL)
		return;
	while ((peer = TAILQ_FIRST(&conf->peers)) != NULL) {
		TAILQ_REMOVE(&conf->peers, peer, entry);
		free(peer->allowed);
		explicit_bzero(peer, sizeof(*peer));
		free(peer);
	}
	explicit_bzero(conf, sizeof(*conf));
	free(conf);
}

static int
peer_equal(const struct wg_peer *a, const struct wg_peer *b)
{
	return (memcmp(a->public_key, b->public_key, WG_KEY_LEN) == 0 &&
	    a->has_preshared == b->has_preshared &&
	    memcmp(a->preshared_key, b->preshared_key, WG_KEY_LEN) == 0 &&
	    strcmp(a->host, b->host) == 0 && a->port == b->port &&
	    a->keepalive_s == b->keepalive_s && a->nallowed == b->nallowed &&
	    (a->nallowed == 0 || memcmp(a->allowed, b->allowed,
	    a->nallowed * sizeof(*a->allowed)) == 0));
}

int
wgconf_equal(const struct wg_conf *a, const struct wg_conf *b)
{
	const struct wg_peer *pa, *pb;

	if (a == NULL || b == NULL)
		return (a == b);
	if (memcmp(a->private_key, b->private_key, WG_KEY_LEN) != 0 ||
	    a->listen_port != b->listen_port || a->fwmark != b->fwmark ||
	    a->mtu != b->mtu || a->has_address != b->has_address ||
	    memcmp(&a->address, &b->address, sizeof(a->address)) != 0 ||
	    a->prefix_len != b->prefix_len || a->npeers != b->npeers)
		return (0);
	pb = TAILQ_FIRST(&b->peers);
	TAILQ_FOREACH(pa, &a->peers, entry) {
		if (!peer_equal(pa, pb))
			return (0);
		pb = TAILQ_NEXT(pb, entry);
	}
	return (1);
}
