/*
 * Moves bytes between two connected sockets, both ways, until both ways have
 * ended.  Runs in the relay (_gwrelay, chroot).
 *
 * All sessions share one buffer and one pipe, which are empty between two
 * events.  Memory of its own a session has only for what one side did not take
 * yet, and until that is gone the other side is not read.  An end of data
 * crosses as one, and the other way goes on; a reset crosses as a reset, so
 * that nobody takes half of a file for all of it.  Urgent data (RFC 6093) cross
 * in their place, and no longer urgent.
 */
#ifndef GW_PUMP_H
#define GW_PUMP_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stddef.h>
#include <stdint.h>

enum pump_end {
	PUMP_DONE,		/* both ways have ended */
	PUMP_RESET,		/* one side was reset or failed */
	PUMP_IDLE		/* nothing came for too long */
};

struct pump;

struct pump_ops {
	/* how many of those bytes may come now; 0: ask again in a while */
	uint32_t (*room)(struct pump *, uint32_t);
	/* n bytes came from side i */
	void	(*moved)(struct pump *, int i, size_t n);
	/* both are closed; it may free the pump */
	void	(*done)(struct pump *, enum pump_end);
};

struct pump_side {
	struct event	 ev;
	struct pump	*pump;
	int		 fd;
	uint32_t	 read_size;
	uint32_t	 tail_len;	/* of tail, what is not sent yet */
	uint32_t	 tail_off;
	uint8_t		*tail;		/* NULL: nothing waits to be sent */
	uint8_t		 eof;		/* it sends no more */
	uint8_t		 shut;		/* it is sent no more */
	uint8_t		 held;		/* there was no room */
	uint64_t	 bytes;		/* that came from it */
};

struct pump {
	struct pump_side side[2];
	uint64_t	 active_ms;	/* the last byte; in pump_ops, now */
	const struct pump_ops *ops;
};

/* once, before all else */
void	 pump_init(struct event_base *);
/* ends a pump that carries nothing, and one that is shut on one side, after so
 * many milliseconds; those that run already, too */
void	 pump_timeouts(uint32_t idle_ms, uint32_t half_closed_ms);
/* for a listening socket, whose connections have them then; best effort, as
 * AF_UNIX has none */
void	 pump_options(int fd);
/* begins; the sockets are not blocking, and the pump's from here on; fd0 has
 * pump_options() */
void	 pump_start(struct pump *, int fd0, int fd1,
	    const struct pump_ops *);
/* data that goes to side i before all else, before pump_start(); copied */
void	 pump_prefix(struct pump *, int i, const void *, size_t len);
/* ends it; reset: both sides see a reset.  done() is not called */
void	 pump_stop(struct pump *, int reset);

#endif
