/* What a relay counts, for tests of the frontend: see fakecounts.c. */
#ifndef FAKECOUNTS_H
#define FAKECOUNTS_H

#include <stdint.h>

/*
 * The relay has spoken: of connections over IPv6 by the tunnel good, which is
 * well, and by bad, where IPv4 goes first until that time.
 */
void	 fakecounts_speak(const char *good, const char *bad, uint64_t retry_at);

#endif
