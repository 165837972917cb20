/*
 * Giving up privilege: one function for children, one for the parent, each in
 * one order.  Both end the process if anything cannot be given up.
 */
#ifndef GW_DROP_H
#define GW_DROP_H

#include "proc.h"

/*
 * A child: chroot to root (not the resolver, the launcher and the doctor),
 * user, no capabilities (the launcher: CAP_NET_ADMIN, for what it executes as
 * well), no new privileges, PDEATHSIG, not dumpable, limits.
 */
void	 drop_child(enum gw_proc, const char *user, const char *root);
/*
 * The parent: CAP_NET_ADMIN, CAP_NET_RAW and CAP_NET_BIND_SERVICE stay, the
 * bounding set empties, securebits are locked.
 */
void	 drop_parent(void);
/* no more descriptors than now plus extra */
void	 drop_nofile(unsigned int extra);

#endif
