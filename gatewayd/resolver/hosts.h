/*
 * hosts(5), by c-ares.  Runs in the resolver (_gwrelay, Landlock).
 */
#ifndef GW_HOSTS_H
#define GW_HOSTS_H

#include "cache.h"

#define HOSTS	"/etc/hosts"

/* after c-ares's own initialization */
void	 hosts_init(void);
/* it is another file than before */
void	 hosts_read(void);
/* nonzero, and the answer, if the name stands there */
int	 hosts_lookup(const struct cache_key *, struct cache_answer *);

#endif
