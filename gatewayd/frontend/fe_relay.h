/*
 * What the frontend knows of the relay: its last word on what it has counted.
 * Runs in the frontend (_gatewayd, chroot).
 */
#ifndef GW_FE_RELAY_H
#define GW_FE_RELAY_H

#include <stddef.h>
#include <stdint.h>

#include "wire_relay.h"

struct fe_tunnel;

/* all zero until the relay has said something */
struct fe_relay {
	struct imsg_relay_stats	 st;
	/* busiest first, the others' sum last if there is one */
	struct relay_uid	 uids[RELAY_UIDS + 1];
	uint32_t		 nuids;
};

/* what the relay says: len bytes at data; -1 if they cannot be that */
int	 fe_relay_stats(const void *data, size_t len);
/* NULL: of a tunnel that a reload has just removed */
int	 fe_relay_way(struct fe_tunnel *, const void *data, size_t len);
int	 fe_relay_uids(const void *data, size_t len);

/* words of enum loss, refusal, relay_answer, limit, relay_way, relay_health,
 * in documents and metrics */
extern const char *const loss_words[LOSSES];
extern const char *const refusal_words[REFUSALS];
extern const char *const answer_words[ANSWERS];
extern const char *const limit_words[LIMIT_KINDS];
extern const char *const way_words[RELAY_WAYS];
extern const char *const relay_health_words[RELAY_HEALTHS];

/*
 * IPv6 among the connections whose family is known, in tens of thousandths;
 * WIRE_UNKNOWN: there were none.
 */
#define SHARE_ONE	10000
uint32_t fe_relay_share(void);

#endif
