/*
 * What the files of the engine share.  The engine runs as _gatewayd in an
 * empty root with nothing but pipes; see engine.c.
 */
#ifndef GW_ENGINE_H
#define GW_ENGINE_H

#include <sys/queue.h>
#include <event2/event.h>
#include <stdint.h>

#include "health.h"
#include "traffic.h"
#include "wire.h"
#include "wire_conf.h"
#include "wire_link.h"
#include "wire_probe.h"
#include "wire_relay.h"
#include "wire_status.h"

#define ENGINE_NEVER	UINT64_MAX
#define IPV6_MTU_MIN	1280		/* RFC 8200 */

struct tunnel {
	TAILQ_ENTRY(tunnel)	 entry;
	struct imsg_tunnel	 conf;
	struct imsg_link	 link;		/* the parent's last word */
	struct imsg_probe_result last;		/* of the window's figures */
	struct health		 health;
	struct health_memory	 memory;	/* for its next beginning */
	int			 failed;	/* health goes on, not anew */
	enum tunnel_state	 state;
	struct imsg_relay_way	 way;		/* last sent */
	struct imsg_want	 wanted;	/* last sent; see want_known */
	int			 want_known;
	int			 probing;	/* the prober has our targets */
	uint32_t		 interval_ms;	/* as last sent */
	int			 admin_down;	/* an operator took it down */
	int			 restarting;	/* down on its way to up */
	int			 adopting;	/* the kernel had it active */
	int			 verdict;	/* there was one since start */
	int			 preferred;	/* by an operator */
	int			 carried;	/* was up: flows may use it */
	uint64_t		 draining_ms;	/* flows may go on until then */
	uint64_t		 better_ms;	/* mode latency: since when */
	uint32_t		 switches;
	uint32_t		 rtt_us;	/* last answer's */
	uint32_t		 transitions;
	uint64_t		 since;		/* Unix seconds */
	uint64_t		 last_check;
	uint64_t		 retry_at;
	char			 reason[WIRE_REASON];
	char			 last_error[WIRE_REASON];

	/* counters */
	struct imsg_stats	 stats;		/* the interface's */
	struct imsg_stats	 before;	/* of interfaces before it */
	uint64_t		 outcomes[PROBE_LATE + 1];	/* of probes */
	struct histogram	 rtt;
	struct traffic		 traffic;
	uint32_t		 probes;	/* results since the sample */
	uint64_t		 sampled_ms;	/* monotonic */
	uint64_t		 sample_ms;	/* next fast one, or NEVER */
	uint64_t		 shown_ms;	/* counters were told then */
	uint64_t		 refreshed_ms;

	/* path MTU */
	uint32_t		 pmtu;		/* found, 0: not yet */
	uint32_t		 pmtu_asked;	/* searched up to there */
	uint32_t		 mtu;		/* limit asked for, 0: none */
	int			 black_hole;
	uint64_t		 pmtu_ms;	/* when it is probed again */
};
TAILQ_HEAD(tunnels, tunnel);

struct engine {
	struct imsg_conf	 conf;
	struct tunnels		 tunnels;	/* configuration order */
	struct tunnel		*active;	/* NULL: none can be used */
	uint64_t		 outage_ms;	/* the old one answered last; 0:
						 * no failure, or it is over */
	uint64_t		 select_ms;	/* select anew then, or NEVER */
	uint64_t		 patience_ms;	/* and then at the latest */
	int			 settling;
};

extern struct engine	 engine;

/* the engine's own; NULL: there is none of that id */
struct tunnel	*engine_tunnel(uint32_t id);

/* tunnel.c: the state of one tunnel */
struct tunnel	*tunnel_new(const struct imsg_tunnel *);
/* the tunnel leaves the configuration */
void		 tunnel_free(struct tunnel *);
/* its section, or [health], may have changed */
void		 tunnel_reconf(struct tunnel *, const struct imsg_tunnel *);
void		 tunnel_link(struct tunnel *, const struct imsg_link *);
void		 tunnel_probed(struct tunnel *,
		    const struct imsg_probe_result *);
void		 tunnel_hint(struct tunnel *, const struct imsg_probe_hint *);
/* another one asks whether this one could stand in for it, or the traffic
 * raises a doubt: why, in words */
void		 tunnel_doubt(struct tunnel *, const char *why);
/* what is due by now: a verdict, a sample */
void		 tunnel_tick(struct tunnel *);
/* monotonic ms, or ENGINE_NEVER */
uint64_t	 tunnel_deadline(const struct tunnel *);
/* an operator's wish; 0 or an errno value for imsg_result */
int		 tunnel_admin(struct tunnel *, enum admin_verb);
/* tells parent and prober what follows from state and role */
void		 tunnel_update(struct tunnel *);
/* nonzero if the tunnel should have an interface */
int		 tunnel_enabled(const struct tunnel *);
/* the fine state in one word */
const char	*tunnel_state_name(enum tunnel_state);

/* probing.c: what the prober is told, and the interface's counters */
/* nonzero if there is anything to probe */
int		 probing_possible(const struct tunnel *);
/* begins, or begins again after a failure; HEALTH_* bits */
unsigned int	 probing_start(struct tunnel *);
void		 probing_stop(struct tunnel *);
/* targets and interval; force: although the interval is the same */
void		 probing_set(struct tunnel *, int force);
/* new parameters of a running one */
void		 probing_reconf(struct tunnel *);
void		 probing_burst(const struct tunnel *, int urgent);
/* asks for a sample if the last is old enough */
void		 probing_sample(struct tunnel *);
void		 tunnel_sampled(struct tunnel *, const struct imsg_stats *);
/* path MTU: starts a search if one is due; and what it found */
void		 probing_pmtu(struct tunnel *);
void		 tunnel_pmtu(struct tunnel *, const struct imsg_pmtu_result *);

/* select.c: which tunnel carries the default route */
void		 select_active(void);
/* in a moment: more of the same news is on its way */
void		 select_soon(void);
enum tunnel_role select_role(const struct tunnel *);
/* the kernel has the active one's default route */
void		 select_switched(void);
/* nonzero if its flows should fail: it is down, and another one is active */
int		 select_lost(const struct tunnel *);
/* the active one is in doubt: asks those that could stand in for it */
void		 select_doubt(void);
/* the operator's choice; NULL: none any more */
void		 select_prefer(struct tunnel *);

/* persist.c: what survives a restart of the daemon */
void		 persist_load(const void *, size_t);	/* 0 bytes: the end */
/* gives a tunnel back what is known of its name */
void		 persist_restore(struct tunnel *);
/* of tunnels that have come by now, nothing is remembered any more */
void		 persist_forget(void);
/* something worth keeping has changed; written in a moment */
void		 persist_dirty(void);
/* the counters go along from time to time */
void		 persist_counters(void);
uint64_t	 persist_deadline(void);
void		 persist_save(void);

/* status.c: what the frontend is told */
void		 status_tunnel(const struct tunnel *);
void		 status_health(void);
/* what the relay is told: the tunnel as a way for it, if that is news; and
 * that it is none any more */
void		 status_way(struct tunnel *);
void		 status_way_gone(const struct tunnel *);
void		 status_failover(const struct tunnel *from,
		    const struct tunnel *to, enum failover_cause,
		    const char *reason);
/* the new default route is there after a failure */
void		 status_outage(uint64_t ms);

#endif
