/*
 * Values of [core], [health] and [failover] that have a form of their own.
 * No I/O; runs wherever a configuration is read.
 */
#include <arpa/inet.h>
#include <stdlib.h>

#include "addr.h"
#include "parse.h"
#include "util.h"

/* stderr, syslog, or a file */
void
set_log_to(struct parse *p, void *field)
{
	static const char *const words[] = { "stderr", "syslog", NULL };
	struct gw_conf *conf = field;

	if (strcmp(p->value, "stderr") == 0) {
		conf->log_to = GW_LOG_STDERR;
	} else if (strcmp(p->value, "syslog") == 0) {
		conf->log_to = GW_LOG_SYSLOG;
	} else if (p->value[0] == '/') {
		conf->log_to = GW_LOG_FILE;
		replace_string(&conf->log_file, p->value);
	} else {
		value_error(p, nearest(p->value, words), "is unknown; allowed "
		    "are stderr, syslog and a file's absolute path");
	}
}

/* the port follows when all is read */
void
set_api_bind(struct parse *p, void *field)
{
	struct sockaddr_storage *ss = &((struct gw_conf *)field)->api_bind;
	struct sockaddr_in *sin = (void *)ss;
	struct sockaddr_in6 *sin6 = (void *)ss;
	struct in6_addr addr6;
	struct in_addr addr;

	if (inet_pton(AF_INET, p->value, &addr) == 1 &&
	    ntohl(addr.s_addr) >> 28 < 14) {
		memset(ss, 0, sizeof(*ss));
		sin->sin_family = AF_INET;
		sin->sin_addr = addr;
	} else if (inet_pton(AF_INET6, p->value, &addr6) == 1 &&
	    !IN6_IS_ADDR_MULTICAST(&addr6) && !IN6_IS_ADDR_V4MAPPED(&addr6) &&
	    !IN6_IS_ADDR_LINKLOCAL(&addr6)) {
		memset(ss, 0, sizeof(*ss));
		sin6->sin6_family = AF_INET6;
		sin6->sin6_addr = addr6;
	} else {
		value_error(p, NULL, "is not an address to listen on; allowed "
		    "is a unicast IPv4 or IPv6 address without a port");
	}
}

/* p->value is one item of the list; 0, or -1 after an error */
static int
parse_target(struct parse *p, struct gw_target *target)
{
	static const char *const words[] = { "gateway", NULL };
	const char *error;

	memset(target, 0, sizeof(*target));
	if (strcmp(p->value, "gateway") == 0) {
		target->gateway = 1;
		return (0);
	}
	if (inet_pton(AF_INET6, p->value, &target->addr) != 1)
		error = "is not a target";
	else
		error = addr6_unicast_error(&target->addr);
	if (error == NULL)
		return (0);
	value_error(p, nearest(p->value, words), "%s; allowed are gateway and "
	    "global IPv6 addresses", error);
	return (-1);
}

/* the same target twice would count twice for the quorum */
static int
target_known(const struct gw_health *health, const struct gw_target *target)
{
	uint32_t i;

	for (i = 0; i < health->ntargets; i++)
		if (memcmp(&health->targets[i], target, sizeof(*target)) == 0)
			return (1);
	return (0);
}

void
set_targets(struct parse *p, void *field)
{
	struct gw_health *health = &((struct gw_conf *)field)->health;
	struct gw_target target;
	struct list list;

	health->ntargets = 0;
	list_start(p, &list);
	while (list_next(p, &list)) {
		if (parse_target(p, &target) == -1)
			continue;
		if (target_known(health, &target)) {
			value_error(p, NULL, "is a target twice; allowed is "
			    "each once");
			continue;
		}
		if (health->ntargets == GW_TARGETS_MAX) {
			value_error(p, NULL, "is one target too many; "
			    "allowed are %d", GW_TARGETS_MAX);
			return;
		}
		health->targets[health->ntargets++] = target;
	}
	if (list.count == 0)
		value_error(p, NULL, "names no target; allowed are 1 to %d, "
		    "gateway or IPv6 addresses", GW_TARGETS_MAX);
}

/* PERCENT% LATENCY TIME: better by this much for this long */
void
set_margin(struct parse *p, void *field)
{
	struct gw_failover *failover = &((struct gw_conf *)field)->failover;
	char text[INI_LINE_MAX + 1], *words[3], *last, *word;
	uint32_t percent, ms, hold;
	int n = 0;

	strlcpy(text, p->value, sizeof(text));
	for (word = strtok_r(text, " \t", &last); word != NULL;
	    word = strtok_r(NULL, " \t", &last)) {
		if (n < 3)
			words[n] = word;
		n++;
	}
	if (n != 3 || parse_percent(words[0], &percent) == -1 ||
	    percent > 100 ||
	    parse_duration(words[1], strlen(words[1]), &ms) == -1 ||
	    ms > 10000 ||
	    parse_duration(words[2], strlen(words[2]), &hold) == -1 ||
	    hold > 60 * 60 * 1000) {
		value_error(p, NULL, "is not a margin; allowed is PERCENT "
		    "LATENCY TIME: 0%% to 100%%, 0s to 10s, 0s to 1h");
		return;
	}
	failover->margin_percent = percent;
	failover->margin_ms = ms;
	failover->margin_hold_ms = hold;
}
