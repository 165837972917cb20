/*
 * The relay's names.  Runs in the resolver (_gwrelay, Landlock).
 */
#ifndef GW_NAMES_H
#define GW_NAMES_H

#include "peer.h"
#include "query.h"

void		 names_init(void);
/* LOOKUP: LOOKED_UP follows, maybe before this returns */
void		 names_lookup(uint32_t id, struct imsg *);
/* resolv.conf or hosts has changed: nothing that was learnt counts */
void		 names_forget(void);
/* keeps what came too late for who asked */
query_late	 names_learn;

#endif
