/*
 * The probes of one tunnel: sent, timed, answered, lost.  Runs in the prober
 * (_gatewayd, chroot, no capabilities).
 */
#ifndef GW_PROBE_H
#define GW_PROBE_H

#include <sys/tree.h>
#include <event2/event.h>
#include <stdint.h>

#include "icmp6.h"
#include "pmtu.h"
#include "reject.h"
#include "window.h"
#include "wire_probe.h"

/* a probe on its way; the slot is its number modulo the table's size */
struct flight {
	uint32_t		 seq;
	uint8_t			 state;		/* enum flight_state */
	uint8_t			 target;
	uint8_t			 burst;
	uint8_t			 recorded;	/* in the window, as number */
	uint32_t		 number;
	uint64_t		 sent_us;	/* monotonic */
	uint64_t		 sent_ns;	/* CLOCK_REALTIME */
	uint64_t		 deadline_us;
};

struct target {
	struct in6_addr		 addr;
	struct rtt		 rtt;
	uint32_t		 misses;	/* in a row */
};

/* a search for the path MTU (probe_mtu.c) */
struct probe_mtu {
	struct pmtu		 search;
	uint32_t		 size;		/* of the last probe sent */
	uint32_t		 first;		/* number of the first of it */
	uint64_t		 due_us;	/* it is lost then */
	uint8_t			 running;
	uint8_t			 waiting;	/* for an answer to it */
};

struct tunnel {
	RB_ENTRY(tunnel)	 by_id;
	RB_ENTRY(tunnel)	 by_due;
	RB_ENTRY(tunnel)	 by_path;
	uint32_t		 id;
	/* from PROBE_SOCK */
	int			 fd;		/* -1: none yet */
	uint32_t		 ifindex;
	struct in6_addr		 source;
	struct event		*read_ev;
	/* from PROBE_SET; ntargets 0: none yet */
	struct target		 targets[GW_TARGETS_MAX];
	uint32_t		 ntargets;
	uint32_t		 interval_ms;
	struct window		 window;
	struct flight		*flights;
	uint32_t		 waiting;	/* of them */
	uint32_t		 seq;		/* of the next probe */
	uint64_t		 unsent_us;	/* no room since, 0: none */
	struct probe_mtu	 mtu;
	uint32_t		 big_seq;	/* of the next large probe */
	struct rejects		 rejects;
	/* from PROBE_PATH; remote INADDR_ANY: not known */
	struct imsg_probe_path	 path;
	uint64_t		 icmp4_us;	/* last one about it, 0: none */
	uint64_t		 hinted_us;
	/* when what is next, monotonic microseconds */
	uint32_t		 turn;		/* target of the next tick */
	uint64_t		 ticked_us;
	uint64_t		 tick_us;
	uint32_t		 burst_left;
	uint32_t		 burst_gap_us;
	uint64_t		 burst_us;
	uint64_t		 due_us;	/* UINT64_MAX: never */
};

/* draws the key of this run; before any probe */
void		 probe_init(void);
uint64_t	 probe_now_us(void);	/* CLOCK_MONOTONIC */

/* an empty table of probes, for a new tunnel or new targets */
void		 probe_reset(struct tunnel *);
/* sends one probe; what becomes of it goes to the engine, perhaps at once */
void		 probe_send(struct tunnel *, uint32_t target, int burst);
/*
 * Sends an echo request of len bytes under that number; 0 or an errno value,
 * EMSGSIZE only if the interface does not take it.
 */
int		 probe_transmit(struct tunnel *, uint32_t target, uint32_t seq,
		    size_t len);
/* reads what has arrived on the socket, a bounded number of messages */
void		 probe_receive(struct tunnel *);
/* gives up the probes whose time is over */
void		 probe_expire(struct tunnel *, uint64_t now_us);
/* when the next one is to be given up, UINT64_MAX: none is waited for */
uint64_t	 probe_deadline_us(const struct tunnel *);
/*
 * An ICMPv4 error from there quotes this much of an IPv6 packet.  If it is a
 * whole probe that is waited for, it is given up; nonzero if it was.
 */
int		 probe_refused(struct tunnel *, const uint8_t *, size_t,
		    int error, struct in_addr refuser);

/* prober.c: puts the tunnel where its next deadline belongs, after anything
 * that may have moved it */
void		 tunnel_schedule(struct tunnel *);

#endif
