/*
 * The parent, the prober and the frontend of an engine under test: see
 * engine_sim.h.  Linked with --wrap for peer_send, the clocks and the timer.
 */
#include <err.h>
#include <setjmp.h>
#include <string.h>

#include "child.h"
#include "engine.h"
#include "engine_sim.h"
#include "gatewayd.h"
#include "log.h"

struct sim_tunnel		 known[IDS];
struct imsg_health		 health;
struct imsg_result		 result;
unsigned int			 nhealth, nsettled, nadmin, nauth;
struct imsg_failover		 failover;
struct imsg_outage		 outage;
unsigned int			 nfailovers, noutages, nbad;
char				 state_text[65536];
size_t				 state_len;
unsigned int			 nsaves;

static size_t			 saving;

const char			*test = "start";
unsigned int			 seed;
uint64_t			 clock_ms = 5000;

struct imsg_conf		 conf;
struct imsg_tunnel		 tunnels[IDS];
uint32_t			 ntunnels;
const struct imsg_token		*new_token;

static unsigned int		 nready;
static const struct child_ops	*ops;
static struct peer		 peers[PROC_COUNT];
static jmp_buf			 started;

static struct {
	event_callback_fn	 cb;
	uint64_t		 due;
	int			 armed;
} timer;

uint64_t	 __wrap_monotime_ms(void);
uint64_t	 __wrap_unix_time(void);
void		 __wrap_peer_send(struct peer *, enum imsg_type, uint32_t, int,
		    const void *, size_t);
struct event	*__wrap_event_new(struct event_base *, evutil_socket_t, short,
		    event_callback_fn, void *);
int		 __wrap_event_add(struct event *, const struct timeval *);
int		 __wrap_event_del(struct event *);

uint64_t
__wrap_monotime_ms(void)
{
	return (clock_ms);
}

uint64_t
__wrap_unix_time(void)
{
	return (WALL + clock_ms / 1000);
}

struct event *
__wrap_event_new(struct event_base *base, evutil_socket_t fd, short what,
    event_callback_fn cb, void *arg)
{
	CHECK(timer.cb == NULL);	/* there is one */
	timer.cb = cb;
	return ((struct event *)&timer);
}

int
__wrap_event_add(struct event *ev, const struct timeval *tv)
{
	timer.due = clock_ms + (uint64_t)tv->tv_sec * 1000 +
	    (uint64_t)tv->tv_usec / 1000;
	timer.armed = 1;
	return (0);
}

int
__wrap_event_del(struct event *ev)
{
	timer.armed = 0;
	return (0);
}

struct event_base *
child_base(void)
{
	return (NULL);
}

struct peer *
child_peer(enum gw_proc proc)
{
	return (&peers[proc]);
}

void
child_run(const struct proc_args *args, const struct child_ops *o)
{
	ops = o;
	longjmp(started, 1);
}

static void
kept(const void *data, size_t len)
{
	if (len == 0) {
		state_len = saving;
		saving = 0;
		nsaves++;
		return;
	}
	CHECK(saving + len < sizeof(state_text));
	memcpy(state_text + saving, data, len);
	saving += len;
	state_text[saving] = '\0';
}

static void
sent_to_parent(enum imsg_type type, uint32_t id, const void *data, size_t len)
{
	const struct imsg_want	*want = data;

	switch (type) {
	case IMSG_RECONF_READY:
		nready++;
		return;
	case IMSG_SETTLED:
		nsettled++;
		return;
	case IMSG_STATE_BAD:
		nbad++;
		return;
	case IMSG_STATE_SAVE:
		kept(data, len);
		return;
	default:
		break;
	}
	CHECK(id < IDS && known[id].in_conf);
	switch (type) {
	case IMSG_WANT:
		CHECK(!engine.settling);
		CHECK(!known[id].has_want ||
		    memcmp(&known[id].wanted, want, sizeof(*want)) != 0);
		CHECK(want->want != WANT_ABSENT ||
		    (want->mtu == 0 && !want->lost));
		known[id].has_want = 1;
		known[id].wanted = *want;
		known[id].want = (enum want)want->want;
		known[id].nwants++;
		break;
	case IMSG_REFRESH:
		known[id].nrefresh++;
		break;
	case IMSG_SAMPLE:
		CHECK(known[id].nsamples == 0 || clock_ms -
		    known[id].sampled_ms >= TRAFFIC_FAST_MS);
		known[id].sampled_ms = clock_ms;
		known[id].nsamples++;
		break;
	default:
		errx(1, "%s to the parent", msg_name(type));
	}
}

