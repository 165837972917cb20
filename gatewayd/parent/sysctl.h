/*
 * net.ipv6.conf.IFACE.*, by /proc/sys/net.  Runs in the parent: the files are
 * root's and a Landlock rule allows them.
 */
#ifndef GW_SYSCTL_H
#define GW_SYSCTL_H

#include <stdint.h>

/* opens /proc/sys/net (O_PATH), before the sandbox closes; 0, or -1 */
int	 sysctl_open(void);
void	 sysctl_close(void);
/*
 * Makes net.ipv6.conf.IFACE.KEY what it should be.  1 if it was changed, 0 if
 * it was so already, -1 with errno: ENOENT if there is no such key, EROFS if
 * /proc/sys cannot be written.
 */
int	 sysctl_set(const char *iface, const char *key, uint32_t value);
/* the same without looking first, for a new interface: 0, or -1 */
int	 sysctl_write(const char *iface, const char *key, uint32_t value);
/* nonzero if the kernel has IPv6 at all */
int	 sysctl_has_ipv6(void);

#endif
