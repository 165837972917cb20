/*
 * A configuration on its way in: see reconf.h.  Runs in the relay (_gwrelay,
 * chroot).
 *
 * Nothing changes before RECONF_COMMIT.  Connections go on with what they
 * began with.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "holder.h"
#include "log.h"
#include "peer.h"
#include "ports.h"
#include "pump.h"
#include "reconf.h"
#include "relay_int.h"
#include "socks_listen.h"
#include "upstream.h"
#include "util.h"
#include "wire.h"
#include "wire_relay.h"

#define HALF_CLOSED_MS	60000

static struct {
	struct imsg_relay_conf	 conf;
	struct acl		 acl;
	struct socks_dest	 upstream;
	struct users		 users;
	int			 listener;	/* -1: the old one stays */
	int			 committed;	/* before STARTUP */
} next = {
	.listener = -1
};

static void	next_drop(void);
static void	reconf_commit(void);

static struct holder	 holder = { next_drop, reconf_commit, 0 };

static void
next_drop(void)
{
	free(next.acl.allow);
	free(next.acl.deny);
	free(next.acl.rules);
	memset(&next.acl, 0, sizeof(next.acl));
	memset(&next.upstream, 0, sizeof(next.upstream));
	users_clear(&next.users);
	if (next.listener != -1)
		close(next.listener);
	next.listener = -1;
	ports_abort();
}

static void
reconf_conf(struct imsg *imsg)
{
	holder_begin(&holder);
	if (imsg_get_data(imsg, &next.conf, sizeof(next.conf)) == -1 ||
	    next.conf.family > GW_FAMILY_PREFER_IPV4 ||
	    next.conf.flows > GW_FLOWS_RESET ||
	    next.conf.auth > 1 || next.conf.attempt_delay_ms < 100 ||
	    next.conf.attempt_delay_ms > 2000 ||
	    next.conf.resolution_delay_ms > 1000)
		fatalx("RELAY_CONF: malformed");
}

/* one more in an array of n */
static void *
more(void *array, size_t n, size_t size)
{
	if ((array = reallocarray(array, n + 1, size)) == NULL)
		fatal("reallocarray");
	return (array);
}

static int
reconf_pattern(struct gw_pattern **list, size_t *n, const char *text)
{
	*list = more(*list, *n, sizeof(**list));
	return (pattern_parse(text, &(*list)[(*n)++]));
}

static int
reconf_rule(const char *text)
{
	struct acl	*acl = &next.acl;

	acl->rules = more(acl->rules, acl->nrules, sizeof(*acl->rules));
	return (acl_rule(text, &acl->rules[acl->nrules++]));
}

static void
reconf_line(struct imsg *imsg)
{
	struct imsg_relay_line	 m;
	char			 text[WIRE_LINE + 1];
	size_t			 len = imsg->len - sizeof(m);
	int			 r = -1;

	holder_piece(&holder, imsg);
	memcpy(&m, imsg->data, sizeof(m));
	memcpy(text, (const char *)imsg->data + sizeof(m), len);
	text[len] = '\0';
	if (strlen(text) != len)
		fatalx("RELAY_LINE: malformed");
	switch (m.kind) {
	case RELAY_RULE:
		r = reconf_rule(text);
		break;
	case RELAY_ALLOW:
		r = reconf_pattern(&next.acl.allow, &next.acl.nallow, text);
		break;
	case RELAY_DENY:
		r = reconf_pattern(&next.acl.deny, &next.acl.ndeny, text);
		break;
	case RELAY_SERVER:
		r = upstream_parse(text, &next.upstream);
		break;
	}
	if (r == -1)
		fatalx("RELAY_LINE: %.100s", text);
}

static void
reconf_user(struct imsg *imsg)
{
	struct imsg_relay_user	 m;

	holder_piece(&holder, imsg);
	if (imsg_get_data(imsg, &m, sizeof(m)) == -1 || !wire_string(m.name))
		fatalx("RELAY_USER: malformed");
	users_add(&next.users, &m);
}

static void
reconf_listener(struct imsg *imsg)
{
	struct imsg_listener	 m;
	int			 fd = imsg_get_fd(imsg);

	holder_piece(&holder, imsg);
	if (next.listener != -1 ||
	    imsg_get_data(imsg, &m, sizeof(m)) == -1 ||
	    m.kind != LISTENER_SOCKS)
		fatalx("LISTENER: malformed");
	next.listener = fd;
}

static void
set_limits(const struct gw_limits *l)
{
	uint32_t	*max = relay.limits.conf.max;

	max[LIMIT_SESSIONS] = l->connections;
	max[LIMIT_HALF_OPEN] = l->half_open;
	max[LIMIT_UDP] = l->udp_associations;
	max[LIMIT_NEW] = l->new_per_second;
	max[LIMIT_DNS] = l->names_per_second;
	max[LIMIT_BYTES] = l->bandwidth;
}

/* the lists are next's; own addresses and NAT64 prefix stay as they are */
static void
set_acl(void)
{
	struct acl	*acl = &relay.acl;

	free(acl->allow);
	free(acl->deny);
	free(acl->rules);
	acl->allow = next.acl.allow;
	acl->nallow = next.acl.nallow;
	acl->deny = next.acl.deny;
	acl->ndeny = next.acl.ndeny;
	acl->rules = next.acl.rules;
	acl->nrules = next.acl.nrules;
	memset(&next.acl, 0, sizeof(next.acl));
}

static void
apply(void)
{
	relay.family = (enum gw_family)next.conf.family;
	relay.flows = (enum gw_flows)next.conf.flows;
	relay.he.attempt_delay_ms = next.conf.attempt_delay_ms;
	relay.he.resolution_delay_ms = next.conf.resolution_delay_ms;
	pump_timeouts(next.conf.idle_ms, HALF_CLOSED_MS);
	set_limits(&next.conf.limits);
	set_acl();
	relay.upstream = next.upstream;
	users_commit(&next.users, &relay.users);
	if (!(next.conf.modes & GW_EXPOSE_SOCKS5))
		socks_listen_close();
	else if (next.listener != -1)
		socks_listen(next.listener);
	next.listener = -1;
	socks_listen_auth((int)next.conf.auth);
	memcpy(relay.own_ports, next.conf.own_ports, sizeof(relay.own_ports));
	ports_commit(next.conf.udp_base_port, next.conf.tcp_base_port);
	next.committed = 0;
}

static void
reconf_commit(void)
{
	next.committed = 1;
	if (relay.base != NULL)
		apply();
}

void
reconf_startup(void)
{
	if (next.committed)
		apply();
}

void
reconf_message(struct imsg *imsg)
{
	switch (imsg->hdr.type) {
	case IMSG_RELAY_CONF:
		reconf_conf(imsg);
		break;
	case IMSG_RELAY_LINE:
		reconf_line(imsg);
		break;
	case IMSG_RELAY_USER:
		reconf_user(imsg);
		break;
	case IMSG_LISTENER:
		reconf_listener(imsg);
		break;
	case IMSG_RECONF_END:
	case IMSG_RECONF_COMMIT:
	case IMSG_RECONF_ABORT:
		holder_end(&holder, imsg);
		break;
	default:
		fatalx("%s: no handler", msg_name(imsg->hdr.type));
	}
}
