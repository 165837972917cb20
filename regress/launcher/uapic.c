/*
 * The parent's half of userspace WireGuard without a daemon, for tests.
 * Needs root, and CAP_NET_ADMIN in the network namespace it works on.
 *
 * usage:	uapic open IFACE [exists]
 *		uapic set|endpoints IFACE FILE [ADDR|- ...]
 *		uapic get IFACE
 *
 * open prints the numbers of two descriptors, a TUN and a UAPI socket, or why
 * it has none.  The others print "error N handshake N rx N tx N", FILE being a
 * wg-quick file and ADDR the endpoint of one peer after the other.  Each then
 * stays until the end of its input.
 */
#include <arpa/inet.h>

#include <err.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "tun.h"
#include "uapi.h"
#include "util.h"

#define FILE_MAX	(4 * 1024 * 1024)

static struct event_base *base;

static void
opened(const char *iface, int exists)
{
	char	 reason[WIRE_REASON];
	int	 tun, uapi;

	if ((uapi = uapi_open(iface, reason, sizeof(reason))) == -1)
		printf("%s\n", reason);
	else if ((tun = tun_open_wg(iface, exists)) == -1)
		err(1, "%s", iface);
	else
		printf("%d %d\n", tun, uapi);
}

static void
report(void *arg, enum log_level level, struct ini_at at, const char *text)
{
	if (level == LL_ERROR)
		errx(1, "%s", text);
}

static struct wg_conf *
read_conf(const char *path)
{
	static char	 text[FILE_MAX];
	struct wg_conf	*conf;
	FILE		*f;
	size_t		 len;

	if ((f = fopen(path, "r")) == NULL)
		err(1, "%s", path);
	len = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	if ((conf = wgconf_parse(text, len, 0, report, NULL)) == NULL)
		errx(1, "%s: malformed", path);
	explicit_bzero(text, sizeof(text));
	return (conf);
}

static struct in_addr *
read_endpoints(const struct wg_conf *conf, char *argv[])
{
	struct in_addr	*addrs = xcalloc(conf->npeers + 1, sizeof(*addrs));
	uint32_t	 i;

	for (i = 0; i < conf->npeers && argv[i] != NULL; i++)
		if (strcmp(argv[i], "-") != 0 &&
		    inet_pton(AF_INET, argv[i], &addrs[i]) != 1)
			errx(1, "%s: no address", argv[i]);
	return (addrs);
}

static void
done(void *arg, int error, const struct uapi_status *s)
{
	printf("error %d handshake %llu rx %llu tx %llu\n", error,
	    (unsigned long long)s->handshake,
	    (unsigned long long)s->rx_bytes, (unsigned long long)s->tx_bytes);
	event_base_loopbreak(base);
}

int
main(int argc, char *argv[])
{
	struct wg_conf	*conf;

	if (argc < 3)
		errx(2, "usage: uapic open|set|endpoints|get IFACE ...");
	log_init(LL_DEBUG, LF_TEXT, LT_STDERR, "uapic");
	setvbuf(stdout, NULL, _IOLBF, 0);
	base = event_base_new();
	uapi_init();
	if (strcmp(argv[1], "open") == 0)
		opened(argv[2], argc > 3);
	else if (strcmp(argv[1], "get") == 0)
		uapi_get(base, argv[2], done, NULL);
	else if (argc > 3) {
		conf = read_conf(argv[3]);
		if (strcmp(argv[1], "set") == 0)
			uapi_set(base, argv[2], conf,
			    read_endpoints(conf, argv + 4), done, NULL);
		else
			uapi_set_endpoints(base, argv[2], conf,
			    read_endpoints(conf, argv + 4), done, NULL);
	}
	event_base_dispatch(base);
	while (getchar() != EOF)
		;
	return (0);
}
