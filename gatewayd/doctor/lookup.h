/*
 * Names, by the system's resolvers.  Runs in the doctor (_gwrelay, Landlock)
 * and in gatewayctl.
 */
#ifndef GW_LOOKUP_H
#define GW_LOOKUP_H

#include <ares.h>

#include "check.h"

/* ai is NULL and error why, an ARES_* number; or it is valid until this
 * returns */
typedef void (*lookup_fn)(struct doctor *, void *arg, int error,
    const struct ares_addrinfo *ai);

/*
 * Looks up the addresses of one family; fn is called once, within
 * DOCTOR_WAIT_MS of the first look-up, maybe before this returns.
 */
void	 lookup(struct doctor *, const char *name, int family, lookup_fn fn,
	    void *arg);
/* after the last one was answered */
void	 lookups_free(struct doctor *);

#endif
