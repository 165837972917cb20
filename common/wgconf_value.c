/*
 * The values of wg-quick files.  No I/O; runs in the parent and in gatewayctl
 * check.
 *
 * A key is decoded straight into the model, and no message shows one.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "name.h"
#include "parse.h"
#include "wgconf_int.h"

#define KEY_TEXT_LEN	44	/* base64 of WG_KEY_LEN bytes */
#define SHOWN_MAX	60	/* bytes of a value in a message */

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "abcdefghijklmnopqrstuvwxyz0123456789+/";

/* nonzero if a key, or half of one, may have been put in the wrong place */
static int
like_key(const char *value)
{
	size_t len;

	for (; *value != '\0'; value += len > 0 ? len : 1)
		if ((len = strspn(value, base64)) >= KEY_TEXT_LEN / 2)
			return (1);
	return (0);
}

void
wg_bad(struct wg_reader *r, const char *value, const char *fmt, ...)
{
	char shown[SHOWN_MAX + 4] = "", text[256];
	va_list ap;
	size_t i;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (value != NULL && like_key(value))
		value = "...";
	if (value == NULL) {
		wg_report(r, LL_ERROR, r->at, "%s: %s", r->key->name, text);
		return;
	}
	for (i = 0; i < SHOWN_MAX && value[i] != '\0'; i++)
		shown[i] = isprint((unsigned char)value[i]) ? value[i] : '?';
	if (value[i] != '\0')
		strlcat(shown, "...", sizeof(shown));
	wg_report(r, LL_ERROR, r->at, "%s: \"%s\" %s", r->key->name, shown,
	    text);
}

/* the next item of a list separated by commas and blanks, or NULL; r->at is
 * where it stands */
static char *
next_item(struct wg_reader *r, char **list)
{
	static const char separators[] = ", \t";
	char *item = *list + strspn(*list, separators);
	size_t len = strcspn(item, separators);

	if (len == 0)
		return (NULL);
	*list = item + len;
	if (**list != '\0')
		*(*list)++ = '\0';
	r->at = wg_at(r, item);
	return (item);
}

/* 0, or -1 if text is not the base64 of a key and of nothing else */
static int
key_decode(uint8_t key[WG_KEY_LEN], const char *text)
{
	const char *digit;
	uint32_t bits = 0;
	int nbits = 0;
	size_t i, n = 0;

	if (strlen(text) != KEY_TEXT_LEN || text[KEY_TEXT_LEN - 1] != '=')
		return (-1);
	for (i = 0; i < KEY_TEXT_LEN - 1; i++) {
		if ((digit = strchr(base64, text[i])) == NULL)
			return (-1);
		bits = bits << 6 | (uint32_t)(digit - base64);
		if ((nbits += 6) < 8)
			continue;
		nbits -= 8;
		key[n++] = (uint8_t)(bits >> nbits);
		bits &= (1U << nbits) - 1;
	}
	return (bits == 0 ? 0 : -1);
}

static void
set_key(struct wg_reader *r, uint8_t key[WG_KEY_LEN], const char *value)
{
	static const uint8_t zeros[WG_KEY_LEN];

	if (key_decode(key, value) == -1) {
		explicit_bzero(key, WG_KEY_LEN);
		wg_bad(r, NULL, "its value (%zu characters) is not a key; "
		    "allowed are the %d characters of base64 that wg(8) makes",
		    strlen(value), KEY_TEXT_LEN);
	} else if (memcmp(key, zeros, WG_KEY_LEN) == 0) {
		wg_bad(r, NULL, "all zeros are no key; allowed are the %d "
		    "characters of base64 that wg(8) makes", KEY_TEXT_LEN);
	}
}

void
wg_set_private_key(struct wg_reader *r, char *value)
{
	set_key(r, r->conf->private_key, value);
}

void
wg_set_public_key(struct wg_reader *r, char *value)
{
	set_key(r, r->section->peer->public_key, value);
}

void
wg_set_preshared_key(struct wg_reader *r, char *value)
{
	set_key(r, r->section->peer->preshared_key, value);
	r->section->peer->has_preshared = 1;
}

static void
set_number(struct wg_reader *r, const char *value, uint32_t min, uint32_t max,
    uint32_t *n)
{
	if (parse_number(value, n) == -1 || *n < min || *n > max)
		wg_bad(r, value, "is not a number in range; allowed is %u "
		    "to %u", min, max);
}

void
wg_set_mtu(struct wg_reader *r, char *value)
{
	set_number(r, value, MTU_MIN, MTU_MAX, &r->conf->mtu);
}

void
wg_set_listen_port(struct wg_reader *r, char *value)
{
	uint32_t port = 0;

	set_number(r, value, 0, UINT16_MAX, &port);
	r->conf->listen_port = (uint16_t)port;
}

void
wg_set_keepalive(struct wg_reader *r, char *value)
{
	uint32_t seconds = 0;

	if (strcasecmp(value, "off") != 0 &&
	    (parse_number(value, &seconds) == -1 || seconds > UINT16_MAX))
		wg_bad(r, value, "is not a number of seconds; allowed are "
		    "off and 0 to %u", UINT16_MAX);
	r->section->peer->keepalive_s = (uint16_t)seconds;
}

