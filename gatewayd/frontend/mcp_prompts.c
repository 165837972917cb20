/*
 * The prompt of MCP, written from how things are when it is asked for, and
 * the completion of tunnels' names.  Runs in the frontend (_gatewayd,
 * chroot).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "doc.h"
#include "json_value.h"
#include "log.h"
#include "mcp_methods.h"
#include "status.h"

#define TUNNELS_MAX	32	/* that the prompt tells of */
#define VALUES_MAX	100	/* of a completion: the protocol's limit */
#define LIST_SIZE	1024	/* of names in an error */
#define TEMPLATE	"v6gw://tunnel/{name}"
#define ABOUT		"Find out why IPv6 does not work on this host, or " \
			"one of its tunnels"

/* what to look at, by the fine state */
static const char *const	 advice[] = {
	[TS_DISABLED] = "An operator disabled it: gatewayctl tunnel NAME up, "
	    "or enabled in the configuration.",
	[TS_WAIT_WAN] = "The host has no IPv4 route to the tunnel server: "
	    "look at its IPv4 uplink first.",
	[TS_WAIT_DNS] = "The tunnel server's name cannot be resolved: look "
	    "at the host's name servers.",
	[TS_CONFIGURING] = "The interface is being set up: wait some "
	    "seconds.",
	[TS_PROBING] = "There is no verdict yet: wait some seconds.",
	[TS_UP] = "It works.",
	[TS_DEGRADED] = "It works with loss or delay above the limits: "
	    "compare its loss and round trips with those of the IPv4 path to "
	    "the tunnel server.",
	[TS_SUSPECT] = "Answers are missing just now: wait for the verdict.",
	[TS_DOWN] = "Nothing answers. For a 6in4 tunnel: does the broker "
	    "have this host's present IPv4 address, and does the router or "
	    "firewall in between let protocol 41 through? For WireGuard: is "
	    "there a recent handshake, and is UDP to the peer let through? "
	    "For an external one: is the program running that makes it?",
	[TS_RECOVERING] = "It answers again and is held back for a while, "
	    "so that it does not flap.",
	[TS_ERROR] = "It cannot run; the reason says what has to be put "
	    "right.",
};

