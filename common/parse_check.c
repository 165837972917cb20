/*
 * Checks between keys and sections, and the defaults that follow from other
 * keys, when a whole configuration has been read.  Looks at the owner and
 * mode of secret files, with the right of whoever reads the configuration.
 */
#include <sys/stat.h>
#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>

#include "addr.h"
#include "log.h"
#include "parse.h"
#include "util.h"

struct section *
section_of(struct parse *p, const void *base)
{
	struct section *section;

	TAILQ_FOREACH(section, &p->sections, entry)
		if (section->base == base)
			return (section);
	fatalx("tunnel or port without a section");
}

struct section *
section_named(struct parse *p, const char *name)
{
	struct section *section;

	TAILQ_FOREACH(section, &p->sections, entry)
		if (strcmp(section->name, name) == 0)
			return (section);
	return (NULL);
}

struct place
place_of(struct parse *p, const char *section_name, const char *key)
{
	struct section *section = section_named(p, section_name);
	struct place place = { TAILQ_FIRST(&p->conf->files)->text, { 1, 1 } };
	const struct place *at;

	if (section != NULL)
		place = section->at;
	if (section != NULL && (at = key_given(section, key)) != NULL)
		place = *at;
	return (place);
}

static void
types_text(char *buf, size_t size, const char *const *words, uint32_t types)
{
	int i;

	buf[0] = '\0';
	for (i = 0; words[i] != NULL; i++) {
		if ((types & 1U << i) == 0)
			continue;
		if (buf[0] != '\0')
			strlcat(buf, " and ", size);
		strlcat(buf, words[i], size);
	}
}

void
check_keys(struct parse *p, struct section *section, uint32_t type)
{
	const struct key *key;
	char types[128];
	size_t i;

	for (i = 0; (key = &section->type->keys[i])->name != NULL; i++) {
		if ((key->needed & type) && !(section->given & 1U << i))
			parse_error(p, &section->at, "[%s] lacks the key %s",
			    section->name, key->name);
		if (key->types == 0 || (key->types & type) ||
		    !(section->given & 1U << i))
			continue;
		types_text(types, sizeof(types), section->type->types,
		    key->types);
		parse_error(p, &section->keys[i], "%s: has no meaning in "
		    "[%s]; it is for %s%s", key->name, section->name,
		    section->type == section_tunnel ? "type " : "", types);
	}
}

/* the length, given once or twice, and the address inside the prefix */
static void
check_address(struct parse *p, struct section *section,
    struct gw_tunnel *tun)
{
	const struct place *prefix = key_valid(section, "v6_prefix");
	const struct place *len = key_valid(section, "prefix_len");
	struct in6_addr masked, host;

	if (prefix == NULL)
		return;
	if (section->slash != 0 && len != NULL &&
	    section->slash != tun->prefix_len)
		parse_error(p, len, "prefix_len: %u does not agree with the "
		    "/%d of v6_prefix at " OTHER_FMT "; leave one of them out",
		    tun->prefix_len, section->slash, OTHER(prefix));
	else if (section->slash != 0)
		tun->prefix_len = (uint8_t)section->slash;
	masked = tun->address;
	prefix_mask(&masked, tun->prefix_len);
	if (tun->prefix_len >= 127 ||
	    memcmp(&masked, &tun->address, sizeof(masked)) != 0)
		return;
	host = prefix_host(&masked, tun->prefix_len, 2);
	parse_error(p, prefix, "v6_prefix: \"%s\" is the prefix itself, not "
	    "an address in it; allowed is the tunnel's own address, or %s/%u "
	    "for %s", addr6_text(&masked), addr6_text(&masked),
	    tun->prefix_len, addr6_text(&host));
}

