/*
 * The verdict on one tunnel.  A pure state machine: probe results and a clock
 * in, a state, its reason and wishes to the prober out.  Runs in the engine
 * (_gatewayd, chroot, pipes only).
 *
 *	PROBING -answers-> UP <-loss, delay-> DEGRADED
 *	UP, DEGRADED -a miss-> SUSPECT -an answer to the burst-> back
 *	SUSPECT -none, or the kernel refuses-> DOWN
 *	DOWN -answers in a row-> RECOVERING -hold-down over-> UP
 *
 * One lost probe never takes a tunnel down: it starts a burst of three probes
 * to every target, and only if too few targets answer that is it down.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "health_int.h"

#define BURST_PROBES	3	/* to each target, by the prober */
#define BURST_MIN_MS	200	/* the last probe's earliest time-out */
#define BURST_MAX_MS	1300	/* its latest, and some slack */
#define PROBING_MS	5000	/* until silence from the start is DOWN */
#define FIRST_MS	100	/* interval until then: the first packets over
				 * a new path are often lost */
#define REFUSED_MS	20	/* between the refusals that prove a cause */
#define RECOVER_RUN	3	/* answers in a row that end DOWN */
#define SILENT_RUN	(-BURST_PROBES)	/* below: its misses say nothing */
#define DECAY_MS	600000	/* of health halve the hold-down */

static uint32_t
quorum(const struct health *h)
{
	uint32_t	 q = h->conf.quorum;

	if (q > h->conf.ntargets)
		q = h->conf.ntargets;
	return (q == 0 ? 1 : q);
}

static uint32_t
answered(const struct health *h)
{
	return ((uint32_t)__builtin_popcount(h->answered));
}

/* targets that answered at least so many times in a row */
static uint32_t
running(const struct health *h, int run)
{
	uint32_t	 i, n = 0;

	for (i = 0; i < h->conf.ntargets; i++)
		n += h->targets[i].run >= run;
	return (n);
}

void
health_reason(struct health *h, uint64_t now, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	vsnprintf(h->reason, sizeof(h->reason), fmt, ap);
	va_end(ap);
	h->text_ms = now;
}

unsigned int
health_state(struct health *h, enum tunnel_state state, uint64_t now)
{
	h->state = state;
	h->since_ms = now;
	h->burst = 0;
	return (HEALTH_CHANGED);
}

unsigned int
health_burst(struct health *h, uint64_t now)
{
	h->burst = 1;
	h->burst_ms = now;
	h->burst_results = 0;
	h->answered = 0;
	return (HEALTH_BURST);
}

static uint64_t
burst_end(const struct health *h)
{
	/*
	 * Results of an earlier burst may count towards this one, so the
	 * number alone does not end it.
	 */
	if (h->burst_results >= BURST_PROBES * h->conf.ntargets)
		return (h->burst_ms + BURST_MIN_MS);
	return (h->burst_ms + BURST_MAX_MS);
}

/* the errno of the refusals, if they alone keep the quorum from answering */
static uint32_t
refused(const struct health *h)
{
	uint32_t	 i, n = 0, error = 0;

	for (i = 0; i < h->conf.ntargets; i++) {
		if (h->targets[i].run > 0 || h->targets[i].error == 0)
			continue;
		if (n++ == 0)
			error = h->targets[i].error;
	}
	return (n > h->conf.ntargets - quorum(h) ? error : 0);
}

/* who refused the probes: the tunnel server, or somebody on the way to it */
static void
explain_refused(struct health *h, uint32_t n, uint64_t now)
{
	struct in_addr	 from = { INADDR_ANY };
	const char	*error = strerror((int)h->error);
	uint32_t	 i;

	for (i = 0; i < h->conf.ntargets; i++)
		if (h->targets[i].refuser.s_addr != INADDR_ANY)
			from = h->targets[i].refuser;
	if (from.s_addr == INADDR_ANY)
		health_reason(h, now, "%s: probes to %u of %u targets are "
		    "refused", error, n, h->conf.ntargets);
	else if (from.s_addr == h->conf.server.s_addr)
		health_reason(h, now, "tunnel server %s refuses protocol 41",
		    addr4_text(from));
	else
		health_reason(h, now, "%s, says %s on the way to the tunnel "
		    "server", error, addr4_text(from));
}

