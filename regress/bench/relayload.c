/*
 * Both ends of the relay's benchmark, with the relay, another proxy or nothing
 * in between, all on 127.0.0.1.
 *
 *	relayload serve PORT			TCP and UDP
 *	relayload down|up WAY STREAMS SECONDS	bytes per second
 *	relayload conns WAY CLIENTS SECONDS	connections, one request each
 *	relayload rtt WAY SECONDS		p50 and p99 of requests, us
 *	relayload idle WAY SESSIONS		"ready"; until standard input ends
 *	relayload udp WAY SECONDS		datagrams back per second
 *
 * WAY is direct:PORT, socks:PORT:TARGET (TARGET is what is asked for) or
 * plain:PORT, a port that leads to the server.  The first byte of a connection
 * says what the server does: D sends, U reads, E echoes.
 */
#include <sys/epoll.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BUFFER		(256 * 1024)
#define REQUEST		64
#define EVENTS		64
#define TIMES_MAX	(1 << 21)
#define DATAGRAM	1200
#define WINDOW		64
#define SOCKS_HEADER	10		/* of a datagram, IPv4 */

static uint8_t	 buffer[BUFFER];

static struct {
	int		 socks;
	in_port_t	 port;
	in_port_t	 target;
} way;

static double
now(void)
{
	struct timespec	 ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((double)ts.tv_sec + (double)ts.tv_nsec / 1e9);
}

static struct sockaddr_in
local(in_port_t port)
{
	struct sockaddr_in	 sin = { .sin_family = AF_INET };

	sin.sin_port = htons(port);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return (sin);
}

/* client */

static void
say(int fd, const void *data, size_t len)
{
	if (send(fd, data, len, MSG_NOSIGNAL) != (ssize_t)len)
		err(1, "send");
}

static void
hear(int fd, void *data, size_t len)
{
	if (recv(fd, data, len, MSG_WAITALL) != (ssize_t)len)
		errx(1, "the connection has ended");
}

