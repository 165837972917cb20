/*
 * The large probes of a path MTU search.  Runs in the prober (_gatewayd,
 * chroot, no capabilities).
 *
 * What arrives only changes the search; sending is left to mtu_run(), which
 * nothing that it calls calls again.
 */
#include <netinet/ip6.h>
#include <errno.h>
#include <string.h>

#include "child.h"
#include "probe_mtu.h"

void
mtu_abort(struct tunnel *t)
{
	memset(&t->mtu, 0, sizeof(t->mtu));
}

void
mtu_start(struct tunnel *t, uint32_t max)
{
	mtu_abort(t);
	pmtu_start(&t->mtu.search, max, t->ntargets);
	t->mtu.running = 1;
}

static void
result_send(struct tunnel *t)
{
	struct imsg_pmtu_result	 m;

	memset(&m, 0, sizeof(m));
	m.mtu = pmtu_result(&t->mtu.search);
	m.max = t->mtu.search.max;
	m.told = (uint32_t)pmtu_told(&t->mtu.search);
	peer_send(child_peer(PROC_ENGINE), IMSG_PMTU_RESULT, t->id, -1, &m,
	    sizeof(m));
}

static void
mtu_send(struct tunnel *t, uint64_t now)
{
	struct probe_mtu	*m = &t->mtu;
	struct pmtu		*p = &m->search;
	int			 error;

	/* a late answer to an earlier probe of this size is as good */
	if (m->size != p->size)
		m->first = t->big_seq;
	m->size = p->size;
	m->waiting = 1;
	/* a large packet takes longer than the small ones of the estimate */
	m->due_us = now + 2 *
	    (uint64_t)rtt_timeout_us(&t->targets[p->target].rtt);
	pmtu_sent(p);
	error = probe_transmit(t, p->target, ICMP6_BIG | t->big_seq++,
	    p->size - sizeof(struct ip6_hdr));
	/* any other error may pass: it is a loss after the time for that */
	if (error == EMSGSIZE && m->waiting) {
		m->waiting = 0;
		pmtu_lost(p);
	}
}

void
mtu_run(struct tunnel *t)
{
	struct probe_mtu	*m = &t->mtu;
	uint64_t		 now = probe_now_us();

	if (!m->running || (m->waiting && m->due_us > now))
		return;
	if (m->waiting)
		pmtu_lost(&m->search);
	m->waiting = 0;
	/* again at once if our own interface does not take the packet */
	while (m->search.size != 0 && !m->waiting)
		mtu_send(t, now);
	if (m->search.size != 0)
		return;
	result_send(t);
	mtu_abort(t);
}

uint64_t
mtu_deadline_us(const struct tunnel *t)
{
	if (!t->mtu.running)
		return (UINT64_MAX);
	return (t->mtu.waiting ? t->mtu.due_us : 0);
}

/* nonzero if that probe is one of the size on trial */
static int
on_trial(const struct tunnel *t, const struct icmp6_echo *e)
{
	uint32_t	 seq = e->seq & ~ICMP6_BIG;

	return (t->mtu.running && t->mtu.size == t->mtu.search.size &&
	    e->tunnel == t->id &&
	    seq - t->mtu.first < t->big_seq - t->mtu.first);
}

int
mtu_answered(struct tunnel *t, const struct icmp6_echo *e, size_t len)
{
	uint32_t	 i;

	if (!on_trial(t, e) || len + sizeof(struct ip6_hdr) != t->mtu.size)
		return (0);
	/* there is one: the tag says that we have asked it */
	for (i = 0; i < t->ntargets; i++)
		if (IN6_ARE_ADDR_EQUAL(&e->target, &t->targets[i].addr))
			break;
	if (i == t->ntargets)
		return (0);
	t->mtu.waiting = 0;
	pmtu_answered(&t->mtu.search, i);
	return (1);
}

void
mtu_too_big(struct tunnel *t, const struct icmp6_echo *e, uint32_t mtu)
{
	if (e != NULL ? !on_trial(t, e) : !t->mtu.waiting)
		return;
	if (pmtu_too_big(&t->mtu.search, mtu))
		t->mtu.waiting = 0;
}
