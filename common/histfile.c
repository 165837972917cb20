/*
 * The head of the history's file: see histfile.h.  No privilege, no I/O.
 */
#include <stdio.h>
#include <string.h>

#include "histfile.h"

void
history_head(char head[HISTORY_BLOCK])
{
	static const uint16_t	 one = 1;

	memset(head, 0, HISTORY_BLOCK);
	snprintf(head, HISTORY_BLOCK, "v6-gatewayd history 1 %s\n"
	    "%d rings of %d slots of %d seconds\n",
	    *(const uint8_t *)&one == 1 ? "little-endian" : "big-endian",
	    HISTORY_RINGS, HISTORY_SLOTS, HISTORY_STEP);
}
