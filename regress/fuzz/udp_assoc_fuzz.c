/*
 * What a SOCKS client sends to its association: pieces of the input, each with
 * two bytes of length, are datagrams.  IPv4 destinations are replaced by a
 * sink of ours, names never resolve, and there is no IPv6, so that nothing
 * leaves this machine.  Whatever has come, a good datagram at the end passes,
 * and nothing stays behind.
 */
#include <sys/socket.h>

#include <linux/netlink.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relay_int.h"
#include "udp_assoc.h"
#include "util.h"

#define DATAGRAMS	40
#define HEADER		10	/* with IPv4 */
#define TURNS		100

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

struct relay	 relay;

static struct sockaddr_in	 sink_addr;
static int			 sink;

/* names wait for ever */
uint32_t
relay_lookup(enum he_family family, const char *name,
    void (*cb)(void *, const struct lookup_answer *), void *arg)
{
	static uint32_t	 last;

	return (++last);
}

uint32_t
relay_lookup_fresh(enum he_family family, const char *name,
    void (*cb)(void *, const struct lookup_answer *), void *arg)
{
	return (relay_lookup(family, name, cb, arg));
}

void
relay_lookup_cancel(uint32_t id)
{
}

static void
report(void)
{
}

static int
udp_socket(struct sockaddr_in *sin)
{
	socklen_t	 len = sizeof(*sin);
	int		 fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	memset(sin, 0, sizeof(*sin));
	sin->sin_family = AF_INET;
	sin->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd == -1 || bind(fd, (struct sockaddr *)sin, len) == -1 ||
	    getsockname(fd, (struct sockaddr *)sin, &len) == -1)
		abort();
	return (fd);
}

static void
init(void)
{
	static struct gw_pattern	 allow;

	if (relay.base != NULL)
		return;
	relay.base = event_base_new();
	relay.he = he_default;
	relay.diag = socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);
	TAILQ_INIT(&relay.ways);
	limits_init(&relay.limits, &limits_default);
	stats_init(relay.base, report);
	sink = udp_socket(&sink_addr);
	/* loopback is refused otherwise, and so is all that is no IPv4 */
	allow.family = AF_INET;
	allow.len = 32;
	allow.port = ntohs(sink_addr.sin_port);
	memcpy(&allow.addr, &sink_addr.sin_addr, sizeof(sink_addr.sin_addr));
	relay.acl.allow = &allow;
	relay.acl.nallow = 1;
}

/* an association with a client; the port it sends to is in front */
static int
associate(struct limit_user *user, struct sockaddr_in *front)
{
	uint8_t	 reply[SOCKS_REPLY];
	int	 sv[2];

	if (!limits_take(&relay.limits, user, LIMIT_SESSIONS, 0) ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, sv) == -1 ||
	    udp_assoc_new(user, getuid(), sv[0]) != SOCKS_SUCCEEDED ||
	    recv(sv[1], reply, sizeof(reply), 0) != HEADER)
		abort();
	memset(front, 0, sizeof(*front));
	front->sin_family = AF_INET;
	memcpy(&front->sin_addr, reply + 4, 4);
	memcpy(&front->sin_port, reply + 8, 2);
	return (sv[1]);
}

static void
send_to_front(int fd, const struct sockaddr_in *front, uint8_t *data,
    size_t len)
{
	if (len >= HEADER && data[3] == 1) {
		memcpy(data + 4, &sink_addr.sin_addr, 4);
		memcpy(data + 8, &sink_addr.sin_port, 2);
	}
	sendto(fd, data, len, 0, (const struct sockaddr *)front,
	    sizeof(*front));
}

/* a turn of the loop; nonzero if the good datagram has reached the sink */
static int
turn(void)
{
	uint8_t	 got[65536];
	ssize_t	 n;
	int	 good = 0;

	event_base_loop(relay.base, EVLOOP_NONBLOCK);
	while ((n = recv(sink, got, sizeof(got), 0)) != -1)
		good |= n == 4 && memcmp(got, "good", 4) == 0;
	return (good);
}

static void
check(int fd, const struct sockaddr_in *front)
{
	uint8_t	 good[HEADER + 4] = { 0, 0, 0, 1 };
	int	 i;

	memcpy(good + HEADER, "good", 4);
	send_to_front(fd, front, good, sizeof(good));
	for (i = 0; i < TURNS; i++)
		if (turn())
			return;
	abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct limit_user	*user;
	struct sockaddr_in	 front, client;
	uint8_t			 datagram[65536];
	size_t			 len;
	int			 control, fd, i;

	init();
	user = limits_user(&relay.limits, getuid(), monotime_ms());
	control = associate(user, &front);
	fd = udp_socket(&client);
	for (i = 0; i < DATAGRAMS && size >= 2; i++) {
		len = (size_t)(data[0] << 8 | data[1]);
		data += 2;
		size -= 2;
		len = len < size ? len : size;
		memcpy(datagram, data, len);
		send_to_front(fd, &front, datagram, len);
		turn();
		data += len;
		size -= len;
	}
	check(fd, &front);
	close(control);
	close(fd);
	turn();
	if (udp_assoc_count() != 0 || user->count[LIMIT_SESSIONS] != 0 ||
	    user->count[LIMIT_UDP] != 0)
		abort();
	return (0);
}
