/*
 * The world around an engine under test: the parent, the prober and the
 * frontend in one, with a clock of its own.  Messages go in one by one; what
 * comes out is checked against messages.def and kept as a picture of what
 * each of the others knows, and that picture must hold after every event.
 */
#ifndef GW_ENGINE_SIM_H
#define GW_ENGINE_SIM_H

#include <err.h>
#include <stddef.h>
#include <stdint.h>

#include "engine.h"
#include "peer.h"

#define IDS		8	/* tunnels at most, and their ids */
#define WALL		1700000000ULL	/* Unix time when the clock was 0 */

#define CHECK(e)	do {						\
	if (!(e))							\
		errx(1, "%s:%d, %s (seed %u, at %llu ms): %s",		\
		    __FILE__, __LINE__, test, seed,			\
		    (unsigned long long)clock_ms, #e);			\
} while (0)

/* what the others know of a tunnel from the engine's messages */
struct sim_tunnel {
	int			 in_conf;
	int			 has_want;
	enum want		 want;
	struct imsg_want	 wanted;	/* all of it */
	int			 probed;	/* the prober has targets */
	struct imsg_probe_set	 set;
	int			 has_status;
	struct imsg_status	 status;
	unsigned int		 nstatus;
	struct imsg_relay_way	 way;		/* what the relay knows */
	unsigned int		 nwants;
	unsigned int		 nbursts;
	struct imsg_probe_burst	 burst;		/* the last */
	unsigned int		 npmtu;
	uint32_t		 pmtu_max;
	unsigned int		 nrefresh;
	unsigned int		 nsamples;
	uint64_t		 sampled_ms;
	/* hold-down: it failed then, and whether it may be active all the same
	 * since there was no other, or it began anew */
	uint64_t		 failed_ms;
	int			 excused;
};

extern struct sim_tunnel	 known[IDS];
extern struct imsg_health	 health;
extern struct imsg_result	 result;	/* last ADMIN_, AUTH_RESULT */
extern unsigned int		 nhealth, nsettled, nadmin, nauth;
extern struct imsg_failover	 failover;	/* the last */
extern struct imsg_outage	 outage;	/* the last */
extern unsigned int		 nfailovers, noutages, nbad;
/* what the parent was given to keep, when complete, and how often */
extern char			 state_text[65536];
extern size_t			 state_len;
extern unsigned int		 nsaves;

/* named by a failed CHECK() */
extern const char		*test;
extern unsigned int		 seed;
extern uint64_t			 clock_ms;

/* the configuration that commit() sends */
extern struct imsg_conf		 conf;
extern struct imsg_tunnel	 tunnels[IDS];
extern uint32_t			 ntunnels;
extern const struct imsg_token	*new_token;	/* NULL: none */

/* once, before everything else */
void	 start_engine(void);
/* a test begins: no tunnels, the defaults of [health], two targets */
void	 fresh(const char *name);
struct imsg_tunnel *add_tunnel(uint32_t id, uint32_t priority);
/* everything up to READY, and with COMMIT */
void	 send_conf(void);
void	 commit(void);

void	 deliver(enum gw_proc from, enum imsg_type, uint32_t id,
	    const void *data, size_t len);
/* time passes, deadlines are met on their way */
void	 advance(uint64_t ms);
/* the whole picture; called after every event here */
void	 check_world(void);

/* as the frontend knows it */
enum tunnel_state state(uint32_t id);

void	 link_is(uint32_t id, enum link_state, const char *reason);
void	 probe_is(uint32_t id, uint32_t target, enum probe_outcome,
	    int burst);
/* from READY to UP; from READY after a failure to where hold-down leads; from
 * UP to DOWN, no target answering */
void	 bring_up(uint32_t id);
void	 bring_back(uint32_t id);
void	 silence(uint32_t id);
/* what the operator is told: 0 or an errno value */
int	 admin(uint32_t id, enum admin_verb);

#endif
