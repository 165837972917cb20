/*
 * "gatewayctl show relay": how much goes over IPv6, by family, by tunnel and
 * by user, and what was refused.  An unprivileged client.
 */
#include <stdio.h>

#include "format.h"
#include "output.h"
#include "table.h"

/* what there is to say of connections: columns, and the keys behind them */
#define COUNTS_COLUMNS \
	{ "open", 3 }, { "connected", 0 }, { "tried", 4 }, { "refused", 5 }, \
	{ "unreachable", 6 }, { "timeout", 2 }, { "race", 9 }, \
	{ "denied", 10 }, { "received", 7 }, { "sent", 8 }, { "p50", 1 }, \
	{ "p95", 11 }

static const struct {
	const char	*path;
	const char	*(*format)(const json_t *);
} counts[] = {
	{ "sessions", format_integer },
	{ "wins", format_integer },
	{ "attempts", format_integer },
	{ "losses.refused", format_integer },
	{ "losses.unreachable", format_integer },
	{ "losses.timeout", format_integer },
	{ "losses.race", format_integer },
	{ "losses.denied", format_integer },
	{ "rx_bytes", format_bytes },
	{ "tx_bytes", format_bytes },
	{ "connect_ms.p50", format_ms },
	{ "connect_ms.p95", format_ms },
};
#define NCOUNTS		(sizeof(counts) / sizeof(counts[0]))
#define NCOLUMNS(c)	(sizeof(c) / sizeof((c)[0]))

static void
counts_cells(const json_t *value, const char *cells[NCOUNTS])
{
	size_t	 i;

	for (i = 0; i < NCOUNTS; i++)
		cells[i] = counts[i].format(document_get(value,
		    counts[i].path));
}

/* "proxy, socks5" */
static void
print_list(const json_t *list)
{
	json_t	*item;
	size_t	 i;

	json_array_foreach(list, i, item)
		printf("%s%s", i > 0 ? ", " : "", format_text(item));
}

/* the sum of an object's numbers */
static json_int_t
sum(const json_t *object)
{
	json_t		*value;
	const char	*key;
	json_int_t	 n = 0;

	json_object_foreach((json_t *)(uintptr_t)object, key, value)
		n += json_integer_value(value);
	return (n);
}

static void
print_share(const json_t *root)
{
	const json_t	*share = document_get(root, "ipv6_share");

	if (json_is_null(share)) {
		printf("IPv6    no connection yet\n");
		return;
	}
	printf("IPv6    %s of %lld connections\n", format_percent(share),
	    (long long)(json_integer_value(document_get(root,
	    "families.ipv6.wins")) + json_integer_value(document_get(root,
	    "families.ipv4.wins"))));
}

static void
print_head(const json_t *root)
{
	printf("modes   ");
	print_list(document_get(root, "modes"));
	if (json_array_size(document_get(root, "listen")) > 0)
		printf(" on ");
	print_list(document_get(root, "listen"));
	printf("\n");
	print_share(root);
	printf("open    %s connected, %s half-open, %s for UDP\n",
	    format_integer(document_get(root, "sessions")),
	    format_integer(document_get(root, "half_open")),
	    format_integer(document_get(root, "udp_associations")));
	printf("names   %s found, %s without address, %s failed, %s too "
	    "late\n",
	    format_integer(document_get(root, "dns.positive")),
	    format_integer(document_get(root, "dns.negative")),
	    format_integer(document_get(root, "dns.failed")),
	    format_integer(document_get(root, "dns.late")));
}

static void
print_families(const json_t *families)
{
	static const struct column	 columns[] = {
		{ "family", 0 }, COUNTS_COLUMNS
	};
	const char	*cells[NCOLUMNS(columns)];
	struct table	*table = table_new(columns, NCOLUMNS(columns));
	json_t		*value;

	json_object_foreach((json_t *)(uintptr_t)families, cells[0], value) {
		counts_cells(value, cells + 1);
		table_row(table, cells, 0, COLOUR_NONE);
	}
	printf("\n");
	table_print(table);
}

static void
print_tunnels(const json_t *list)
{
	static const struct column	 columns[] = {
		{ "tunnel", 0 }, { "health", 0 }, { "retried", 0 },
		COUNTS_COLUMNS
	};
	const char	*cells[NCOLUMNS(columns)];
	struct table	*table = table_new(columns, NCOLUMNS(columns));
	json_t		*row;
	size_t		 i;

	json_array_foreach(list, i, row) {
		cells[0] = format_text(document_get(row, "name"));
		cells[1] = format_text(document_get(row, "health"));
		cells[2] = format_until(document_get(row, "retry_at"));
		counts_cells(document_get(row, "ipv6"), cells + 3);
		table_row(table, cells, 1, state_colour(cells[1]));
	}
	printf("\n");
	table_print(table);
}

static const char *
uid_text(const json_t *uid)
{
	return (json_is_null(uid) ? "others" : format_integer(uid));
}

static void
print_users(const json_t *list)
{
	static const struct column	 columns[] = {
		{ "uid", 0 }, { "open", 0 }, { "half-open", 4 }, { "UDP", 5 },
		{ "IPv6", 0 }, { "IPv4", 1 }, { "upstream", 6 },
		{ "received", 3 }, { "sent", 3 }, { "limited", 2 }
	};
	struct table	*table = table_new(columns, NCOLUMNS(columns));
	json_t		*row, *limited;
	size_t		 i;

	json_array_foreach(list, i, row) {
		limited = json_integer(sum(document_get(row, "limited")));
		table_row(table, (const char *const []) {
		    uid_text(document_get(row, "uid")),
		    format_integer(document_get(row, "sessions")),
		    format_integer(document_get(row, "half_open")),
		    format_integer(document_get(row, "udp_associations")),
		    format_integer(document_get(row, "wins.ipv6")),
		    format_integer(document_get(row, "wins.ipv4")),
		    format_integer(document_get(row, "wins.upstream")),
		    format_bytes(document_get(row, "rx_bytes")),
		    format_bytes(document_get(row, "tx_bytes")),
		    format_integer(limited)
		    }, 0, COLOUR_NONE);
		json_decref(limited);
	}
	printf("\n");
	table_print(table);
}

static void
print_refused(const json_t *refused)
{
	json_t		*value;
	const char	*class;
	int		 n = 0;

	json_object_foreach((json_t *)(uintptr_t)refused, class, value)
		if (json_integer_value(value) > 0)
			printf("%s%s %s", n++ > 0 ? ", " : "\nrefused ",
			    format_integer(value), class);
	if (n > 0)
		printf("\n");
}

void
text_relay(const struct answer *doc)
{
	json_t		*root = document_parse(doc);
	const json_t	*tunnels = document_get(root, "tunnels");
	const json_t	*uids = document_get(root, "uids");

	print_head(root);
	print_families(document_get(root, "families"));
	if (json_array_size(tunnels) > 0)
		print_tunnels(tunnels);
	if (json_array_size(uids) > 0)
		print_users(uids);
	print_refused(document_get(root, "refused"));
	json_decref(root);
}
