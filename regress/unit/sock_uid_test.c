/*
 * What sock_diag(7) answers about a socket: cut short, of another request,
 * an error, of a socket that was closed; and the real one of ours.
 */
#include <sys/socket.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <arpa/inet.h>

#include <assert.h>
#include <err.h>
#include <string.h>
#include <unistd.h>

#include "sock_uid.h"

static struct {
	struct nlmsghdr		 hdr;
	struct inet_diag_msg	 msg;
} answer;

static int
parse(size_t len, uint32_t seq)
{
	uid_t	 uid = 1;
	int	 r = sock_uid_parse(&answer, len, seq, &uid);

	assert(uid == (r == 0 ? answer.msg.idiag_uid : 1));
	return (r);
}

static void
test_parse(void)
{
	size_t	 len = NLMSG_LENGTH(sizeof(answer.msg)), n;

	answer.hdr.nlmsg_type = SOCK_DIAG_BY_FAMILY;
	answer.hdr.nlmsg_seq = 7;
	answer.hdr.nlmsg_len = (uint32_t)len;
	answer.msg.idiag_uid = 1234;
	answer.msg.idiag_inode = 99;
	assert(parse(len, 7) == 0);
	for (n = 0; n < len; n++)
		assert(parse(n, 7) == -1);
	assert(parse(len, 8) == -1);
	answer.hdr.nlmsg_len = (uint32_t)len - 1;
	assert(parse(len, 7) == -1);
	answer.hdr.nlmsg_len = UINT32_MAX;
	assert(parse(len, 7) == -1);
	answer.hdr.nlmsg_len = (uint32_t)len;
	answer.hdr.nlmsg_type = NLMSG_ERROR;
	assert(parse(len, 7) == -1);
	answer.hdr.nlmsg_type = SOCK_DIAG_BY_FAMILY;
	answer.msg.idiag_inode = 0;
	answer.msg.idiag_uid = 0;
	assert(parse(len, 7) == -1);
}

static void
test_kernel(void)
{
	struct sockaddr_storage	 local, peer;
	struct sockaddr_in	*sin = (void *)&local;
	socklen_t		 len = sizeof(*sin);
	uid_t			 uid = 1;
	int			 diag, fd, client;

	diag = socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);
	if (diag == -1)
		err(77, "NETLINK_SOCK_DIAG");
	memset(&local, 0, sizeof(local));
	sin->sin_family = AF_INET;
	sin->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	client = socket(AF_INET, SOCK_STREAM, 0);
	assert(bind(fd, (void *)&local, sizeof(*sin)) == 0);
	assert(listen(fd, 1) == 0);
	assert(getsockname(fd, (void *)&peer, &len) == 0);
	assert(connect(client, (void *)&peer, len) == 0);
	assert(getsockname(client, (void *)&local, &len) == 0);
	assert(sock_uid(diag, &local, &peer, &uid) == 0 && uid == getuid());
	/* nobody's: there is none of that port */
	sin->sin_port = htons(1);
	assert(sock_uid(diag, &local, &peer, &uid) == -1);
	assert(sock_uid(-1, &local, &peer, &uid) == -1);
}

/* datagrams: the sender is bound to an address, to any, connected or not */
static void
test_udp(void)
{
	struct sockaddr_storage	 local, peer;
	struct sockaddr_in	*sin = (void *)&local;
	socklen_t		 len = sizeof(*sin);
	uid_t			 uid = 1;
	int			 diag, fd, client;

	diag = socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	client = socket(AF_INET, SOCK_DGRAM, 0);
	memset(&local, 0, sizeof(local));
	sin->sin_family = AF_INET;
	assert(bind(client, (void *)&local, sizeof(*sin)) == 0);
	sin->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert(bind(fd, (void *)&local, sizeof(*sin)) == 0);
	assert(getsockname(fd, (void *)&peer, &len) == 0);
	assert(getsockname(client, (void *)&local, &len) == 0);
	sin->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert(sock_uid_udp(diag, &local, &peer, &uid) == 0 &&
	    uid == getuid());
	assert(connect(client, (void *)&peer, len) == 0);
	uid = 1;
	assert(sock_uid_udp(diag, &local, &peer, &uid) == 0 &&
	    uid == getuid());
	close(client);
	assert(sock_uid_udp(diag, &local, &peer, &uid) == -1);
}

int
main(void)
{
	test_parse();
	test_kernel();
	test_udp();
	return (0);
}
