/*
 * The commands of relayd that are about datagrams:
 *
 *	associations			how many there are
 *	refused				datagrams, by class
 *	publish ADDRESS PORT INTERNAL PROXY WAY
 *	forward PORT HOST REMOTE_PORT [WAY]	which 127.0.0.1:PORT leads to
 *	port				sessions, total, rx and tx bytes,
 *					refused of the one that was made last
 *	drain				"ok" now, and "drained" is its answer
 *					to "port" as soon as it is
 *	unport				ends it
 *	reset WAY			ends the sessions by that tunnel
 */
#include <sys/socket.h>

#include <arpa/inet.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay_int.h"
#include "relayd_udp.h"
#include "udp_assoc.h"
#include "udp_flow.h"
#include "udp_port.h"

static struct udp_port	*port;
static int		 drained;

static void
print_refused(void)
{
	int	 i;

	printf("%llu %llu", (unsigned long long)
	    relay.stats.refused[REFUSED_OWNER], (unsigned long long)
	    relay.stats.refused[REFUSED_LIMIT]);
	for (i = REFUSED_UDP_HEADER; i <= REFUSED_UDP_LOST; i++)
		printf(" %llu", (unsigned long long)relay.stats.refused[i]);
	printf("\n");
}

static int
bound(const char *text, const char *number)
{
	union udp_addr	 a;
	int		 fd;

	memset(&a, 0, sizeof(a));
	a.v6.sin6_port = htons((in_port_t)atoi(number));
	if (inet_pton(AF_INET6, text, &a.v6.sin6_addr) == 1)
		a.sa.sa_family = AF_INET6;
	else if (inet_pton(AF_INET, text, &a.v4.sin_addr) == 1)
		a.sa.sa_family = AF_INET;
	fd = socket(a.sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);
	if (fd == -1 || bind(fd, &a.sa, udp_addr_len(&a)) == -1)
		err(1, "bind %s", text);
	return (fd);
}

static void
command_publish(char *rest)
{
	const char	*address = strsep(&rest, " "), *number, *internal;
	int		 proxy;

	number = strsep(&rest, " ");
	internal = strsep(&rest, " ");
	proxy = atoi(strsep(&rest, " "));
	port = udp_port_publish(bound(address, number),
	    (in_port_t)atoi(internal), proxy, way_name(rest));
}

static void
command_forward(char *rest)
{
	struct socks_dest	 remote;
	const char		*number = strsep(&rest, " "), *host;

	memset(&remote, 0, sizeof(remote));
	host = strsep(&rest, " ");
	if (inet_pton(AF_INET6, host, &remote.v6) == 1)
		remote.family = AF_INET6;
	else
		strlcpy(remote.name, host, sizeof(remote.name));
	remote.port = (in_port_t)atoi(strsep(&rest, " "));
	port = udp_port_forward(bound("127.0.0.1", number), &remote,
	    rest != NULL ? way_name(rest) : NULL);
}

static void
print_port(void)
{
	struct udp_port_counters	 c;

	if (drained) {
		printf("drained\n");
		return;
	}
	udp_port_counters(port, &c);
	printf("%u %llu %llu %llu %llu\n", c.sessions,
	    (unsigned long long)c.total, (unsigned long long)c.rx_bytes,
	    (unsigned long long)c.tx_bytes, (unsigned long long)c.refused);
}

static void
port_drained(void *arg)
{
	udp_port_free(port);
	drained = 1;
}

int
command_udp(const char *verb, char *rest)
{
	if (strcmp(verb, "associations") == 0)
		printf("%u\n", udp_assoc_count());
	else if (strcmp(verb, "refused") == 0)
		print_refused();
	else if (strcmp(verb, "port") == 0)
		print_port();
	else if (strcmp(verb, "publish") == 0) {
		command_publish(rest);
		printf("ok\n");
	} else if (strcmp(verb, "forward") == 0) {
		command_forward(rest);
		printf("ok\n");
	} else if (strcmp(verb, "drain") == 0) {
		if (udp_port_drain(port, port_drained, NULL))
			port_drained(NULL);
		printf("ok\n");
	} else if (strcmp(verb, "unport") == 0) {
		udp_port_free(port);
		printf("ok\n");
	} else if (strcmp(verb, "reset") == 0) {
		udp_flows_reset(way_name(rest));
		printf("ok\n");
	} else
		return (0);
	return (1);
}