static const char *
time_text(uint64_t t, char buf[32])
{
	time_t		 seconds = (time_t)t;
	struct tm	 tm;

	if (t == 0 || gmtime_r(&seconds, &tm) == NULL ||
	    strftime(buf, 32, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
		return ("never");
	return (buf);
}

static void
write_health(FILE *f)
{
	const struct fe_tunnel	*t;
	json_t			*health = value_health();
	unsigned int		 up = 0, all = 0;
	char			 when[32];

	TAILQ_FOREACH(t, &fe_status.tunnels.list, entry) {
		up += (unsigned int)tunnel_up(t);
		all++;
	}
	fprintf(f, "Health: %s. %u of %u tunnels up. Last check: %s.\n",
	    mcp_string(health, "status"), up, all,
	    time_text(fe_status.health.last_check, when));
	json_decref(health);
}

static void
write_tunnel(FILE *f, const struct fe_tunnel *t)
{
	const struct imsg_status	*st = &t->st;
	const char			*role = tunnel_role(t);
	char				 when[32];

	fprintf(f, "Tunnel %s (%s, interface %s): ", t->conf.name,
	    gw_type_name(t->conf.type), t->conf.iface);
	if (!t->known) {
		fprintf(f, "nothing is known yet.\n");
		return;
	}
	fprintf(f, "%s since %s, %s.", state_word(st->state),
	    time_text(st->since, when), role != NULL ? role : "no role");
	if (st->reason[0] != '\0')
		fprintf(f, " Reason: %s.", st->reason);
	if (st->last_error[0] != '\0')
		fprintf(f, " Last error: %s.", st->last_error);
	fprintf(f, " %s\n", advice[st->state]);
}

/* those that are not up matter most */
static void
write_tunnels(FILE *f)
{
	const struct fe_tunnel	*t;
	unsigned int		 n = 0, up;

	for (up = 0; up <= 1; up++) {
		TAILQ_FOREACH(t, &fe_status.tunnels.list, entry)
			if (tunnel_up(t) == (int)up && n++ < TUNNELS_MAX)
				write_tunnel(f, t);
	}
	if (n == 0)
		fprintf(f, "There are no tunnels.\n");
	if (n > TUNNELS_MAX)
		fprintf(f, "And %u more tunnels: see get_tunnel_status.\n",
		    n - TUNNELS_MAX);
}

static void
write_task(FILE *f, const struct fe_tunnel *t)
{
	char		 target[64];
	struct doc	*doc;

	if (t != NULL) {
		snprintf(target, sizeof(target), "/tunnels/%s", t->conf.name);
		doc = doc_get(target);
		fprintf(f, "All that is known about it, as JSON:\n%.*s",
		    (int)doc->len, doc->body);
	}
	fprintf(f, "\nFind out %s, and tell the user in plain words what is "
	    "wrong, what you conclude that from, and what to do next, the "
	    "most likely first. If everything works, say so. Ask again for "
	    "what may have changed meanwhile: check_health, "
	    "get_tunnel_status (with a name it says why a tunnel is in its "
	    "state), get_ipv6_address. These tools only read; what has to be "
	    "changed on the host the user does, for example with 'gatewayctl "
	    "tunnel NAME restart'.\n", t != NULL ? "whether this tunnel works "
	    "and why not" : "whether IPv6 works on this host and why not");
}

/* to be freed */
static char *
diagnose_text(const struct fe_tunnel *t)
{
	char	*text = NULL;
	size_t	 len;
	FILE	*f;

	if ((f = open_memstream(&text, &len)) == NULL)
		fatal("open_memstream");
	fprintf(f, "This host has IPv6 by tunnels that v6-gatewayd looks "
	    "after. It says at the moment:\n\n");
	write_health(f);
	if (t != NULL)
		write_tunnel(f, t);
	else
		write_tunnels(f);
	write_task(f, t);
	if (fclose(f) == EOF)
		fatal("open_memstream");
	return (text);
}

void
mcp_prompts_list(struct mcp_request *r)
{
	if (mcp_first_page(r) == -1)
		return;
	mcp_result(r, json_pack("{s:[{s:s,s:s,s:s,s:[{s:s,s:s,s:b}]}]}",
	    "prompts",
	    "name", "diagnose",
	    "title", "Diagnose IPv6",
	    "description", ABOUT,
	    "arguments",
	    "name", "tunnel",
	    "description", "Only this tunnel; without it, all of them",
	    "required", 0), MCP_TTL_STATIC);
}

/* 0, or -1 after an error was answered; without a tunnel *t is NULL */
static int
diagnose_argument(struct mcp_request *r, const struct fe_tunnel **t)
{
	json_t		*args = json_object_get(r->params, "arguments"), *arg;
	const char	*key;
	char		 known[LIST_SIZE];

	*t = NULL;
	json_object_foreach(args, key, arg) {
		if (strcmp(key, "tunnel") != 0 || !json_is_string(arg)) {
			mcp_error(r, MCP_INVALID_PARAMS, NULL, "the only "
			    "argument of diagnose is tunnel, a string");
			return (-1);
		}
		*t = fe_tunnel_name(json_string_value(arg));
		if (*t != NULL)
			continue;
		mcp_error(r, MCP_INVALID_PARAMS, NULL, "there is no tunnel "
		    "\"%.64s\"; there is: %s", json_string_value(arg),
		    fe_tunnel_list(known, sizeof(known), fe_name));
		return (-1);
	}
	return (0);
}

void
mcp_prompts_get(struct mcp_request *r)
{
	const char		*name = mcp_string(r->params, "name");
	json_t			*args = json_object_get(r->params, "arguments");
	const struct fe_tunnel	*t;
	char			*text;

	if (name == NULL || (args != NULL && !json_is_object(args))) {
		mcp_error(r, MCP_INVALID_PARAMS, NULL, "name is a string and "
		    "arguments, if any, an object");
		return;
	}
	if (strcmp(name, "diagnose") != 0) {
		mcp_error(r, MCP_INVALID_PARAMS, NULL, "Unknown prompt: "
		    "%.64s", name);
		return;
	}
	if (diagnose_argument(r, &t) == -1)
		return;
	text = diagnose_text(t);
	mcp_result(r, json_pack("{s:s,s:[{s:s,s:{s:s,s:o}}]}",
	    "description", ABOUT, "messages", "role", "user", "content",
	    "type", "text", "text", value_text(text)), MCP_TTL_NONE);
	free(text);
}

/* the argument that can be completed there, NULL if there is no such place */
static const char *
completable(const json_t *ref)
{
	const char	*type = mcp_string(ref, "type");
	const char	*name = mcp_string(ref, "name");
	const char	*uri = mcp_string(ref, "uri");

	if (type != NULL && strcmp(type, "ref/prompt") == 0 &&
	    name != NULL && strcmp(name, "diagnose") == 0)
		return ("tunnel");
	if (type != NULL && strcmp(type, "ref/resource") == 0 &&
	    uri != NULL && strcmp(uri, TEMPLATE) == 0)
		return ("name");
	return (NULL);
}

void
mcp_complete(struct mcp_request *r)
{
	json_t			*argument, *values;
	const char		*known, *name, *value;
	const struct fe_tunnel	*t;
	unsigned int		 n = 0;

	known = completable(json_object_get(r->params, "ref"));
	argument = json_object_get(r->params, "argument");
	name = mcp_string(argument, "name");
	value = mcp_string(argument, "value");
	if (known == NULL || name == NULL || value == NULL ||
	    strcmp(name, known) != 0) {
		mcp_error(r, MCP_INVALID_PARAMS, NULL, "what can be completed "
		    "is the argument tunnel of the prompt diagnose, and name "
		    "of the resource " TEMPLATE);
		return;
	}
	values = json_array();
	TAILQ_FOREACH(t, &fe_status.tunnels.list, entry)
		if (strncmp(t->conf.name, value, strlen(value)) == 0 &&
		    n++ < VALUES_MAX)
			json_array_append_new(values,
			    json_string(t->conf.name));
	mcp_result(r, json_pack("{s:{s:o,s:i,s:b}}", "completion",
	    "values", values, "total", (int)n, "hasMore", n > VALUES_MAX),
	    MCP_TTL_NONE);
}
