/*
 * The userspace drivers: the descriptors that encap and wireguard-go work
 * with.  Runs in the parent (CAP_NET_ADMIN, CAP_NET_RAW, /dev/net/tun);
 * encap/encap.h lists what has to be done to them and why.
 */
#ifndef GW_TUN_H
#define GW_TUN_H

#include <netinet/in.h>
#include <stdint.h>

/*
 * Attaches to the TUN interface, made anew or, with exists, an old one.
 * offloads gets the TUN_F_* in force.  The descriptor, or -1 with errno:
 * ENOENT or ENODEV without a TUN driver, EBUSY if the interface is in use.
 */
int	 tun_open(const char *iface, int exists, uint32_t *offloads);
/*
 * The same for wireguard-go.  The descriptor does not belong to the interface
 * yet: how packets are framed depends on the version, which the launcher
 * knows.
 */
int	 tun_open_wg(const char *iface, int exists);
/* a raw protocol-41 socket, connected to remote, and bound to the device if
 * that is not ""; -1 with errno */
int	 tun_raw_open(struct in_addr local, struct in_addr remote,
	    uint8_t ttl, const char *device);

#endif
