/*
 * What survives a restart: files in state_dir, written atomically and read
 * only if they are whole.  Runs in the parent (root, three capabilities).
 */
#ifndef GW_STATE_H
#define GW_STATE_H

#include <event2/event.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "conf.h"

#define STATE_MAX	(1024 * 1024)	/* bytes of one file's contents */

/*
 * Reads NAME in state_dir.  Returns its contents, which the caller frees, and
 * their length; NULL if there is none, or none that can be used: a damaged
 * one has been set aside then.
 */
void		*state_load(const char *name, size_t *len);
/*
 * Replaces NAME in state_dir: at every moment, also after a loss of power, the
 * old or the new one is there and whole.  0, or -1: the old one stays, and the
 * log says why, once until it works again.
 */
int		 state_save(const char *name, const void *data, size_t len);
/* renames NAME to NAME.bad and says so; why: "is damaged" */
void		 state_set_aside(const char *name, const char *why);

/*
 * The last IPv4 address that each tunnel server's name led to, for a start
 * without DNS; kept in the file "endpoints", some seconds after a change and
 * at exit.
 */
void		 endpoints_init(struct event_base *);
/* the names of this configuration count; the others go when it is saved */
void		 endpoints_conf(const struct gw_conf *);
/* of HOST, case aside; INADDR_ANY: none is known */
struct in_addr	 endpoints_last(const char *host);
/* HOST leads to addr: it was looked up, and the tunnel server answered there
 * or may */
void		 endpoints_learned(const char *host, struct in_addr addr);
/* writes now what was to be written later */
void		 endpoints_flush(void);

#endif
