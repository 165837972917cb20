/*
 * The log records of all processes on their way to the frontend, and the
 * level of each.  Runs in the parent (root, three capabilities).
 *
 * Who wrote a record is what its pipe says, not what the record does.  What
 * stderr, the journal or syslog get is not touched by any of this.
 */
#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "logpipe.h"
#include "parent.h"
#include "util.h"

#define EARLY_MAX	64	/* records before there is a frontend */

struct early {
	STAILQ_ENTRY(early)	 entry;
	struct imsg_log		 m;
	size_t			 len;
	char			 text[];
};

static STAILQ_HEAD(, early)	 earlies = STAILQ_HEAD_INITIALIZER(earlies);
static uint32_t			 nearlies;
static uint32_t			 lost;		/* behind those */
static int			 running;

/* the first ones are kept: they say how the start went */
static void
early_keep(const struct imsg_log *m, const char *msg)
{
	struct early	*e;
	size_t		 len = strlen(msg);

	if (nearlies == EARLY_MAX ||
	    (e = malloc(sizeof(*e) + len)) == NULL) {
		lost++;
		return;
	}
	e->m = *m;
	e->len = len;
	memcpy(e->text, msg, len);
	STAILQ_INSERT_TAIL(&earlies, e, entry);
	nearlies++;
}

static void
relay_own(enum log_level level, const char *tunnel, const char *msg)
{
	struct imsg_log	 m;

	logpipe_fill(&m, PROC_PARENT, level, tunnel);
	if (!running) {
		early_keep(&m, msg);
		return;
	}
	m.dropped = lost;
	lost = 0;
	logpipe_send(env.peers[PROC_FRONTEND], IMSG_LOG_RECORD, &m, msg,
	    strlen(msg));
}

void
logrelay_init(void)
{
	log_set_hook(relay_own);
}

/* the frontend shows it */
static void
tell_level(enum gw_proc proc, enum log_level level)
{
	struct imsg_level	 m = { level, proc };

	peer_send(env.peers[PROC_FRONTEND], IMSG_PROC_LEVEL, 0, -1, &m,
	    sizeof(m));
}

static void
set_level(enum gw_proc proc, enum log_level level)
{
	struct imsg_level	 m = { level, proc };

	if (proc == PROC_PARENT)
		log_set_level(level);
	else
		peer_send(env.peers[proc], IMSG_LOG_LEVEL, 0, -1, &m,
		    sizeof(m));
	tell_level(proc, level);
}

void
logrelay_run(void)
{
	struct early	*e;
	int		 i;

	running = 1;
	for (i = 0; i < PROC_COUNT; i++)
		tell_level((enum gw_proc)i, log_get_level());
	while ((e = STAILQ_FIRST(&earlies)) != NULL) {
		STAILQ_REMOVE_HEAD(&earlies, entry);
		logpipe_send(env.peers[PROC_FRONTEND], IMSG_LOG_RECORD, &e->m,
		    e->text, e->len);
		free(e);
	}
}

void
logrelay_stop(void)
{
	log_set_hook(NULL);
}

void
logrelay_record(const struct peer *p, const struct imsg *imsg)
{
	struct imsg_log	 m;
	const char	*text;
	int		 len;

	if ((len = logpipe_get(imsg, &m, &text)) == -1)
		parent_lied(p->proc, "LOG: malformed");
	m.proc = p->proc;
	m.time = unix_time();
	logpipe_send(env.peers[PROC_FRONTEND], IMSG_LOG_RECORD, &m, text,
	    (size_t)len);
}

void
logrelay_set_level(uint32_t proc, enum log_level level)
{
	int	 i;

	for (i = 0; i < PROC_COUNT; i++)
		if (proc == WIRE_ALL || proc == (uint32_t)i)
			set_level((enum gw_proc)i, level);
}
