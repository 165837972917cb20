/*
 * "gatewayctl show relay": how much goes over IPv6, by family, by tunnel and
 * by user, and what was refused.  An unprivileged client.
 */
#include <stdio.h>

#include "format.h"
#include "output.h"
#include "rows.h"

/* what there is to say of connections, which is at that path, as "ipv6." */
#define COUNTS(at)							\
	{ "open", 3, at "sessions", format_integer },			\
	{ "connected", 0, at "wins", format_integer },			\
	{ "tried", 4, at "attempts", format_integer },			\
	{ "refused", 5, at "losses.refused", format_integer },		\
	{ "unreachable", 6, at "losses.unreachable", format_integer },	\
	{ "timeout", 2, at "losses.timeout", format_integer },		\
	{ "race", 9, at "losses.race", format_integer },		\
	{ "denied", 10, at "losses.denied", format_integer },		\
	{ "received", 7, at "rx_bytes", format_bytes },			\
	{ "sent", 8, at "tx_bytes", format_bytes },			\
	{ "p50", 1, at "connect_ms.p50", format_ms },			\
	{ "p95", 11, at "connect_ms.p95", format_ms }

#define NCOLUMNS(c)	(sizeof(c) / sizeof((c)[0]))

/* "proxy, socks5" */
static void
print_list(const json_t *list)
{
	json_t	*item;
	size_t	 i;

	json_array_foreach(list, i, item)
		printf("%s%s", i > 0 ? ", " : "", format_text(item));
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
print_families(json_t *families)
{
	static const struct row_column	 columns[] = {
		{ "family", 0, "family", format_text }, COUNTS("")
	};
	json_t		*list = json_array(), *value;
	const char	*family;

	json_object_foreach(families, family, value) {
		json_object_set_new(value, "family", json_string(family));
		json_array_append(list, value);
	}
	printf("\n");
	rows_print(list, columns, NCOLUMNS(columns), 0);
	json_decref(list);
}

static void
print_tunnels(const json_t *list)
{
	static const struct row_column	 columns[] = {
		{ "tunnel", 0, "name", format_text },
		{ "health", 0, "health", format_text },
		{ "retried", 0, "retry_at", format_until }, COUNTS("ipv6.")
	};

	printf("\n");
	rows_print(list, columns, NCOLUMNS(columns), 1);
}

static const char *
uid_text(const json_t *uid)
{
	return (json_is_null(uid) ? "others" : format_integer(uid));
}

/* of an object's numbers */
static const char *
sum_text(const json_t *object)
{
	json_t		*value, *sum;
	const char	*key, *text;
	json_int_t	 n = 0;

	json_object_foreach((json_t *)(uintptr_t)object, key, value)
		n += json_integer_value(value);
	sum = json_integer(n);
	text = format_integer(sum);
	json_decref(sum);
	return (text);
}

static void
print_users(const json_t *list)
{
	static const struct row_column	 columns[] = {
		{ "uid", 0, "uid", uid_text },
		{ "open", 0, "sessions", format_integer },
		{ "half-open", 4, "half_open", format_integer },
		{ "UDP", 5, "udp_associations", format_integer },
		{ "IPv6", 0, "wins.ipv6", format_integer },
		{ "IPv4", 1, "wins.ipv4", format_integer },
		{ "upstream", 6, "wins.upstream", format_integer },
		{ "received", 3, "rx_bytes", format_bytes },
		{ "sent", 3, "tx_bytes", format_bytes },
		{ "limited", 2, "limited", sum_text }
	};

	printf("\n");
	rows_print(list, columns, NCOLUMNS(columns), 0);
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
	print_families(json_object_get(root, "families"));
	if (json_array_size(tunnels) > 0)
		print_tunnels(tunnels);
	if (json_array_size(uids) > 0)
		print_users(uids);
	print_refused(document_get(root, "refused"));
	json_decref(root);
}
