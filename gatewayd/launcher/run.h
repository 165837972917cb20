/*
 * Starting wireguard-go.  Runs in the launcher (_gwlaunch, CAP_NET_ADMIN).
 */
#ifndef GW_RUN_H
#define GW_RUN_H

#include <sys/types.h>

/* where it may be, ended by NULL: the first that is there is taken */
extern const char *const run_programs[];

/* looks for it, before the sandbox closes */
void	 run_init(void);
/*
 * Starts it for a TUN and a listening socket, which stay the caller's; its
 * standard output and error arrive at *output, non-blocking and
 * close-on-exec.  Its process id, or -1 with errno: ENOENT if it is not
 * installed.  That it could not be executed is in its output, and the exit
 * status is 127.
 */
pid_t	 run_wireguard(const char *iface, int tun, int uapi, int *output);

#endif
