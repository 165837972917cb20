/*
 * Structured logging: one line on stderr for each record, in any process.
 * With log_to = syslog or a file, stderr of a child is a pipe to the parent,
 * which alone writes there (see parent/logsink.c).
 */
#include <sys/stat.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "log.h"

#define LINE_SIZE	2048	/* below PIPE_BUF: lines never mix */

struct line {
	char	 buf[LINE_SIZE];
	size_t	 len;
};

static enum log_level	 level = LL_INFO;
static enum log_format	 format = LF_TEXT;
static enum log_target	 target = LT_STDERR;
static const char	*process = "parent";
static unsigned long	 dropped;	/* records that could not be written */
static void		(*hook)(enum log_level, const char *, const char *);

static const char *const level_names[] = { "error", "warn", "info", "debug" };
/* the priorities of syslog(3) */
static const int level_priority[] = { 3, 4, 6, 7 };

void
log_init(enum log_level l, enum log_format f, enum log_target t,
    const char *name)
{
	level = l;
	format = f;
	target = t;
	process = name;
}

enum log_target
log_detect(void)
{
	const char		*s = getenv("JOURNAL_STREAM");
	unsigned long long	 dev, ino;
	struct stat		 st;

	if (s == NULL || sscanf(s, "%llu:%llu", &dev, &ino) != 2 ||
	    fstat(STDERR_FILENO, &st) == -1 ||
	    st.st_dev != dev || st.st_ino != ino)
		return (LT_STDERR);
	return (LT_JOURNAL);
}

void
log_set_level(enum log_level l)
{
	level = l;
}

void
log_set_hook(void (*h)(enum log_level, const char *, const char *))
{
	hook = h;
}

enum log_level
log_get_level(void)
{
	return (level);
}

enum log_format
log_get_format(void)
{
	return (format);
}

enum log_target
log_get_target(void)
{
	return (target);
}

const char *
log_level_name(enum log_level l)
{
	return (level_names[l]);
}

int
log_level_parse(const char *s, enum log_level *l)
{
	size_t	 i;

	for (i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++) {
		if (strcmp(s, level_names[i]) == 0) {
			*l = (enum log_level)i;
			return (0);
		}
	}
	return (-1);
}

static void
put(struct line *l, const char *s)
{
	while (*s != '\0' && l->len < sizeof(l->buf) - 4)
		l->buf[l->len++] = *s++;
}

/* quoted; whatever could forge a line or drive a terminal is escaped */
static void
put_quoted(struct line *l, const char *s)
{
	char	 esc[8];

	put(l, "\"");
	for (; *s != '\0'; s++) {
		unsigned char	 c = (unsigned char)*s;

		esc[0] = (char)c;
		esc[1] = '\0';
		if (c == '"' || c == '\\')
			snprintf(esc, sizeof(esc), "\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			snprintf(esc, sizeof(esc),
			    format == LF_JSON ? "\\u%04x" : "\\x%02x", c);
		/* half an escape would spoil the record */
		if (l->len + strlen(esc) > sizeof(l->buf) - 4)
			break;
		put(l, esc);
	}
	/* the closing quote has its room even in a cut line */
	l->buf[l->len++] = '"';
}

static void
put_field(struct line *l, const char *key, const char *value, int quote)
{
	int	 json = format == LF_JSON;

	if (value == NULL)
		return;
	if (json)
		put(l, l->buf[l->len - 1] == '{' ? "\"" : ",\"");
	else if (l->len > 0 && l->buf[l->len - 1] != '>')
		put(l, " ");
	put(l, key);
	put(l, json ? "\":" : "=");
	if (json || quote)
		put_quoted(l, value);
	else
		put(l, value);
}

static const char *
time_text(char *buf, size_t size)
{
	struct timespec	 ts;
	struct tm	 tm;
	size_t		 n;

	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	n = strftime(buf, size, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + n, size - n, ".%03ldZ", ts.tv_nsec / 1000000);
	return (buf);
}

static void
call_hook(enum log_level l, const char *tunnel, const char *msg)
{
	static int	 inside;

	if (hook == NULL || inside)
		return;
	inside = 1;
	hook(l, tunnel, msg);
	inside = 0;
}

static void __attribute__((format(printf, 4, 0)))
emit(enum log_level l, const char *tunnel, int err, const char *fmt,
    va_list ap)
{
	struct line	 line;
	char		 msg[1024], when[40], prio[8];
	int		 n, saved_errno = errno;

	if (l > level)
		return;
	n = vsnprintf(msg, sizeof(msg), fmt, ap);
	if (err != 0 && n >= 0 && (size_t)n < sizeof(msg))
		snprintf(msg + n, sizeof(msg) - (size_t)n, ": %s",
		    strerror(err));

	line.len = 0;
	if (target != LT_STDERR) {
		snprintf(prio, sizeof(prio), "<%d>", level_priority[l]);
		put(&line, prio);
	}
	if (format == LF_JSON)
		put(&line, "{");
	/* the journal keeps a time of its own */
	if (target != LT_JOURNAL)
		put_field(&line, "time", time_text(when, sizeof(when)), 0);
	put_field(&line, "level", level_names[l], 0);
	put_field(&line, "process", process, 0);
	put_field(&line, "tunnel", tunnel, 0);
	put_field(&line, "msg", msg, 1);
	if (format == LF_JSON)
		line.buf[line.len++] = '}';
	line.buf[line.len++] = '\n';
	if (write(STDERR_FILENO, line.buf, line.len) == -1)
		dropped++;	/* nowhere left to say it */
	call_hook(l, tunnel, msg);
	errno = saved_errno;
}

void
log_record(enum log_level l, const char *tunnel, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	emit(l, tunnel, 0, fmt, ap);
	va_end(ap);
}

void
log_warn(const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	emit(LL_WARN, NULL, errno, fmt, ap);
	va_end(ap);
}

void
fatal(const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	emit(LL_ERROR, NULL, errno, fmt, ap);
	va_end(ap);
	exit(1);
}

void
fatalx(const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	emit(LL_ERROR, NULL, 0, fmt, ap);
	va_end(ap);
	exit(1);
}