/* the far end: gateway_v6, or ::1 of the prefix; nobody probes himself */
static void
default_gateway(struct section *section, struct gw_tunnel *tun)
{
	struct in6_addr addr;

	if (key_given(section, "gateway_v6") == NULL) {
		/* of the others nobody knows where in the prefix it is */
		if (!tun->has_address || tun->type != GW_HE_6IN4)
			return;
		addr = prefix_host(&tun->address, tun->prefix_len, 1);
		if (addr6_unicast_error(&addr) != NULL ||
		    !prefix_match(&addr, &tun->address, tun->prefix_len) ||
		    memcmp(&addr, &tun->address, sizeof(addr)) == 0)
			return;
		tun->gateway = addr;
	}
	tun->has_gateway = !tun->has_address || memcmp(&tun->gateway,
	    &tun->address, sizeof(tun->gateway)) != 0;
}

/* the broker's update takes all three or none */
static void
check_update(struct parse *p, struct section *section)
{
	static const char *const keys[] = {
		"tunnel_id", "username", "update_key_file"
	};
	const struct place *given = NULL;
	size_t i, n = 0;

	for (i = 0; i < 3; i++) {
		if (key_given(section, keys[i]) == NULL)
			continue;
		given = key_given(section, keys[i]);
		n++;
	}
	if (n == 1 || n == 2)
		parse_error(p, given, "[%s] has only a part of the broker's "
		    "update keys; needed are tunnel_id, username and "
		    "update_key_file, or none", section->name);
}

static void
check_tunnel(struct parse *p, struct section *section)
{
	struct gw_tunnel *tun = section->base;
	const struct place *place;

	if (key_valid(section, "type") == NULL) {
		if (key_given(section, "type") == NULL)
			parse_error(p, &section->at, "[%s] lacks the key "
			    "type; allowed are he_6in4, wireguard, external",
			    section->name);
		return;
	}
	check_keys(p, section, 1U << tun->type);
	if (tun->type == GW_WIREGUARD)
		check_wg(p, section);
	check_address(p, section, tun);
	default_gateway(section, tun);
	if (tun->type == GW_HE_6IN4)
		check_update(p, section);
	if ((place = key_valid(section, "wan")) != NULL &&
	    strcmp(tun->wan, tun->iface) == 0)
		parse_error(p, place, "wan: \"%s\" is the tunnel itself; "
		    "allowed is the interface its outer packets leave by",
		    tun->wan);
	if (tun->local_mode == GW_LOCAL_ADDR &&
	    tun->local.s_addr == tun->endpoint_addr.s_addr &&
	    (place = key_valid(section, "local_ipv4")) != NULL)
		parse_error(p, place, "local_ipv4: \"%s\" is the endpoint; "
		    "allowed are auto, any and an address of this host",
		    addr4_text(tun->local));
}

/* one section twice is reported as that, not for all that is in it */
static int
iface_equal(const struct gw_tunnel *a, const struct gw_tunnel *b)
{
	return (a->iface[0] != '\0' && strcmp(a->iface, b->iface) == 0 &&
	    strcmp(a->name, b->name) != 0);
}

/* the kernel tells 6in4 interfaces apart by both outer addresses and by the
 * interface they are bound to */
static int
endpoint_equal(const struct gw_tunnel *a, const struct gw_tunnel *b)
{
	/* only 6in4 tunnels have one */
	return (a->endpoint[0] != '\0' &&
	    strcasecmp(a->endpoint, b->endpoint) == 0 &&
	    strcmp(a->wan, b->wan) == 0 && a->local_mode == b->local_mode &&
	    (a->local_mode != GW_LOCAL_ADDR ||
	    a->local.s_addr == b->local.s_addr) &&
	    strcmp(a->name, b->name) != 0);
}

/* one key pair is one peer to its peers; only WireGuard tunnels have a file */
static int
wg_conf_equal(const struct gw_tunnel *a, const struct gw_tunnel *b)
{
	return (a->wg_conf != NULL && b->wg_conf != NULL &&
	    strcmp(a->wg_conf, b->wg_conf) == 0 &&
	    strcmp(a->name, b->name) != 0);
}

