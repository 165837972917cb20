/*
 * "gatewayctl status": health, the active tunnel, one line per tunnel, and
 * for each that does not carry traffic why, and what to do about it.  An
 * unprivileged client.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "output.h"
#include "table.h"
#include "util.h"

/* one tunnel, from /tunnels, /tunnels/NAME and /v6/address */
struct line {
	json_t		*root;		/* /tunnels/NAME; NULL if it left */
	const json_t	*row;		/* in /tunnels */
	const json_t	*address;	/* in /v6/address, or NULL */
};

/* what a user can do in a fine state; %1$s name, %2$s interface, %3$s remote
 * and %4$s local endpoint */
static const struct {
	const char	*type;		/* of tunnel, NULL: any other */
	const char	*state;
	const char	*remedy;
} remedies[] = {
	{ "external", "down", "see what 'ip -6 address show dev %2$s' says, "
	    "and the program that made %2$s" },
	{ "wireguard", "down", "does 'wg show %2$s' show a handshake? the keys "
	    "must be those of the other end, and UDP to %3$s must pass every "
	    "firewall" },
	{ NULL, "down", "does 'ping -4 %3$s' answer? protocol 41 must pass "
	    "every firewall and NAT, and the server must know our address "
	    "%4$s" },
	{ NULL, "wait_wan", "see 'ip -4 route'; it goes on by itself as soon "
	    "as the server can be reached" },
	{ NULL, "wait_dns", "see /etc/resolv.conf; the look-up is repeated" },
	{ NULL, "configuring", "wait a second; then see the log" },
	{ NULL, "probing", "wait for the first answers, a few seconds" },
	{ NULL, "degraded", "traffic goes on; the limits are loss_degraded "
	    "and latency_degraded in [health]" },
	{ NULL, "suspect", "probes are being repeated: a verdict follows "
	    "within a second or so" },
	{ NULL, "recovering", "answers are back; it is held back for a while "
	    "so that it does not flap (hold_down in [health])" },
	{ NULL, "error", "put that right, then 'gatewayctl reload' or "
	    "'gatewayctl tunnel %1$s restart'" },
	{ NULL, "disabled", "to use it: enabled = true and 'gatewayctl "
	    "reload', or 'gatewayctl tunnel %1$s up' if it was taken down" },
};

/* the rows of /v6/address by their tunnel's name, to be released */
static json_t *
index_addresses(const json_t *addresses)
{
	json_t	*byname = json_object(), *row;
	size_t	 i;

	json_array_foreach(document_get(addresses, "addresses"), i, row)
		json_object_set(byname,
		    format_text(document_get(row, "tunnel")), row);
	return (byname);
}

static void
print_health(const json_t *health)
{
	const char	*status = format_text(document_get(health, "status"));
	enum colour	 c = state_colour(status);

	printf("health  %s%s%s: %s, checked %s\n", colour_on(c), status,
	    colour_off(c), format_reachable(health),
	    format_ago(document_get(health, "last_check")));
}

static int
is_active(const struct line *l)
{
	return (strcmp(format_text(document_get(l->root, "detail.role")),
	    "active") == 0);
}

/* the last time that the default route left for nowhere, or NULL */
static const json_t *
last_loss(const struct line *lines, size_t n)
{
	const json_t	*f, *last = NULL;
	size_t		 i;

	for (i = 0; i < n; i++) {
		f = document_get(lines[i].root, "detail.last_failover");
		if (json_is_null(document_get(f, "to")) && (last == NULL ||
		    json_integer_value(document_get(f, "time")) >
		    json_integer_value(document_get(last, "time"))))
			last = f;
	}
	return (last);
}

/* since when the default route is where it is, and why */
static void
print_failover(const json_t *f)
{
	const json_t	*from = document_get(f, "from");

	if (f == NULL)
		return;
	printf("        for %s", format_age(document_get(f, "time")));
	if (json_is_string(from))
		printf(", after %s", format_text(from));
	printf(": ");
	fputs(format_text(document_get(f, "reason")), stdout);
	printf("\n");
}

static void
print_active(const struct line *lines, size_t n)
{
	const json_t	*f;
	size_t		 i;

	for (i = 0; i < n && !is_active(&lines[i]); i++)
		;
	if (i == n) {
		printf("active  no tunnel\n");
		print_failover(last_loss(lines, n));
		return;
	}
	printf("active  %s on %s",
	    format_text(document_get(lines[i].row, "name")),
	    format_text(document_get(lines[i].row, "iface")));
	if (lines[i].address != NULL)
		printf(", %s", format_text(document_get(lines[i].address,
		    "address")));
	printf("\n");
	/* its own word may have come before that of the switch */
	f = document_get(lines[i].root, "detail.last_failover");
	if (json_equal(document_get(f, "to"),
	    document_get(lines[i].row, "name")))
		print_failover(f);
}

static const char *
role_text(const struct line *l, char *buf, size_t size)
{
	snprintf(buf, size, "%s%s",
	    format_text(document_get(l->root, "detail.role")),
	    json_is_true(document_get(l->root, "detail.preferred")) ?
	    ", preferred" : "");
	return (buf);
}

