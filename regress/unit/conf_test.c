/*
 * The configuration's model: values, defaults, comparison, includes, secrets.
 * What is printed and refused is tested by regress/conf.
 */
#include <sys/stat.h>
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "addr.h"
#include "conf.h"
#include "ini.h"

#define HE	"[tunnel.he]\ntype = he_6in4\niface = he0\n"		\
		"endpoint_ipv4 = 198.51.100.1\nv6_prefix = 2001:db8:1::/64\n"

static char dir[] = "/tmp/gw-conf-test.XXXXXX";
static char errors[65536];

static void
on_error(void *arg, enum log_level level, const char *line)
{
	if (level != LL_ERROR)
		return;
	strlcat(errors, line, sizeof(errors));
	strlcat(errors, "\n", sizeof(errors));
}

static void
put(const char *name, const char *text)
{
	size_t len = strlen(text);
	int fd;

	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd == -1 || write(fd, text, len) != (ssize_t)len || close(fd) == -1)
		err(1, "%s", name);
}

static struct gw_conf *
parse(const char *text, int secrets)
{
	put("conf", text);
	errors[0] = '\0';
	return (conf_parse("conf", secrets, on_error, NULL));
}

static struct gw_conf *
parse_ok(const char *text)
{
	struct gw_conf *conf;

	if ((conf = parse(text, 0)) == NULL)
		errx(1, "refused:\n%s%s", text, errors);
	if (errors[0] != '\0')
		errx(1, "taken with errors: %s", errors);
	return (conf);
}

static void
refused(const char *text, int secrets, const char *want)
{
	struct gw_conf *conf;

	if ((conf = parse(text, secrets)) != NULL)
		errx(1, "taken:\n%s", text);
	if (strstr(errors, want) == NULL)
		errx(1, "no \"%s\" in:\n%s", want, errors);
}

static void
test_defaults(void)
{
	struct gw_conf *conf = parse_ok("");
	const struct sockaddr_in *sin = (const void *)&conf->api_bind;

	if (conf->log_level != LL_INFO || conf->log_to != GW_LOG_STDERR ||
	    conf->route_metric != 2048 || conf->keep_on_exit ||
	    conf->default_route != GW_DEFAULT_YES)
		errx(1, "defaults of [core]");
	if (sin->sin_family != AF_INET || sin->sin_port != htons(8642) ||
	    sin->sin_addr.s_addr != htonl(INADDR_LOOPBACK))
		errx(1, "default api_bind");
	if (strcmp(conf->api_socket, "/run/v6-gatewayd/api.sock") != 0 ||
	    conf->api_token_file != NULL || conf->mcp_user != NULL)
		errx(1, "default paths");
	if (conf->health.ntargets != 3 || !conf->health.targets[0].gateway ||
	    conf->health.targets[1].gateway || conf->health.quorum != 1 ||
	    conf->health.interval_ms != 500 ||
	    conf->health.down_min_ms != 1000 ||
	    conf->health.down_max_ms != 30000 ||
	    conf->health.window_ms != 60000 ||
	    conf->health.hold_max_ms != 900000)
		errx(1, "defaults of [health]");
	if (conf->exposure.modes != GW_EXPOSE_KERNEL || conf->ntunnels != 0)
		errx(1, "other defaults");
	conf_free(conf);
	conf_free(NULL);
}