static int
wg_port_equal(const struct gw_tunnel *a, const struct gw_tunnel *b)
{
	return (a->wg != NULL && b->wg != NULL && a->wg->listen_port != 0 &&
	    a->wg->listen_port == b->wg->listen_port &&
	    !wg_conf_equal(a, b) && strcmp(a->name, b->name) != 0);
}

/* the section of the first tunnel before this one that equals it, or NULL */
static const struct section *
earlier(struct parse *p, const struct section *section,
    int (*equal)(const struct gw_tunnel *, const struct gw_tunnel *))
{
	const struct gw_tunnel *a, *b = section->base;

	TAILQ_FOREACH(a, &p->conf->tunnels, entry) {
		if (a == b)
			break;
		if (equal(a, b))
			return (section_of(p, a));
	}
	return (NULL);
}

static void
check_unique_wg(struct parse *p, struct section *section)
{
	const struct gw_tunnel *b = section->base;
	const struct section *as;

	if ((as = earlier(p, section, wg_conf_equal)) != NULL)
		parse_error(p, key_given(section, "conf"), "conf: \"%s\" is "
		    "also the file of [%s] at " OTHER_FMT "; each tunnel "
		    "needs its own", b->wg_conf, as->name,
		    OTHER(key_given(as, "conf")));
	if ((as = earlier(p, section, wg_port_equal)) != NULL)
		parse_error(p, key_given(section, "conf"), "conf: the "
		    "ListenPort %u of \"%s\" is also that of [%s] at "
		    OTHER_FMT "; each tunnel needs its own, or none",
		    b->wg->listen_port, b->wg_conf, as->name,
		    OTHER(key_given(as, "conf")));
}

static void
check_unique(struct parse *p, struct section *section)
{
	const struct gw_tunnel *b = section->base;
	const struct section *as;

	if ((as = earlier(p, section, iface_equal)) != NULL)
		parse_error(p, key_given(section, "iface"), "iface: \"%s\" is "
		    "also the interface of [%s] at " OTHER_FMT "; each tunnel "
		    "needs its own", b->iface, as->name,
		    OTHER(key_given(as, "iface")));
	if ((as = earlier(p, section, endpoint_equal)) != NULL)
		parse_error(p, key_given(section, "endpoint_ipv4"),
		    "endpoint_ipv4: \"%s\" with this local_ipv4 and wan is "
		    "also in [%s] at " OTHER_FMT "; two 6in4 tunnels need "
		    "different endpoints, local addresses or wan",
		    b->endpoint, as->name,
		    OTHER(key_given(as, "endpoint_ipv4")));
	if (b->type == GW_WIREGUARD)
		check_unique_wg(p, section);
}

/* the socket address is complete, and safe without a token */
static void
check_core(struct parse *p)
{
	struct gw_conf *conf = p->conf;
	struct sockaddr_in *sin = (void *)&conf->api_bind;
	struct sockaddr_in6 *sin6 = (void *)&conf->api_bind;
	struct section *core = section_named(p, "core");
	struct place place;

	if (conf->api_bind.ss_family == AF_INET)
		sin->sin_port = htons(conf->api_port);
	else
		sin6->sin6_port = htons(conf->api_port);
	if (conf->api_socket == NULL && asprintf(&conf->api_socket,
	    "%s/api.sock", conf->run_dir) == -1)
		fatal("asprintf");
	if (!sockaddr_loopback((struct sockaddr *)&conf->api_bind) &&
	    key_given(core, "api_token_file") == NULL) {
		place = place_of(p, "core", "api_bind");
		parse_error(p, &place, "api_bind: an address that is not "
		    "loopback needs api_token_file; allowed without it are "
		    "127.0.0.1 and ::1");
	}
}

/* whom the MCP socket is given to, at start; looked up on this machine only
 * by who could start the daemon here */