static int
connect_port(int type, in_port_t port)
{
	struct sockaddr_in	 sin = local(port);
	int			 fd, on = 1;

	if ((fd = socket(AF_INET, type, 0)) == -1 ||
	    connect(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1)
		err(1, "port %u", port);
	if (type == SOCK_STREAM)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return (fd);
}

/* a request, which is answered with BND.PORT */
static in_port_t
socks_request(int fd, uint8_t command, in_port_t target)
{
	uint8_t	 request[10] = { 5, command, 0, 1, 127, 0, 0, 1 }, reply[10];

	request[4] = target == 0 ? 0 : 127;
	request[7] = target == 0 ? 0 : 1;
	request[8] = (uint8_t)(target >> 8);
	request[9] = (uint8_t)target;
	say(fd, "\5\1\0", 3);
	hear(fd, reply, 2);
	say(fd, request, sizeof(request));
	hear(fd, reply, sizeof(reply));
	if (reply[1] != 0)
		errx(1, "the proxy says %u", reply[1]);
	return ((in_port_t)(reply[8] << 8 | reply[9]));
}

static int
open_way(char mode)
{
	int	 fd = connect_port(SOCK_STREAM, way.port);

	if (way.socks)
		socks_request(fd, 1, way.target);
	if (mode != 0)
		say(fd, &mode, 1);
	return (fd);
}

static void
parse_way(char *text)
{
	char	*kind = strsep(&text, ":"), *port = strsep(&text, ":");

	way.socks = strcmp(kind, "socks") == 0;
	way.port = (in_port_t)atoi(port);
	if (way.socks)
		way.target = (in_port_t)atoi(text);
}

static void
bulk(int up, int streams, double seconds)
{
	struct epoll_event	 ev, evs[EVENTS];
	double			 end, begin;
	uint64_t		*bytes, sum = 0, least = UINT64_MAX, most = 0;
	ssize_t			 r;
	int			 ep = epoll_create1(0), i, n, *fds;

	bytes = calloc((size_t)streams, sizeof(*bytes));
	fds = calloc((size_t)streams, sizeof(*fds));
	for (i = 0; i < streams; i++) {
		fds[i] = open_way(up ? 'U' : 'D');
		ev.events = up ? EPOLLOUT : EPOLLIN;
		ev.data.u32 = (uint32_t)i;
		epoll_ctl(ep, EPOLL_CTL_ADD, fds[i], &ev);
	}
	begin = now();
	end = begin + seconds;
	while (now() < end) {
		n = epoll_wait(ep, evs, EVENTS, 100);
		for (i = 0; i < n; i++) {
			r = up ? send(fds[evs[i].data.u32], buffer, BUFFER,
			    MSG_DONTWAIT | MSG_NOSIGNAL) :
			    recv(fds[evs[i].data.u32], buffer, BUFFER,
			    MSG_DONTWAIT);
			if (r == 0 || (r == -1 && errno != EAGAIN))
				err(1, "a stream has ended");
			if (r > 0)
				bytes[evs[i].data.u32] += (uint64_t)r;
		}
	}
	for (i = 0; i < streams; i++) {
		sum += bytes[i];
		least = bytes[i] < least ? bytes[i] : least;
		most = bytes[i] > most ? bytes[i] : most;
	}
	printf("%.0f %.3f\n", (double)sum / (now() - begin),
	    (double)least / (double)most);
}

static double	 until;

static void *
conns_thread(void *arg)
{
	uint64_t	*n = arg;
	uint8_t		 data[1 + REQUEST] = { 'E' };
	int		 fd;

	while (now() < until) {
		fd = open_way(0);
		say(fd, data, sizeof(data));
		hear(fd, data + 1, REQUEST);
		close(fd);
		(*n)++;
	}
	return (NULL);
}

static void
conns(int clients, double seconds)
{
	pthread_t	*threads;
	uint64_t	*counts, sum = 0;
	double		 begin = now();
	int		 i;

	threads = calloc((size_t)clients, sizeof(*threads));
	counts = calloc((size_t)clients, sizeof(*counts));
	until = begin + seconds;
	for (i = 0; i < clients; i++)
		if (pthread_create(&threads[i], NULL, conns_thread,
		    &counts[i]) != 0)
			errx(1, "pthread_create");
	for (i = 0; i < clients; i++) {
		pthread_join(threads[i], NULL);
		sum += counts[i];
	}
	printf("%.0f %ju\n", (double)sum / (now() - begin), (uintmax_t)sum);
}

static int
compare(const void *a, const void *b)
{
	const float	*x = a, *y = b;

	return (*x < *y ? -1 : *x > *y);
}

static void
rtt(double seconds)
{
	float	*times = calloc(TIMES_MAX, sizeof(*times));
	uint8_t	 data[REQUEST] = { 0 };
	double	 begin, end = now() + seconds;
	size_t	 n = 0;
	int	 fd = open_way('E');

	while ((begin = now()) < end && n < TIMES_MAX) {
		say(fd, data, sizeof(data));
		hear(fd, data, sizeof(data));
		times[n++] = (float)((now() - begin) * 1e6);
	}
	qsort(times, n, sizeof(*times), compare);
	printf("%.1f %.1f %zu\n", (double)times[n / 2],
	    (double)times[n * 99 / 100], n);
}

static void
idle(int sessions)
{
	uint8_t	 data[REQUEST] = { 0 };
	int	 fd, i;

	for (i = 0; i < sessions; i++) {
		fd = open_way('E');
		say(fd, data, sizeof(data));
		hear(fd, data, sizeof(data));
	}
	printf("ready\n");
	fflush(stdout);
	while (read(STDIN_FILENO, data, sizeof(data)) > 0)
		;
}

/* WINDOW datagrams are on their way at any time; lost ones are sent anew */
static void
udp(double seconds)
{
	static uint8_t		 out[SOCKS_HEADER + DATAGRAM];
	static uint8_t		 in[WINDOW][SOCKS_HEADER + DATAGRAM];
	struct mmsghdr		 msgs[WINDOW], sent[WINDOW];
	struct iovec		 iov[WINDOW], one = { out, sizeof(out) };
	struct timeval		 tv = { 0, 100000 };
	double			 begin = now();
	uint64_t		 sum = 0;
	int			 fd, i, n = WINDOW;

	memset(msgs, 0, sizeof(msgs));
	memset(sent, 0, sizeof(sent));
	if (way.socks) {
		memcpy(out, "\0\0\0\1\177\0\0\1", 8);
		out[8] = (uint8_t)(way.target >> 8);
		out[9] = (uint8_t)way.target;
		fd = connect_port(SOCK_DGRAM, socks_request(connect_port(
		    SOCK_STREAM, way.port), 3, 0));
	} else {
		fd = connect_port(SOCK_DGRAM, way.port);
		one.iov_len = DATAGRAM;
	}
	for (i = 0; i < WINDOW; i++) {
		iov[i].iov_base = in[i];
		iov[i].iov_len = sizeof(in[i]);
		msgs[i].msg_hdr.msg_iov = &iov[i];
		sent[i].msg_hdr.msg_iov = &one;
		msgs[i].msg_hdr.msg_iovlen = sent[i].msg_hdr.msg_iovlen = 1;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	while (now() < begin + seconds) {
		if (sendmmsg(fd, sent, (unsigned int)n, 0) == -1 &&
		    errno != ENOBUFS && errno != ECONNREFUSED)
			err(1, "sendmmsg");
		n = recvmmsg(fd, msgs, WINDOW, MSG_WAITFORONE, NULL);
		if (n == -1 && errno != EAGAIN)
			err(1, "recvmmsg");
		if (n > 0)
			sum += (uint64_t)n;
		else
			n = WINDOW;
	}
	printf("%.0f %ju\n", (double)sum / (now() - begin), (uintmax_t)sum);
}

/* server */

static int
listen_on(int type, in_port_t port)
{
	struct sockaddr_in	 sin = local(port);
	int			 fd, on = 1;

	if ((fd = socket(AF_INET, type | SOCK_NONBLOCK, 0)) == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    (type == SOCK_STREAM && listen(fd, 4096) == -1))
		err(1, "port %u", port);
	return (fd);
}

/* what the connection does, by descriptor; 0: it has not said */
static char	 modes[1 << 20];

static void
serve_accept(int ep, int lfd)
{
	struct epoll_event	 ev = { .events = EPOLLIN };
	int			 fd, on = 1;

	while ((fd = accept4(lfd, NULL, NULL, SOCK_NONBLOCK)) != -1) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		modes[fd] = 0;
		ev.data.fd = fd;
		epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
	}
}

static void
serve_mode(int ep, int fd)
{
	struct epoll_event	 ev = { .events = EPOLLOUT, .data.fd = fd };

	if (recv(fd, &modes[fd], 1, 0) != 1)
		close(fd);
	else if (modes[fd] == 'D')
		epoll_ctl(ep, EPOLL_CTL_MOD, fd, &ev);
}

static void
serve_conn(int ep, int fd)
{
	ssize_t	 n;

	if (modes[fd] == 0) {
		serve_mode(ep, fd);
		return;
	}
	if (modes[fd] == 'D')
		n = send(fd, buffer, BUFFER, MSG_NOSIGNAL);
	else
		n = recv(fd, buffer, BUFFER, 0);
	if (n == 0 || (n == -1 && errno != EAGAIN))
		close(fd);
	else if (n > 0 && modes[fd] == 'E')
		(void)send(fd, buffer, (size_t)n, MSG_NOSIGNAL);
}

static void
serve_udp(int fd)
{
	static struct mmsghdr		 msgs[WINDOW];
	static struct iovec		 iov[WINDOW];
	static struct sockaddr_in	 from[WINDOW];
	static uint8_t			 data[WINDOW][2048];
	int				 i, n;

	for (i = 0; i < WINDOW; i++) {
		iov[i].iov_base = data[i];
		iov[i].iov_len = sizeof(data[i]);
		msgs[i].msg_hdr.msg_iov = &iov[i];
		msgs[i].msg_hdr.msg_iovlen = 1;
		msgs[i].msg_hdr.msg_name = &from[i];
		msgs[i].msg_hdr.msg_namelen = sizeof(from[i]);
	}
	n = recvmmsg(fd, msgs, WINDOW, MSG_DONTWAIT, NULL);
	for (i = 0; i < n; i++)
		iov[i].iov_len = msgs[i].msg_len;
	if (n > 0)
		(void)sendmmsg(fd, msgs, (unsigned int)n, 0);
}

static void
serve(in_port_t port)
{
	struct epoll_event	 ev = { .events = EPOLLIN }, evs[EVENTS];
	int			 ep = epoll_create1(0), i, n, tfd, ufd;

	ev.data.fd = tfd = listen_on(SOCK_STREAM, port);
	epoll_ctl(ep, EPOLL_CTL_ADD, tfd, &ev);
	ev.data.fd = ufd = listen_on(SOCK_DGRAM, port);
	epoll_ctl(ep, EPOLL_CTL_ADD, ufd, &ev);
	for (;;) {
		n = epoll_wait(ep, evs, EVENTS, -1);
		for (i = 0; i < n; i++) {
			if (evs[i].data.fd == tfd)
				serve_accept(ep, tfd);
			else if (evs[i].data.fd == ufd)
				serve_udp(ufd);
			else
				serve_conn(ep, evs[i].data.fd);
		}
	}
}

int
main(int argc, char *argv[])
{
	const char	*verb = argc > 2 ? argv[1] : "";
	double		 last = argc > 3 ? atof(argv[argc - 1]) : 0;

	if (strcmp(verb, "serve") == 0)
		serve((in_port_t)atoi(argv[2]));
	if (argc < 4)
		errx(2, "see the source");
	parse_way(argv[2]);
	if (strcmp(verb, "down") == 0 || strcmp(verb, "up") == 0)
		bulk(strcmp(verb, "up") == 0, atoi(argv[3]), last);
	else if (strcmp(verb, "conns") == 0)
		conns(atoi(argv[3]), last);
	else if (strcmp(verb, "rtt") == 0)
		rtt(last);
	else if (strcmp(verb, "idle") == 0)
		idle(atoi(argv[3]));
	else if (strcmp(verb, "udp") == 0)
		udp(last);
	else
		errx(2, "see the source");
	return (0);
}
