/*
 * Where SOCKS clients come in: see socks_listen.h.  Runs in the relay
 * (_gwrelay, chroot).
 *
 * A client of this machine is known by its uid, which the kernel tells of the
 * other end of its connection.  Who closes at once belongs to nobody by then,
 * and would look like root: it is not served.  A client from elsewhere has no
 * uid; it logs in, or the configuration was refused.
 */
#include <sys/socket.h>

#include <string.h>
#include <unistd.h>

#include "acceptor.h"
#include "addr.h"
#include "log.h"
#include "pump.h"
#include "relay_int.h"
#include "session.h"
#include "sock_uid.h"
#include "socks_listen.h"
#include "stats.h"

static struct {
	struct acceptor	*acceptor;
	int		 is_unix;
	int		 auth;
} listener;

/* 0, or -1: nobody holds the other end any more */
static int
unix_uid(int fd, uid_t *uid)
{
	struct ucred	 cred;
	socklen_t	 len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == -1)
		return (-1);
	*uid = cred.uid;
	return (0);
}

int
socks_client_uid(int fd, uid_t *uid)
{
	struct sockaddr_storage	 local, peer;
	socklen_t		 len = sizeof(local), peer_len = sizeof(peer);

	if (getsockname(fd, (struct sockaddr *)&local, &len) == -1 ||
	    getpeername(fd, (struct sockaddr *)&peer, &peer_len) == -1)
		return (-1);
	if (!sockaddr_loopback((struct sockaddr *)&peer)) {
		*uid = users_stranger(&peer);
		return (0);
	}
	return (sock_uid(relay.diag, &peer, &local, uid));
}

static void
accepted(int fd, void *arg)
{
	uid_t	 uid;

	if ((listener.is_unix ? unix_uid(fd, &uid) :
	    socks_client_uid(fd, &uid)) == -1) {
		stats_refused(REFUSED_OWNER);
		close(fd);
		return;
	}
	session_new(fd, uid, listener.auth && !listener.is_unix);
}

void
socks_listen_close(void)
{
	if (listener.acceptor != NULL)
		acceptor_free(listener.acceptor);
	listener.acceptor = NULL;
}

void
socks_listen(int fd)
{
	int		 domain = AF_UNSPEC;
	socklen_t	 len = sizeof(domain);

	socks_listen_close();
	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == -1)
		fatal("SO_DOMAIN");
	listener.is_unix = domain == AF_UNIX;
	pump_options(fd);
	listener.acceptor = acceptor_new(relay.base, fd, "socks", accepted,
	    NULL);
}

void
socks_listen_auth(int auth)
{
	listener.auth = auth;
}
