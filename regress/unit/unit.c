/*
 * What unit tests have in common: see unit.h.
 */
#include <sys/socket.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <string.h>

#include "unit.h"

#define FDS_MAX	8

const char	*check_about = "";
uint64_t	 rnd_seed;

struct in_addr
addr4(const char *text)
{
	struct in_addr	 a;

	if (inet_pton(AF_INET, text, &a) != 1)
		errx(1, "no IPv4 address: %s", text);
	return (a);
}

struct in6_addr
addr6(const char *text)
{
	struct in6_addr	 a;

	if (inet_pton(AF_INET6, text, &a) != 1)
		errx(1, "no IPv6 address: %s", text);
	return (a);
}

int
open_fds(void)
{
	DIR	*d;
	int	 n = 0;

	if ((d = opendir("/proc/self/fd")) == NULL)
		err(1, "/proc/self/fd");
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return (n);
}

int
send_raw(int sock, const void *data, size_t len, const int *fds, size_t nfds)
{
	struct iovec	 iov;
	struct msghdr	 msg;
	struct cmsghdr	*cmsg;
	union {
		struct cmsghdr	 hdr;
		char		 buf[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control;

	memset(&msg, 0, sizeof(msg));
	memcpy(&iov.iov_base, &data, sizeof(data));
	iov.iov_len = len;
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	if (nfds > 0) {
		memset(&control, 0, sizeof(control));
		msg.msg_control = control.buf;
		msg.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_len = CMSG_LEN(nfds * sizeof(int));
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(cmsg), fds, nfds * sizeof(int));
	}
	return (sendmsg(sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) == -1 ? -1 :
	    0);
}

uint32_t
rnd(uint32_t n)
{
	rnd_seed ^= rnd_seed << 13;
	rnd_seed ^= rnd_seed >> 7;
	rnd_seed ^= rnd_seed << 17;
	return ((uint32_t)(rnd_seed >> 16) % n);
}