static void
sent_to_prober(enum imsg_type type, uint32_t id, const void *data)
{
	CHECK(id < IDS);
	switch (type) {
	case IMSG_PROBE_SET:
		CHECK(known[id].in_conf);
		memcpy(&known[id].set, data, sizeof(known[id].set));
		CHECK(known[id].set.ntargets > 0 &&
		    known[id].set.ntargets <= GW_TARGETS_MAX);
		CHECK(known[id].set.interval_ms > 0);
		known[id].probed = 1;
		break;
	case IMSG_PROBE_BURST:
		CHECK(known[id].in_conf && known[id].probed);
		memcpy(&known[id].burst, data, sizeof(known[id].burst));
		known[id].nbursts++;
		break;
	case IMSG_PMTU_START:
		CHECK(known[id].in_conf && known[id].probed);
		memcpy(&known[id].pmtu_max, data, sizeof(uint32_t));
		known[id].npmtu++;
		break;
	case IMSG_PROBE_DEL:
		CHECK(known[id].probed);
		known[id].probed = 0;
		break;
	default:
		errx(1, "%s to the prober", msg_name(type));
	}
}

/* a tunnel that could carry the traffic no longer can */
static void
note_failure(struct sim_tunnel *k, const void *data)
{
	struct imsg_status	 st;

	memcpy(&st, data, sizeof(st));
	if (k->has_status &&
	    health_usable((enum tunnel_state)k->status.state) &&
	    !health_usable((enum tunnel_state)st.state)) {
		k->failed_ms = clock_ms;
		k->excused = 0;
	}
	if (st.state == TS_DISABLED || st.state == TS_CONFIGURING)
		k->excused = 1;
}

static void
check_hold_down(const struct sim_tunnel *k)
{
	CHECK(k->failed_ms == 0 || k->excused ||
	    clock_ms - k->failed_ms >= conf.hold_min_ms);
}

/* without another one nobody is held back */
static void
note_alone(void)
{
	const struct tunnel	*t, *other;
	int			 others;

	TAILQ_FOREACH(t, &engine.tunnels, entry) {
		others = 0;
		TAILQ_FOREACH(other, &engine.tunnels, entry)
			others += other != t && health_usable(other->state);
		if (others == 0)
			known[t->conf.id].excused = 1;
	}
}

static void
sent_to_frontend(enum imsg_type type, uint32_t id, const void *data)
{
	switch (type) {
	case IMSG_TUNNEL_STATUS:
		CHECK(id < IDS && known[id].in_conf);
		note_failure(&known[id], data);
		memcpy(&known[id].status, data, sizeof(known[id].status));
		known[id].has_status = 1;
		known[id].nstatus++;
		break;
	case IMSG_HEALTH_STATUS:
		memcpy(&health, data, sizeof(health));
		nhealth++;
		break;
	case IMSG_FAILOVER:
		memcpy(&failover, data, sizeof(failover));
		CHECK(wire_string(failover.reason) &&
		    failover.reason[0] != '\0');
		CHECK(failover.from != failover.to);
		note_alone();
		if (failover.to != WIRE_UNKNOWN)
			check_hold_down(&known[failover.to]);
		nfailovers++;
		break;
	case IMSG_OUTAGE:
		memcpy(&outage, data, sizeof(outage));
		noutages++;
		break;
	case IMSG_ADMIN_RESULT:
		memcpy(&result, data, sizeof(result));
		nadmin++;
		break;
	case IMSG_AUTH_RESULT:
		memcpy(&result, data, sizeof(result));
		nauth++;
		break;
	default:
		errx(1, "%s to the frontend", msg_name(type));
	}
}

