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
 * Starts it for an interface, which it serves through tun, an unattached
 * descriptor of /dev/net/tun, and a listening socket; both stay the caller's.
 * Its standard output and error arrive at *output, non-blocking and
 * close-on-exec.  Its process id, or -1 with errno: ENOENT if it is not
 * installed.  What failed in the new process is in its output, and the exit
 * status is 127.
 */
pid_t	 run_wireguard(const char *iface, int tun, int uapi, int *output);

/*
 * IFF_* for the TUN descriptor of the version that says this of itself: the
 * releases until 20230223 expect struct tun_pi in front of each packet, those
 * since find out by themselves whether there is a virtio_net_hdr.
 */
int	 run_tun_flags(const char *version);

#endif
