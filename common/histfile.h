/*
 * The file of GET /history: the frontend reads and writes it, the parent makes
 * and opens it and looks at its head alone.  It survives restarts and crashes.
 *
 *	head		what this is, HISTORY_BLOCK bytes that never change
 *	owners		HISTORY_RINGS times: whose ring is that?
 *	rings		HISTORY_RINGS times: HISTORY_SLOTS slots, a day
 *
 * Time is cut into slots, which are numbered: Unix time / HISTORY_STEP.  The
 * place of a slot in its ring is that number modulo HISTORY_SLOTS.  What was
 * never written is a hole, and zeros are empty slots and rings of nobody.
 * Numbers are in this machine's byte order, which the head tells.
 */
#ifndef GW_HISTFILE_H
#define GW_HISTFILE_H

#include <stdint.h>

#include "conf.h"

#define HISTORY_STEP	5			/* seconds in a slot */
#define HISTORY_SLOTS	(24 * 3600 / HISTORY_STEP)
#define HISTORY_RINGS	GW_TUNNELS_MAX
#define HISTORY_BLOCK	4096

struct history_owner {
	char		name[GW_NAME_SIZE];	/* "": nobody's */
	char		pad[7];
	uint64_t	left;	/* when it left the configuration; 0: is in */
};

struct history_slot {
	uint32_t	number;	/* 0: empty */
	uint32_t	rx;	/* bytes per second, mean */
	uint32_t	tx;
	uint16_t	rtt;	/* 100 us, mean */
	uint16_t	loss;	/* HISTORY_ALL: all */
};
#define HISTORY_ALL	10000
/* what is not known */
#define HISTORY_NO_RATE	UINT32_MAX
#define HISTORY_NO_RTT	UINT16_MAX
#define HISTORY_NO_LOSS	UINT16_MAX

_Static_assert(sizeof(struct history_owner) == 48 &&
    sizeof(struct history_slot) == 16, "the format of the file");

/* offsets; a ring begins at a block */
#define HISTORY_OWNER(i) (HISTORY_BLOCK + \
	(int64_t)(i) * (int64_t)sizeof(struct history_owner))
#define HISTORY_RING_SIZE ((int64_t)(HISTORY_SLOTS * \
	sizeof(struct history_slot) + HISTORY_BLOCK - 1) / \
	HISTORY_BLOCK * HISTORY_BLOCK)
#define HISTORY_RING(i)	(HISTORY_OWNER(HISTORY_RINGS) + \
	(int64_t)(i) * HISTORY_RING_SIZE)
#define HISTORY_MAX	HISTORY_RING(HISTORY_RINGS)	/* bytes in all */
_Static_assert(HISTORY_RING(0) % HISTORY_BLOCK == 0, "rings at blocks");

/* the first block of every such file */
void	 history_head(char [HISTORY_BLOCK]);

#endif
