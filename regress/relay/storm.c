/*
 * Many short connections through a SOCKS5 proxy at 127.0.0.1, for tests that
 * look at what they leave behind.
 *
 *	storm HOST			the target: prints its port, and serves
 *	storm HOST PORT PROXY_PORT N	a client: N connections in turn
 *
 * Each connection ends in one of the ways that there are: the target sends a
 * byte and an end, or resets each third one; the client ends, or resets each
 * second one.
 */
#include <sys/socket.h>
#include <netinet/in.h>

#include <arpa/inet.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REQUEST	22	/* CONNECT to an IPv6 address; its reply as well */

/* closes it with a reset or, as others do, with an end */
static void
hang_up(int fd, int reset)
{
	static const struct linger	 at_once = { 1, 0 };

	if (reset && setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once,
	    sizeof(at_once)) == -1)
		err(1, "setsockopt");
	close(fd);
}

static void
target(const struct in6_addr *host)
{
	struct sockaddr_in6	 sin6 = { .sin6_family = AF_INET6 };
	socklen_t		 len = sizeof(sin6);
	int			 fd, lfd;
	unsigned int		 i;

	sin6.sin6_addr = *host;
	if ((lfd = socket(AF_INET6, SOCK_STREAM, 0)) == -1 ||
	    bind(lfd, (struct sockaddr *)&sin6, len) == -1 ||
	    listen(lfd, 512) == -1 ||
	    getsockname(lfd, (struct sockaddr *)&sin6, &len) == -1)
		err(1, "listen");
	printf("%u\n", ntohs(sin6.sin6_port));
	fflush(stdout);
	for (i = 0;; i++) {
		if ((fd = accept(lfd, NULL, NULL)) == -1)
			err(1, "accept");
		if (i % 3 != 0)
			send(fd, "x", 1, MSG_NOSIGNAL);
		hang_up(fd, i % 3 == 0);
	}
}

/* greeting, request and data at once; 0 if the proxy has connected it */
static int
ask(int fd, const struct in6_addr *host, in_port_t port)
{
	uint8_t	 out[3 + REQUEST + 5] = "\5\1\0\5\1\0\4", in[2 + REQUEST];

	memcpy(out + 7, host, sizeof(*host));
	out[23] = (uint8_t)(port >> 8);
	out[24] = (uint8_t)port;
	memcpy(out + 25, "early", 5);
	if (send(fd, out, sizeof(out), MSG_NOSIGNAL) != sizeof(out) ||
	    recv(fd, in, sizeof(in), MSG_WAITALL) != sizeof(in))
		return (-1);
	return (memcmp(in, "\5\0\5\0", 4) == 0 ? 0 : -1);
}

static void
client(const struct in6_addr *host, in_port_t port, in_port_t proxy,
    unsigned int n)
{
	struct sockaddr_in	 sin = { .sin_family = AF_INET };
	uint8_t			 rest[16];
	unsigned int		 i, refused = 0;
	int			 fd;

	sin.sin_port = htons(proxy);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (i = 0; i < n; i++) {
		if ((fd = socket(AF_INET, SOCK_STREAM, 0)) == -1 ||
		    connect(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1)
			err(1, "connect");
		/* the target's reset may overtake the reply */
		if (ask(fd, host, port) == -1)
			refused++;
		while (recv(fd, rest, sizeof(rest), 0) > 0)
			continue;
		hang_up(fd, i % 2);
	}
	printf("%u\n", refused);
}

int
main(int argc, char *argv[])
{
	struct in6_addr	 host;

	if ((argc != 2 && argc != 5) ||
	    inet_pton(AF_INET6, argv[1], &host) != 1)
		errx(2, "see the source");
	if (argc == 2)
		target(&host);
	else
		client(&host, (in_port_t)atoi(argv[2]),
		    (in_port_t)atoi(argv[3]), (unsigned int)atoi(argv[4]));
	return (0);
}
