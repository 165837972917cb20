/*
 * Small files of /proc and /sys.  Runs in the doctor (_gwrelay, Landlock) and
 * in gatewayctl; reads only.
 */
#ifndef GW_SYSFILE_H
#define GW_SYSFILE_H

#include <stddef.h>

/* the first bytes of a file without a newline at the end; 0, or -1 with
 * errno */
int	 sysfile_text(char *buf, size_t size, const char *fmt, ...)
	    __attribute__((format(printf, 3, 4)));
/* the number a file holds, or -1 if there is none */
long	 sysfile_number(const char *fmt, ...)
	    __attribute__((format(printf, 1, 2)));

enum module_state {
	MODULE_LOADED,		/* or built in and at work */
	MODULE_LOADABLE,	/* the kernel asks for it when it is needed */
	MODULE_MISSING,
	MODULE_UNKNOWN		/* no list of modules can be read */
};

/* how, in words, for evidence: until the next call */
enum module_state module_state(const char *name, const char **how);

#endif
