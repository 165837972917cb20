/*
 * What wireguard-go writes, line by line into our log: at debug, its errors
 * at info, and what has no level (the last words of a crash) as a warning.
 * Runs in the launcher (_gwlaunch, CAP_NET_ADMIN).
 *
 * Whoever can send it packets can make it write, so lines are cut and counted.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "output.h"
#include "util.h"

#define LINE_SIZE	512
#define LINES_MAX	100	/* in a period */
#define PERIOD_MS	10000

struct output {
	struct event	*ev;
	int		 fd;
	const char	*iface;		/* the owner's */
	char		 line[LINE_SIZE];
	size_t		 len;
	uint64_t	 period;	/* its start, monotonic ms */
	unsigned int	 lines;		/* in it */
};

/* "ERROR: (wg0) 2026/01/31 23:59:59 text" */
const char *
output_text(const char *line, enum log_level *level)
{
	static const char	 digits[] = "0123456789/: ";
	const char		*p;

	*level = strncmp(line, "ERROR: ", 7) == 0 ? LL_INFO :
	    strncmp(line, "DEBUG: ", 7) == 0 ? LL_DEBUG : LL_WARN;
	if (*level == LL_WARN)
		return (line);
	line += 7;
	if (*line == '(' && (p = strchr(line, ')')) != NULL)
		line = p + 1 + strspn(p + 1, digits);
	return (line);
}

static void
output_line(struct output *o)
{
	enum log_level	 level;
	const char	*text;
	uint64_t	 now = monotime_ms();

	if (now - o->period >= PERIOD_MS) {
		if (o->lines > LINES_MAX)
			log_info("wireguard-go on %s: %u more lines were left "
			    "out", o->iface, o->lines - LINES_MAX);
		o->period = now;
		o->lines = 0;
	}
	o->line[o->len] = '\0';
	text = output_text(o->line, &level);
	/* what the level hides costs nothing */
	if (level <= log_get_level() && ++o->lines <= LINES_MAX)
		log_record(level, NULL, "wireguard-go on %s: %s", o->iface,
		    text);
	o->len = 0;
}

/* nonzero if there may be more */
static int
output_some(struct output *o)
{
	char	 buf[4096];
	ssize_t	 i, n;

	if ((n = read(o->fd, buf, sizeof(buf))) <= 0)
		return (n == -1 ? 0 : -1);
	for (i = 0; i < n; i++) {
		if (buf[i] == '\n') {
			output_line(o);
			continue;
		}
		/* the rest of a long line is left out */
		if (o->len < sizeof(o->line) - 1)
			o->line[o->len++] = buf[i];
	}
	return (n == sizeof(buf));
}

static void
output_read(int fd, short events, void *arg)
{
	struct output	*o = arg;

	/* end of file: it has ended, and SIGCHLD says how */
	if (output_some(o) == -1)
		event_del(o->ev);
}

struct output *
output_new(struct event_base *base, int fd, const char *iface)
{
	struct output	*o = xcalloc(1, sizeof(*o));

	o->fd = fd;
	o->iface = iface;
	o->ev = event_new(base, fd, EV_READ | EV_PERSIST, output_read, o);
	if (o->ev == NULL || event_add(o->ev, NULL) == -1)
		fatalx("event_add");
	return (o);
}

void
output_free(struct output *o)
{
	int	 i;

	/* not without end, if a process of its own should hold the pipe */
	for (i = 0; i < 64 && output_some(o) == 1; i++)
		;
	event_free(o->ev);
	close(o->fd);
	free(o);
}
