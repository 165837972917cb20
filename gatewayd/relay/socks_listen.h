/*
 * Where SOCKS clients come in.  Runs in the relay (_gwrelay, chroot).
 */
#ifndef GW_SOCKS_LISTEN_H
#define GW_SOCKS_LISTEN_H

#include <sys/types.h>

/* serves that listening socket, TCP or AF_UNIX, in the place of the old one */
void	 socks_listen(int fd);
/* serves none */
void	 socks_listen_close(void);
/* whether clients that come by TCP have to log in */
void	 socks_listen_auth(int);
/* whose the TCP client at the other end of fd is, a stranger's number if it is
 * on another machine; 0, or -1: nobody holds it any more */
int	 socks_client_uid(int fd, uid_t *);

#endif
