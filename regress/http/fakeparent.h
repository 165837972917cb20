/* A parent for the frontend's code in a test: see fakeparent.c. */
#ifndef FAKEPARENT_H
#define FAKEPARENT_H

#include <event2/event.h>

void	 fakeparent_start(struct event_base *);
/* a line of the test; nonzero if it was for the parent */
int	 fakeparent_command(const char *line);

#endif