/* news each time, and nothing of who has gone */
static void
sent_to_relay(enum imsg_type type, uint32_t id, const void *data)
{
	struct imsg_relay_way	*way = &known[id].way;

	CHECK(id < IDS);
	if (type == IMSG_RELAY_WAY) {
		CHECK(memcmp(way, data, sizeof(*way)) != 0);
		memcpy(way, data, sizeof(*way));
	} else
		memset(way, 0, sizeof(*way));
}

void
__wrap_peer_send(struct peer *p, enum imsg_type type, uint32_t id, int fd,
    const void *data, size_t len)
{
	struct imsg	 imsg = { { type, id }, data, len, fd };

	CHECK(msg_error(&imsg, PROC_ENGINE, p->proc) == NULL);
	if (p->proc == PROC_PARENT)
		sent_to_parent(type, id, data, len);
	else if (p->proc == PROC_PROBER)
		sent_to_prober(type, id, data);
	else if (p->proc == PROC_RELAY)
		sent_to_relay(type, id, data);
	else
		sent_to_frontend(type, id, data);
}

/* health as it follows from what the frontend was told of each tunnel */
static void
check_health(void)
{
	uint32_t	 i, up = 0, active = WIRE_UNKNOWN, state = 0;

	for (i = 0; i < IDS; i++) {
		if (!known[i].in_conf)
			continue;
		CHECK(known[i].way.usable == health_usable(
		    (enum tunnel_state)known[i].status.state));
		CHECK(known[i].way.ifindex == known[i].status.link.ifindex);
		CHECK(known[i].way.local.s_addr ==
		    known[i].status.link.local.s_addr);
		CHECK(known[i].way.active ==
		    (known[i].status.role == ROLE_ACTIVE));
		up += known[i].status.state == TS_UP ||
		    known[i].status.state == TS_SUSPECT;
		if (known[i].status.role == ROLE_ACTIVE &&
		    health_usable((enum tunnel_state)known[i].status.state)) {
			active = i;
			state = known[i].status.state;
		}
	}
	CHECK(health.active == active && health.active_tunnels == up);
	CHECK((active == WIRE_UNKNOWN) == (health.status == HEALTH_STARTING ||
	    health.status == HEALTH_DOWN));
	if (active == WIRE_UNKNOWN)
		CHECK(health.latency_us == WIRE_UNKNOWN);
	else
		CHECK(health.status == (state == TS_DEGRADED ?
		    HEALTH_DEGRADED : HEALTH_OK));
}

/* what the selection owes to a tunnel that can carry the traffic */
static void
check_choice(const struct tunnel *t, int usable)
{
	const struct tunnel	*a = engine.active;

	if (engine.conf.mode == GW_MODE_MANUAL)
		return;
	CHECK(!usable || a != NULL);
	if (!usable || t == a || a->adopting || t->state == TS_SUSPECT ||
	    a->preferred)
		return;
	CHECK(!t->preferred);
	if (engine.conf.preempt && engine.conf.mode == GW_MODE_PRIORITY)
		CHECK(a->conf.priority <= t->conf.priority);
}

/* a tunnel as the engine has it and as it told the others */
static void
check_tunnel(const struct tunnel *t, uint32_t order)
{
	const struct imsg_status	*st = &known[t->conf.id].status;
	int				 usable = health_usable(t->state);

	CHECK(known[t->conf.id].in_conf);
	CHECK(known[t->conf.id].has_status);
	CHECK(known[t->conf.id].has_want || engine.settling);
	CHECK(st->state == t->state && st->order == order);
	CHECK(st->transitions == t->transitions && st->since == t->since);
	CHECK(strcmp(st->reason, t->reason) == 0 && t->reason[0] != '\0');
	CHECK((st->role == ROLE_ACTIVE) == (t == engine.active));
	CHECK(st->role != ROLE_DRAINING || usable || t->draining_ms != 0);
	CHECK(memcmp(&st->link, &t->link, sizeof(st->link)) == 0);
	CHECK(usable || st->rtt_us == WIRE_UNKNOWN);
	CHECK((st->retry_at != 0) ==
	    (t->state == TS_ERROR && t->link.retry_s != 0));
	CHECK(known[t->conf.id].probed == t->probing);
	if (t->probing)
		CHECK(known[t->conf.id].set.interval_ms ==
		    health_interval(&t->health, select_role(t)));
	/* a verdict rests on probes */
	if (usable)
		CHECK(t->probing);
	if (engine.select_ms == ENGINE_NEVER)
		check_choice(t, usable);
}