static void
add_row(struct table *table, const struct line *l)
{
	const char	*state = format_text(document_get(l->row, "state"));
	char		 role[64];

	table_row(table, (const char *const []) {
	    format_text(document_get(l->row, "name")),
	    format_text(document_get(l->row, "type")),
	    state,
	    role_text(l, role, sizeof(role)),
	    format_text(document_get(l->row, "iface")),
	    format_text(document_get(l->address, "address")),
	    format_ms(document_get(l->root, "detail.rtt_ms.avg")),
	    format_percent(document_get(l->root, "detail.loss_ratio")),
	    format_integer(document_get(l->root, "detail.mtu")),
	    format_age(document_get(l->root, "detail.since"))
	    }, 2, state_colour(state));
}

static void
print_table(const struct line *lines, size_t n)
{
	static const struct column	 columns[] = {
		{ "name", 0 }, { "type", 8 }, { "state", 0 }, { "role", 2 },
		{ "iface", 5 }, { "address", 3 }, { "rtt", 1 }, { "loss", 4 },
		{ "MTU", 7 }, { "since", 6 }
	};
	struct table	*table;
	size_t		 i;

	table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
	for (i = 0; i < n; i++)
		add_row(table, &lines[i]);
	printf("\n");
	table_print(table);
}

/* fills in the names; the formats are the ones above */
static void
print_remedy(const char *remedy, const struct line *l)
{
	const char	*args[4], *p;

	args[0] = format_text(document_get(l->row, "name"));
	args[1] = format_text(document_get(l->row, "iface"));
	args[2] = format_text(document_get(l->root, "detail.endpoint_remote"));
	args[3] = format_text(document_get(l->root, "detail.endpoint_local"));
	printf("    ");
	for (p = remedy; *p != '\0'; p++) {
		if (*p != '%') {
			putchar(*p);
			continue;
		}
		printf("%s", args[p[1] - '1']);
		p += strlen("1$s");
	}
	printf("\n");
}

static void
print_when(const char *what, const struct line *l, const char *path,
    const char *(*format)(const json_t *))
{
	const json_t	*time = document_get(l->root, path);

	if (json_is_integer(time))
		printf("    %s %s\n", what, format(time));
}

static void
print_black_hole(const struct line *l)
{
	const json_t	*mtu = document_get(l->root, "detail.mtu");
	const json_t	*pmtu = document_get(l->root, "detail.pmtu");

	if (!json_is_true(document_get(l->root, "detail.black_hole")))
		return;
	printf("\n%s: packets above %s bytes vanish on the way; ",
	    format_text(document_get(l->row, "name")), format_integer(pmtu));
	if (json_integer_value(mtu) <= json_integer_value(pmtu))
		printf("MTU lowered\n");
	else
		printf("the configured MTU is %s\n    use 'mtu = auto' or "
		    "'mtu = %s', here and at the other end\n",
		    format_integer(mtu), format_integer(pmtu));
}

static void
print_trouble(const struct line *l)
{
	const char	*state, *type;
	size_t		 i;

	state = format_text(document_get(l->root, "detail.state"));
	if (l->root == NULL || strcmp(state, "up") == 0)
		return;
	printf("\n%s: %s for %s: ",
	    format_text(document_get(l->row, "name")), state,
	    format_age(document_get(l->root, "detail.since")));
	fputs(format_text(document_get(l->root, "detail.reason")), stdout);
	printf("\n");
	print_when("it is tried again", l, "detail.retry_at", format_until);
	print_when("it may carry traffic again", l, "detail.hold_until",
	    format_until);
	print_when("the last handshake was", l, "detail.handshake",
	    format_ago);
	type = format_text(document_get(l->row, "type"));
	for (i = 0; i < sizeof(remedies) / sizeof(remedies[0]); i++) {
		if (strcmp(remedies[i].state, state) != 0 ||
		    (remedies[i].type != NULL &&
		    strcmp(remedies[i].type, type) != 0))
			continue;
		print_remedy(remedies[i].remedy, l);
		return;
	}
}

static void
print_lines(const struct line *lines, size_t n)
{
	size_t	 i;

	print_active(lines, n);
	if (n == 0) {
		printf("\nno tunnel is configured: v6-gatewayd.conf(5) shows "
		    "how\n");
		return;
	}
	print_table(lines, n);
	for (i = 0; i < n; i++) {
		print_trouble(&lines[i]);
		print_black_hole(&lines[i]);
	}
}

void
text_status(const struct status_docs *docs)
{
	json_t		*health = document_parse(&docs->health);
	json_t		*tunnels = document_parse(&docs->tunnels);
	json_t		*addresses = document_parse(&docs->addresses);
	json_t		*byname = index_addresses(addresses);
	const json_t	*rows = document_get(tunnels, "tunnels");
	struct line	*lines;
	size_t		 i;

	lines = xcalloc(docs->ndetails, sizeof(*lines));
	for (i = 0; i < docs->ndetails; i++) {
		lines[i].row = json_array_get(rows, i);
		lines[i].address = json_object_get(byname,
		    format_text(document_get(lines[i].row, "name")));
		if (docs->details[i].code == EXIT_OK)
			lines[i].root = document_parse(&docs->details[i]);
	}
	print_health(health);
	print_lines(lines, docs->ndetails);
	for (i = 0; i < docs->ndetails; i++)
		json_decref(lines[i].root);
	free(lines);
	json_decref(byname);
	json_decref(addresses);
	json_decref(tunnels);
	json_decref(health);
}
