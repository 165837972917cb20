/*
 * What happens, rendered once when it happens, kept for a while, and handed to
 * everybody who follows.  Runs in the frontend (_gatewayd, chroot).
 *
 * An event is one line of JSON with these keys, in this order:
 *
 *	id	rises by 1; where a run of the daemon begins is above all ids
 *		of the runs before.  null: a transient one
 *	time	Unix seconds
 *	event	its kind
 *	data	by kind:
 *	tunnel	name, from, to (fine states; null: it came or went), reason,
 *		role (null: it went); of a change of state or role
 *	health	what /health says; of a change of its status
 *	failover	from, to (tunnels, or null), reason
 *	probe	name, and what the last probe and the window of the tunnel
 *		say; transient, at most once a second for each tunnel
 *	log	a record, as in /logs; transient
 *
 * A transient event goes to those who follow then, and is not kept.
 */
#ifndef GW_EVENTS_H
#define GW_EVENTS_H

#include <sys/queue.h>
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "logs.h"
#include "status.h"
#include "wire_ctl.h"
#include "wire_status.h"

#define EVENTS_KEPT	256

struct fe_event {
	uint64_t	 id;		/* 0: transient */
	enum event_kind	 kind;
	enum log_level	 level;		/* EVENT_LOG: the record's */
	char		*line;		/* ends in a newline */
	size_t		 len;
};

struct event_follower {
	TAILQ_ENTRY(event_follower) entry;
	uint32_t	 kinds;		/* mask of those it gets */
	enum log_level	 log_level;	/* EVENT_LOG: nothing less than it */
	/* the event is gone afterwards; may end this following and others */
	void		(*cb)(void *, const struct fe_event *);
	void		*arg;
};

/* the last id before the first event of this run; 0 if never called */
void	 events_start(uint64_t id);
/* the follower's struct is lent until events_unfollow() */
void	 events_follow(struct event_follower *);
void	 events_unfollow(struct event_follower *);
/* nonzero if somebody follows that kind */
int	 events_wanted(enum event_kind);
const char *events_name(enum event_kind);
/* the id of the last one that is or was kept */
uint64_t events_last(void);
/* nonzero if the id was reached in this run */
int	 events_reached(uint64_t id);
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
/* t->st is of a later second than what was sent before it */
void	 events_probe(const struct fe_tunnel *);
/* tells those who follow of a log record, once nobody writes one just now */
void	 events_log(const struct log_entry *);
/* hands out a transient event; releases data, which is an object */
void	 events_transient(enum event_kind, json_t *data);

#endif