static void
test_tunnel(void)
{
	struct gw_conf *conf = parse_ok(HE
	    "[tunnel.x]\ntype = external\niface = x\npriority = 7\n"
	    "[core]\napi_port = 99\napi_bind = ::1\n");
	const struct sockaddr_in6 *sin6 = (const void *)&conf->api_bind;
	struct gw_tunnel *he, *x;

	if (conf->ntunnels != 2 || sin6->sin6_port != htons(99))
		errx(1, "tunnels, api_port");
	he = conf_tunnel_name(conf, "he");
	x = conf_tunnel_name(conf, "x");
	if (he == NULL || x == NULL || he != TAILQ_FIRST(&conf->tunnels) ||
	    conf_tunnel_id(conf, he->id) != he || he->id == x->id ||
	    conf_tunnel_id(conf, x->id) != x ||
	    conf_tunnel_id(conf, 9999) != NULL ||
	    conf_tunnel_name(conf, "nobody") != NULL)
		errx(1, "look-up of tunnels");
	if (strcmp(addr6_text(&he->address), "2001:db8:1::2") != 0 ||
	    !he->has_gateway || he->mtu != 0 || he->ttl != 255 ||
	    strcmp(addr6_text(&he->gateway), "2001:db8:1::1") != 0 ||
	    he->endpoint_addr.s_addr != htonl(0xc6336401) ||
	    he->local_mode != GW_LOCAL_AUTO || he->keepalive_ms != 25000)
		errx(1, "the 6in4 tunnel");
	if (x->has_address || x->has_gateway || !x->enabled ||
	    x->priority != 7 || strcmp(gw_type_name(x->type), "external") != 0)
		errx(1, "the external tunnel");
	if (strcmp(gw_driver_name(he->driver), "auto") != 0)
		errx(1, "driver's name");
	conf_free(conf);
}

/* one that is probed must not be ourselves */
static void
test_gateway(void)
{
	struct gw_conf *conf = parse_ok(HE "gateway_v6 = 2001:db8:1::2\n"
	    "[tunnel.x]\ntype = external\niface = x\n"
	    "v6_prefix = 2001:db8::1\ngateway_v6 = 2001:db8::7\n");

	if (conf_tunnel_name(conf, "he")->has_gateway)
		errx(1, "a tunnel probes itself");
	if (!conf_tunnel_name(conf, "x")->has_gateway)
		errx(1, "an external tunnel's gateway_v6 is lost");
	conf_free(conf);
}

/* a host name's endpoint waits for the DNS */
static void
test_endpoint_name(void)
{
	struct gw_conf *conf = parse_ok("[tunnel.a]\ntype = he_6in4\n"
	    "iface = a\nendpoint_ipv4 = tserv.example\n"
	    "v6_prefix = 2001:db8::2\n");
	struct gw_tunnel *tun = TAILQ_FIRST(&conf->tunnels);

	if (tun->endpoint_addr.s_addr != INADDR_ANY ||
	    strcmp(tun->endpoint, "tserv.example") != 0)
		errx(1, "endpoint by name");
	conf_free(conf);
}

static void
check_equal(const char *a, const char *b, int want)
{
	struct gw_conf *ca = parse_ok(a), *cb = parse_ok(b);
	struct gw_tunnel *ta = TAILQ_FIRST(&ca->tunnels);
	struct gw_tunnel *tb = TAILQ_LAST(&cb->tunnels, gw_tunnels);

	if (conf_tunnel_equal(ta, tb) != want)
		errx(1, "not %s:\n%s--\n%s", want ? "equal" : "different", a,
		    b);
	conf_free(ca);
	conf_free(cb);
}

static void
test_equal(void)
{
	static const char *const changes[] = {
		"driver = kernel", "local_ipv4 = any", "wan = eth0",
		"local_ipv4 = 192.0.2.1", "gateway_v6 = 2001:db8:1::3",
		"routed_prefix = 2001:db8:8000::/48", "mtu = 1400",
		"ttl = 64", "enabled = no", "priority = 1",
		"keepalive = 1s",
		"tunnel_id = 1\nusername = u\nupdate_key_file = /nonexistent",
	};
	char text[512];
	size_t i;

	/* the default written out, and another place in the file */
	check_equal(HE, "[tunnel.x]\ntype = external\niface = x\n" HE
	    "prefix_len = 64\nmtu = auto\ngateway_v6 = 2001:db8:1::1\n", 1);
	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		snprintf(text, sizeof(text), HE "%s\n", changes[i]);
		check_equal(HE, text, 0);
		check_equal(text, text, 1);
	}
	check_equal("[tunnel.a]\ntype = external\niface = x\n",
	    "[tunnel.b]\ntype = external\niface = x\n", 0);
	check_equal("[tunnel.a]\ntype = external\niface = x\n",
	    "[tunnel.a]\ntype = external\niface = y\n", 0);
}

