/* A parent for the frontend's code in a test: see fakeparent.c. */
#ifndef FAKEPARENT_H
#define FAKEPARENT_H

#include <event2/event.h>

#include "imsg.h"

#define FAKEPARENT_SILENT	99	/* no answer */

struct fakeparent {
	/* errno values that orders end with, 0, or FAKEPARENT_SILENT */
	unsigned int	 admin_error;
	unsigned int	 reload_error;
	/* sees every request before it is answered; or NULL */
	void		(*asked)(struct imsg *);
};
extern struct fakeparent	 fakeparent;

void	 fakeparent_start(struct event_base *);
/* a line of the test; nonzero if it was for the parent */
int	 fakeparent_command(const char *line);
/* a reload has removed the tunnel of that name */
void	 fakeparent_drop(const char *name);

#endif
