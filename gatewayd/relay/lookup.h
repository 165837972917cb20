/*
 * The resolver's answers.  Runs in the relay (_gwrelay, chroot).
 */
#ifndef GW_LOOKUP_H
#define GW_LOOKUP_H

#include "imsg.h"

/* LOOKED_UP: goes to who asked by relay_lookup() */
void	 lookup_answered(struct imsg *);

#endif
