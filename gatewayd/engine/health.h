/*
 * The verdict on one tunnel: a pure state machine.  It gets probe results and
 * a clock, and says what state the tunnel is in, why, and what to probe next.
 * No I/O, no clock of its own: tests drive it with a fake one.  Runs in the
 * engine (_gatewayd, chroot, pipes only).
 */
#ifndef GW_HEALTH_H
#define GW_HEALTH_H

#include <stdint.h>

#include "wire.h"
#include "wire_probe.h"
#include "wire_status.h"

struct health_conf {
	uint32_t	interval_ms;	/* as [health] in the configuration */
	uint32_t	standby_ms;
	uint32_t	down_min_ms;
	uint32_t	down_max_ms;
	uint32_t	keepalive_ms;	/* most the interval may be; 0: any */
	uint32_t	window_ms;	/* of the prober's loss and delay */
	uint32_t	quorum;
	uint32_t	ntargets;
	uint32_t	loss_degraded;	/* percent */
	uint32_t	latency_degraded_ms;
	uint32_t	hold_min_ms;
	uint32_t	hold_max_ms;
	struct in_addr	server;		/* the tunnel's, for the reason */
};

/* what is known of one probe target */
struct health_target {
	uint64_t	replied_ms;	/* last answer, or when we began */
	int		run;		/* answers in a row; misses if < 0 */
	uint32_t	error;		/* errno of a refused probe, 0: none */
	struct in_addr	refuser;	/* who said so; ANY: the kernel */
};

struct health {
	struct health_conf conf;
	enum tunnel_state state;	/* TS_PROBING ... TS_RECOVERING */
	uint64_t	since_ms;	/* monotonic, of the state */
	uint64_t	replied_ms;	/* last answer of any target, 0: none */
	int		asked;		/* TS_SUSPECT by health_doubt() */
	uint64_t	asked_ms;	/* last time, 0: never */
	uint64_t	hold_until_ms;	/* TS_RECOVERING */
	char		reason[WIRE_REASON];
	/* the rest is private to health*.c */
	enum tunnel_state before;	/* what TS_SUSPECT goes back to */
	uint64_t	before_since_ms;
	char		before_reason[WIRE_REASON];
	struct health_target targets[GW_TARGETS_MAX];
	uint32_t	answered;	/* targets, as bits, since the burst */
	int		burst;		/* a burst is under way */
	uint64_t	burst_ms;	/* since when */
	uint32_t	burst_results;
	int		failing;	/* a probe was refused, none answered */
	uint64_t	failing_ms;	/* since when */
	uint32_t	error;		/* errno the reason names, 0: none */
	uint32_t	down_ms;	/* TS_DOWN: the interval */
	uint32_t	down_misses;	/* since it grew */
	uint64_t	up_ms;		/* since when, suspicions aside */
	int		fresh;		/* count loss from up_ms on */
	uint32_t	fresh_sent;
	uint32_t	fresh_lost;
	uint64_t	text_ms;	/* when the reason was written */
	int		alternative;
	int		lost;		/* no way to the endpoint just now */
	uint64_t	lost_until_ms;	/* then that is DOWN */
	uint64_t	hint_ms;	/* before it, hints are not heard */
	uint32_t	hint_gap_ms;
	uint32_t	hold_ms;	/* hold-down of the next recovery */
	uint32_t	hold_left_ms;	/* of one that a restart cut short */
};

/* what survives a restart of the daemon */
struct health_memory {
	int		failed;		/* it was down, or held */
	uint32_t	hold_ms;
	uint32_t	hold_left_ms;	/* 0: the whole of it, if failed */
};

/* what health_result() and health_tick() ask of the engine, as bits */
#define HEALTH_CHANGED	0x01	/* state or reason is another */
#define HEALTH_BURST	0x02	/* probe all targets three times, now */
#define HEALTH_INTERVAL	0x04	/* health_interval() is another */
#define HEALTH_URGENT	0x08	/* a burst in quick succession */

/*
 * Starts in TS_PROBING; with a memory of failure in TS_DOWN, so that hold-down
 * applies.  memory may be NULL.
 */
void	 health_init(struct health *, const struct health_conf *,
	    const struct health_memory *, uint64_t now_ms);
void	 health_remember(const struct health *, struct health_memory *,
	    uint64_t now_ms);
/* new parameters, the verdict stays */
void	 health_reconf(struct health *, const struct health_conf *);
/* one probe's outcome; HEALTH_* bits */
unsigned int health_result(struct health *, const struct imsg_probe_result *,
	    uint64_t now_ms);
/*
 * Something raises a doubt that the probes have not: asks all targets, unless
 * the state is none that can carry traffic.  why: the reason meanwhile.
 */
unsigned int health_doubt(struct health *, const char *why, uint64_t now_ms);
/*
 * An ICMPv4 error that anybody may have sent: as health_doubt(), but less and
 * less often while the targets go on answering.
 */
unsigned int health_hint(struct health *, struct in_addr from,
	    uint64_t now_ms);
/*
 * The way to the endpoint is gone, says the kernel.  That is DOWN at once if
 * there is an alternative; else a moment is left for it to come back.
 */
unsigned int health_lost(struct health *, const char *why, uint64_t now_ms);
unsigned int health_found(struct health *, uint64_t now_ms);
/* the interface itself is gone or unfit: DOWN, whatever there is else */
unsigned int health_failed(struct health *, const char *why,
	    uint64_t now_ms);
/* after health_failed(): there is something to probe again */
unsigned int health_resume(struct health *, const struct health_conf *,
	    uint64_t now_ms);
/* when health_tick() must be called (monotonic ms), UINT64_MAX: never */
uint64_t health_deadline(const struct health *);
/* time passed; HEALTH_* bits */
unsigned int health_tick(struct health *, uint64_t now_ms);
/* another tunnel can carry the traffic: only then hold-down holds this one in
 * TS_RECOVERING */
void	 health_set_alternative(struct health *, int);
/* how often this tunnel is to be probed now */
uint32_t health_interval(const struct health *, enum tunnel_role);
/* nonzero for the states that can carry traffic: up, suspect, degraded */
int	 health_usable(enum tunnel_state);

#endif
