/*
 * The history's file, which the frontend reads and writes.  Runs in the
 * parent (root, Landlock lets it write to state_dir), which makes sure that it
 * is one, and passes it on.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "histfile.h"
#include "log.h"
#include "state.h"
#include "util.h"

static const struct state_file	 file = { "history", 0 };

/* a new file: NULL, or why it cannot be, with errno */
static const char *
history_begin(int fd, const char head[HISTORY_BLOCK])
{
	ssize_t	 n = pwrite(fd, head, HISTORY_BLOCK, 0);

	if (n == HISTORY_BLOCK)
		return (NULL);
	if (n != -1)
		errno = ENOSPC;
	return (strerror(errno));
}

/* NULL if the file is ours, or empty and is ours now; else what is wrong with
 * it, and errno is EINVAL if it is something else */
static const char *
history_error(int fd)
{
	char		 head[HISTORY_BLOCK], have[HISTORY_BLOCK];
	struct stat	 st;

	errno = EINVAL;
	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode))
		return ("is no regular file");
	history_head(head);
	if (st.st_size == 0)
		return (history_begin(fd, head));
	if (st.st_size > HISTORY_MAX)
		return ("is too large");
	if (pread(fd, have, sizeof(have), 0) != sizeof(have) ||
	    memcmp(head, have, sizeof(head)) != 0)
		return ("is damaged or of another version");
	return (NULL);
}

/* the name is something that cannot be the file: -1 and EINVAL */
static int
history_no_file(const char **why)
{
	*why = "is no regular file";
	errno = EINVAL;
	return (-1);
}

static int
history_open_once(const char **why)
{
	char	 path[STATE_PATH_SIZE];
	int	 fd;

	/* O_NONBLOCK: somebody may have put a FIFO there */
	fd = open(state_path(path, &file, ""), O_RDWR | O_CREAT | O_NOFOLLOW |
	    O_NONBLOCK | O_CLOEXEC, 0600);
	if (fd == -1 &&
	    (errno == EISDIR || errno == ELOOP || errno == ENXIO))
		return (history_no_file(why));
	*why = fd == -1 ? strerror(errno) : history_error(fd);
	if (*why == NULL || fd == -1)
		return (fd);
	return (close_failed(fd));
}

int
state_history_open(void)
{
	const char	*why;
	int		 fd;

	if ((fd = history_open_once(&why)) != -1)
		return (fd);
	/* what lies there is none; the second one is our own */
	if (errno == EINVAL) {
		state_set_aside(&file, why);
		fd = history_open_once(&why);
	}
	if (fd == -1)
		log_warnx("history: %s: there will be none", why);
	return (fd);
}
