/*
 * Whole files in memory: configurations, keys and state.  Runs in the parent
 * and in gatewayctl, with whatever right they have.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "util.h"

/* bytes read into buf, which has room for one more than max; -1: errno */
static ssize_t
read_all(int fd, char *buf, size_t max)
{
	size_t len = 0;
	ssize_t n;

	/* it may grow while it is read: count, do not trust its size */
	while (len <= max) {
		n = read(fd, buf + len, max + 1 - len);
		if (n == 0)
			return ((ssize_t)len);
		if (n == -1)
			break;
		len += (size_t)n;
	}
	if (len > max)
		errno = EFBIG;
	explicit_bzero(buf, len);
	return (-1);
}

/* NULL with errno; *why is set where strerror() would be too terse */
static char *
read_regular(int fd, size_t max, const struct stat *st, size_t *len,
    const char **why)
{
	static char too_large[64];
	char *buf;
	ssize_t n;

	if (!S_ISREG(st->st_mode)) {
		*why = S_ISDIR(st->st_mode) ? "is a directory" :
		    "is not a regular file";
		errno = EINVAL;
		return (NULL);
	}
	buf = xmalloc(max + 1);
	if ((n = read_all(fd, buf, max)) == -1) {
		if (errno == EFBIG) {
			snprintf(too_large, sizeof(too_large), "is larger "
			    "than %zu MiB", max / FILE_MIB);
			*why = too_large;
		}
		free(buf);
		return (NULL);
	}
	*len = (size_t)n;
	return (buf);
}

char *
file_read(const char *path, size_t max, struct stat *st, size_t *len,
    const char **why)
{
	char *buf = NULL;
	int fd, error;

	*why = NULL;
	/* O_NONBLOCK: a FIFO must not hold us up */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd != -1 && fstat(fd, st) != -1)
		buf = read_regular(fd, max, st, len, why);
	error = errno;
	if (fd != -1)
		close(fd);
	errno = error;
	if (buf == NULL && *why == NULL)
		*why = strerror(error);
	return (buf);
}
