/*
 * Who may use the tunnels where [exposure] mode is without "kernel": nobody
 * but the relay.  Runs in the parent (CAP_NET_ADMIN).
 *
 * A deprecated address does not keep a program off: Linux takes one where it
 * has no other, and a program can bind to it.  Rules (ip-rule(8)) of protocol
 * 201 do, two of them for each source prefix of our tunnels:
 *
 *	20100	uidrange 0-0 goto 20103
 *	20100	uidrange UID-UID goto 20103
 *	20101	from PREFIX iif lo lookup main suppress_prefixlength 0
 *	20102	from PREFIX iif lo unreachable
 *	20103	nop
 *
 * UID is the relay's.  What the kernel itself sends, and what root's sockets
 * send, the probes' among them, has uid 0; what is forwarded does not come
 * from lo.  Routes that are no default stay open to everybody: they lead to
 * the neighbours in a routed prefix.
 *
 * All is one comparison of the kernel's rules of protocol 201 with those that
 * the configuration asks for.
 */
#include <sys/socket.h>
#include <errno.h>
#include <event2/event.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "link_int.h"
#include "rtsock.h"
#include "util.h"

/* before main's, 32766 */
#define FENCE_PASS	20100
#define FENCE_LINKS	20101
#define FENCE_REFUSE	20102
#define FENCE_END	20103

struct rules {
	struct rt_rule	*v;
	size_t		 n;
};

static struct event	*fence_timer;
static int		 fence_up;	/* there are to be rules */
static uint64_t		 fence_repaired; /* monotonic ms */

static void
rules_add(struct rules *rs, const struct rt_rule *r)
{
	rs->v = reallocarray(rs->v, rs->n + 1, sizeof(*rs->v));
	if (rs->v == NULL)
		fatal("reallocarray of %zu rules", rs->n + 1);
	rs->v[rs->n++] = *r;
}

static int
refuses(const struct rt_rule *r)
{
	return (r->action == FR_ACT_UNREACHABLE);
}

/* an order in which what refuses comes last */
static int
rule_cmp(const void *va, const void *vb)
{
	const struct rt_rule	*a = va, *b = vb;

	if (refuses(a) != refuses(b))
		return (refuses(a) - refuses(b));
	return (memcmp(a, b, sizeof(*a)));
}

static void
rules_sort(struct rules *rs)
{
	if (rs->n != 0)
		qsort(rs->v, rs->n, sizeof(*rs->v), rule_cmp);
}

static int
rules_have(const struct rules *rs, const struct rt_rule *r)
{
	return (rs->n != 0 &&
	    bsearch(r, rs->v, rs->n, sizeof(*r), rule_cmp) != NULL);
}

static void
rule_init(struct rt_rule *r, uint32_t priority, uint8_t action)
{
	memset(r, 0, sizeof(*r));
	r->priority = priority;
	r->action = action;
	r->protocol = RTPROT_GATEWAYD;
	r->suppress = r->uid_to = UINT32_MAX;
}

/* what this user sends is let pass */
static void
fence_pass(struct rules *rs, uid_t uid)
{
	struct rt_rule	 r;

	rule_init(&r, FENCE_PASS, FR_ACT_GOTO);
	r.target = FENCE_END;
	r.uid_from = r.uid_to = uid;
	rules_add(rs, &r);
}

static void
fence_prefix(struct rules *rs, const struct gw_prefix *p)
{
	struct rt_rule	 r[2];
	size_t		 i;

	rule_init(&r[0], FENCE_LINKS, FR_ACT_TO_TBL);
	r[0].table = RT_TABLE_MAIN;
	r[0].suppress = 0;
	rule_init(&r[1], FENCE_REFUSE, FR_ACT_UNREACHABLE);
	for (i = 0; i < 2; i++) {
		r[i].src = p->addr;
		r[i].src_len = p->len;
		strlcpy(r[i].iif, "lo", sizeof(r[i].iif));
		rules_add(rs, &r[i]);
	}
}

/*
 * The rules that the configuration asks for; interfaces that others made are
 * theirs, for whatever they made them.  0, or -1 and a log line.
 */
static int
fence_wanted(struct rules *rs)
{
	const struct gw_link	*l;
	const struct passwd	*pw;
	struct gw_prefix	 p[LINK_PREFIXES_MAX];
	struct rt_rule		 end;
	size_t			 i, n;

	memset(rs, 0, sizeof(*rs));
	if (links_conf == NULL ||
	    (links_conf->exposure.modes & GW_EXPOSE_KERNEL))
		return (0);
	if ((pw = getpwnam(links_conf->relay_user)) == NULL) {
		log_warnx("there is no user %s any more: the IPv6 rules stay "
		    "as they are", links_conf->relay_user);
		return (-1);
	}
	TAILQ_FOREACH(l, &links, entry) {
		if (l->conf->type == GW_EXTERNAL)
			continue;
		n = link_prefixes(l, p);
		for (i = 0; i < n; i++)
			fence_prefix(rs, &p[i]);
	}
	if (rs->n == 0)
		return (0);
	fence_pass(rs, 0);
	fence_pass(rs, pw->pw_uid);
	rule_init(&end, FENCE_END, FR_ACT_NOP);
	rules_add(rs, &end);
	rules_sort(rs);
	return (0);
}

