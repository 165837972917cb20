/*
 * The recent past of one tunnel's probes: loss, delay and its variation.
 * No I/O, no clock of its own.  Runs in the prober (_gatewayd, chroot).
 *
 * Times are monotonic milliseconds, delays microseconds.
 */
#ifndef GW_WINDOW_H
#define GW_WINDOW_H

#include <stdint.h>

#define WINDOW_SLOTS_MAX	2048	/* 8 bytes each */
#define WINDOW_LOST		UINT32_MAX

struct window_slot;

/* a ring of outcomes, oldest first; zeroed, it is an empty window */
struct window {
	struct window_slot	*slots;
	uint32_t		 size;		/* of the ring */
	uint32_t		 count;		/* in use */
	uint32_t		 next;		/* number the next one gets */
	uint32_t		 span_ms;
};

struct window_stats {
	uint32_t	 sent;
	uint32_t	 lost;
	/* WIRE_UNKNOWN without an answer, jitter without two in a row */
	uint32_t	 avg_us;
	uint32_t	 p95_us;
	uint32_t	 jitter_us;	/* mean |difference|, one target's */
};

/*
 * Keeps outcomes of the last span_ms, made for probes every interval_ms.
 * May be called again at any time: what was recorded stays.  More probes than
 * that shorten the span.
 */
void		 window_set(struct window *, uint32_t span_ms,
		    uint32_t interval_ms);
void		 window_clear(struct window *);
void		 window_free(struct window *);
/*
 * Records what became of a probe to a target (< 8): a delay or WINDOW_LOST.
 * Returns the number it was recorded under.
 */
uint32_t	 window_add(struct window *, uint64_t now_ms, uint32_t target,
		    uint32_t rtt_us);
/* the lost one of that number was answered after all */
void		 window_late(struct window *, uint32_t number,
		    uint32_t rtt_us);
void		 window_get(struct window *, uint64_t now_ms,
		    struct window_stats *);

/* the delay to one target and how long to wait for it (RFC 6298) */
struct rtt {
	uint32_t	 srtt_us;	/* 0: no answer yet */
	uint32_t	 rttvar_us;
};

/* the time of one more answer (RFC 6298, 2) */
void		 rtt_add(struct rtt *, uint32_t rtt_us);
/* srtt + 4 * rttvar + 20 ms, 100 ms at least, 1 s at most and at first */
uint32_t	 rtt_timeout_us(const struct rtt *);

#endif
