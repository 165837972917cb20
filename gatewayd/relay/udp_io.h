/*
 * Datagrams by the batch: recvmmsg(2) and sendmmsg(2), with the kernel's
 * segmentation offload where it has one (udp(7), UDP_GRO and UDP_SEGMENT).
 * Runs in the relay (_gwrelay, chroot).
 *
 * All sockets share one set of buffers, and nothing is allocated or copied.
 * What udp_send() is given stays where it is until udp_flush(), which
 * udp_receive() ends with.
 */
#ifndef GW_UDP_IO_H
#define GW_UDP_IO_H

#include <sys/socket.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "socks.h"

union udp_addr {
	struct sockaddr		 sa;
	struct sockaddr_in	 v4;
	struct sockaddr_in6	 v6;
};

struct udp_sock {
	int	 fd;
	uint8_t	 no_gso;	/* it was tried and did not work */
};

typedef void udp_got(void *arg, const union udp_addr *from,
    const uint8_t *data, size_t len);

/* the length of the address */
socklen_t udp_addr_len(const union udp_addr *);
/* the same for SOCKS */
void	 udp_addr_dest(const union udp_addr *, struct socks_dest *);
/* nonzero if they are the same address and port */
int	 udp_addr_equal(const union udp_addr *, const union udp_addr *);

/* takes over fd, a UDP socket that does not block */
void	 udp_sock_init(struct udp_sock *, int fd);
/*
 * Reads one batch, gives each datagram to got(), and then sends what that has
 * put into the queue.
 */
void	 udp_receive(struct udp_sock *, udp_got *, void *arg);
/*
 * Puts a datagram into the queue: head (which may be empty) and data, to that
 * address or, NULL, to where the socket is connected.  None of them is copied.
 */
void	 udp_send(struct udp_sock *, const union udp_addr *to,
	    const void *head, size_t head_len, const void *data, size_t len);
/* sends them all; what the kernel does not take is lost, and counted */
void	 udp_flush(void);
/* segmentation offload is not asked for: for tests */
void	 udp_io_plain(void);

#endif
