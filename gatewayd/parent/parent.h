/*
 * What the files of the parent share.  The parent runs as root with three
 * capabilities; see parent.c.
 */
#ifndef GW_PARENT_H
#define GW_PARENT_H

#include <event2/event.h>
#include <stdint.h>

#include "conf.h"
#include "log.h"
#include "peer.h"
#include "proc.h"

struct parent {
	struct event_base	*base;
	char			*file;		/* configuration, absolute */
	struct gw_conf		*conf;		/* in force */
	enum gw_log_to		 log_to;	/* where the log really goes */
	int			 debug;		/* whatever log_level says */
	struct proc		 procs[PROC_COUNT];
	struct peer		*peers[PROC_COUNT];
	uint32_t		 next_id;	/* of a new tunnel */
	int			 ready;		/* children that started up */
	int			 stopping;
	uint32_t		 unsettled;	/* asked to settle: bits by
						 * enum gw_proc */
};

extern struct parent	 env;

struct imsg_uids;

/* listen.c: binds all listeners; 0, or -1 after saying what is wrong */
int	 listen_open(const struct gw_conf *);
/* hands them to the frontend, and both what tells whose a socket is */
void	 listen_send(struct peer *frontend, struct peer *relay);
/* the SOCKS listener: a descriptor, or -1 with errno; and removes its socket
 * from the file system, if there is one */
int	 listen_socks(const struct gw_conf *);
void	 listen_socks_close(const struct gw_conf *);
/*
 * A socket in the file system, listening; one whose process is gone is
 * replaced.  Close-on-exec and non-blocking; -1 with errno: EADDRINUSE if
 * somebody serves it, EEXIST if the path is no socket.
 */
int	 listen_unix(const char *path, int type, mode_t);
/* removes the sockets from the file system */
void	 listen_close(const struct gw_conf *);

/* procstat.c: /proc/PID/stat of every process, opened and handed over once */
void	 procstat_open(void);
void	 procstat_send(struct peer *);

/* daemon.c: into the background; who started us waits for daemon_ready() */
void	 daemon_fork(void);
void	 daemon_ready(void);

/* logsink.c: stderr of every process leads to syslog or the file from here
 * on; returns the descriptor for children's stderr, -1 with GW_LOG_STDERR */
int	 logsink_open(enum gw_log_to, const char *file);
void	 logsink_run(struct event_base *);
/* opens the file again, for newsyslog(8) and logrotate(8) */
void	 logsink_reopen(void);

/* logrelay.c: our own log records go to the frontend from here on; those
 * before logrelay_run(), when its pipe is there, wait for it */
void	 logrelay_init(void);
void	 logrelay_run(void);
/* before the pipes are closed */
void	 logrelay_stop(void);
/* a child's */
void	 logrelay_record(const struct peer *, const struct imsg *);
/* of one process, ours as well, or of all (WIRE_ALL) */
void	 logrelay_set_level(uint32_t proc, enum log_level);

/*
 * writers.c: the group, UINT32_MAX if there is none, and the uids of its
 * members; 0, or -1 and tell was called with what is wrong
 */
int	 writers_resolve(const struct gw_conf *, uint32_t *gid,
	    struct imsg_uids *, void (*tell)(enum log_level, const char *,
	    ...));

/* reload.c: nonzero while a configuration is on its way in */
int	 reload_pending(void);
/* the first configuration, sent after the children started */
void	 reload_first(void);
/* a new one; request: the frontend's number, answered with RELOAD_RESULT, or
 * 0 for nobody.  While one is on its way in another waits; one more is EBUSY */
void	 reload(uint32_t request);
/* the one that waits, if it can be carried out now */
void	 reload_due(void);
/* a child holds the new configuration */
void	 reload_ready(enum gw_proc);

/*
 * relay_conf.c: opens the SOCKS listener if a configuration has another one
 * than that in force (*fd, or -1); 0, or -1 with errno.  Sends all that is the
 * relay's, and fd, which is taken over.  The old configuration is not in force
 * any more
 */
int	 relay_conf_listen(const struct gw_conf *, int *fd);
void	 relay_conf_send(const struct gw_conf *, int fd);
void	 relay_conf_done(const struct gw_conf *old);

/* doctor.c: the doctor knows this configuration from here on */
void	 doctor_conf(const struct gw_conf *);
/* lets it look at this machine once the tunnels had time to come up */
void	 doctor_ready(void);

/* portlisten.c: LISTEN, the socket of a port mapping */
void	 port_listen(const struct peer *, const struct imsg *);

/* request.c: every message from a child */
void	 request_dispatch(struct peer *, struct imsg *);

/* parent.c: the first configuration is in force everywhere */
void	 parent_configured(void);
/* SETTLED: what the process had to say before the end, it has said */
void	 parent_settled(enum gw_proc);
/* a child has started up */
void	 parent_started(enum gw_proc);
/* a child did what no honest one does: it is taken for compromised, which
 * ends the daemon; fmt says what it did */
void	 parent_lied(enum gw_proc, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3), noreturn));

#endif
