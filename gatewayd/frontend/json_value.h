/*
 * The words and values that the JSON documents are made of.  Runs in the
 * frontend (_gatewayd, chroot).
 *
 * What allocates gives NULL if it cannot, which jansson hands on from
 * constructor to constructor; value_line() then ends the process.
 */
#ifndef GW_JSON_VALUE_H
#define GW_JSON_VALUE_H

#include <jansson.h>

#include "ports.h"
#include "status.h"

/* enum tunnel_state, in full: "wait_wan", ... */
const char	*state_word(uint32_t);
/* NULL before the engine has said it */
const char	*tunnel_role(const struct fe_tunnel *);
/* the state to somebody who does not know the fine ones: "starting", ... */
enum tunnel_is	 tunnel_is(const struct fe_tunnel *);
const char	*tunnel_state(const struct fe_tunnel *);
extern const char *const tunnel_states[TUNNEL_STATES];
int		 tunnel_up(const struct fe_tunnel *);
int		 tunnel_reachable(const struct fe_tunnel *);
/* its address and the prefix's length, 0 if it has none; an external one's is
 * what is found on the interface */
int		 tunnel_address(const struct fe_tunnel *, struct in6_addr *,
		    uint8_t *len);
/* "2001:db8::/64", valid until the next call; NULL if it has none */
const char	*tunnel_prefix(const struct fe_tunnel *);

json_t		*value_text(const char *);	/* NULL and "": null */
json_t		*value_number(uint64_t);	/* 0: null */
json_t		*value_ms(uint32_t us);		/* WIRE_UNKNOWN: null */
/* whole milliseconds, at least one; null if not reachable */
json_t		*value_latency(int reachable, uint32_t us);
/* sets rtt_ms, jitter_ms and loss_ratio: the figures of the probes' window */
void		 value_probes(json_t *into, const struct imsg_status *);
json_t		*value_health(void);		/* what /health says */
json_t		*value_port(const struct imsg_port_status *);
/* the value as compact JSON and a newline, to be freed; releases it */
char		*value_line(json_t *);

#endif
