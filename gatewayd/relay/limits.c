/*
 * Limits per user: see limits.h.  Runs in the relay (_gwrelay, chroot).
 */
#include <stdlib.h>
#include <string.h>

#include "limits.h"
#include "users.h"
#include "util.h"

#define BURST	2		/* a bucket's size, in seconds of its rate */

const struct limits_conf	 limits_default = {
	.max = {
		[LIMIT_SESSIONS] = 512,
		[LIMIT_HALF_OPEN] = 64,
		[LIMIT_UDP] = 64,
		[LIMIT_NEW] = 100,
		[LIMIT_DNS] = 50,
		[LIMIT_BYTES] = 0,
	},
};

static int
user_cmp(struct limit_user *a, struct limit_user *b)
{
	return (a->uid < b->uid ? -1 : a->uid > b->uid);
}

RB_PROTOTYPE(limit_users, limit_user, entry, user_cmp)
RB_GENERATE(limit_users, limit_user, entry, user_cmp)

void
limits_init(struct limits *l, const struct limits_conf *conf)
{
	memset(l, 0, sizeof(*l));
	l->conf = *conf;
	RB_INIT(&l->users);
}

/* thousandths of a token that kind's bucket holds */
static uint64_t
bucket(const struct limits *l, int kind)
{
	return ((uint64_t)l->conf.max[kind] * BURST * 1000);
}

/* a rate of n a second is n thousandths a millisecond */
static void
fill(const struct limits *l, struct limit_user *u, uint64_t now)
{
	uint64_t	 past = now - u->filled, full;
	int		 kind;

	if (past > BURST * 1000)
		past = BURST * 1000;
	for (kind = LIMIT_COUNTS; kind < LIMIT_KINDS; kind++) {
		full = bucket(l, kind);
		u->tokens[kind] += past * l->conf.max[kind];
		if (u->tokens[kind] > full)
			u->tokens[kind] = full;
	}
	u->filled = now;
}

struct limit_user *
limits_user(struct limits *l, uid_t uid, uint64_t now)
{
	struct limit_user	*u, key = { .uid = uid };
	int			 kind;

	if ((u = RB_FIND(limit_users, &l->users, &key)) != NULL)
		return (u);
	limits_sweep(l, now);
	u = xcalloc(1, sizeof(*u));
	u->uid = uid;
	u->filled = now;
	for (kind = LIMIT_COUNTS; kind < LIMIT_KINDS; kind++)
		u->tokens[kind] = bucket(l, kind);
	RB_INSERT(limit_users, &l->users, u);
	l->nusers++;
	return (u);
}

int
limits_take(struct limits *l, struct limit_user *u, enum limit kind,
    uint64_t now)
{
	if (kind < LIMIT_COUNTS) {
		if (u->count[kind] < l->conf.max[kind]) {
			u->count[kind]++;
			return (1);
		}
	} else {
		fill(l, u, now);
		if (u->tokens[kind] >= 1000) {
			u->tokens[kind] -= 1000;
			return (1);
		}
	}
	u->refused[kind]++;
	return (0);
}

int
limits_admit(struct limits *l, struct limit_user *u, uint64_t now)
{
	if (!limits_take(l, u, LIMIT_NEW, now) ||
	    !limits_take(l, u, LIMIT_SESSIONS, now))
		return (0);
	if (limits_take(l, u, LIMIT_HALF_OPEN, now))
		return (1);
	limits_give(u, LIMIT_SESSIONS);
	return (0);
}

void
limits_give(struct limit_user *u, enum limit kind)
{
	u->count[kind]--;
}

uint32_t
limits_room(struct limits *l, struct limit_user *u, uint32_t n, uint64_t now)
{
	if (l->conf.max[LIMIT_BYTES] == 0)
		return (n);
	fill(l, u, now);
	if (n > u->tokens[LIMIT_BYTES] / 1000)
		n = (uint32_t)(u->tokens[LIMIT_BYTES] / 1000);
	return (n);
}

