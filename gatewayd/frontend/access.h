/*
 * Who may change things: root and the members of control_group, told by what
 * the kernel knows of a connection's other end.  Runs in the frontend
 * (_gatewayd, chroot).
 */
#ifndef GW_ACCESS_H
#define GW_ACCESS_H

#include <sys/types.h>

#define ACCESS_NOBODY	((uid_t)-1)	/* the kernel does not say */

/* an AF_UNIX socket's other end: nonzero if it may; sets its uid */
int	 access_unix(int fd, uid_t *uid);
/*
 * The same of a TCP socket, both ends of which are on loopback: the uid that
 * holds the other end.  From anywhere else it is nobody.
 */
int	 access_tcp(int fd, uid_t *uid);
/* a sentence that says who may, to somebody who may not */
const char *access_refusal(uid_t);
/* notes in the log that it was refused */
void	 access_refused(const char *where, uid_t);
/* a sock_diag(7) socket for access_tcp(), taken over */
void	 access_diag(int fd);

#endif