static void
check_mcp(struct parse *p)
{
	const struct gw_conf *conf = p->conf;
	struct place place;

	if (conf->mcp_user != NULL && getpwnam(conf->mcp_user) == NULL) {
		place = place_of(p, "core", "mcp_user");
		parse_error(p, &place, "mcp_user: there is no user \"%s\"; "
		    "allowed is a user of this machine, make it with "
		    "'useradd --system %s'", conf->mcp_user, conf->mcp_user);
	}
	if (conf->mcp_group != NULL && getgrnam(conf->mcp_group) == NULL) {
		place = place_of(p, "core", "mcp_group");
		parse_error(p, &place, "mcp_group: there is no group \"%s\"; "
		    "allowed is a group of this machine, make it with "
		    "'groupadd --system %s'", conf->mcp_group,
		    conf->mcp_group);
	}
}

static void
check_health(struct parse *p)
{
	const struct gw_health *health = &p->conf->health;
	struct section *section = section_named(p, "health");
	char window[DURATION_SIZE], interval[DURATION_SIZE];
	struct place place, other;

	if (health->quorum > health->ntargets && health->ntargets > 0) {
		place = place_of(p, "health", "quorum");
		other = place_of(p, "health", "targets");
		parse_error(p, &place, "quorum: %u of %u targets (at "
		    OTHER_FMT ") cannot answer; allowed is 1 to %u",
		    health->quorum, health->ntargets, OTHER(&other),
		    health->ntargets);
	}
	if (health->window_ms < health->interval_ms) {
		/* one of them was given; the default is no mistake */
		place = place_of(p, "health", key_given(section, "window") ?
		    "window" : "interval");
		parse_error(p, &place, "window: %s is shorter than the "
		    "interval of %s; allowed is the interval or more",
		    duration_text(window, health->window_ms),
		    duration_text(interval, health->interval_ms));
	}
}

const char **
tunnel_words(const struct parse *p, const char *first)
{
	const struct gw_tunnel *tun;
	const char **words;
	size_t n = 0;

	words = xcalloc(p->conf->ntunnels + 2, sizeof(*words));
	if (first != NULL)
		words[n++] = first;
	TAILQ_FOREACH(tun, &p->conf->tunnels, entry)
		words[n++] = tun->name;
	return (words);
}

/* root's group is root; any other group is "others"; 0, or -1 after an error */
static int
check_secret(struct parse *p, const struct key *key, const char *file,
    const struct place *place)
{
	const char *error = NULL;
	struct stat st;

	if (stat(file, &st) == -1) {
		if (errno != ENOENT || (key->flags & KEY_EXISTS))
			error = strerror(errno);
	} else if (!S_ISREG(st.st_mode)) {
		error = "is not a regular file";
	} else if (st.st_uid != 0) {
		error = "does not belong to root";
	} else if ((st.st_mode & S_IRWXO) ||
	    ((st.st_mode & S_IRWXG) && st.st_gid != 0)) {
		error = "is open to others";
	}
	if (error == NULL)
		return (0);
	parse_error(p, place, "%s: \"%s\": %s; needed is a file of root with "
	    "mode 0600", key->name, file, error);
	return (-1);
}

/* a file that is no secret is not read either */
static void
check_secrets_of(struct parse *p, struct section *section)
{
	const struct key *key;
	size_t i;

	for (i = 0; (key = &section->type->keys[i])->name != NULL; i++)
		if ((key->flags & KEY_SECRET) &&
		    (section->given & ~section->bad & 1U << i) &&
		    check_secret(p, key, *(char *const *)
		    ((const char *)section->base + key->offset),
		    &section->keys[i]) == -1)
			section->bad |= 1U << i;
}

void
check_all(struct parse *p)
{
	struct section *section;

	check_core(p);
	if (p->check_secrets)
		check_mcp(p);
	check_health(p);
	TAILQ_FOREACH(section, &p->sections, entry)
		if (section->type == section_port)
			default_port(section);
	TAILQ_FOREACH(section, &p->sections, entry) {
		if (p->check_secrets)
			check_secrets_of(p, section);
		if (section->type == section_tunnel) {
			check_tunnel(p, section);
			check_unique(p, section);
		} else if (section->type == section_port) {
			check_port_section(p, section);
		}
	}
	check_socks(p);
}