void
wg_set_fwmark(struct wg_reader *r, char *value)
{
	unsigned long long mark = 0;
	char *end = value;

	if (strcasecmp(value, "off") == 0)
		return;
	/* strtoull() would take blanks, signs and octal numbers */
	if (strncasecmp(value, "0x", 2) == 0) {
		if (isxdigit((unsigned char)value[2]))
			mark = strtoull(value + 2, &end, 16);
	} else if (isdigit((unsigned char)value[0])) {
		mark = strtoull(value, &end, 10);
	}
	if (end == value || *end != '\0' || mark > UINT32_MAX)
		wg_bad(r, value, "is not a firewall mark; allowed are off "
		    "and 32 bits in decimal or as 0x and hexadecimal");
	else
		r->conf->fwmark = (uint32_t)mark;
}

/* ADDRESS or ADDRESS/LEN of either family; 0, or -1 */
static int
parse_cidr(char *text, struct wg_allowed *cidr)
{
	char *slash = strchr(text, '/');
	uint32_t len, max;
	int parsed;

	memset(cidr, 0, sizeof(*cidr));
	cidr->family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
	max = cidr->family == AF_INET6 ? 128 : 32;
	if (slash != NULL)
		*slash = '\0';
	parsed = inet_pton(cidr->family, text, &cidr->addr);
	if (slash != NULL)
		*slash = '/';
	len = max;
	if (parsed != 1 ||
	    (slash != NULL && parse_number(slash + 1, &len) == -1) ||
	    len > max)
		return (-1);
	cidr->len = (uint8_t)len;
	return (0);
}

/* the first IPv6 address is the tunnel's */
static void
take_address(struct wg_reader *r, const char *item,
    const struct wg_allowed *cidr)
{
	struct wg_conf *conf = r->conf;
	struct in6_addr prefix = cidr->addr;
	const char *error;

	if (cidr->family != AF_INET6 || conf->has_address) {
		wg_report(r, LL_INFO, r->at, "Address: %s is not used; the "
		    "tunnel's is the first IPv6 address", item);
		return;
	}
	/* if it is a wrong one, the next is not taken in its place */
	conf->has_address = 1;
	conf->address = cidr->addr;
	conf->prefix_len = cidr->len;
	prefix_mask(&prefix, cidr->len);
	if ((error = addr6_unicast_error(&cidr->addr)) != NULL)
		wg_bad(r, item, "%s; allowed is a global or unique local "
		    "unicast address", error);
	else if (cidr->len < PREFIX_MIN)
		wg_bad(r, item, "has a short prefix; allowed are %d to 128 "
		    "bits", PREFIX_MIN);
	else if (cidr->len < 127 &&
	    memcmp(&prefix, &cidr->addr, sizeof(prefix)) == 0)
		wg_bad(r, item, "is the prefix itself; allowed is the "
		    "tunnel's own address in it");
}

void
wg_set_address(struct wg_reader *r, char *value)
{
	struct wg_allowed cidr;
	char *item;

	while ((item = next_item(r, &value)) != NULL) {
		if (parse_cidr(item, &cidr) == 0)
			take_address(r, item, &cidr);
		else
			wg_bad(r, item, "is not an address; allowed is "
			    "ADDRESS/LEN");
	}
}

/* room for one more: the array doubles when it holds a power of two */
static struct wg_allowed *
allowed_new(struct wg_peer *peer)
{
	size_t n = peer->nallowed;

	if ((n & (n - 1)) == 0) {
		peer->allowed = reallocarray(peer->allowed, n == 0 ? 1 : n * 2,
		    sizeof(*peer->allowed));
		if (peer->allowed == NULL)
			fatal("reallocarray");
	}
	return (&peer->allowed[peer->nallowed++]);
}

void
wg_set_allowed(struct wg_reader *r, char *value)
{
	struct wg_allowed cidr;
	char *item;

	while ((item = next_item(r, &value)) != NULL) {
		if (parse_cidr(item, &cidr) == -1) {
			wg_bad(r, item, "is not a range of addresses; "
			    "allowed is ADDRESS/LEN");
			continue;
		}
		if (r->nallowed == WG_ALLOWED_MAX) {
			wg_bad(r, item, "is one range too many; allowed "
			    "are %d in a file", WG_ALLOWED_MAX);
			return;
		}
		r->nallowed++;
		/* the kernel clears them too */
		prefix_mask(&cidr.addr, cidr.len);
		*allowed_new(r->section->peer) = cidr;
	}
}

/* NULL, or what is wrong with the part before the port */
static const char *
take_host(struct wg_peer *peer, const char *host)
{
	struct in6_addr addr6;
	const char *error;

	if (host[0] == '[' || inet_pton(AF_INET6, host, &addr6) == 1)
		return ("is an IPv6 address");
	if (inet_pton(AF_INET, host, &peer->addr) == 1) {
		/* a program on this host may carry the packets on */
		if (ntohl(peer->addr.s_addr) >> 24 != IN_LOOPBACKNET &&
		    (error = addr4_endpoint_error(peer->addr)) != NULL)
			return (error);
	} else if (name_error(host) != NULL) {
		return ("has neither an address nor a host name");
	}
	strlcpy(peer->host, host, sizeof(peer->host));
	return (NULL);
}

void
wg_set_endpoint(struct wg_reader *r, char *value)
{
	char *colon = strrchr(value, ':');
	const char *error;
	uint32_t port;

	if (colon == NULL || parse_number(colon + 1, &port) == -1 ||
	    port < 1 || port > UINT16_MAX) {
		error = "has no port";
	} else {
		*colon = '\0';
		error = take_host(r->section->peer, value);
		*colon = ':';
		r->section->peer->port = (uint16_t)port;
	}
	if (error != NULL)
		wg_bad(r, value, "%s; the tunnel runs over IPv4: allowed is "
		    "HOST:PORT with a unicast IPv4 address or a host name and "
		    "1 to 65535", error);
}
