/*
 * net.ipv6.conf.IFACE.*.  Runs in the parent.  Interface names hold no slash
 * (the kernel sees to that), so none leads out of the directory.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sysctl.h"

static int	 sysctl_dir = -1;

int
sysctl_open(void)
{
	sysctl_dir = open("/proc/sys/net", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return (sysctl_dir == -1 ? -1 : 0);
}

void
sysctl_close(void)
{
	if (sysctl_dir != -1)
		close(sysctl_dir);
	sysctl_dir = -1;
}

static int
sysctl_file(const char *iface, const char *key, int mode)
{
	char	 path[80];

	snprintf(path, sizeof(path), "ipv6/conf/%s/%s", iface, key);
	return (openat(sysctl_dir, path, mode | O_CLOEXEC));
}

int
sysctl_write(const char *iface, const char *key, uint32_t value)
{
	char	 text[16];
	ssize_t	 n;
	int	 fd, len, saved;

	if ((fd = sysctl_file(iface, key, O_WRONLY)) == -1)
		return (-1);
	len = snprintf(text, sizeof(text), "%u\n", value);
	n = write(fd, text, (size_t)len);
	saved = errno;
	close(fd);
	errno = saved;
	return (n == len ? 0 : -1);
}

int
sysctl_set(const char *iface, const char *key, uint32_t value)
{
	char	 now[16], text[16];
	ssize_t	 n;
	int	 fd, len;

	/* reading first: it may be right where it cannot be written */
	if ((fd = sysctl_file(iface, key, O_RDONLY)) == -1)
		return (-1);
	n = read(fd, now, sizeof(now));
	close(fd);
	len = snprintf(text, sizeof(text), "%u\n", value);
	if (n == len && memcmp(now, text, (size_t)len) == 0)
		return (0);
	return (sysctl_write(iface, key, value) == -1 ? -1 : 1);
}

int
sysctl_has_ipv6(void)
{
	return (faccessat(sysctl_dir, "ipv6/conf/all", F_OK, 0) == 0);
}
