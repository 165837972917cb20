/*
 * The configuration's model: defaults, look-up, comparison and release.  The
 * parent makes and owns configurations; no privilege is needed here.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "conf.h"
#include "log.h"
#include "parse.h"
#include "util.h"

/* public resolvers: anycast, so near, and meant to be asked */
static const char *const default_targets[] = {
	"2606:4700:4700::1111", "2001:4860:4860::8888"
};

/* fast on the active tunnel, gentle with the others */
static void
health_defaults(struct gw_health *health)
{
	struct gw_target *target;
	size_t i;

	health->interval_ms = 500;
	health->standby_ms = 5000;
	health->down_min_ms = 1000;
	health->down_max_ms = 30000;
	health->quorum = 1;
	health->window_ms = 60000;
	health->loss_degraded = 10;
	health->latency_degraded_ms = 300;
	health->hold_min_ms = 30000;
	health->hold_max_ms = 15 * 60 * 1000;
	health->targets[health->ntargets++].gateway = 1;
	for (i = 0; i < sizeof(default_targets) / sizeof(*default_targets);
	    i++) {
		target = &health->targets[health->ntargets++];
		inet_pton(AF_INET6, default_targets[i], &target->addr);
	}
}

/* log_to, on_exit and default_route: the first word of each, which is 0 */
static void
core_defaults(struct gw_conf *conf)
{
	struct sockaddr_in *sin = (void *)&conf->api_bind;

	conf->log_level = LL_INFO;
	conf->state_dir = xstrdup("/var/lib/v6-gatewayd");
	conf->run_dir = xstrdup("/run/v6-gatewayd");
	conf->user = xstrdup("_gatewayd");
	conf->relay_user = xstrdup("_gwrelay");
	conf->launcher_user = xstrdup("_gwlaunch");
	conf->api_port = 8642;
	sin->sin_family = AF_INET;
	sin->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	conf->mcp_socket = xstrdup("/var/run/v6-gatewayd-mcp.sock");
	conf->route_metric = 2048;
}

/* all defaults but those that follow from other keys (check_all) */
struct gw_conf *
conf_new(void)
{
	struct gw_conf *conf = xcalloc(1, sizeof(*conf));

	TAILQ_INIT(&conf->files);
	TAILQ_INIT(&conf->tunnels);
	TAILQ_INIT(&conf->ports);
	TAILQ_INIT(&conf->exposure.rules);
	TAILQ_INIT(&conf->exposure.allow);
	TAILQ_INIT(&conf->exposure.deny);
	TAILQ_INIT(&conf->exposure.users);
	core_defaults(conf);
	health_defaults(&conf->health);
	conf->failover.preempt = 1;
	conf->failover.margin_percent = 30;
	conf->failover.margin_ms = 10;
	conf->failover.margin_hold_ms = 60000;
	conf->exposure.modes = GW_EXPOSE_KERNEL;
	conf->exposure.socks_bind = xstrdup("127.0.0.1:1080");
	conf->exposure.attempt_delay_ms = 250;
	conf->exposure.resolution_delay_ms = 50;
	conf->exposure.idle_ms = 15 * 60 * 1000;
	conf->exposure.limits.connections = 512;
	conf->exposure.limits.half_open = 64;
	conf->exposure.limits.udp_associations = 64;
	conf->exposure.limits.new_per_second = 100;
	conf->exposure.limits.names_per_second = 50;
	conf->exposure.udp_base_port = 40000;
	conf->exposure.tcp_base_port = 41000;
	return (conf);
}

struct gw_tunnel *
conf_tunnel_new(const char *name)
{
	struct gw_tunnel *tun = xcalloc(1, sizeof(*tun));

	strlcpy(tun->name, name, sizeof(tun->name));
	tun->enabled = 1;
	tun->prefix_len = 64;
	tun->ttl = 255;
	tun->keepalive_ms = 25000;
	return (tun);
}

