/*
 * Any bytes as a wg-quick file.  What is taken keeps the promises of wgconf.h
 * and is taken in the same way again; what is refused says why, in text that
 * is safe for a log and holds no key.
 */
#include <arpa/inet.h>
#include <err.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "wgconf.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define BASE64	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"	\
		"0123456789+/"

static int	nerrors;

static void
on_report(void *arg, enum log_level level, struct ini_at at, const char *line)
{
	size_t len;

	if (level == LL_ERROR)
		nerrors++;
	if (at.line == 0 || at.col == 0)
		errx(1, "no place: %s", line);
	for (; *line != '\0'; line += len > 0 ? len : 1) {
		if ((unsigned char)*line < 0x20 || (unsigned char)*line > 0x7e)
			errx(1, "not printable: %s", line);
		if ((len = strspn(line, BASE64)) >= 22)
			errx(1, "may be a key: %s", line);
	}
}

/* from a copy, as it is written to, with the byte behind it that is promised */
static struct wg_conf *
parse(const uint8_t *data, size_t size)
{
	struct wg_conf *conf;
	char *text;

	if ((text = malloc(size + 1)) == NULL)
		err(1, NULL);
	memcpy(text, data, size);
	nerrors = 0;
	conf = wgconf_parse(text, size, 0, on_report, NULL);
	free(text);
	if ((conf == NULL) != (nerrors > 0))
		errx(1, "%d errors and the opposite result", nerrors);
	return (conf);
}

static void
check_peer(const struct wg_peer *peer)
{
	const struct wg_allowed *a;
	struct in6_addr masked;
	size_t i;

	if (peer->host[0] != '\0' && peer->port == 0)
		errx(1, "an endpoint without a port");
	if (peer->host[0] == '\0' && peer->addr.s_addr != INADDR_ANY)
		errx(1, "an address without a host");
	for (i = 0; i < peer->nallowed; i++) {
		a = &peer->allowed[i];
		masked = a->addr;
		prefix_mask(&masked, a->len);
		if (memcmp(&masked, &a->addr, sizeof(masked)) != 0)
			errx(1, "bits behind the length");
		if (a->family == AF_INET ? a->len > 32 :
		    a->family != AF_INET6 || a->len > 128)
			errx(1, "family %u, length %u", a->family, a->len);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wg_conf *conf, *again;
	struct wg_peer *peer;
	uint32_t n = 0;

	if ((conf = parse(data, size)) == NULL)
		return (0);
	TAILQ_FOREACH(peer, &conf->peers, entry) {
		check_peer(peer);
		n++;
	}
	if (n != conf->npeers || n == 0 || n > WG_PEERS_MAX)
		errx(1, "%u of %u peers", n, conf->npeers);
	if (conf->has_address && (conf->prefix_len < 16 ||
	    addr6_unicast_error(&conf->address) != NULL))
		errx(1, "an address that no tunnel may have");
	again = parse(data, size);
	if (again == NULL || !wgconf_equal(conf, again))
		errx(1, "read twice, and different");
	wgconf_free(conf);
	wgconf_free(again);
	return (0);
}
