/*
 * What happens, rendered once when it happens, kept for a while, and handed to
 * everybody who follows.  Runs in the frontend (_gatewayd, chroot).
 *
 * An event is one line of JSON with these keys, in this order:
 *
 *	id	1 for the first since the daemon started, then rising by 1
 *	time	Unix seconds
 *	event	its kind
 *	data	by kind:
 *	tunnel	name, from, to (fine states; null: it came or went), reason,
 *		role (null: it went); of a change of state or role
 *	health	what /health says; of a change of its status
 *	failover	from, to (tunnels, or null), reason
 */
#ifndef GW_EVENTS_H
#define GW_EVENTS_H

#include <sys/queue.h>
#include <stddef.h>
#include <stdint.h>

#include "status.h"

#define EVENTS_KEPT	256

struct fe_event {
	uint64_t	 id;
	const char	*kind;
	char		*line;		/* ends in a newline */
	size_t		 len;
};

struct event_follower {
	TAILQ_ENTRY(event_follower) entry;
	/* may end the following of its own, and of nobody else */
	void		(*cb)(void *, const struct fe_event *);
	void		*arg;
};

/* the follower's struct is lent until events_unfollow() */
void	 events_follow(struct event_follower *);
void	 events_unfollow(struct event_follower *);
/* the first after id that is still kept, or NULL; valid until the next one
 * happens */
const struct fe_event *events_after(uint64_t id);
/*
 * How things are: a line as an event's, of the kind "snapshot" and with the
 * last one's id; data: health, tunnels (name, state, role, reason, since of
 * each).  To be freed.
 */
char	*events_snapshot(void);

/* t->st is new; was: before it, NULL if nothing was known */
void	 events_tunnel(const struct fe_tunnel *,
	    const struct imsg_status *was);
void	 events_tunnel_gone(const struct fe_tunnel *);
void	 events_health(void);
void	 events_failover(const struct fe_failover *);

#endif
