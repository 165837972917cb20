/*
 * Whose a socket is, by sock_diag(7).  Runs in the frontend and the relay,
 * which need no privilege for it.
 */
#ifndef GW_SOCK_UID_H
#define GW_SOCK_UID_H

#include <sys/socket.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The uid that holds the TCP socket bound to local and connected to peer, both
 * AF_INET or both AF_INET6.  fd: a NETLINK_SOCK_DIAG socket.  0, or -1 if the
 * kernel does not know of it or nobody holds it any more.  The kernel answers
 * before send(2) returns, so that this does not wait for anything.
 */
int	 sock_uid(int fd, const struct sockaddr_storage *local,
	    const struct sockaddr_storage *peer, uid_t *uid);
/*
 * The uid that holds the UDP socket which a datagram from peer to local would
 * reach; bound to any address, and connected or not.
 */
int	 sock_uid_udp(int fd, const struct sockaddr_storage *local,
	    const struct sockaddr_storage *peer, uid_t *uid);
/* the same from the kernel's answer, whose number must be seq */
int	 sock_uid_parse(const void *answer, size_t len, uint32_t seq,
	    uid_t *uid);

#endif
