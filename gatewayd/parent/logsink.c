/*
 * log_to = syslog or a file: the stderr of every process is a pipe, and what
 * comes out of it is written here.  Runs in the parent, which is the only one
 * that can: inside a chroot syslog(3) dies with the first restart of the
 * syslog daemon, and no child may open a file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "log.h"
#include "parent.h"
#include "util.h"

#define SINK_SIZE	65536		/* a full pipe */

static struct {
	int		 pipe[2];
	int		 fd;		/* the file, -1: syslog */
	char		*path;
	unsigned long	 lost;		/* records, while the disk was full */
	char		*buf;
	size_t		 len;
} sink = { { -1, -1 }, -1, NULL, 0, NULL, 0 };

static void
sink_write(const char *line, size_t len)
{
	char	 note[96];
	int	 n;

	if (sink.lost > 0) {
		n = snprintf(note, sizeof(note), "level=warn process=parent "
		    "msg=\"%lu records were lost: the log file could not be "
		    "written\"\n", sink.lost);
		if (write(sink.fd, note, (size_t)n) == n)
			sink.lost = 0;
	}
	if (write(sink.fd, line, len) != (ssize_t)len)
		sink.lost++;
}

/* a record is "<N>text\n", with N as in syslog(3) */
static void
sink_line(const char *line, size_t len)
{
	int	 priority = LOG_WARNING;

	/* anything else is a library's own message */
	if (len > 3 && line[0] == '<' && line[1] >= '0' && line[1] <= '7' &&
	    line[2] == '>') {
		priority = line[1] - '0';
		line += 3;
		len -= 3;
	}
	if (sink.fd != -1)
		sink_write(line, len);
	else
		syslog(priority, "%.*s", (int)(len - 1), line);
}

/* what the pipe holds now; what has no newline yet waits */
static void
sink_drain(void)
{
	char	*start, *nl;
	ssize_t	 n;

	n = read(sink.pipe[0], sink.buf + sink.len, SINK_SIZE - sink.len);
	if (n <= 0)
		return;
	sink.len += (size_t)n;
	start = sink.buf;
	while ((nl = memchr(start, '\n',
	    sink.len - (size_t)(start - sink.buf))) != NULL) {
		sink_line(start, (size_t)(nl + 1 - start));
		start = nl + 1;
	}
	sink.len -= (size_t)(start - sink.buf);
	memmove(sink.buf, start, sink.len);
	if (sink.len == SINK_SIZE)
		sink.len = 0;	/* 64 KiB without a newline is no log */
}

static void
sink_read(int fd, short events, void *arg)
{
	sink_drain();
}

static int
sink_open_file(void)
{
	return (open(sink.path,
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640));
}

int
logsink_open(enum gw_log_to to, const char *file)
{
	if (to == GW_LOG_STDERR)
		return (-1);
	if (to == GW_LOG_FILE) {
		sink.path = xstrdup(file);
		if ((sink.fd = sink_open_file()) == -1)
			fatal("log_to %s", sink.path);
	} else
		openlog("gatewayd", LOG_PID | LOG_NDELAY, LOG_DAEMON);
	if ((sink.buf = malloc(SINK_SIZE)) == NULL ||
	    pipe2(sink.pipe, O_CLOEXEC | O_NONBLOCK) == -1)
		fatal("log pipe");
	if (dup2(sink.pipe[1], STDERR_FILENO) == -1)
		fatal("log pipe");
	log_init(log_get_level(), log_get_format(), LT_PIPE, "parent");
	/* the last words of this process are in the pipe when it ends */
	atexit(sink_drain);
	return (sink.pipe[1]);
}

void
logsink_run(struct event_base *base)
{
	struct event	*ev;

	if (sink.pipe[0] == -1)
		return;
	ev = event_new(base, sink.pipe[0], EV_READ | EV_PERSIST, sink_read,
	    NULL);
	if (ev == NULL || event_add(ev, NULL) == -1)
		fatalx("event_add");
}

void
logsink_reopen(void)
{
	int	 fd;

	if (sink.fd == -1)
		return;
	if ((fd = sink_open_file()) == -1) {
		log_warn("%s: the old log file stays in use", sink.path);
		return;
	}
	close(sink.fd);
	sink.fd = fd;
	log_info("log file opened again");
}
