/*
 * The name servers of resolv.conf(5), by c-ares.  Runs in the resolver
 * (_gwrelay, Landlock).
 */
#ifndef GW_SERVERS_H
#define GW_SERVERS_H

#include <ares.h>
#include <event2/event.h>

#include "cache.h"

#define RESOLV_CONF	"/etc/resolv.conf"

void	 servers_init(struct event_base *);
/*
 * Reads resolv.conf anew.  Questions under way end with ARES_EDESTRUCTION.
 * 0, or an ARES_* number: then each question is answered with
 * ARES_ENOTINITIALIZED.
 */
int	 servers_open(void);
/*
 * Asks for the key's name and what the search list makes of it.  The answer
 * may come before this returns; *first is who was asked first.
 */
void	 servers_ask(const struct cache_key *, unsigned int *first,
	    ares_callback, void *arg);
/* a server has answered what was asked of that one first, after so many
 * time-outs */
void	 servers_answered(unsigned int first, int timeouts);

#endif