void
check_world(void)
{
	const struct tunnel	*t;
	uint32_t		 n = 0, active = 0, id;

	TAILQ_FOREACH(t, &engine.tunnels, entry)
		check_tunnel(t, n++);
	CHECK(n == ntunnels);
	for (id = 0; id < IDS; id++) {
		if (!known[id].in_conf)
			CHECK(!known[id].probed);
		else if (known[id].want == WANT_ACTIVE)
			active++;
	}
	if (engine.settling)
		return;
	/* one plain default at most, and of a tunnel that is not down */
	CHECK(active == (engine.active != NULL));
	CHECK(engine.select_ms == ENGINE_NEVER ||
	    engine.select_ms <= clock_ms + 3);
	note_alone();
	if (engine.active != NULL) {
		CHECK(known[engine.active->conf.id].want == WANT_ACTIVE);
		CHECK(engine.active->adopting ||
		    health_usable(engine.active->state) ||
		    engine.select_ms != ENGINE_NEVER);
	}
	for (id = 0; id < IDS; id++)
		if (known[id].in_conf && known[id].wanted.lost)
			CHECK(engine.active != NULL &&
			    engine.active->conf.id != id);
	check_health();
}

void
deliver(enum gw_proc from, enum imsg_type type, uint32_t id, const void *data,
    size_t len)
{
	struct imsg	 imsg = { { type, id }, data, len, -1 };

	CHECK(msg_error(&imsg, from, PROC_ENGINE) == NULL);
	ops->dispatch(&peers[from], &imsg);
}

void
advance(uint64_t ms)
{
	uint64_t	 end = clock_ms + ms;
	int		 i;

	for (i = 0; timer.armed && timer.due <= end; i++) {
		CHECK(i < 1000);	/* a deadline that is never met */
		if (timer.due > clock_ms)
			clock_ms = timer.due;
		timer.armed = 0;
		timer.cb(-1, 0, NULL);
		check_world();
	}
	clock_ms = end;
}

void
send_conf(void)
{
	unsigned int	 ready = nready;
	uint32_t	 i;

	deliver(PROC_PARENT, IMSG_RECONF_CONF, 0, &conf, sizeof(conf));
	for (i = 0; i < ntunnels; i++)
		deliver(PROC_PARENT, IMSG_RECONF_TUNNEL, 0, &tunnels[i],
		    sizeof(tunnels[i]));
	if (new_token != NULL)
		deliver(PROC_PARENT, IMSG_RECONF_TOKEN, 0, new_token,
		    sizeof(*new_token));
	deliver(PROC_PARENT, IMSG_RECONF_END, 0, NULL, 0);
	CHECK(nready == ready + 1);
}

void
commit(void)
{
	uint32_t	 i;

	send_conf();
	for (i = 0; i < IDS; i++) {
		known[i].in_conf = 0;
		known[i].excused = 1;
	}
	for (i = 0; i < ntunnels; i++)
		known[tunnels[i].id].in_conf = 1;
	deliver(PROC_PARENT, IMSG_RECONF_COMMIT, 0, NULL, 0);
	check_world();
}

void
start_engine(void)
{
	static const struct proc_args	 args = { PROC_ENGINE, "", "" };
	int				 i;

	for (i = 0; i < PROC_COUNT; i++) {
		peers[i].self = PROC_ENGINE;
		peers[i].proc = (enum gw_proc)i;
	}
	/* what the engine logs is not the news here */
	log_init(LL_ERROR, LF_TEXT, LT_STDERR, "engine");
	if (setjmp(started) == 0)
		engine_main(&args);
}
