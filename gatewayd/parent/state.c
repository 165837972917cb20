/*
 * State files: written beside and renamed; read back only if their checksum
 * says that they are whole.  Runs in the parent (root, Landlock lets it write
 * to state_dir).
 *
 * Nothing waits for the disk: an SD card takes seconds at times, and a tunnel
 * may fail in them.  What a power failure tears is noticed by its checksum.
 *
 *	v6-gatewayd state 1 SHA-256-OF-THE-REST
 *	...
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "log.h"
#include "state.h"
#include "util.h"
#include "wire.h"

#define MAGIC		"v6-gatewayd state "
#define VERSION		MAGIC "1 "
#define HEAD_LEN	(strlen(VERSION) + SHA256_DIGEST_STRING_LENGTH)
#define HEAD_SIZE	128

#define FILE_MAX	(WIRE_STATE_MAX + FILE_MIB)	/* and its first line */

static char	*state_dir;

void
state_init(const char *dir)
{
	state_dir = xstrdup(dir);
}

const char *
state_path(char buf[STATE_PATH_SIZE], const struct state_file *f,
    const char *suffix)
{
	snprintf(buf, STATE_PATH_SIZE, "%s/%s%s", state_dir, f->name, suffix);
	return (buf);
}

/* the first line for this contents, with its newline */
static void
state_head(char head[HEAD_SIZE], const void *data, size_t len)
{
	char	 hex[SHA256_DIGEST_STRING_LENGTH];

	SHA256Data(data, len, hex);
	snprintf(head, HEAD_SIZE, VERSION "%s\n", hex);
}

void
state_set_aside(const struct state_file *f, const char *why)
{
	char	 path[STATE_PATH_SIZE], bad[STATE_PATH_SIZE];

	state_path(path, f, "");
	state_path(bad, f, ".bad");
	if (rename(path, bad) == -1)
		log_warn("%s %s, and cannot be renamed to %s", path, why, bad);
	else
		log_warnx("%s %s; it is set aside as %s, and what it kept "
		    "starts anew", path, why, bad);
}

/* NULL if the file is whole, else what is wrong with it */
static const char *
state_error(const char *buf, size_t len)
{
	char	 head[HEAD_SIZE];

	if (len >= strlen(VERSION) &&
	    memcmp(buf, MAGIC, strlen(MAGIC)) == 0 &&
	    memcmp(buf, VERSION, strlen(VERSION)) != 0)
		return ("is of another version");
	if (len < HEAD_LEN)
		return ("is damaged");
	if (len > HEAD_LEN + WIRE_STATE_MAX)
		return ("is too large");
	state_head(head, buf + HEAD_LEN, len - HEAD_LEN);
	return (memcmp(buf, head, HEAD_LEN) == 0 ? NULL : "is damaged");
}

void *
state_load(const struct state_file *f, size_t *len)
{
	char		 path[STATE_PATH_SIZE], *buf;
	const char	*why;
	struct stat	 st;

	buf = file_read(state_path(path, f, ""), FILE_MAX, &st, len, &why);
	if (buf == NULL) {
		/* no file, or one that is none or too large, or no luck */
		if (errno == EINVAL || errno == EFBIG)
			state_set_aside(f, why);
		else if (errno != ENOENT)
			log_warnx("%s: %s; what it keeps starts anew", path,
			    why);
		return (NULL);
	}
	if ((why = state_error(buf, *len)) != NULL) {
		free(buf);
		state_set_aside(f, why);
		return (NULL);
	}
	*len -= HEAD_LEN;
	memmove(buf, buf + HEAD_LEN, *len);
	return (buf);
}

static int
write_all(int fd, const void *data, size_t len)
{
	const char	*s = data;
	ssize_t		 n;

	for (; len > 0; s += n, len -= (size_t)n)
		if ((n = write(fd, s, len)) == -1)
			return (-1);
	return (0);
}

/* a file of its own, complete; 0, or -1 with errno */
static int
write_file(const char *path, const void *data, size_t len)
{
	char	 head[HEAD_SIZE];
	int	 fd, error;

	/* one name, so that what a crash left behind does not add up; only
	 * root writes to this directory, so nobody can have put a link there */
	if (unlink(path) == -1 && errno != ENOENT)
		return (-1);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd == -1)
		return (-1);
	state_head(head, data, len);
	error = write_all(fd, head, HEAD_LEN) == -1 ||
	    write_all(fd, data, len) == -1 ? errno : 0;
	if (close(fd) == -1 && error == 0)
		error = errno;
	errno = error;
	return (error == 0 ? 0 : -1);
}

int
state_save(struct state_file *f, const void *data, size_t len)
{
	char	 path[STATE_PATH_SIZE], temp[STATE_PATH_SIZE];

	state_path(path, f, "");
	state_path(temp, f, ".new");
	if (write_file(temp, data, len) == -1 || rename(temp, path) == -1) {
		if (!f->failing)
			log_warn("%s cannot be written, the old one stays",
			    path);
		f->failing = 1;
		unlink(temp);
		return (-1);
	}
	if (f->failing)
		log_info("%s is written again", path);
	f->failing = 0;
	return (0);
}