static void
fence_answer(const struct nlmsghdr *h, void *arg)
{
	struct rt_rule	 r;

	if (rtparse_rule(h, &r) == 0 && r.protocol == RTPROT_GATEWAYD)
		rules_add(arg, &r);
}

/* the rules of ours that the kernel has; 0, or -1 with errno */
static int
fence_present(struct rules *rs)
{
	struct fib_rule_hdr	*frh;
	struct nl_msg		*msg;
	int			 try;

	memset(rs, 0, sizeof(*rs));
	for (try = 0; try < 3; try++) {
		rs->n = 0;
		msg = rtsock_msg_new(RTM_GETRULE, NLM_F_DUMP);
		frh = nlsock_header(msg, sizeof(*frh));
		frh->family = AF_INET6;
		if (rtsock_request(msg, fence_answer, rs) == 0) {
			rules_sort(rs);
			return (0);
		}
		if (errno != EINTR)
			break;
	}
	return (-1);
}

/* RTM_NEWRULE, RTM_DELRULE */
static int
fence_request(const struct rt_rule *r, uint16_t type)
{
	struct fib_rule_uid_range	 uids = { r->uid_from, r->uid_to };
	struct fib_rule_hdr		*frh;
	struct nl_msg			*msg;

	msg = rtsock_msg_new(type,
	    type == RTM_NEWRULE ? NLM_F_CREATE | NLM_F_EXCL : 0);
	frh = nlsock_header(msg, sizeof(*frh));
	frh->family = AF_INET6;
	frh->action = r->action;
	frh->src_len = r->src_len;
	if (r->src_len != 0)
		nlsock_put(msg, FRA_SRC, &r->src, sizeof(r->src));
	nlsock_put_u32(msg, FRA_PRIORITY, r->priority);
	nlsock_put_u32(msg, FRA_TABLE, r->table);
	if (r->action == FR_ACT_GOTO)
		nlsock_put_u32(msg, FRA_GOTO, r->target);
	nlsock_put_u8(msg, FRA_PROTOCOL, r->protocol);
	if (r->suppress != UINT32_MAX)
		nlsock_put_u32(msg, FRA_SUPPRESS_PREFIXLEN, r->suppress);
	if (r->uid_to != UINT32_MAX)
		nlsock_put(msg, FRA_UID_RANGE, &uids, sizeof(uids));
	if (r->iif[0] != '\0')
		nlsock_put(msg, FRA_IIFNAME, r->iif, strlen(r->iif) + 1);
	return (rtsock_request(msg, NULL, NULL));
}

/*
 * How many of these had to be added or removed; -1 with errno.  What refuses
 * comes last, and goes first.  Two tunnels may have a prefix together: EEXIST.
 */
static int
fence_change(const struct rules *from, const struct rules *to, uint16_t type)
{
	const struct rt_rule	*r;
	size_t			 i;
	int			 n = 0;

	for (i = 0; i < from->n; i++) {
		r = &from->v[type == RTM_NEWRULE ? i : from->n - 1 - i];
		if (rules_have(to, r))
			continue;
		if (fence_request(r, type) == 0)
			n++;
		else if (errno != EEXIST && errno != ENOENT)
			return (-1);
	}
	return (n);
}

/* how many rules differed; -1 and a log line */
static int
fence_compare(void)
{
	struct rules	 wanted, present;
	int		 added = -1, removed = -1;

	if (fence_wanted(&wanted) == -1)
		return (-1);
	fence_up = wanted.n != 0;
	if (fence_present(&present) == 0) {
		removed = fence_change(&present, &wanted, RTM_DELRULE);
		added = fence_change(&wanted, &present, RTM_NEWRULE);
	}
	if ((added == -1 || removed == -1) && (wanted.n | present.n) != 0)
		log_warnx("programs of this host are not kept off the "
		    "tunnels: IPv6 rules: %s", nlsock_error());
	free(wanted.v);
	free(present.v);
	return (added == -1 || removed == -1 ? -1 : added + removed);
}

static void
fence_timeout(int fd, short what, void *arg)
{
	int	 n;

	(void)fd;
	(void)what;
	(void)arg;
	if ((n = fence_compare()) == 0)
		return;
	fence_repaired = monotime_ms();
	if (n > 0)
		log_warnx("repaired: %d IPv6 rules that keep programs of "
		    "this host off the tunnels", n);
}

void
link_fence_open(void)
{
	fence_timer = evtimer_new(links_base, fence_timeout, NULL);
	if (fence_timer == NULL)
		fatalx("evtimer_new");
}

void
link_fence_close(void)
{
	event_free(fence_timer);
	fence_timer = NULL;
}

void
link_fence(void)
{
	int	 before = fence_up, n;

	n = fence_compare();
	if (n > 0 && fence_up && !before)
		log_info("%s and root alone may use the tunnels' default "
		    "routes", links_conf->relay_user);
}

/* if somebody undoes it again and again, once a second must do */
void
link_fence_suspect(void)
{
	struct timeval	 tv = { 0, LINK_GATHER_MS * 1000 };

	if (!fence_up || evtimer_pending(fence_timer, NULL))
		return;
	if (monotime_ms() < fence_repaired + LINK_STORM_MS) {
		tv.tv_sec = LINK_STORM_MS / 1000;
		tv.tv_usec = 0;
	}
	evtimer_add(fence_timer, &tv);
}
