/*
 * gatewayctl tunnel -W.  An unprivileged client.
 */
#ifndef GW_WAIT_H
#define GW_WAIT_H

#include "wire_link.h"

/* begins to follow the tunnel; to be called before the order is given */
void	 wait_begin(const char *name, enum admin_verb);
/*
 * Once the order was taken: waits, so many seconds at most, until the tunnel
 * is where it sends it, and fails if it is in error or too slow.  What it is
 * then, in words.
 */
const char *wait_end(unsigned int seconds);

#endif