/* the reason of DOWN, from what is known of the targets */
static unsigned int
explain_down(struct health *h, uint64_t now)
{
	uint64_t	 last = 0;
	uint32_t	 i, n = 0;

	for (i = 0; i < h->conf.ntargets; i++) {
		if (h->targets[i].run > 0)
			continue;
		n++;
		if (h->targets[i].replied_ms > last)
			last = h->targets[i].replied_ms;
	}
	if ((h->error = refused(h)) != 0)
		explain_refused(h, n, now);
	else
		health_reason(h, now, "no answer from %u of %u targets for "
		    "%llu ms", n, h->conf.ntargets,
		    (unsigned long long)(now - last));
	return (HEALTH_CHANGED);
}

static unsigned int
explain_probing(struct health *h, uint64_t now)
{
	if (h->conf.ntargets == 0)
		health_reason(h, now, "there is no target to probe");
	else if ((h->error = refused(h)) != 0)
		health_reason(h, now, "waiting for the first answer of %u "
		    "targets; probes are refused: %s", h->conf.ntargets,
		    strerror((int)h->error));
	else
		health_reason(h, now, "waiting for the first answer of %u "
		    "targets", h->conf.ntargets);
	return (HEALTH_CHANGED);
}

/* the hold-down doubles with every failure and halves with time in health */
static void
hold_grow(struct health *h, uint64_t now)
{
	uint64_t	 healthy = 0;

	if (h->state == TS_PROBING)
		return;			/* it has not failed yet */
	if (h->state != TS_RECOVERING)
		healthy = now - h->up_ms;
	for (; healthy >= DECAY_MS && h->hold_ms > 0; healthy -= DECAY_MS)
		h->hold_ms = h->hold_ms / 2 < h->conf.hold_min_ms ?
		    0 : h->hold_ms / 2;
	h->hold_ms = h->hold_ms == 0 ? h->conf.hold_min_ms : h->hold_ms * 2;
	if (h->hold_ms > h->conf.hold_max_ms)
		h->hold_ms = h->conf.hold_max_ms;
}

/* DOWN for a cause that the caller gives the words for */
unsigned int
health_down(struct health *h, uint64_t now)
{
	hold_grow(h, now);
	h->down_ms = h->conf.down_min_ms;
	h->down_misses = 0;
	h->lost = 0;
	h->hint_gap_ms = 0;
	return (health_state(h, TS_DOWN, now));
}

static unsigned int
go_down(struct health *h, uint64_t now)
{
	uint32_t	 i;

	/* who has not answered the burst is silent, whatever was before */
	for (i = 0; i < h->conf.ntargets; i++)
		if (!(h->answered & 1U << i) && h->targets[i].run > 0)
			h->targets[i].run = -1;
	health_down(h, now);
	return (explain_down(h, now));
}

static unsigned int
go_up(struct health *h, uint64_t now)
{
	/* what was lost before says nothing about now */
	h->fresh = 1;
	h->fresh_sent = h->fresh_lost = 0;
	h->up_ms = now;
	health_reason(h, now, "probes are answered");
	return (health_state(h, TS_UP, now));
}

unsigned int
health_suspect(struct health *h, const char *why, uint64_t now)
{
	h->asked = 0;
	h->before = h->state;
	h->before_since_ms = h->since_ms;
	memcpy(h->before_reason, h->reason, sizeof(h->before_reason));
	health_state(h, TS_SUSPECT, now);
	health_reason(h, now, "%s, asking all %u targets", why,
	    h->conf.ntargets);
	return (HEALTH_CHANGED | health_burst(h, now));
}

static unsigned int
go_back(struct health *h)
{
	health_state(h, h->before, h->before_since_ms);
	memcpy(h->reason, h->before_reason, sizeof(h->reason));
	return (HEALTH_CHANGED);
}

static unsigned int
go_recover(struct health *h, uint64_t now)
{
	uint32_t	 left;

	/* nothing to fall back on, or it never failed: no reason to wait */
	if (!h->alternative || h->hold_ms == 0)
		return (go_up(h, now));
	left = h->hold_left_ms != 0 ? h->hold_left_ms : h->hold_ms;
	h->hold_left_ms = 0;
	h->hold_until_ms = now + left;
	health_reason(h, now, "answers again, held back for %u s after a "
	    "failure", (left + 999) / 1000);
	return (health_state(h, TS_RECOVERING, now));
}

