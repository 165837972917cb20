/*
 * Who may change things: see access.h.  Runs in the frontend (_gatewayd,
 * chroot).
 *
 * The daemon's own users never may: what a broken process of ours could reach
 * through these sockets it must not be able to order.  The parent has left
 * them out of the list of uids and refuses their groups as control_group.
 */
#include <sys/socket.h>
#include <netinet/in.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access.h"
#include "log.h"
#include "sock_uid.h"
#include "status.h"
#include "util.h"

static int	 diag_fd = -1;

/* nonzero if the other end's process has gid as a supplementary group */
static int
in_group(int fd, gid_t gid)
{
	socklen_t	 len = 0;
	gid_t		*groups;
	size_t		 i, n;
	int		 found = 0;

	/* with no room the kernel says how much it wants */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &len) == 0 ||
	    errno != ERANGE)
		return (0);
	groups = xmalloc(len);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) == 0) {
		n = len / sizeof(*groups);
		for (i = 0; i < n && !found; i++)
			found = (groups[i] == gid);
	}
	free(groups);
	return (found);
}

int
access_unix(int fd, uid_t *uid)
{
	gid_t		 gid = fe_status.conf.control_gid;
	struct ucred	 cred;
	socklen_t	 len = sizeof(cred);

	*uid = ACCESS_NOBODY;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == -1)
		return (0);
	*uid = cred.uid;
	if (cred.uid == 0)
		return (1);
	if (gid == UINT32_MAX || cred.uid == getuid())
		return (0);
	return (cred.gid == gid || in_group(fd, gid));
}

static int
is_loopback(const struct sockaddr_storage *ss)
{
	const struct sockaddr_in	*sin = (const void *)ss;
	const struct sockaddr_in6	*sin6 = (const void *)ss;

	if (ss->ss_family == AF_INET)
		return (ntohl(sin->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET);
	return (ss->ss_family == AF_INET6 &&
	    IN6_IS_ADDR_LOOPBACK(&sin6->sin6_addr));
}

int
access_tcp(int fd, uid_t *uid)
{
	struct sockaddr_storage	 local, peer;
	socklen_t		 len = sizeof(local), peer_len = sizeof(peer);
	uint32_t		 i;

	*uid = ACCESS_NOBODY;
	if (getsockname(fd, (struct sockaddr *)&local, &len) == -1 ||
	    getpeername(fd, (struct sockaddr *)&peer, &peer_len) == -1 ||
	    !is_loopback(&local) || !is_loopback(&peer) ||
	    sock_uid(diag_fd, &peer, &local, uid) == -1)
		return (0);
	if (*uid == 0)
		return (1);
	for (i = 0; i < fe_status.writers.count; i++)
		if (fe_status.writers.uids[i] == *uid)
			return (1);
	return (0);
}

const char *
access_refusal(uid_t uid)
{
	if (uid == ACCESS_NOBODY)
		return ("the kernel does not say who asks: ask from this "
		    "machine as root, on the API socket or by gatewayctl");
	if (fe_status.conf.control_gid == UINT32_MAX)
		return ("only root may do this (control_group is not set)");
	return ("only root and the members of control_group may do this");
}

/* anybody can be refused as often as he likes: not every time is news */
void
access_refused(const char *where, uid_t uid)
{
	static uint64_t	 told;

	if (told == unix_time())
		return;
	told = unix_time();
	if (uid == ACCESS_NOBODY)
		log_warnx("%s: somebody: not permitted", where);
	else
		log_warnx("%s: uid %u: not permitted", where, uid);
}

void
access_diag(int fd)
{
	if (diag_fd != -1)
		close(diag_fd);
	diag_fd = fd;
}
