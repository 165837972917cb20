/*
 * Where SOCKS clients come in.  Runs in the relay (_gwrelay, chroot).
 */
#ifndef GW_SOCKS_LISTEN_H
#define GW_SOCKS_LISTEN_H

/* serves that listening socket, TCP or AF_UNIX, in the place of the old one */
void	 socks_listen(int fd);
/* serves none */
void	 socks_listen_close(void);
/* whether clients that come by TCP have to log in */
void	 socks_listen_auth(int);

#endif
