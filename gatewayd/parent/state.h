/*
 * What survives a restart: files in state_dir, written atomically and read
 * only if they are whole.  Runs in the parent (root, three capabilities).
 */
#ifndef GW_STATE_H
#define GW_STATE_H

#include <event2/event.h>
#include <netinet/in.h>
#include <stddef.h>

#include "conf.h"
#include "peer.h"

struct state_file {
	const char	*name;		/* in state_dir */
	int		 failing;	/* the last state_save() failed */
};

#define STATE_PATH_SIZE	4096

/* state.c: the directory; before anything below */
void		 state_init(const char *dir);
/* where the file is, with that suffix; returns buf */
const char	*state_path(char buf[STATE_PATH_SIZE],
		    const struct state_file *, const char *suffix);
/*
 * Returns the contents, which the caller frees, and their length; NULL if
 * there are none, or none that can be used: a damaged file has been set aside
 * then.
 */
void		*state_load(const struct state_file *, size_t *len);
/*
 * Replaces the file: at every moment the old or the new one is there.  0, or
 * -1: the old one stays, and the log has said why, once until it works again.
 */
int		 state_save(struct state_file *, const void *data, size_t len);
/* renames the file to NAME.bad and logs that it "is damaged", or what why
 * says */
void		 state_set_aside(const struct state_file *, const char *why);

/*
 * state_blob.c: what the engine and the relay keep, in pieces.  Here nobody
 * looks inside.
 */
struct state_blob;
extern struct state_blob	 state_engine, state_ports;
/* sends it in messages of that type; before the first COMMIT */
void		 state_blob_load(struct state_blob *, struct peer *,
		    enum imsg_type);
/* a piece of a new one */
void		 state_blob_save(struct state_blob *, const struct peer *,
		    const struct imsg *);
/* the process could make nothing of it: it is set aside */
void		 state_blob_bad(struct state_blob *, const struct peer *,
		    const struct imsg *);
/* writes now what the disk has not taken yet */
void		 state_blob_flush(struct state_blob *);

/*
 * state_history.c: opens the file of common/histfile.h for reading and writing,
 * and makes it if there is none; one that is no such file has been set aside
 * then.  -1: the log has said why there is none.
 */
int		 state_history_open(void);

/*
 * endpoints.c: the IPv4 address that each tunnel server's name led to last,
 * for a start without DNS.  Written some seconds after a change and at exit.
 */
void		 endpoints_init(struct event_base *);
/* names of other configurations are forgotten when the file is written; conf
 * must stay until the next call */
void		 endpoints_conf(const struct gw_conf *);
/* INADDR_ANY: none is known */
struct in_addr	 endpoints_last(const char *host);
/* the look-up of host gave addr */
void		 endpoints_learned(const char *host, struct in_addr addr);
/* writes now what was to be written later */
void		 endpoints_flush(void);

#endif