static void
tunnel_free(struct gw_tunnel *tun)
{
	free(tun->wg_conf);
	wgconf_free(tun->wg);
	free(tun->tunnel_id);
	free(tun->username);
	free(tun->update_key_file);
	free(tun);
}

static void
strings_free(struct gw_strings *strings)
{
	struct gw_string *string;

	while ((string = TAILQ_FIRST(strings)) != NULL) {
		TAILQ_REMOVE(strings, string, entry);
		free(string->text);
		free(string);
	}
}

static void
exposure_free(struct gw_exposure *exposure)
{
	struct gw_user *user;

	free(exposure->socks_bind);
	strings_free(&exposure->rules);
	free(exposure->upstream);
	strings_free(&exposure->allow);
	strings_free(&exposure->deny);
	free(exposure->password_file);
	while ((user = TAILQ_FIRST(&exposure->users)) != NULL) {
		TAILQ_REMOVE(&exposure->users, user, entry);
		freezero(user, sizeof(*user));
	}
}

void
conf_free(struct gw_conf *conf)
{
	struct gw_tunnel *tun;
	struct gw_port *port;

	if (conf == NULL)
		return;
	while ((tun = TAILQ_FIRST(&conf->tunnels)) != NULL) {
		TAILQ_REMOVE(&conf->tunnels, tun, entry);
		tunnel_free(tun);
	}
	while ((port = TAILQ_FIRST(&conf->ports)) != NULL) {
		TAILQ_REMOVE(&conf->ports, port, entry);
		free(port->description);
		free(port);
	}
	exposure_free(&conf->exposure);
	strings_free(&conf->files);
	free(conf->log_file);
	free(conf->state_dir);
	free(conf->run_dir);
	free(conf->user);
	free(conf->relay_user);
	free(conf->launcher_user);
	free(conf->api_socket);
	free(conf->api_token_file);
	free(conf->mcp_socket);
	free(conf->mcp_user);
	free(conf->mcp_group);
	free(conf->control_group);
	free(conf);
}

struct gw_tunnel *
conf_tunnel_name(const struct gw_conf *conf, const char *name)
{
	struct gw_tunnel *tun;

	TAILQ_FOREACH(tun, &conf->tunnels, entry)
		if (strcmp(tun->name, name) == 0)
			return (tun);
	return (NULL);
}

struct gw_tunnel *
conf_tunnel_id(const struct gw_conf *conf, uint32_t id)
{
	struct gw_tunnel *tun;

	TAILQ_FOREACH(tun, &conf->tunnels, entry)
		if (tun->id == id)
			return (tun);
	return (NULL);
}

/* the tunnel's section as conf_print() writes it; the caller frees it */
static char *
tunnel_text(const struct gw_tunnel *tun)
{
	char *text;
	size_t size;
	FILE *f;

	if ((f = open_memstream(&text, &size)) == NULL)
		fatal("open_memstream");
	print_section(f, section_tunnel, tun->name, tun, 1U << tun->type);
	if (fclose(f) != 0)
		fatal("open_memstream");
	return (text);
}

/*
 * What is printed alike is alike: the text has every key, also those that are
 * added later, but not what a wg-quick file says.
 */
int
conf_tunnel_equal(const struct gw_tunnel *a, const struct gw_tunnel *b)
{
	char *atext, *btext;
	int equal;

	atext = tunnel_text(a);
	btext = tunnel_text(b);
	equal = strcmp(atext, btext) == 0 && wgconf_equal(a->wg, b->wg);
	free(atext);
	free(btext);
	return (equal);
}

const char *
gw_type_name(enum gw_type type)
{
	return (type_words[type]);
}

const char *
gw_expose_name(unsigned int bit)
{
	return (bit < GW_EXPOSES ? expose_words[bit] : NULL);
}

const char *
gw_driver_name(enum gw_driver driver)
{
	return (driver_words[driver]);
}
