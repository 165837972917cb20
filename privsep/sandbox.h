/*
 * Landlock, role by role (landlock(7)).  What the running kernel lacks is
 * left out; sandbox_abi() says what holds.  A deny-list of system calls that
 * no role has a use for goes with it (seccomp(2)).
 */
#ifndef GW_SANDBOX_H
#define GW_SANDBOX_H

#include "conf.h"
#include "proc.h"

/* the kernel's Landlock ABI, 0 if it has none */
int	 sandbox_abi(void);
/*
 * Closes the sandbox of a child; fatal if the kernel refuses.  programs: what
 * it may execute, ended by NULL; or NULL for nothing.
 */
void	 sandbox_child(enum gw_proc, const char *const *programs);
/* the parent's, with the paths of its configuration */
void	 sandbox_parent(const struct gw_conf *);

#endif
