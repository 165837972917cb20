/*
 * One end of a pipe to another process: an imsgbuf in the event loop, and the
 * checks of messages.def before any handler runs.
 */
#ifndef GW_PEER_H
#define GW_PEER_H

#include <sys/types.h>
#include <event2/event.h>
#include <stddef.h>
#include <stdint.h>

#include "imsg.h"
#include "proc.h"

enum imsg_type {
#define MSG(name, ...)	IMSG_##name,
#include "messages.def"
#undef MSG
	IMSG_COUNT
};

/* "WANT", ...; "?" for a number that is none */
const char	*msg_name(uint32_t type);
/* NULL if the message may come from there to here, else why not */
const char	*msg_error(const struct imsg *, enum gw_proc from,
		    enum gw_proc to);

struct peer {
	struct imsgbuf	 ibuf;
	enum gw_proc	 self;
	enum gw_proc	 proc;		/* who is at the other end */
	struct event	*read_ev;
	struct event	*write_ev;
	/* the message is valid, and its descriptor closed afterwards unless
	 * imsg_get_fd() took it */
	void		(*dispatch)(struct peer *, struct imsg *);
	/* the peer closed the pipe (why is NULL) or broke the rules; the
	 * owner frees the peer or ends the process */
	void		(*gone)(struct peer *, const char *why);
	void		*arg;		/* the owner's */
	/* private */
	int		 dead;		/* its queue overflowed */
	int		*freed;		/* set by peer_free() inside dispatch */
};

/* takes over fd; fatal if there is no memory */
struct peer	*peer_new(struct event_base *, int fd, enum gw_proc self,
		    enum gw_proc proc,
		    void (*dispatch)(struct peer *, struct imsg *),
		    void (*gone)(struct peer *, const char *));
/* may be called from dispatch and gone */
void		 peer_free(struct peer *);
/*
 * Sends or queues a message.  fd, or -1, is the queue's from here on, whatever
 * comes.  Data outside messages.def is a broken invariant: fatal.  If the
 * other end is gone or reads too slowly, gone() follows from the event loop.
 */
void		 peer_send(struct peer *, enum imsg_type, uint32_t id, int fd,
		    const void *data, size_t len);
#define peer_send0(p, type, id)	peer_send((p), (type), (id), -1, NULL, 0)
/* pieces.c: in as many messages of WIRE_CHUNK as it takes, none for no data */
void		 peer_send_pieces(struct peer *, enum imsg_type, uint32_t id,
		    const void *data, size_t len);

#endif
