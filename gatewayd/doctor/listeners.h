/*
 * Sockets that others can reach, from /proc/net, and whose they are.  Runs in
 * the doctor (_gwrelay, Landlock) and in gatewayctl, which may read the
 * descriptors of few processes or none.
 */
#ifndef GW_LISTENERS_H
#define GW_LISTENERS_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct listener_socket {
	int		 protocol;	/* IPPROTO_TCP, IPPROTO_UDP */
	int		 family;
	struct in6_addr	 addr;		/* IPv4 in the first four bytes */
	uint16_t	 port;
	uid_t		 uid;
	unsigned long	 inode;
	pid_t		 pid;		/* 0: cannot be seen */
	char		 program[16];	/* "": as pid */
};

struct listener_sockets {
	struct listener_socket	*list;
	size_t			 n;
};

/* TCP sockets that listen and UDP sockets without a peer; to be freed */
void	 listeners_load(struct listener_sockets *);
void	 listeners_free(struct listener_sockets *);
/* looks for the process that holds each; of several, any */
void	 listeners_name(struct listener_sockets *);
/*
 * One line of /proc/net/{tcp,tcp6,udp,udp6}: 1, or 0 if it is none of these
 * sockets.  Pure.
 */
int	 listener_parse(const char *line, int protocol, int family,
	    struct listener_socket *);

#endif
