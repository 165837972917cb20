/*
 * Checks of [exposure.socks5] when a whole configuration has been read: who
 * may use the relay, and what its rules name.  No I/O; runs wherever a
 * configuration is read.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "parse.h"
#include "util.h"

/* the upstream is there, where the relay is in use, and whoever is behind it
 * chooses the family */
static void
check_rule_upstream(struct parse *p, const char *rule,
    const struct place *place)
{
	const struct section *section = section_named(p, "exposure.socks5");
	const char *family = strchr(rule, ' ') + 1;

	if (key_given(section, "upstream") == NULL &&
	    p->conf->exposure.modes != GW_EXPOSE_KERNEL)
		parse_error(p, place, "rule: \"%.60s\" needs the key upstream; "
		    "nothing goes directly instead", rule);
	if (strncmp(family, "any ", 4) != 0 && strncmp(family, "auto ", 5) != 0)
		parse_error(p, place, "rule: \"%.60s\": the family is chosen "
		    "behind the upstream; allowed with it is any", rule);
}

/* a rule's "via" is upstream or a tunnel of this configuration */
static void
check_rules(struct parse *p)
{
	const char **words = tunnel_words(p, "upstream"), *via;
	const struct place *place = p->rules;
	const struct gw_string *rule;
	char hint[HINT_SIZE];

	TAILQ_FOREACH(rule, &p->conf->exposure.rules, entry) {
		via = strstr(rule->text, " via ");
		if (via != NULL && strcmp(via + 5, "upstream") == 0)
			check_rule_upstream(p, rule->text, place);
		else if (via != NULL &&
		    conf_tunnel_name(p->conf, via + 5) == NULL)
			parse_error(p, place, "rule: \"%.60s\" is no tunnel; "
			    "allowed are upstream and the names of tunnels%s",
			    via + 5, hint_text(hint, nearest(via + 5, words)));
		place++;
	}
	free(words);
}

/* nonzero if a socket bound to a is there at b */
static int
reaches(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;
	const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;

	/* the port is at the same place in both */
	if (a4->sin_port != b4->sin_port)
		return (0);
	if (a->ss_family == AF_INET6 &&
	    IN6_IS_ADDR_UNSPECIFIED(&a6->sin6_addr))
		return (1);
	if (a->ss_family != b->ss_family)
		return (0);
	if (a->ss_family == AF_INET)
		return (a4->sin_addr.s_addr == INADDR_ANY ||
		    a4->sin_addr.s_addr == b4->sin_addr.s_addr);
	return (IN6_ARE_ADDR_EQUAL(&a6->sin6_addr, &b6->sin6_addr));
}

/* nobody is his own upstream */
static void
check_loop(struct parse *p)
{
	const struct gw_exposure *exposure = &p->conf->exposure;
	struct sockaddr_storage bind, upstream;
	struct place place, other;

	if (exposure->upstream == NULL ||
	    sockaddr_parse(exposure->upstream, &upstream) == -1 ||
	    sockaddr_parse(exposure->socks_bind, &bind) == -1 ||
	    bind.ss_family == AF_UNIX || !reaches(&bind, &upstream))
		return;
	place = place_of(p, "exposure.socks5", "upstream");
	other = place_of(p, "exposure.socks5", "bind");
	parse_error(p, &place, "upstream: \"%s\" is where the relay itself "
	    "listens (bind at " OTHER_FMT "); allowed is another SOCKS5 "
	    "server", exposure->upstream, OTHER(&other));
}

/* an open relay for the network is nobody's intention */
static void
check_open(struct parse *p)
{
	const struct gw_exposure *exposure = &p->conf->exposure;
	struct sockaddr_storage ss;
	struct place place;

	if (sockaddr_parse(exposure->socks_bind, &ss) == -1 ||
	    ss.ss_family == AF_UNIX ||
	    sockaddr_loopback((struct sockaddr *)&ss) ||
	    exposure->password_file != NULL)
		return;
	place = place_of(p, "exposure.socks5", "bind");
	parse_error(p, &place, "bind: an address that is not loopback needs "
	    "password_file; allowed without it are 127.0.0.1, [::1] and "
	    "unix:PATH");
}

void
check_socks(struct parse *p)
{
	check_open(p);
	check_users(p, section_named(p, "exposure.socks5"));
	check_loop(p);
	check_rules(p);
}
