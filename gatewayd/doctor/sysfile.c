/*
 * Small files of /proc and /sys, and which modules there are.  Runs in the
 * doctor (_gwrelay, Landlock) and in gatewayctl; reads only.
 */
#include <sys/utsname.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "sysfile.h"

static int __attribute__((format(printf, 3, 0)))
read_text(char *buf, size_t size, const char *fmt, va_list ap)
{
	char	 path[256];
	ssize_t	 n;
	int	 fd;

	vsnprintf(path, sizeof(path), fmt, ap);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) == -1)
		return (-1);
	n = read(fd, buf, size - 1);
	close(fd);
	if (n == -1)
		return (-1);
	buf[n] = '\0';
	if (n > 0 && buf[n - 1] == '\n')
		buf[n - 1] = '\0';
	return (0);
}

int
sysfile_text(char *buf, size_t size, const char *fmt, ...)
{
	va_list	 ap;
	int	 r;

	va_start(ap, fmt);
	r = read_text(buf, size, fmt, ap);
	va_end(ap);
	return (r);
}

long
sysfile_number(const char *fmt, ...)
{
	char	 buf[32], *end;
	va_list	 ap;
	long	 n;
	int	 r;

	va_start(ap, fmt);
	r = read_text(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	if (r == -1)
		return (-1);
	n = strtol(buf, &end, 10);
	return (end == buf || n < 0 ? -1 : n);
}

/* "kernel/net/ipv6/sit.ko.xz: ..." in modules.dep, one line without the rest
 * in modules.builtin; 1 found, 0 not, -1 no such list */
static int
module_listed(const char *list, const char *release, const char *name)
{
	char	 path[512], want[64];
	char	*line = NULL;
	size_t	 size = 0;
	FILE	*f;
	int	 found = 0;

	snprintf(path, sizeof(path), "/lib/modules/%s/%s", release, list);
	if ((f = fopen(path, "re")) == NULL)
		return (-1);
	snprintf(want, sizeof(want), "/%s.ko", name);
	while (!found && getline(&line, &size, f) != -1) {
		line[strcspn(line, ":\n")] = '\0';
		found = strstr(line, want) != NULL;
	}
	free(line);
	fclose(f);
	return (found);
}

enum module_state
module_state(const char *name, const char **how)
{
	static char	 text[512];
	struct utsname	 u;
	char		 path[128];
	int		 dep, builtin;

	*how = text;
	snprintf(path, sizeof(path), "/sys/module/%s", name);
	if (access(path, F_OK) == 0) {
		snprintf(text, sizeof(text), "%s exists", path);
		return (MODULE_LOADED);
	}
	if (uname(&u) == -1)
		fatal("uname");
	dep = module_listed("modules.dep", u.release, name);
	builtin = module_listed("modules.builtin", u.release, name);
	snprintf(text, sizeof(text), "/lib/modules/%s has %s%s", u.release,
	    dep > 0 || builtin > 0 ? "" : "no ", name);
	if (builtin > 0)
		return (MODULE_LOADED);
	if (dep > 0 && sysfile_number("/proc/sys/kernel/modules_disabled") <=
	    0)
		return (MODULE_LOADABLE);
	if (dep > 0)
		snprintf(text, sizeof(text), "kernel.modules_disabled is set: "
		    "%s cannot be loaded", name);
	else if (dep == -1 && builtin == -1) {
		snprintf(text, sizeof(text), "%s is not loaded, and "
		    "/lib/modules/%s cannot be read", name, u.release);
		return (MODULE_UNKNOWN);
	}
	return (MODULE_MISSING);
}
