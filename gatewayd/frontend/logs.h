/*
 * The last log records of all processes, for /logs and for those who follow.
 * Runs in the frontend (_gatewayd, chroot).
 *
 * A record is kept as its JSON, with these keys, in this order:
 *
 *	id	1 for the first since the daemon started, then rising by 1
 *	time	Unix seconds
 *	level	error, warn, info, debug
 *	process	who wrote it
 *	tunnel	which one it is about, or null
 *	message
 */
#ifndef GW_LOGS_H
#define GW_LOGS_H

#include <event2/event.h>
#include <stddef.h>
#include <stdint.h>

#include "log.h"
#include "peer.h"
#include "wire.h"

#define LOGS_KEPT	1000		/* records at most, */
#define LOGS_BYTES	(256 * 1024)	/* and bytes of their JSON */
#define LOGS_LIMIT	100		/* in an answer, if nobody says */

struct log_entry {
	uint64_t	 id;
	uint64_t	 time;
	enum log_level	 level;
	int		 quiet;		/* written while events were told */
	char		*json;		/* no newline */
	size_t		 len;
};

/* keeps this process's own records from here on */
void	 logs_init(void);
/* tells those who follow of each record from here on (events_log()) */
void	 logs_run(struct event_base *);
/* keeps a record; text need not end in a NUL */
void	 logs_add(const struct imsg_log *, const char *text, size_t len);
/* LOG_RECORD and PROC_LEVEL */
void	 logs_record(const struct imsg *);
void	 logs_level(const struct imsg *);

/*
 * The record with this id, or the first one behind it that is still kept;
 * NULL if there is none.  Valid until the next one comes.
 */
const struct log_entry *logs_at(uint64_t id);
/*
 * /logs: at most limit records of this level and above.  since NULL: the
 * newest ones; else those that came after it, the oldest first.  An id that
 * was not given yet is of an earlier run: everything came after it.  To be
 * freed.
 */
char	*json_logs(const uint64_t *since, enum log_level, unsigned int limit);

#endif
