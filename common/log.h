/*
 * Structured logging for every process, with OpenBSD's names.
 *
 * A record is one line: logfmt (key=value) or a JSON object.  Under the
 * journal each line starts with "<N>", the syslog priority.  errno is
 * preserved by every function here.  None of them fails: a record that cannot
 * be written is dropped.
 */
#ifndef GW_LOG_H
#define GW_LOG_H

#include <stdarg.h>

enum log_level {
	LL_ERROR,
	LL_WARN,
	LL_INFO,
	LL_DEBUG
};

enum log_format {
	LF_TEXT,
	LF_JSON
};

/*
 * Where stderr leads: a terminal or file (plain lines with a time), the
 * journal ("<N>" and no time), or the parent's log pipe ("<N>" and a time; the
 * parent strips the priority or hands it to syslog(3)).
 */
enum log_target {
	LT_STDERR,
	LT_JOURNAL,
	LT_PIPE
};

/* process, which is named in each record, stays the caller's */
void	 log_init(enum log_level, enum log_format, enum log_target,
	    const char *process);
/* LT_JOURNAL if stderr is the journal's stream (JOURNAL_STREAM), else STDERR */
enum log_target log_detect(void);
void	 log_set_level(enum log_level);
enum log_level log_get_level(void);
enum log_format log_get_format(void);
enum log_target log_get_target(void);
/*
 * Each record that is of this level or above goes to hook() as well, after it
 * was written: message without quotes, tunnel or NULL.  What hook() itself
 * logs does not come back to it.  NULL: no more.
 */
void	 log_set_hook(void (*hook)(enum log_level, const char *tunnel,
	    const char *msg));
const char *log_level_name(enum log_level);
/* 0 and the level for "error", "warn", "info", "debug"; -1 for another name */
int	 log_level_parse(const char *, enum log_level *);

/* tunnel: the record's "tunnel" field, or NULL for none */
void	 log_record(enum log_level, const char *tunnel, const char *fmt, ...)
	    __attribute__((format(printf, 3, 4)));
/* as log_record, and appends ": strerror(errno)" */
void	 log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
#define log_warnx(...)	log_record(LL_WARN, NULL, __VA_ARGS__)
#define log_info(...)	log_record(LL_INFO, NULL, __VA_ARGS__)
#define log_debug(...)	log_record(LL_DEBUG, NULL, __VA_ARGS__)
/* our own broken invariants only, never what a client can cause: exit(1) */
void	 fatal(const char *fmt, ...)
	    __attribute__((format(printf, 1, 2), noreturn));
void	 fatalx(const char *fmt, ...)
	    __attribute__((format(printf, 1, 2), noreturn));

#endif