/* a chain of n files; each includes the next */
static struct gw_conf *
parse_chain(int n)
{
	char name[16], text[64];
	int i;

	for (i = 1; i <= n; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		snprintf(text, sizeof(text), i < n ? "include = f%d\n" :
		    "[core]\nlog_level = debug\n", i + 1);
		put(name, text);
	}
	return (parse("include = f1\n", 0));
}

static void
test_include(void)
{
	struct gw_conf *conf;
	struct gw_string *file;
	char text[2048] = "", line[32];
	int i, n = 0;

	if ((conf = parse_chain(8)) == NULL)
		errx(1, "eight levels: %s", errors);
	if (conf->log_level != LL_DEBUG)
		errx(1, "the last file was not read");
	TAILQ_FOREACH(file, &conf->files, entry)
		n++;
	if (n != 9 || strcmp(TAILQ_FIRST(&conf->files)->text, "conf") != 0)
		errx(1, "%d files", n);
	conf_free(conf);
	if ((conf = parse_chain(9)) != NULL)
		errx(1, "nine levels are taken");
	if (strstr(errors, "f8:1:11: include: \"f9\" is nested too deep") ==
	    NULL)
		errx(1, "too deep: %s", errors);
	for (i = 1; i <= 64; i++) {
		snprintf(line, sizeof(line), "g%d", i);
		put(line, "");
		snprintf(line, sizeof(line), "include = g%d\n", i);
		strlcat(text, line, sizeof(text));
	}
	refused(text, 0, "conf:64:11: include: \"g64\" is one file too many");
}

static void
test_secrets(void)
{
	char text[512], path[256];
	struct gw_conf *conf;

	if (getcwd(path, sizeof(path) - 8) == NULL)
		err(1, "getcwd");
	strlcat(path, "/secret", sizeof(path));
	snprintf(text, sizeof(text), "[core]\napi_bind = 192.0.2.1\n"
	    "api_token_file = %s\n", path);
	conf = parse_ok(text);		/* nobody looks without the flag */
	conf_free(conf);
	refused(text, 1, "conf:3:18: api_token_file: ");
	put("secret", "x\n");
	if (geteuid() != 0) {
		refused(text, 1, "does not belong to root");
		return;
	}
	if ((conf = parse(text, 1)) == NULL)
		errx(1, "a secret that is one: %s", errors);
	conf_free(conf);
	chmod("secret", 0604);
	refused(text, 1, "is open to others");
	chmod("secret", 0640);
	if ((conf = parse(text, 1)) == NULL)
		errx(1, "root's group is root: %s", errors);
	conf_free(conf);
	if (chown("secret", 0, 1) == -1)
		err(1, "chown");
	refused(text, 1, "is open to others");
	chmod("secret", 0600);
	if (chown("secret", 1, 0) == -1)
		err(1, "chown");
	refused(text, 1, "does not belong to root");
}

/* each kind of file that must not be readable, missing and open */
static void
test_secret_keys(void)
{
	static const char *const keys[] = {
		HE "tunnel_id = 1\nusername = u\nupdate_key_file = ",
		/* these are read, so they must be there */
		"[exposure.socks5]\npassword_file = ",
		"[tunnel.w]\ntype = wireguard\niface = w\nconf = ",
	};
	char text[512], path[256];
	struct gw_conf *conf;
	size_t i;

	if (getcwd(path, sizeof(path) - 8) == NULL)
		err(1, "getcwd");
	strlcat(path, "/other", sizeof(path));
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		unlink("other");
		snprintf(text, sizeof(text), "%s%s\n", keys[i], path);
		conf = parse(text, 1);
		if ((conf == NULL) != (i >= 1))
			errx(1, "a missing file: %s", errors);
		conf_free(conf);
		put("other", "");
		chmod("other", 0644);
		refused(text, 1, "needed is a file of root with mode 0600");
	}
}

