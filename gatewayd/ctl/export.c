/*
 * gatewayctl export: lines for the configuration of programs that want to
 * know their IPv6 address.  An unprivileged client.
 */
#include <arpa/inet.h>

#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "export.h"
#include "format.h"

/* in these "@" stands for the address, and nothing else does */

#define TOR_RELAY							\
	"# besides the ORPort for IPv4, which every relay needs\n"	\
	"ORPort [@]:9001\n"						\
	"Address @\n"							\
	"OutboundBindAddress [@]\n"

static const char	 tor_relay[] = TOR_RELAY;

static const char	 tor_client[] =
"ClientUseIPv6 1\n"
"ClientPreferIPv6ORPort 1\n";

static const char	 tor_exit[] = TOR_RELAY
"# besides ExitRelay 1 or an ExitPolicy, without which it is no exit\n"
"IPv6Exit 1\n";

static const char	 i2pd[] =
"# in front of every [section]\n"
"ipv6 = true\n"
"address6 = @\n"
"\n"
"[ntcp2]\n"
"addressv6 = @\n";

static const char	 i2p[] =
"i2np.ntcp.ipv6=preferIPv6\n"
"i2np.udp.ipv6=preferIPv6\n"
"# it finds the address by itself; to let it bind to certain addresses only,\n"
"# name the one for IPv4 as well:\n"
"# i2np.udp.host=192.0.2.1,@\n"
"i2np.udp.addressSources=local,upnp,ssu\n";

static const struct {
	const char	*what;
	const char	*file;
	const char	*lines;
} programs[] = {
	[EXPORT_TOR_RELAY] = { "a Tor relay", "torrc", tor_relay },
	[EXPORT_TOR_CLIENT] = { "a Tor client", "torrc", tor_client },
	[EXPORT_TOR_EXIT] = { "a Tor exit", "torrc", tor_exit },
	[EXPORT_I2PD] = { "i2pd", "i2pd.conf", i2pd },
	[EXPORT_I2P] = { "I2P (Java)", "router.config", i2p }
};

/* the row of that tunnel or, if it is NULL, of the active one */
static const json_t *
find_address(const json_t *root, const char *tunnel)
{
	const char	*key = tunnel != NULL ? "tunnel" : "role";
	const char	*value = tunnel != NULL ? tunnel : "active";
	json_t		*row;
	size_t		 i;

	json_array_foreach(document_get(root, "addresses"), i, row)
		if (strcmp(format_text(document_get(row, key)), value) == 0)
			return (row);
	if (tunnel != NULL)
		client_fail(EXIT_FAILED, "tunnel %s has no address just now: "
		    "see 'gatewayctl show tunnels %s'", tunnel, tunnel);
	client_fail(EXIT_FAILED, "no tunnel is active, so there is no address: "
	    "see 'gatewayctl status', or name a tunnel");
}

/* in the one form that RFC 5952 has for it, whoever wrote it */
static const char *
canonical(const json_t *text)
{
	struct in6_addr	 addr;

	if (inet_pton(AF_INET6, format_text(text), &addr) != 1)
		client_fail(EXIT_FAILED, "gatewayd's answer has no address: is "
		    "it another version than gatewayctl?");
	return (addr6_text(&addr));
}

void
export_print(enum export which, const struct answer *addresses,
    const char *tunnel)
{
	json_t		*root = document_parse(addresses);
	const json_t	*row = find_address(root, tunnel);
	const char	*address = canonical(document_get(row, "address"));
	const char	*p;

	printf("# IPv6 for %s, by gatewayd's tunnel %s: for %s\n",
	    programs[which].what, format_text(document_get(row, "tunnel")),
	    programs[which].file);
	for (p = programs[which].lines; *p != '\0'; p++) {
		if (*p == '@')
			fputs(address, stdout);
		else
			putchar(*p);
	}
	if (!json_is_true(document_get(row, "reachable")))
		fprintf(stderr, "gatewayctl: just now nothing answers through "
		    "that tunnel\n");
	json_decref(root);
}
