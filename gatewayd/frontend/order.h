/*
 * What operators order: asked of the parent, whatever way the order came by.
 * Runs in the frontend (_gatewayd, chroot).
 *
 * An order goes to the parent under a number of ours, never under one that a
 * client chose.  Who may give one is a matter of access.h.
 */
#ifndef GW_ORDER_H
#define GW_ORDER_H

#include <sys/queue.h>
#include <stddef.h>
#include <stdint.h>

#include "peer.h"
#include "status.h"
#include "wire_link.h"

struct order {
	TAILQ_ENTRY(order)	 entry;
	uint32_t		 id;		/* 0: none is under way */
	int			 is_reload;
	enum admin_verb		 verb;
	char			 name[GW_NAME_SIZE];	/* of the tunnel */
	/* a reload: a piece of what the parent says of the file */
	void			(*text)(void *, const char *, size_t);
	/* the answer: 0 or an errno value; the order is over by then */
	void			(*done)(void *, uint32_t error);
	void			*arg;
};

/*
 * Asks the parent.  The order, whose callbacks are set and whose id is 0, is
 * lent until done or order_cancel().  who: "uid 1000", for the log.
 */
void	 order_tunnel(struct order *, const struct fe_tunnel *,
	    enum admin_verb, const char *who);
void	 order_reload(struct order *, const char *who);
/* nobody waits for the answer any more; the order is carried out all the
 * same */
void	 order_cancel(struct order *);
/* ADMIN_RESULT, RELOAD_TEXT, RELOAD_RESULT */
void	 order_answer(struct imsg *);
/* the answer in words */
void	 order_words(const struct order *, uint32_t error, char *buf,
	    size_t size);

/* "up", ... of a verb, which may come from outside; NULL: there is none */
const char *order_verb(uint32_t);

#endif
