/*
 * A configuration on its way into a process that holds a copy: the engine,
 * the frontend, the relay (P_HOLDER of messages.def).  Any child.
 *
 * It comes in pieces.  RECONF_END is answered by RECONF_READY; then either
 * RECONF_COMMIT puts it in force or RECONF_ABORT drops it.  A parent that does
 * that in another order is broken: fatal.
 */
#ifndef GW_HOLDER_H
#define GW_HOLDER_H

#include "imsg.h"

struct holder {
	/* forget what has come of it; also called before anything has */
	void	(*drop)(void);
	/* all of it has come, and it is in force */
	void	(*commit)(void);
	int	 open;		/* some of it has come */
};

/* the first piece: what came before it, and was not ended, is dropped */
void	 holder_begin(struct holder *);
/* any other piece, or fatal */
void	 holder_piece(const struct holder *, const struct imsg *);
/* RECONF_END, RECONF_COMMIT, RECONF_ABORT */
void	 holder_end(struct holder *, const struct imsg *);

#endif
