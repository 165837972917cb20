/*
 * The addresses of this machine.  Runs in the relay (_gwrelay, chroot).
 */
#ifndef GW_OWN_H
#define GW_OWN_H

#include <event2/event.h>

/*
 * Keeps relay.acl.own as the kernel has it from here on.  Fatal if there is no
 * netlink socket: without, the relay could be made to talk to itself.
 */
void	 own_watch(struct event_base *);

#endif
