/*
 * The raw sockets that the prober works with.  Runs in the parent
 * (CAP_NET_RAW); prober/icmp6.h lists what has to be done to them and why.
 */
#ifndef GW_PROBE_SOCK_H
#define GW_PROBE_SOCK_H

#include <netinet/in.h>

/* the socket, or -1 with errno; what: the step that failed */
int	 probe_sock_open(const char *iface, const struct in6_addr *source,
	    const char **what);
/* for the ICMPv4 errors about all tunnels; the socket, or -1 with errno */
int	 probe_sock_icmp4(void);

#endif
