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
#include "wire.h"

struct tunnel {
	TAILQ_ENTRY(tunnel)	 entry;
	struct imsg_tunnel	 conf;
	struct imsg_link	 link;		/* the parent's last word */
	struct imsg_stats	 stats;
	struct imsg_probe_result last;		/* of the window's figures */
	struct health		 health;
	enum tunnel_state	 state;
	enum want		 wanted;	/* last sent; see want_known */
	int			 want_known;
	int			 probing;	/* the prober has our targets */
	uint32_t		 interval_ms;	/* as last sent */
	int			 admin_down;	/* an operator took it down */
	int			 restarting;	/* down on its way to up */
	int			 adopting;	/* active as the kernel had it */
	int			 verdict;	/* one was reached since start */
	uint32_t		 rtt_us;	/* last answer's */
	uint32_t		 transitions;
	uint64_t		 since;		/* Unix seconds */
	uint64_t		 last_check;
	uint64_t		 sampled_ms;	/* monotonic */
	uint64_t		 retry_at;
	char			 reason[WIRE_REASON];
	char			 last_error[WIRE_REASON];
};
TAILQ_HEAD(tunnels, tunnel);

struct engine {
	struct imsg_conf	 conf;
	struct tunnels		 tunnels;	/* configuration order */
	struct tunnel		*active;	/* NULL: none can be used */
	int			 settling;
};

extern struct engine	 engine;

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
void		 tunnel_sampled(struct tunnel *, const struct imsg_stats *);
void		 tunnel_tick(struct tunnel *);
/* an operator's wish; 0 or an errno value for imsg_result */
int		 tunnel_admin(struct tunnel *, enum admin_verb);
/* tells parent and prober what follows from state and role */
void		 tunnel_update(struct tunnel *);

/* select.c: which tunnel carries the default route */
void		 select_active(void);
enum tunnel_role select_role(const struct tunnel *);

/* status.c: what the frontend is told */
void		 status_tunnel(const struct tunnel *);
void		 status_health(void);

#endif