/* many tunnels: the limit holds, and the checks between them end */
static void
test_many(void)
{
	char *text, *line;
	struct gw_conf *conf;
	int i;

	if ((text = calloc(GW_TUNNELS_MAX + 1, 100)) == NULL)
		err(1, NULL);
	line = text;
	for (i = 0; i < GW_TUNNELS_MAX; i++)
		line += sprintf(line,
		    "[tunnel.t%d]\ntype = external\niface = i%d\n", i, i);
	conf = parse_ok(text);
	if (conf->ntunnels != GW_TUNNELS_MAX)
		errx(1, "%u tunnels", conf->ntunnels);
	conf_free(conf);
	sprintf(line, "[tunnel.more]\ntype = external\niface = more\n");
	refused(text, 0, "too many [tunnel.NAME] sections; allowed are 4096");
	/* the worst for the checks: each one collides with all */
	alarm(60);
	line = text;
	for (i = 0; i < GW_TUNNELS_MAX; i++)
		line += sprintf(line,
		    "[tunnel.t%d]\ntype = external\niface = same\n", i);
	refused(text, 0, "conf:6:9: iface: \"same\" is also the interface of "
	    "[tunnel.t0] at conf:3; each tunnel needs its own\nconf:9:9: ");
	alarm(0);
	free(text);
}

/* a list and a quoted path at their longest still read back when printed */
static void
test_long_value(void)
{
	char text[8192] = "[core]\nstate_dir = '/", *printed;
	struct gw_conf *conf, *again;
	size_t size, i;
	FILE *f;

	for (i = 1; i < 2000; i++)
		strlcat(text, "\"", sizeof(text));
	strlcat(text, "'\n[exposure.socks5]\nallow=", sizeof(text));
	for (i = 0; i < 222; i++)
		strlcat(text, "1.1.1.1,", sizeof(text));
	conf = parse_ok(text);
	if ((f = open_memstream(&printed, &size)) == NULL ||
	    conf_print(conf, f) == -1 || fclose(f) != 0)
		err(1, "conf_print");
	again = parse_ok(printed);
	if (strcmp(conf->state_dir, again->state_dir) != 0)
		errx(1, "the quoted path changed");
	conf_free(again);
	conf_free(conf);
	free(printed);
	strlcat(text, "1.1.1.1", sizeof(text));
	refused(text, 0, "makes the list too long; allowed are 2000 bytes");
}

static int npairs;

static void
on_section(void *arg, const char *name, struct ini_at at)
{
}

static void
on_pair(void *arg, const struct ini_pair *pair)
{
	if (strcmp(pair->key, "k") != 0 || strcmp(pair->value, "v") != 0 ||
	    pair->key_at.line != 2 || pair->key_at.col != 1 ||
	    pair->value_at.col != 5)
		errx(1, "pair %s=%s at %u:%u", pair->key, pair->value,
		    pair->value_at.line, pair->value_at.col);
	npairs++;
}

static void
on_ini_error(void *arg, struct ini_at at, const char *text)
{
	errx(1, "%u:%u: %s", at.line, at.col, text);
}

/* exactly len bytes are read, wherever the text is cut */
static void
test_ini_bounds(void)
{
	static const struct ini_handler handler = {
		on_section, on_pair, on_ini_error
	};
	static const char text[] = "[s]\nk = v\n";
	char *copy;
	size_t len;

	for (len = 0; len < sizeof(text); len++) {
		if (len == 1 || len == 2 || len == 5 || len == 6 || len == 7 ||
		    len == 8)
			continue;	/* no whole header or pair */
		if ((copy = malloc(len == 0 ? 1 : len)) == NULL)
			err(1, NULL);
		memcpy(copy, text, len);
		if (len < sizeof(text) - 1 || copy[len - 1] != '\0')
			ini_scan(copy, len, &handler, NULL);
		free(copy);
	}
	if (npairs != 2)
		errx(1, "%d pairs", npairs);
}

int
main(void)
{
	if (mkdtemp(dir) == NULL || chdir(dir) == -1)
		err(1, "%s", dir);
	test_defaults();
	test_tunnel();
	test_gateway();
	test_endpoint_name();
	test_equal();
	test_include();
	test_secrets();
	test_secret_keys();
	test_many();
	test_long_value();
	test_ini_bounds();
	if (chdir("/") == -1 || execlp("rm", "rm", "-rf", dir, NULL) == -1)
		err(1, "rm");
}