uint32_t
limits_bytes(struct limits *l, struct limit_user *u, uint32_t n, uint64_t now)
{
	if (l->conf.max[LIMIT_BYTES] == 0)
		return (n);
	n = limits_room(l, u, n, now);
	u->tokens[LIMIT_BYTES] -= (uint64_t)n * 1000;
	return (n);
}

static int
has_something(const struct limits *l, struct limit_user *u, uint64_t now)
{
	int	 kind;

	for (kind = 0; kind < LIMIT_COUNTS; kind++)
		if (u->count[kind] > 0)
			return (1);
	fill(l, u, now);
	for (; kind < LIMIT_KINDS; kind++)
		if (u->tokens[kind] < bucket(l, kind))
			return (1);
	return (0);
}

/* what u has had is counted as the other's */
static void
add_up(struct limit_user *sum, const struct limit_user *u)
{
	int	 i;

	for (i = 0; i < LIMIT_COUNTS; i++)
		sum->count[i] += u->count[i];
	sum->open += u->open;
	for (i = 0; i < LIMIT_KINDS; i++)
		sum->refused[i] += u->refused[i];
	for (i = 0; i < RELAY_WAYS; i++)
		sum->wins[i] += u->wins[i];
	sum->rx_bytes += u->rx_bytes;
	sum->tx_bytes += u->tx_bytes;
}

void
limits_sweep(struct limits *l, uint64_t now)
{
	struct limit_user	*u, *next;

	RB_FOREACH_SAFE(u, limit_users, &l->users, next) {
		if (l->nusers <= RELAY_UIDS)
			return;
		if (has_something(l, u, now))
			continue;
		add_up(&l->forgotten, u);
		RB_REMOVE(limit_users, &l->users, u);
		free(u);
		l->nusers--;
		l->nforgotten++;
	}
}

static void
put(struct relay_uid *to, uint32_t uid, const struct limit_user *u)
{
	memset(to, 0, sizeof(*to));
	to->uid = uid;
	to->sessions = u->open;
	to->half_open = u->count[LIMIT_HALF_OPEN];
	to->udp = u->count[LIMIT_UDP];
	memcpy(to->wins, u->wins, sizeof(to->wins));
	to->rx_bytes = u->rx_bytes;
	to->tx_bytes = u->tx_bytes;
	memcpy(to->limited, u->refused, sizeof(to->limited));
}

static uint64_t
busy(const struct limit_user *u)
{
	uint64_t	 n = 0;
	int		 i;

	for (i = 0; i < RELAY_WAYS; i++)
		n += u->wins[i];
	return (n);
}

static int
busier(const void *a, const void *b)
{
	uint64_t	 na = busy(*(struct limit_user *const *)a);
	uint64_t	 nb = busy(*(struct limit_user *const *)b);

	return (na > nb ? -1 : na < nb);
}

uint32_t
limits_total(struct limits *l, enum limit kind)
{
	struct limit_user	*u;
	uint32_t		 n = 0;

	RB_FOREACH(u, limit_users, &l->users)
		n += u->count[kind];
	return (n);
}

uint32_t
limits_users(struct limits *l, struct relay_uid *list, uint32_t n)
{
	struct limit_user	**all, *u, others = l->forgotten;
	uint32_t		  i, nall = 0, shown;

	all = xcalloc(l->nusers + 1, sizeof(*all));
	RB_FOREACH(u, limit_users, &l->users)
		if (u->uid >= USERS_STRANGER)
			add_up(&others, u);
		else
			all[nall++] = u;
	qsort(all, nall, sizeof(*all), busier);
	shown = nall < n - 1 ? nall : n - 1;
	for (i = 0; i < shown; i++)
		put(&list[i], all[i]->uid, all[i]);
	for (; i < nall; i++)
		add_up(&others, all[i]);
	free(all);
	if (l->nusers == shown && l->nforgotten == 0)
		return (shown);
	put(&list[shown], RELAY_OTHERS, &others);
	return (shown + 1);
}