void
health_init(struct health *h, const struct health_conf *conf,
    const struct health_memory *memory, uint64_t now)
{
	uint32_t	 i;

	memset(h, 0, sizeof(*h));
	h->conf = *conf;
	h->up_ms = now;
	h->down_ms = conf->down_min_ms;
	for (i = 0; i < GW_TARGETS_MAX; i++)
		h->targets[i].replied_ms = now;
	health_state(h, TS_PROBING, now);
	explain_probing(h, now);
	if (memory == NULL)
		return;
	h->hold_ms = memory->hold_ms;
	if (h->hold_ms > conf->hold_max_ms)
		h->hold_ms = conf->hold_max_ms;
	if (!memory->failed)
		return;
	h->hold_left_ms = memory->hold_left_ms;
	if (h->hold_left_ms > h->hold_ms)
		h->hold_left_ms = h->hold_ms;
	health_state(h, TS_DOWN, now);
}

void
health_remember(const struct health *h, struct health_memory *m, uint64_t now)
{
	memset(m, 0, sizeof(*m));
	m->hold_ms = h->hold_ms;
	m->failed = h->hold_ms != 0 && !health_usable(h->state);
	if (h->state == TS_RECOVERING && h->hold_until_ms > now)
		m->hold_left_ms = (uint32_t)(h->hold_until_ms - now);
	else if (h->state == TS_DOWN)
		m->hold_left_ms = h->hold_left_ms;
}

void
health_reconf(struct health *h, const struct health_conf *conf)
{
	uint32_t	 i;

	for (i = conf->ntargets; i < GW_TARGETS_MAX; i++) {
		h->targets[i].run = 0;
		h->targets[i].error = 0;
		h->answered &= ~(1U << i);
	}
	h->conf = *conf;
	if (conf->ntargets == 0)
		health_state(h, TS_PROBING, h->since_ms);
	if (h->state == TS_PROBING)
		explain_probing(h, h->text_ms);
}

static unsigned int
result_answer(struct health *h, uint32_t target, uint64_t now)
{
	struct health_target	*t = &h->targets[target];

	t->replied_ms = h->replied_ms = now;
	t->run = t->run > 0 ? t->run + (t->run < RECOVER_RUN) : 1;
	t->error = 0;
	t->refuser.s_addr = INADDR_ANY;
	h->failing = 0;
	h->answered |= 1U << target;
	switch (h->state) {
	case TS_PROBING:
		if (answered(h) >= quorum(h))
			return (go_up(h, now));
		return (0);
	case TS_SUSPECT:
		if (answered(h) >= quorum(h))
			return (go_back(h));
		return (0);
	case TS_RECOVERING:
		if (answered(h) < quorum(h))
			return (0);
		h->burst = 0;
		return (now < h->hold_until_ms ? 0 : go_up(h, now));
	case TS_DOWN:
		h->down_ms = h->conf.down_min_ms;
		h->down_misses = 0;
		if (running(h, RECOVER_RUN) >= quorum(h))
			return (go_recover(h, now));
		/* do not wait for three intervals */
		return (h->burst ? 0 : health_burst(h, now));
	default:
		return (0);
	}
}

/* the burst is over, or there is a cause that needs no waiting */
static unsigned int
burst_judge(struct health *h, uint64_t now)
{
	if (!h->burst)
		return (0);
	if (now < burst_end(h) && (!h->failing ||
	    now < h->failing_ms + REFUSED_MS || refused(h) == 0))
		return (0);
	h->burst = 0;
	if (h->state == TS_DOWN)
		return (0);
	if (answered(h) < quorum(h))
		return (go_down(h, now));
	/* a reload has lowered the quorum */
	return (h->state == TS_SUSPECT ? go_back(h) : 0);
}

static void
down_backoff(struct health *h)
{
	/* a round without an answer, not one target's silence */
	if (++h->down_misses < h->conf.ntargets)
		return;
	h->down_misses = 0;
	h->down_ms = h->down_ms > h->conf.down_max_ms / 2 ?
	    h->conf.down_max_ms : h->down_ms * 2;
}

/* what is refused is refused at once: no need to wait between the probes */
static unsigned int
suspect_miss(struct health *h, uint32_t error, uint64_t now)
{
	if (error == 0)
		return (health_suspect(h, "a probe was not answered", now));
	return (health_suspect(h, "a probe was refused", now) | HEALTH_URGENT);
}

