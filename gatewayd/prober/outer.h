/*
 * The tunnels' outer ways and the ICMPv4 errors about them.  Runs in the
 * prober (_gatewayd, chroot, no capabilities) on a raw socket the parent has
 * opened (icmp4.h).
 *
 * An error that quotes a whole probe of ours, whose tag nobody off the path
 * can know, is believed: that probe is lost.  Any other is a hint for the
 * engine, and a few of those a second are enough, whoever sends how many.
 */
#ifndef GW_OUTER_H
#define GW_OUTER_H

#include "probe.h"

/* the socket for all tunnels, for good */
void	 outer_open(int fd);
/* which errors are about the tunnel; remote INADDR_ANY: none */
void	 outer_set(struct tunnel *, const struct imsg_probe_path *);
/* nonzero if sit may still be repeating an ICMPv4 error about the tunnel */
int	 outer_echoes(const struct tunnel *);

#endif
