/*
 * Port mappings of a made-up relay, for tests: see fakeports.c.
 */
#ifndef GW_FAKEPORTS_H
#define GW_FAKEPORTS_H

#include "peer.h"

/* the relay's end of the pipe to the frontend */
void	 fakeports_start(struct peer *);
/* PORT_ADD and PORT_DEL, from the frontend */
void	 fakeports_request(struct imsg *);
/* to the frontend: 1 if it is about ports, and dealt with */
int	 fakeports_message(struct imsg *);
/* 1 if it was a command for it */
int	 fakeports_command(const char *);

#endif
