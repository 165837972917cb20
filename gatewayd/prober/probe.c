/*
 * The probes of one tunnel: sends them, times the answers, and tells the
 * engine what became of each.  Runs in the prober (_gatewayd, chroot, no
 * capabilities) on a raw socket the parent has opened (icmp6.h).
 */
#include <errno.h>
#include <netinet/icmp6.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "child.h"
#include "log.h"
#include "outer.h"
#include "probe.h"
#include "probe_mtu.h"
#include "util.h"

#define FLIGHT_SLOTS	64	/* probes of a tunnel remembered; 2^n */
#define RX_BATCH	64	/* messages read before others get a turn */
#define STEP_MAX_US	10000	/* clocks that differ by more were set */
#define LATE_MAX_US	5000000	/* an older answer says nothing about now */
#define UNSENT_MAX_US	1000000	/* without room for any probe is a failure */

enum flight_state {
	FLIGHT_FREE,
	FLIGHT_WAITING,
	FLIGHT_TIMEDOUT			/* an answer would be late */
};

static struct icmp6_key		 key;
static uint64_t			 epoch_us; /* probes tell time since then */
static const struct in_addr	 nobody = { INADDR_ANY };

static uint64_t
clock_ns(clockid_t clock)
{
	struct timespec	 ts;

	if (clock_gettime(clock, &ts) == -1)
		fatal("clock_gettime");
	return ((uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec);
}

uint64_t
probe_now_us(void)
{
	return (clock_ns(CLOCK_MONOTONIC) / 1000);
}

void
probe_init(void)
{
	icmp6_key_init(&key);
	epoch_us = probe_now_us();
}

void
probe_reset(struct tunnel *t)
{
	free(t->flights);
	t->flights = xcalloc(FLIGHT_SLOTS, sizeof(*t->flights));
	t->waiting = 0;
	t->unsent_us = 0;
}

static void
result_send(struct tunnel *t, const struct flight *f,
    enum probe_outcome outcome, int error, struct in_addr refuser,
    uint32_t rtt_us)
{
	struct imsg_probe_result	 m;
	struct window_stats		 st;

	window_get(&t->window, monotime_ms(), &st);
	memset(&m, 0, sizeof(m));
	m.outcome = outcome;
	m.target = f->target;
	m.error = (uint32_t)error;
	m.refuser = refuser;
	m.burst = f->burst;
	m.rtt_us = rtt_us;
	m.sent = st.sent;
	m.lost = st.lost;
	m.avg_us = st.avg_us;
	m.p95_us = st.p95_us;
	m.jitter_us = st.jitter_us;
	m.time = unix_time();
	peer_send(child_peer(PROC_ENGINE), IMSG_PROBE_RESULT, t->id, -1, &m,
	    sizeof(m));
}

/* a burst samples the bad moments only: it stays out of the window */
static void
flight_record(struct tunnel *t, struct flight *f, uint32_t rtt_us)
{
	if (f->burst)
		return;
	f->number = window_add(&t->window, monotime_ms(), f->target, rtt_us);
	f->recorded = 1;
}

static void
flight_lost(struct tunnel *t, struct flight *f, enum probe_outcome outcome,
    int error, struct in_addr refuser)
{
	if (f->state == FLIGHT_WAITING)
		t->waiting--;
	f->state = outcome == PROBE_TIMEOUT ? FLIGHT_TIMEDOUT : FLIGHT_FREE;
	t->targets[f->target].misses++;
	flight_record(t, f, WINDOW_LOST);
	result_send(t, f, outcome, error, refuser, 0);
}

static void
flight_answered(struct tunnel *t, struct flight *f, uint32_t rtt_us)
{
	struct target	*g = &t->targets[f->target];
	int		 late = f->state == FLIGHT_TIMEDOUT;

	g->misses = 0;
	/* a late answer is the news that answers take longer now */
	rtt_add(&g->rtt, rtt_us);
	if (!late) {
		t->waiting--;
		flight_record(t, f, rtt_us);
	} else if (f->recorded)
		window_late(&t->window, f->number, rtt_us);
	f->state = FLIGHT_FREE;
	result_send(t, f, late ? PROBE_LATE : PROBE_REPLY, 0, nobody,
	    rtt_us);
}

void
probe_expire(struct tunnel *t, uint64_t now)
{
	struct flight	*f;
	uint32_t	 i;

	for (i = 0; t->waiting > 0 && i < FLIGHT_SLOTS; i++) {
		f = &t->flights[i];
		if (f->state == FLIGHT_WAITING && f->deadline_us <= now)
			flight_lost(t, f, PROBE_TIMEOUT, 0, nobody);
	}
}

uint64_t
probe_deadline_us(const struct tunnel *t)
{
	uint64_t	 deadline = UINT64_MAX;
	uint32_t	 i, left = t->waiting;

	for (i = 0; left > 0 && i < FLIGHT_SLOTS; i++) {
		if (t->flights[i].state != FLIGHT_WAITING)
			continue;
		left--;
		if (t->flights[i].deadline_us < deadline)
			deadline = t->flights[i].deadline_us;
	}
	return (deadline);
}

/* the flight a valid message is about, or NULL */
static struct flight *
flight_find(struct tunnel *t, const struct icmp6_echo *e)
{
	struct flight	*f = &t->flights[e->seq % FLIGHT_SLOTS];

	if (e->tunnel != t->id || f->state == FLIGHT_FREE ||
	    f->seq != e->seq || !IN6_ARE_ADDR_EQUAL(&e->target,
	    &t->targets[f->target].addr) ||
	    probe_now_us() - f->sent_us > LATE_MAX_US)
		return (NULL);
	return (f);
}

/*
 * The kernel's time of arrival is free of our own waiting for the processor,
 * but its clock can be set: it counts only while both clocks agree.
 */
static uint32_t
flight_rtt_us(const struct flight *f, uint64_t rx_ns)
{
	int64_t	 mono, real, kernel;

	mono = (int64_t)(probe_now_us() - f->sent_us);
	real = (int64_t)(clock_ns(CLOCK_REALTIME) - f->sent_ns) / 1000;
	kernel = (int64_t)(rx_ns - f->sent_ns) / 1000;
	if (rx_ns == 0 || llabs(real - mono) > STEP_MAX_US || kernel < 0 ||
	    kernel > mono + STEP_MAX_US)
		kernel = mono;
	return (kernel > UINT32_MAX / 2 ? UINT32_MAX / 2 : (uint32_t)kernel);
}

/* sit's own word after an ICMPv4 error, which anybody may have sent: the probe
 * is under way all the same */
static int
error_is_echo(const struct tunnel *t, const struct icmp6_rx *rx)
{
	return (rx->error == EHOSTUNREACH &&
	    IN6_ARE_ADDR_EQUAL(&rx->offender, &t->source) &&
	    outer_echoes(t));
}

static void
error_receive(struct tunnel *t, const struct icmp6_rx *rx)
{
	struct icmp6_echo	 echo;
	struct flight		*f;

	if (rx->local && rx->error == EMSGSIZE)
		mtu_too_big(t, NULL, rx->mtu);
	if (rx->error == 0 || icmp6_parse(&key, ICMP6_ECHO_REQUEST, rx->data,
	    rx->len, &rx->addr, &echo) != ICMP6_OURS)
		return;
	if (rx->error == EMSGSIZE) {
		/* for a small one it says that the way is there */
		if (echo.seq & ICMP6_BIG)
			mtu_too_big(t, &echo, rx->mtu);
		return;
	}
	if (!error_is_echo(t, rx) && (f = flight_find(t, &echo)) != NULL &&
	    f->state == FLIGHT_WAITING)
		flight_lost(t, f, PROBE_ERROR, rx->error, nobody);
}

/* what the kernel and routers say about packets we sent */
static void
receive_errors(struct tunnel *t)
{
	struct icmp6_rx	 rx;
	int		 i;

	for (i = 0; i < RX_BATCH && icmp6_recv_error(t->fd, &rx); i++)
		error_receive(t, &rx);
}

int
probe_refused(struct tunnel *t, const uint8_t *packet, size_t len, int error,
    struct in_addr refuser)
{
	struct icmp6_echo	 echo;
	struct flight		*f;

	if (icmp6_parse_quoted(&key, packet, len, &echo) != ICMP6_OURS ||
	    (f = flight_find(t, &echo)) == NULL || f->state != FLIGHT_WAITING)
		return (0);
	flight_lost(t, f, PROBE_ERROR, error, refuser);
	return (1);
}

/* what is wrong with an answer that is no flight's */
static enum reject
answer_reject(const struct tunnel *t, enum icmp6_verdict verdict,
    const struct icmp6_rx *rx, const struct icmp6_echo *e)
{
	const struct flight	*f = &t->flights[e->seq % FLIGHT_SLOTS];
	struct icmp6_echo	 other;

	switch (verdict) {
	case ICMP6_FOREIGN:
		return (REJECT_FOREIGN);
	case ICMP6_FORGED:
		if (e->tunnel != t->id || f->seq != e->seq ||
		    icmp6_parse(&key, ICMP6_ECHO_REPLY, rx->data, rx->len,
		    &t->targets[f->target].addr, &other) != ICMP6_OURS)
			return (REJECT_HASH);
		return (REJECT_SOURCE);
	case ICMP6_OURS:
		break;
	}
	if (e->tunnel != t->id)
		return (REJECT_TUNNEL);
	return (f->seq == e->seq && f->state == FLIGHT_FREE ? REJECT_REPLAY :
	    REJECT_LATE);
}

/* nonzero if it was waited for */
static int
answer_take(struct tunnel *t, const struct icmp6_rx *rx,
    const struct icmp6_echo *e)
{
	struct flight	*f;

	if (e->seq & ICMP6_BIG)
		return (mtu_answered(t, e, rx->len));
	if (rx->len != ICMP6_ECHO_LEN || (f = flight_find(t, e)) == NULL)
		return (0);
	flight_answered(t, f, flight_rtt_us(f, rx->real_ns));
	return (1);
}

static void
answer_receive(struct tunnel *t, const struct icmp6_rx *rx)
{
	enum icmp6_verdict	 verdict;
	struct icmp6_echo	 echo;

	memset(&echo, 0, sizeof(echo));
	verdict = icmp6_parse(&key, ICMP6_ECHO_REPLY, rx->data, rx->len,
	    &rx->addr, &echo);
	if (verdict != ICMP6_OURS || !answer_take(t, rx, &echo))
		reject_add(&t->rejects, answer_reject(t, verdict, rx, &echo),
		    probe_now_us());
}

void
probe_receive(struct tunnel *t)
{
	struct icmp6_rx	 rx;
	int		 i, n;

	for (i = 0; i < RX_BATCH && (n = icmp6_recv(t->fd, &rx)) != 0; i++) {
		if (n == -1) {
			receive_errors(t);
			continue;
		}
		answer_receive(t, &rx);
		if (t->waiting == 0)
			return;		/* spare a call that finds nothing */
	}
	if (i == 0)
		receive_errors(t);
}

int
probe_transmit(struct tunnel *t, uint32_t target, uint32_t seq, size_t len)
{
	uint8_t			 buf[ICMP6_ECHO_LEN];
	struct icmp6_echo	 echo;
	struct in6_addr		*addr = &t->targets[target].addr;

	memset(&echo, 0, sizeof(echo));
	echo.target = *addr;
	echo.tunnel = t->id;
	echo.seq = seq;
	echo.time_us = probe_now_us() - epoch_us;
	icmp6_build(&key, &echo, buf);
	if (icmp6_send(t->fd, addr, t->ifindex, buf, len) != -1)
		return (0);
	if (errno == EAGAIN || errno == ENOBUFS)
		return (errno);
	/* it may be an earlier packet's error, which is told only once */
	receive_errors(t);
	if (icmp6_send(t->fd, addr, t->ifindex, buf, len) != -1)
		return (0);
	return (errno);
}

void
probe_send(struct tunnel *t, uint32_t target, int burst)
{
	struct flight	*f = &t->flights[t->seq % FLIGHT_SLOTS];
	int		 error;

	if (f->state == FLIGHT_WAITING)
		return;		/* a whole ring is under way: enough */
	memset(f, 0, sizeof(*f));
	f->seq = t->seq;
	t->seq = (t->seq + 1) & ~ICMP6_BIG;
	f->target = (uint8_t)target;
	f->burst = (uint8_t)burst;
	f->sent_ns = clock_ns(CLOCK_REALTIME);
	f->sent_us = probe_now_us();
	f->deadline_us = f->sent_us + rtt_timeout_us(&t->targets[target].rtt);
	switch ((error = probe_transmit(t, target, f->seq, ICMP6_ECHO_LEN))) {
	case 0:
		t->unsent_us = 0;
		f->state = FLIGHT_WAITING;
		t->waiting++;
		return;
	case EMSGSIZE:
		return;
	case EAGAIN:
	case ENOBUFS:
		/* our own queue is full: that is news only if it stays so */
		if (t->unsent_us == 0)
			t->unsent_us = f->sent_us;
		if (f->sent_us - t->unsent_us < UNSENT_MAX_US)
			return;
		break;
	}
	flight_lost(t, f, PROBE_ERROR, error, nobody);
}