static unsigned int
result_miss(struct health *h, const struct imsg_probe_result *r, uint64_t now)
{
	struct health_target	*t = &h->targets[r->target];
	int			 silent;

	t->run = t->run < 0 ? t->run - (t->run >= SILENT_RUN) : -1;
	t->error = r->outcome == PROBE_ERROR ? r->error : 0;
	t->refuser = r->refuser;
	if (t->error != 0 && !h->failing) {
		h->failing = 1;
		h->failing_ms = now;
	}
	/* long dead while the others answer: no news */
	silent = t->run < SILENT_RUN && running(h, 1) >= quorum(h);
	switch (h->state) {
	case TS_PROBING:
		return (refused(h) == h->error ? 0 : explain_probing(h, now));
	case TS_UP:
	case TS_DEGRADED:
		if (r->burst || silent)
			return (0);
		return (suspect_miss(h, t->error, now));
	case TS_RECOVERING:
		if (h->burst)
			return (burst_judge(h, now));
		return (r->burst || silent ? 0 : health_burst(h, now));
	case TS_DOWN:
		if (!r->burst)
			down_backoff(h);
		if (refused(h) != h->error)
			return (explain_down(h, now));
		return (burst_judge(h, now));
	default:
		return (burst_judge(h, now));
	}
}

static unsigned int
interval_changed(const struct health *h, uint32_t active, uint32_t standby)
{
	if (health_interval(h, ROLE_ACTIVE) == active &&
	    health_interval(h, ROLE_STANDBY) == standby)
		return (0);
	return (HEALTH_INTERVAL);
}

unsigned int
health_result(struct health *h, const struct imsg_probe_result *r,
    uint64_t now)
{
	uint32_t	 active = health_interval(h, ROLE_ACTIVE);
	uint32_t	 standby = health_interval(h, ROLE_STANDBY);
	unsigned int	 ask;

	if (r->target >= h->conf.ntargets || r->outcome > PROBE_LATE ||
	    h->lost)
		return (0);
	if (h->burst && r->burst && r->outcome != PROBE_LATE)
		h->burst_results++;
	health_count(h, r);
	if (r->outcome == PROBE_REPLY || r->outcome == PROBE_LATE)
		ask = result_answer(h, r->target, now);
	else
		ask = result_miss(h, r, now);
	ask |= health_judge(h, r, now);
	return (ask | interval_changed(h, active, standby));
}

uint64_t
health_deadline(const struct health *h)
{
	if (h->lost)
		return (h->alternative ? h->since_ms : h->lost_until_ms);
	if (h->burst)
		return (burst_end(h));
	if (h->state == TS_RECOVERING)
		return (h->alternative ? h->hold_until_ms : h->since_ms);
	if (h->state == TS_PROBING && h->conf.ntargets > 0)
		return (h->since_ms + PROBING_MS);
	return (UINT64_MAX);
}

unsigned int
health_tick(struct health *h, uint64_t now)
{
	uint32_t	 active = health_interval(h, ROLE_ACTIVE);
	uint32_t	 standby = health_interval(h, ROLE_STANDBY);
	unsigned int	 ask;

	if (now < health_deadline(h))
		return (0);
	if (h->lost)
		ask = health_lost_down(h, now);
	else if (h->burst)
		ask = burst_judge(h, now);
	else if (h->state == TS_RECOVERING)
		/* the last answer may be old, and traffic is about to come */
		ask = h->alternative ? health_burst(h, now) : go_up(h, now);
	else
		ask = go_down(h, now);
	return (ask | interval_changed(h, active, standby));
}

void
health_set_alternative(struct health *h, int alternative)
{
	h->alternative = alternative;
}

static uint32_t
min_ms(uint32_t a, uint32_t b)
{
	return (a < b ? a : b);
}

uint32_t
health_interval(const struct health *h, enum tunnel_role role)
{
	uint32_t	 ms;

	if (h->state == TS_PROBING)
		ms = min_ms(h->conf.interval_ms, FIRST_MS);
	else if (h->state == TS_DOWN)
		ms = min_ms(h->down_ms, h->conf.down_max_ms);
	else if (role == ROLE_ACTIVE)
		ms = h->conf.interval_ms;
	else
		ms = h->conf.standby_ms;
	if (h->conf.keepalive_ms != 0)
		ms = min_ms(ms, h->conf.keepalive_ms);
	return (ms);
}

int
health_usable(enum tunnel_state state)
{
	return (state == TS_UP || state == TS_SUSPECT || state == TS_DEGRADED);
}
